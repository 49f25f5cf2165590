"""What the flows that make a plan share: how each stage is asked for what it needs.

A read is retried in one place, where it goes wrong: each connector repeats the single request that failed. A whole read
is never repeated, so Prefect's tasks have no retries.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from trueup.flows import screen
from trueup.flows.run_context import Build
from trueup.transforms.duck.parquet import write_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.connectors.scim.profiles import TargetSnapshot
    from trueup.connectors.source import SourceRequest
    from trueup.expectations.carried import Occasion
    from trueup.transforms.planning.request import RollbackRequest
    from trueup.transforms.settings import Settings

_P = ParamSpec("_P")
_R = TypeVar("_R")


def timed(stage: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Note in the run, whose directory is the first argument, how long the stage took."""

    def around(work: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(work)
        def timed_work(*args: _P.args, **more: _P.kwargs) -> _R:
            with Build.of(str(args[0])).timed(stage):
                return work(*args, **more)

        return timed_work

    return around


def source_request(build: Build) -> SourceRequest:
    """What the source is asked for: exactly what mapping, scope and checks use."""
    from trueup.connectors.source import SourceRequest
    from trueup.expectations.custom_checks import source_columns as own_columns
    from trueup.expectations.people import named_groups
    from trueup.transforms.attributes import CHECKED
    from trueup.transforms.mapping import columns_for
    from trueup.transforms.planning.earlier_runs import known_links

    managed = [attribute.path for attribute in build.mapping.attributes]
    own = own_columns(build.settings, managed, text=build.checks_text)
    return SourceRequest(
        columns=columns_for(build.mapping, build.settings.source) | own | set(CHECKED),
        people_groups=named_groups(build.settings.people),
        known=known_links(build.history, build.files.work / "known_source.parquet"),
        previous=build.history.baseline,
        latest=build.history.latest_read,
    )


def read_target(build: Build, *, named: tuple[str, ...] | None = None) -> TargetSnapshot:
    """Every profile of the directory into ``target.parquet``, proven complete; or those of these ids, and no other."""
    from trueup.connectors.scim import snapshot
    from trueup.transforms.planning.earlier_runs import known_links, names_not_created

    return snapshot(
        build.settings,
        build.mapping.attributes,
        build.settings.matching.by,
        build.files,
        known=known_links(build.history, build.files.work / "known_target.parquet"),
        sought=names_not_created(build.history) if named is None else (),
        named=named,
        progress=screen.progress,
    )


def load_while_reading() -> None:
    """Load what the checks need, in this thread, while others wait for the source and the target.

    What they import themselves is there before they begin. Should something fail here, it fails where it is needed, and
    is told there.
    """
    with suppress(Exception):
        from trueup.expectations.telemetry import load

        load()


def load_readers(settings: Settings) -> None:
    """Have in memory what both reads import, so that no two threads import the same at once."""
    from importlib import import_module

    source = ("entra.tenant", "entra.users") if settings.source.kind == "entra" else ("files",)
    for name in ("source", *source, "scim.profiles"):
        import_module(f"trueup.connectors.{name}")


def map_users(build: Build) -> None:
    """``mapping.sql``, ``desired.parquet`` and who is in scope."""
    from trueup.transforms.duck.database import column_types
    from trueup.transforms.mapping import compile_run, run_mapping

    source = build.settings.source
    if build.alone is not None:
        # Who is assigned was not asked: an end at the source comes before scope.
        source = source.model_copy(update={"scope": "all", "filters": []})
    compiled = compile_run(
        build.mapping,
        source,
        columns=column_types(build.files.source),
        at=build.started,
        seed=build.files.run_id,
    )
    run_mapping(compiled, build.files)


def occasion(build: Build) -> Occasion:
    """What must be as it was in an earlier run for what that found of an unchanged row to hold."""
    from trueup.expectations.carried import Occasion
    from trueup.transforms.mapping import columns_for

    source = build.settings.source
    reads = columns_for(build.mapping, source)
    return Occasion(build.digest, build.started, timedelta(days=source.full_every_days), reads)


def rollback_request(build: Build, target: TargetSnapshot) -> RollbackRequest:
    """What the way back is asked for, with the runs and files it rests on.

    Raises:
        Refused: the run it names was never applied, or its files are gone or damaged.
        Misused: no such run.
    """
    from trueup.connectors.archive import open_archive
    from trueup.connectors.outcome import of_broken_off
    from trueup.transforms.planning.request import RollbackRequest

    wish = build.wish
    archive = open_archive(build.settings)
    named = wish.get("run") or wish.get("before")
    run = archive.load(named) if named else None
    report, report_notes = _report_table(build) if wish.get("from_file") else (None, ())
    return RollbackRequest(
        files=build.files,
        attributes=build.mapping.attributes,
        schema=target.schema,
        settings=build.settings,
        history=build.history,
        at=build.started,
        undo=run if wish.get("run") else None,
        before=run if wish.get("before") else None,
        report=report,
        report_notes=report_notes,
        only=build.only,
        only_attributes=tuple(wish.get("attributes", ())),
        overwrite=bool(wish.get("overwrite")),
        delete_created=bool(wish.get("delete_created")),
        broken_off=of_broken_off(build.history.runs, build.files.work),
    )


def _report_table(build: Build) -> tuple[Path, tuple[str, ...]]:

    from trueup.connectors.files import read_everything_report

    managed = [attribute.path for attribute in build.mapping.attributes]
    columns = {str(header): str(path) for header, path in build.wish.get("columns", ())}
    report = read_everything_report(Path(build.wish["from_file"]), columns, managed=managed)
    into = build.files.work / "report.parquet"
    write_table(report.table, into)
    return into, report.notes
