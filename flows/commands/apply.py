"""``trueup apply``: the gate, the flow, and what came of it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, flow_runs, screen
from trueup.flows.clearance import Cleared, cleared_to_apply
from trueup.flows.commands.plan import sealed_state, tell_of_died
from trueup.flows.orchestrator import orchestrator
from trueup.transforms.vocabulary import Act, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def apply_run(config: Path, run_id: str, *, as_json: bool = False) -> int:
    """Apply an approved run and show what came of it; returns the exit code."""
    from trueup.connectors.secrets import reveal

    settings = configuration.load(config)
    configuration.require(settings, write=True)
    reveal(settings.target.token, key="target.token", folder=settings.folder)
    tell_of_died(settings.place(settings.archive.path))
    with cleared_to_apply(settings, run_id) as ready:
        if ready.is_done:
            return conclude(settings, ready.run, [], as_json=as_json)
        with orchestrator() as server, screen.bars(show=not as_json):
            from trueup.flows.apply import STOP

            server.ready()
            with _ctrl_c_stops_cleanly(STOP):
                records = run_cleared(ready)
        return conclude(settings, ready.archive.load(ready.run.run_id), records, as_json=as_json)


def run_cleared(ready: Cleared) -> list[dict[str, Any]]:
    """Run the apply flow for a run the gate let through; Prefect must be ready."""
    from trueup.flows.apply import apply

    with flow_runs.marked(ready.settings, ready.run.manifest.kind):
        named = apply.with_options(flow_run_name=ready.run.run_id)
        result = sealed_state(named(ready.run.run_id, return_state=True))
    return list(result.records)


@contextmanager
def _ctrl_c_stops_cleanly(stop: Any) -> Iterator[None]:
    stop.clear()

    def on_signal(_number: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        screen.note("Stopping: requests in flight are finished first. Press Ctrl-C again to stop at once.")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def conclude(settings: Settings, run: PriorRun, records: list[dict[str, Any]], *, as_json: bool) -> int:
    """Show what came of an apply, tell who wants to be told, and return the exit code."""
    counts = _counted(records)
    if as_json:
        screen.document(
            {
                "run_id": run.run_id,
                "state": run.state,
                "applied": counts[Result.APPLIED],
                "skipped": counts[Result.SKIPPED],
                "failed": counts[Result.FAILED],
                "records": records,
            }
        )
    else:
        from trueup.reports import applied_summary

        screen.say(applied_summary(run, records))
    return announce(settings, run, records)


def announce(settings: Settings, run: PriorRun, records: list[dict[str, Any]]) -> int:
    """Tell who wants to be told of an apply that fell short; returns the exit code. No personal data."""
    from trueup.flows.notify import tell

    counts = _counted(records)
    partly = run.state in {Act.PARTIALLY_APPLIED, Act.INTERRUPTED} or counts[Result.SKIPPED] or counts[Result.FAILED]
    if not partly:
        return 0
    text = f"Trueup run {run.run_id} was only partly applied: {counts[Result.APPLIED]} applied, "
    text += f"{counts[Result.SKIPPED]} skipped, {counts[Result.FAILED]} failed."
    problem = tell(settings, text, str(run.files.report_html))
    if problem:
        screen.note(problem)
    return 4


def _counted(records: list[dict[str, Any]]) -> dict[Result, int]:
    """People by result; what our own writes lost and put back is no person more."""
    people = [record for record in records if record["operation"] != "restore"]
    return {result: sum(1 for record in people if record["result"] == result) for result in Result}
