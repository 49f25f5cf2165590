"""``trueup rollback``: checks the wish, plans the way back, shows it."""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.flows import configuration, flow_runs, run_context, screen, termination
from trueup.flows.commands.plan import conclude
from trueup.flows.orchestrator import orchestrator
from trueup.flows.runs import meant_run, sealed_run, tell_of_died
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.transforms.mapping import Mapping


@dataclass(frozen=True, slots=True)
class Way:
    """Which way back: exactly one of ``run``, ``before`` and ``from_file``."""

    run: str = ""
    before: str = ""
    from_file: str = ""
    columns: tuple[str, ...] = ()
    """``HEADER=SCIM path`` for columns of ``from_file``."""
    only: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    overwrite: bool = False
    delete_created: bool = False


def plan_rollback(config: Path, way: Way, *, as_json: bool = False) -> int:
    """Plan a rollback and show it like any plan; returns the exit code."""
    from trueup.connectors.archive import open_archive, refuse_damaged
    from trueup.connectors.secrets import reveal

    if sum(map(bool, (way.run, way.before, way.from_file))) != 1:
        raise Misused(
            "A rollback takes exactly one of: a run to undo, --before RUN, --from FILE.",
            remedy="List the runs with: trueup runs",
        )
    settings = configuration.load(config)
    configuration.require(settings, write=True)
    for key, reference in settings.target.secrets.items():
        reveal(reference, key=key, folder=settings.folder)
    if way.from_file and not Path(way.from_file).is_file():
        raise Misused(f"There is no file {way.from_file}.", remedy="Name a CSV or XLSX report.")
    mapping = run_context.load_mapping(settings)
    _check_attributes(way.attributes, tuple(one.path for one in mapping.attributes))
    columns = report_columns(way.columns, mapping)
    _check_report(way, columns)
    archive = open_archive(settings)
    tell_of_died(archive.path)
    wish = {**asdict(way), "columns": list(columns.items())}
    for word in ("run", "before"):
        if wish[word]:
            named = meant_run(archive, wish[word])
            refuse_damaged(named)
            wish[word] = named.run_id
    with termination.prompt(), orchestrator(keep=True) as server, screen.bars(show=not as_json):
        from trueup.flows.rollback import rollback

        server.ready()
        files = run_context.begin(settings, Kind.ROLLBACK, only=way.only, wish=wish)
        with flow_runs.marked(settings, Kind.ROLLBACK):
            flow = rollback.with_options(flow_run_name=files.run_id)
            state = flow(str(files.path), return_state=True)
        run = sealed_run(settings, files.run_id, state)
    if as_json:
        for note in run.manifest.notes:
            screen.note(note)
    return conclude(settings, run, as_json=as_json)


def report_columns(given: Sequence[str], mapping: Mapping) -> dict[str, str]:
    """Header → SCIM path as the mapping spells it, ``email`` or ``id``, of ``--column HEADER=PATH`` options.

    Raises:
        Misused: one is not of that form, or names what the mapping does not manage or no one cell can hold.
    """
    paths = {one.path.casefold(): one for one in mapping.attributes}
    columns: dict[str, str] = {}
    for text in given:
        header, mark, written = (part.strip() for part in text.partition("="))
        if not (header and mark and written):
            raise Misused(
                f"--column {text}: it must be HEADER=SCIM path.",
                remedy="""E.g. --column 'Location=addresses[type eq "work"].formatted'.""",
            )
        if written.casefold() in {"email", "id"}:
            columns[header] = written.casefold()
            continue
        found = paths.get(_spelt(written).casefold())
        if found is None:
            close = difflib.get_close_matches(written, [one.path for one in mapping.attributes], n=1)
            guess = f"Did you mean {close[0]}?" if close else "trueup mapping show lists what is managed."
            raise Misused(f"--column {text}: the mapping manages no such attribute.", remedy=guess)
        if found.kind == "complex":
            raise Misused(
                f"--column {text}: {found.path} is a list or an object, which a cell cannot hold.",
                remedy="Name one value of it.",
            )
        columns[header] = found.path
    return columns


def _spelt(path: str) -> str:
    try:
        return str(parse(path))
    except ValueError:
        return path


def _check_report(way: Way, columns: dict[str, str]) -> None:
    """Say at once what is wrong with the arguments; what refuses the report is said by the run."""
    if columns and not way.from_file:
        raise Misused("--column maps the columns of a report.", remedy="Use it with --from FILE.")
    if way.from_file:
        from trueup.connectors.files import read_everything_report

        with suppress(Refused):
            read_everything_report(Path(way.from_file), columns)


def _check_attributes(wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Refuse a path the mapping does not manage: a misspelt one would quietly restore nothing."""
    for path in wanted:
        if path not in known:
            close = difflib.get_close_matches(path, known, n=1)
            guess = f"Did you mean {close[0]}?" if close else f"Managed are: {', '.join(known)}."
            raise Misused(f"--attribute {path}: the mapping manages no such attribute.", remedy=guess)
