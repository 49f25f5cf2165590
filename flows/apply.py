"""Apply, the only flow that reaches the SCIM writer: it writes exactly what was approved, and reads it back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from trueup.flows import clearance, configuration, endings, flow_runs, screen
from trueup.flows.runs import announce_applied, sealed_state
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.errors import Misused
from trueup.transforms.history import last_learned
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.flows.clearance import Cleared

STOP = threading.Event()
"""Set by Ctrl-C: requests in flight are finished, nothing new is sent."""


@task(name="write", cache_policy=NO_CACHE)
@sanitize_errors("writing")
def write(run_id: str, left_out: str) -> ApplyResult:
    """Write what was approved, person by person, journalled before and after each request. Never retried as a whole."""
    from trueup.connectors.scim_writer import apply as write_all
    from trueup.transforms.approval.since import settled_since

    this = clearance.in_hand(run_id)
    digest = str(this.run.manifest.target_state.get("digest", ""))
    history = this.archive.history(this.settings.target.url)
    return write_all(
        this.settings,
        this.run.files,
        left_out=Path(left_out),
        stop=STOP,
        learned=last_learned(history, digest=digest),
        since=settled_since(this.run, history),
        progress=screen.progress,
    )


@task(name="close", cache_policy=NO_CACHE)
@sanitize_errors("archiving the result")
def close(run_id: str, result: ApplyResult, left_out: str) -> str:
    """Archive the result as an act; returns the run's state."""
    from trueup.connectors.archive import add_act_with
    from trueup.transforms.summary import write_apply_summary

    archive = clearance.in_hand(run_id).archive
    run = archive.load(run_id)
    act = Act.INTERRUPTED if result.interrupted else Act.PARTIALLY_APPLIED if result.is_partial else Act.APPLIED
    files = tuple(path for path in (run.files.journal, run.files.outcome, run.files.target_after) if path.exists())
    summary = Path(left_out).with_name("summary.parquet")
    write_apply_summary(run.files, summary)
    add_act_with(run, act, "trueup", Path(left_out), summary, at=datetime.now(UTC), files=files, details=result.details)
    return archive.load(run_id).state


@flow(name="apply", validate_parameters=False)
@endings.told
def apply(run_id: str) -> Any:
    """Apply the approved run ``run_id``; the caller holds the lock and checked the approval (``flows.clearance``)."""
    from trueup.connectors.archive.locks import lock_names
    from trueup.connectors.archive.places import aside

    this = clearance.in_hand(run_id)
    lock = lock_names(this.archive.path, this.settings.target.url)["apply"]
    flow_runs.hold(lock)
    with TemporaryDirectory(prefix="apply-", dir=aside(this.archive.path)) as drafts:
        left_out = str(this.write_left_out(Path(drafts)))
        result = write(run_id, left_out)
        state = close(run_id, result, left_out)
    flow_runs.log(f"Written: {endings.counts(result)}.")
    _artifact(run_id, state, result)
    return endings.of_apply(result).state(result)


@flow(name="approve and apply", validate_parameters=False)
@endings.told
@sanitize_errors("approving and applying")
@screen.without_stdout()
def approve_and_apply(
    config: str,
    run_id: str,
    reviewer: str,
    fingerprint: str,
    allow: dict[str, str] | None = None,
    leave_out: list[str] | None = None,
    rejection: str = "",
) -> Any:
    """For the Prefect UI: approve a run you have reviewed, by its fingerprint, and apply it; or reject it.

    Args:
        config: the configuration file on the machine that serves.
        run_id: the reviewed run.
        reviewer: your name, kept in the approval.
        fingerprint: of the plan you reviewed, as the report shows it; at least 8 characters.
        allow: limits to override, each with the reason why, such as `{"deactivate": "The plant in Lyon closes"}`.
        leave_out: attributes and decisions not to write, such as `title` or `deactivate`. No keys of people: Prefect
            keeps what is entered here.
        rejection: why you reject the run. Nothing is applied then.
    """
    from trueup.flows import approving

    if not reviewer.strip() or len(fingerprint.strip()) < 8:
        raise Misused("Approving from Prefect takes a reviewer and at least 8 characters of the fingerprint.")
    settings = configuration.load(Path(config))
    if rejection.strip():
        known = approving.decided_by(Via.ORCHESTRATOR)
        run = approving.reject_one(
            settings, run_id, who=reviewer, reason=rejection.strip(), fingerprint=fingerprint, known=known
        )
        flow_runs.name_after(run.run_id)
        return endings.of_rejection().state(run.state)
    wish = approving.Wish(
        who=reviewer,
        exclude=approving.without_people(settings, tuple(leave_out or ())),
        allow={limit: reason.strip() for limit, reason in (allow or {}).items()},
        fingerprint=fingerprint.strip(),
        via=Via.ORCHESTRATOR,
    )
    approving.approve_one(settings, run_id, wish)
    with clearance.cleared_to_apply(settings, run_id) as ready:
        flow_runs.name_after(ready.run.run_id)
        if ready.is_done:
            return endings.of_nothing_left().state(ready.run.state)
        result = run_cleared(ready)
        run = ready.archive.load(ready.run.run_id)
    announce_applied(settings, run, result.records)
    return endings.of_apply(result).state(run.state)


def _artifact(run_id: str, state: str, result: ApplyResult) -> None:
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(
        key="trueup-apply",
        description=f"apply {run_id}: {state}",
        markdown=(f"# {run_id}: {state}\n\n{endings.counts(result)}.\n"),
    )


def run_cleared(ready: Cleared) -> ApplyResult:
    """Run the apply flow for a run the gate let through; Prefect must be ready."""
    with flow_runs.marked(ready.settings, ready.run.manifest.kind):
        named = apply.with_options(flow_run_name=ready.run.run_id)
        result: ApplyResult = sealed_state(named(ready.run.run_id, return_state=True))
    return result
