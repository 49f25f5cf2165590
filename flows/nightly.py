"""One scheduled night: plan if it is due; apply only what ``[approval.auto]`` allows.

Which night it is comes from when the flow run was meant to begin. A run that has nothing to do, because a newer night
is due, or this one is planned, or its target is at work, ends ``Cancelled`` and tells nobody.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect import flow
from prefect.states import Cancelled

from trueup.flows import configuration, endings, flow_runs, screen
from trueup.flows.bundle import Carried, settings_of
from trueup.flows.due import SKIPPED, is_due, last_tick, meant_for
from trueup.flows.notify import say, tell_of_error
from trueup.flows.runs import announce, announce_applied, check_before, reconcile_once
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.approval.judgement import goes_on_by_itself
from trueup.transforms.errors import Failed, Refused, TrueupError
from trueup.transforms.messages import Event
from trueup.transforms.vocabulary import WRITING, Act, Outcome

if TYPE_CHECKING:
    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

_MOST_LOST = 2
"""So many runs of one night lost: it is not begun again."""


@flow(name="nightly", validate_parameters=False)
@endings.told
@sanitize_errors("planning the night")
@screen.without_stdout()
def nightly(config: str = "", deployed: dict[str, Any] | None = None, *, again: bool = False) -> Any:
    """Plan the night that is due, once, and never beside itself or an apply; returns the outcome.

    Args:
        config: the configuration file, where `trueup serve` runs the night.
        deployed: where a worker finds the configuration, as `trueup deploy` wrote it.
        again: whether the night was lost and is begun once more. Set by the automation.
    """
    from trueup.connectors.archive import open_archive
    from trueup.connectors.archive.locks import lock_names, night_lock

    settings = configuration.load(Path(config)) if deployed is None else settings_of(Carried.of(deployed))
    expected = flow_runs.expected_start() or datetime.now(UTC)
    if again:
        expected = last_tick(settings.schedule, expected)
    if _is_overtaken(settings, expected):
        return Cancelled(message=f"{SKIPPED} a newer night is due.")
    archive = open_archive(settings)
    with night_lock(archive.path, settings.target.url) as is_alone:
        if not is_alone:
            return Cancelled(message=f"{SKIPPED} another run of this target is in progress.")
        if again:  # only here: a night that was taken for lost, as the server was away, may live and hold the lock
            _refuse_a_third_time(settings, expected)
        with flow_runs.holding(lock_names(archive.path, settings.target.url)["night"]):
            return _go_on(settings, open_archive(settings), expected)  # once more: with what others did until now


def _go_on(settings: Settings, archive: Archive, expected: datetime) -> Any:
    """First what a killed night left half applied, then the plan that is due."""
    history, now = archive.history(settings.target.url), datetime.now(UTC)
    left = [run for run in history.runs if goes_on_by_itself(run, settings, at=now)]
    is_to_plan = is_due(settings.schedule, history.runs, expected)
    ended = None
    for run in (one for one in left if one.state == Act.INTERRUPTED):
        flow_runs.log(f"Going on with run {run.run_id}, whose apply was killed.")
        try:
            ended = apply_itself(settings, run.run_id)
        except TrueupError as error:
            if not is_to_plan:
                raise
            # What an earlier night can no longer do (its approval has ended, the configuration is another one) must not
            # keep every later one from being planned.
            screen.complain(error)
            flow_runs.log(f"Run {run.run_id} could not be continued; the night is planned all the same.")
    if is_to_plan:
        return _plan(settings, archive, expected)
    if ended is not None:
        return ended
    for run in left:
        if meant_for(run) >= last_tick(settings.schedule, expected):
            flow_runs.log(f"Going on with run {run.run_id}, which was planned and not applied.")
            return (
                approve_itself(settings, run.run_id)
                if run.state == Outcome.READY
                else apply_itself(settings, run.run_id)
            )
    return Cancelled(message=f"{SKIPPED} this night is planned already.")


def _refuse_a_third_time(settings: Settings, tick: datetime) -> None:
    """Return where the night of ``tick`` was lost once: it is begun once more, and no oftener.

    Raises:
        Failed: it was lost before it could be begun once more, too.
    """
    from prefect.runtime import deployment

    if deployment.id is None:
        return
    runs = flow_runs.night_runs(UUID(str(deployment.id)), tick, datetime.now(UTC))
    lost = sum(run.is_lost for run in runs)
    if not lost:
        return
    night = f"The night of {tick:%Y-%m-%d %H:%M} UTC was broken off"
    words = (
        f"{night}. It is begun once more." if lost < _MOST_LOST else f"{night} a second time. It is not begun again."
    )
    say(
        settings,
        Event.BROKEN_OFF,
        words,
        once=f"broken off:{tick.isoformat()}:{min(lost, 2)}",
        commands=("trueup runs",),
    )
    if lost >= _MOST_LOST:
        raise Failed(words, remedy="Look at what ended its process; by hand: trueup plan")


def _plan(settings: Settings, archive: Archive, expected: datetime) -> Any:
    try:
        check_before(settings)
        run = _planned(settings, archive, expected)
    except TrueupError as error:
        told = "Tonight's plan could not be made."
        tell_of_error(settings, error, once=f"night:{expected.isoformat()}", doing=told)
        raise
    ending = endings.of_plan(run.manifest)
    if run.manifest.outcome is Outcome.READY:
        writes = ", ".join(f"{run.manifest.counts[word]:,} {word}" for word in WRITING if run.manifest.counts.get(word))
        screen.note(f"Trueup run {run.run_id} is planned: {writes}. {run.files.report_place}")
        return approve_itself(settings, run.run_id)
    screen.note(f"Trueup run {run.run_id}: {ending.message} {run.files.report_place}")
    announce(settings, run)
    return ending.state(run.manifest.outcome)


def _planned(settings: Settings, archive: Archive, expected: datetime) -> PriorRun:
    """The night's run, sealed; made once more where an apply came in between."""
    _wait_for_apply(archive, settings.target.url)
    try:
        return reconcile_once(settings, expected=expected)
    except Refused as refused:
        if not {refusal.code for refusal in refused.refusals} & {"apply_running", "applied_meanwhile"}:
            raise
    flow_runs.log("An apply came in between: the night is planned once more.")
    _wait_for_apply(archive, settings.target.url)
    return reconcile_once(settings, expected=expected)


