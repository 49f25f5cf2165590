"""Apply, the only flow that reaches the SCIM writer: it writes exactly what was approved, and reads it back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import configuration, flow_runs, screen
from flows.discretion import discreet
from transforms.errors import Misused
from transforms.history import last_learned
from transforms.words import Act

if TYPE_CHECKING:
    from connectors.scim_writer import ApplyResult

STOP = threading.Event()
"""Set by Ctrl-C: requests in flight are finished, nothing new is sent."""


@task(name="write", cache_policy=NO_CACHE)
@discreet("writing")
def write(config: str, run_id: str) -> ApplyResult:
    """Write what was approved, person by person, journalled before and after each request. Never retried as a whole."""
    from connectors.archive import open_archive
    from connectors.scim_writer import apply as write_all

    settings = configuration.load(Path(config))
    archive = open_archive(settings)
    run = archive.load(run_id)
    learned = last_learned(archive.history(settings.target.url))
    return write_all(settings, run, stop=STOP, learned=learned, progress=screen.progress)


@task(name="close", cache_policy=NO_CACHE)
@discreet("archiving what came of it")
def close(config: str, run_id: str, result: ApplyResult) -> str:
    """Archive what came of it as an act; returns the run's state."""
    from connectors.archive import add_act, open_archive

    settings = configuration.load(Path(config))
    archive = open_archive(settings)
    run = archive.load(run_id)
    act = Act.INTERRUPTED if result.interrupted else Act.PARTIALLY_APPLIED if result.is_partial else Act.APPLIED
    files = tuple(path for path in (run.files.journal, run.files.outcome, run.files.target_after) if path.exists())
    add_act(run, act, "trueup", at=datetime.now(UTC), files=files, details=result.details)
    return archive.load(run_id).state


@flow(name="apply", validate_parameters=False)
def apply(config: str, run_id: str) -> Any:
    """Apply the approved run ``run_id``; the caller holds the lock and has checked the approval (``flows.gate``)."""
    from connectors.archive import open_archive
    from connectors.archive.locks import lock_names

    settings = configuration.load(Path(config))
    with flow_runs.holding(lock_names(open_archive(settings), settings.target.url)["apply"]):
        result = write(config, run_id)
        state = close(config, run_id, result)
    _artifact(run_id, state, result)
    return result


@flow(name="approve and apply", validate_parameters=False)
@discreet("approving and applying")
@screen.without_stdout()
def approve_and_apply(config: str, run_id: str, reviewer: str, fingerprint: str) -> str:
    """For the Prefect UI: approve a run you have reviewed, by its fingerprint, and apply it.

    Args:
        config: the configuration file on the machine that serves.
        run_id: the reviewed run.
        reviewer: your name, kept in the approval.
        fingerprint: of the plan you reviewed, as the report shows it; at least 8 characters.
    """
    from flows import approve_command, gate
    from flows.apply_command import run_cleared

    if not reviewer.strip() or len(fingerprint.strip()) < 8:
        raise Misused("Here a reviewer and at least 8 characters of the fingerprint are mandatory.")
    settings = configuration.load(Path(config))
    wish = approve_command.Wish(who=reviewer, fingerprint=fingerprint.strip())
    approve_command.approve_one(settings, run_id, wish)
    with gate.cleared(settings, run_id) as ready:
        flow_runs.name_after(ready.run.run_id)
        if not ready.is_done:
            run_cleared(Path(config), ready.run.run_id)
        return ready.archive.load(ready.run.run_id).state


def _artifact(run_id: str, state: str, result: ApplyResult) -> None:
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(
        key="trueup-apply",
        description=f"apply {run_id}: {state}",
        markdown=(
            f"# {run_id}: {state}\n\n{result.applied} applied, {result.skipped} skipped, {result.failed} failed.\n"
        ),
    )
