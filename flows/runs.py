"""What flows, nights and commands share: one run from beginning to seal, and who is told of it."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trueup.flows import configuration, flow_runs, run_context, screen, termination
from trueup.flows.orchestrator import orchestrator
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.vocabulary import Act, Exit, Kind, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings


def check_before(settings: Settings) -> None:
    """What can be known to be wrong before anything is started: keys, secrets, the mapping, the archive.

    Raises:
        Misused: configuration that cannot lead to a plan.
        Failed: an archive that cannot be written.
    """
    from trueup.connectors.archive import open_archive
    from trueup.connectors.secrets import reveal
    from trueup.transforms.mapping import columns_for

    configuration.require(settings)
    secrets = settings.target.secrets
    if settings.source.kind == "entra" and settings.source.auth in {"client_secret", "token"}:
        secrets[f"source.{settings.source.auth}"] = getattr(settings.source, settings.source.auth)
    for key, reference in secrets.items():
        reveal(reference, key=key, folder=settings.folder)
    columns_for(run_context.load_mapping(settings), settings.source)
    tell_of_died(open_archive(settings).path)


def tell_of_died(archive: Path) -> None:
    """Say on stderr which runs their process did not live to seal; nothing else would ever say so."""
    from trueup.connectors.archive.unfinished import died

    for one in died(archive):
        screen.note(f"{one.text} {one.remedy}")


@contextmanager
def orchestrated(first: Callable[[], None], *, show: bool) -> Iterator[None]:
    """Prefect is ready for the block, which begins as soon as its server answers; bars are drawn on stderr.

    ``first`` is done at once, while a server of our own starts; should it fail, that one ends again.
    """
    with termination.prompt(), orchestrator(keep=True) as server, screen.bars(show=show):
        first()
        screen.progress("starting Prefect", 0, 1)
        import_module("trueup.flows.reconcile")  # Prefect's import takes as long as its server's first steps

        if server.is_starting:
            from trueup.expectations.telemetry import load

            load()  # what takes seconds of this process while the server takes its own
        server.ready()
        screen.progress("starting Prefect", 1, 1)
        yield


def reconcile_once(
    settings: Settings, *, only: tuple[str, ...] = (), expected: datetime | None = None, tried: bool = False
) -> PriorRun:
    """One reconcile run, sealed; Prefect must be ready.

    Args:
        settings: the configuration.
        only: keys of a partial plan.
        expected: when the schedule meant it to begin.
        tried: both credentials were tried just now. Otherwise the run tries them first: one that is refused seals a
            failed run that has read nothing.
    """
    from trueup.flows.reconcile import reconcile

    files = run_context.begin(settings, Kind.RECONCILE, only=only, wish={"tried": tried}, expected=expected)
    flow_runs.name_after(files.run_id)
    with flow_runs.marked(settings, Kind.RECONCILE):
        named = reconcile.with_options(flow_run_name=files.run_id)
        state = named(str(files.path), return_state=True)
    return sealed_run(settings, files.run_id, state)


def shown_run(archive: Archive, name: str) -> PriorRun:
    """The run called ``name``, for a command that only shows; says so first where the newest came to no decisions."""
    run = archive.load(name)
    if (newest := archive.passed_over(name, run)) is not None:
        screen.note(
            f"The newest run, {newest.run_id}, came to no decisions ({newest.state}); see it with: trueup show "
            f"latest:any. This is {run.run_id}, the newest run that did."
        )
    return run


def meant_run(archive: Archive, name: str) -> PriorRun:
    """The run called ``name``, for a command that acts on it.

    Raises:
        Refused: ``latest`` is not clear, as the newest run came to no decisions.
    """
    run = archive.load(name)
    if (newest := archive.passed_over(name, run)) is not None:
        raise Refused(
            Refusal(
                "latest_not_clear",
                f"The newest run, {newest.run_id}, came to no decisions ({newest.state}); the newest that did is "
                f"{run.run_id}, from before it.",
                remedy=f"Name the run you mean, for example {run.run_id}, or plan again: trueup plan",
            )
        )
    return run


def sealed_run(settings: Settings, run_id: str, state: Any) -> PriorRun:
    """The run a flow sealed.

    Raises:
        TrueupError: what kept it from sealing; then the run never happened.
    """
    from trueup.connectors.archive import open_archive

    sealed_state(state)
    return open_archive(settings).load(run_id)


def sealed_state(state: Any) -> Any:
    """What a flow returned.

    Raises:
        TrueupError: what ended it.
    """
    if state.is_completed() or state.is_failed():
        found = state.result(raise_on_failure=False)
        if isinstance(found, Exception):
            raise found
        return found
    raise Failed(f"Prefect ended the flow as {state.name}.", remedy="See which run was begun with: trueup runs")


def earlier(settings: Settings) -> History:
    """All runs against the target, newest first."""
    from trueup.connectors.archive import open_archive

    return open_archive(settings).history(settings.target.url)


def announce(settings: Settings, run: PriorRun) -> None:
    """Tell who wants to be told of a sealed run, where there is something to tell."""
    from trueup.flows.measure import measure
    from trueup.flows.notify import tell_of_plan

    history = earlier(settings)
    measure(settings, history)
    tell_of_plan(settings, run, history)


def announce_applied(settings: Settings, run: PriorRun, records: list[dict[str, Any]]) -> int:
    """Tell who wants to be told what an apply came to; returns the exit code. No personal data."""
    from trueup.flows.measure import measure
    from trueup.flows.notify import tell_of_apply

    measure(settings)
    counts = counted(records)
    short = bool(counts[Result.SKIPPED] or counts[Result.FAILED])
    partly = run.state in {Act.PARTIALLY_APPLIED, Act.INTERRUPTED} or short
    tell_of_apply(settings, run, counts, partly=partly)
    return Exit.PARTLY if partly else Exit.DONE


def counted(records: list[dict[str, Any]]) -> dict[Result, int]:
    """People by result of an apply; what our own writes lost and put back is not one person more."""
    people = [record for record in records if record["operation"] != "restore"]
    return {result: sum(1 for record in people if record["result"] == result) for result in Result}
