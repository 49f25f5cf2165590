"""``trueup apply``: the clearance, the flow, and the result."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, screen, termination
from trueup.flows.clearance import cleared_to_apply
from trueup.flows.orchestrator import orchestrator
from trueup.flows.runs import announce_applied, counted, tell_of_died
from trueup.transforms.vocabulary import Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def apply_run(config: Path, run_id: str, *, as_json: bool = False) -> int:
    """Apply an approved run and show the result; returns the exit code."""
    from trueup.connectors.secrets import reveal

    settings = configuration.load(config)
    configuration.require(settings, write=True)
    for key, reference in settings.target.secrets.items():
        reveal(reference, key=key, folder=settings.folder)
    tell_of_died(settings.archive_root)
    # First of all: scim2-models looks for the source of each of its classes among all modules that are there by then.
    import_module("trueup.connectors.scim_writer.sender")
    with cleared_to_apply(settings, run_id) as ready:
        if ready.is_done:
            return conclude(settings, ready.run, [], as_json=as_json)
        with termination.prompt(is_gentle=True), orchestrator(keep=True) as server, screen.bars(show=not as_json):
            from trueup.flows.apply import STOP, run_cleared

            server.ready()
            with _ctrl_c_stops_cleanly(STOP):
                records = run_cleared(ready).records
        return conclude(settings, ready.archive.load(ready.run.run_id), records, as_json=as_json)


@contextmanager
def _ctrl_c_stops_cleanly(stop: Any) -> Iterator[None]:
    stop.clear()

    def on_signal(number: int, frame: Any) -> None:
        if stop.is_set():
            termination.stop(number, frame)
            return
        stop.set()
        screen.note("Stopping: requests in flight are finished first. Press Ctrl-C again to stop at once.")

    both = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in both.items() if handler is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def conclude(settings: Settings, run: PriorRun, records: list[dict[str, Any]], *, as_json: bool) -> int:
    """Show the result of an apply, tell who wants to be told, and return the exit code."""
    counts = counted(records)
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
    return announce_applied(settings, run, records)