def _is_overtaken(settings: Settings, expected: datetime) -> bool:
    """Whether another run of this deployment, meant for a later night, is due or at work."""
    from prefect.runtime import deployment

    now = datetime.now(UTC)
    if deployment.id is None or last_tick(settings.schedule, now) <= expected:
        return False
    return flow_runs.has_newer(deployment.id, expected, now)


def _wait_for_apply(archive: Archive, target_url: str) -> None:
    """Let an apply that is at work finish first; after an hour plan all the same, and be refused by name."""
    from trueup.connectors.archive import apply_holder

    for _ in range(360):
        if apply_holder(archive.path, target_url) is None:
            return
        time.sleep(10)


def approve_itself(settings: Settings, run_id: str) -> Any:
    """Approve and apply under ``[approval.auto]``, recorded as such; else leave the run to a person."""
    from trueup.connectors.archive import open_archive
    from trueup.transforms.approval.judgement import auto_approval

    run = open_archive(settings).load(run_id)
    if auto_approval(run, settings, at=datetime.now(UTC)) is None:
        screen.note(f"Run {run_id} waits for a person: trueup show {run_id}, then trueup approve {run_id}")
        announce(settings, run)
        return endings.of_plan(run.manifest).state(run.state)
    return apply_itself(settings, run_id)


def apply_itself(settings: Settings, run_id: str) -> Any:
    """Apply what ``[approval.auto]`` covers, or go on with it."""
    from trueup.flows.apply import run_cleared
    from trueup.flows.clearance import cleared_to_apply

    try:
        with cleared_to_apply(settings, run_id) as ready:
            result = run_cleared(ready)
            run = ready.archive.load(run_id)
    except TrueupError as error:
        told = f"Run {run_id} could not be applied by itself."
        tell_of_error(settings, error, once=f"apply by itself:{run_id}", doing=told)
        raise
    screen.note(f"Trueup run {run_id}: {run.state}, {len(result.records)} people.")
    announce_applied(settings, run, result.records)
    return endings.of_apply(result).state(run.state)
