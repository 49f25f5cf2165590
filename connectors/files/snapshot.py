"""A file as the source: read to its end, with the same proofs as far as a file can give them."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from trueup.connectors.entra.asked_again import blank_table, with_blanks
from trueup.connectors.entra.assembly import Joined, people_unread, write_absent, write_problems, write_source
from trueup.connectors.entra.credentials import Granted
from trueup.connectors.entra.queries import missing, opened, unique_users
from trueup.connectors.entra.selection import BESIDES, Selection, selection
from trueup.connectors.entra.unsaid import UNREADABLE, UNREADABLE_TYPE, allowed, said
from trueup.connectors.entra.users import UserWriter
from trueup.connectors.files.cells import WHY_UNREADABLE
from trueup.connectors.files.graph_shaped import GraphShapedFile
from trueup.connectors.files.portal import PortalFile
from trueup.connectors.source_request import SourceRequest, SourceSnapshot
from trueup.transforms.doctor import Line
from trueup.transforms.errors import Misused, Refusal, Refused, TrueupError

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.entra.pages import Problem
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

ABSENT = '[source] absent = "null"'
_IDS = pa.schema([("id", pa.string())])


def read_file(settings: Settings, request: SourceRequest, files: RunFiles, *, progress: Progress) -> SourceSnapshot:
    """Every user of the file in ``source.parquet``; see ``trueup.connectors.source.snapshot``.

    A file knows no assignments: with ``scope`` left at its default everybody in it counts as assigned.

    Raises:
        Refused: the file is cut off or empty. Misused: there is no such file, or the scope needs a tenant.
    """
    path = _place(settings)
    notes = _scope_notes(settings)
    folder = files.work / "source"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    engine = opened(files)
    try:
        absent_is_null = settings.source.absent == "null"
        spooled = _spooled(
            path,
            selection(request.columns, Granted()),
            folder / "users.parquet",
            progress,
            absent_is_null=absent_is_null,
        )
        chosen, problems, rows = spooled.chosen, spooled.problems, spooled.rows
        read = folder / "users.parquet"
        if spooled.blank:
            read = with_blanks(engine, read, blank_table(spooled.blank))
        users = unique_users(engine, read)
        if not users:
            raise Refused(
                Refusal("source_empty", "The source file holds no users at all.", remedy="Check source.path.")
            )
        absent = _absent(request, engine, read)
        unreadable = dict(chosen.unreadable)
        wanted = sorted(BESIDES & request.columns - {"assigned", "assigned_by"})
        wanted += ["groups"] if request.people_groups and "groups" not in wanted else []
        unreadable.update(dict.fromkeys(wanted, "a file does not hold it"))
        columns = [*(column.name for column in chosen.columns), "assigned", "assigned_by", UNREADABLE]
        kind = "file" if notes else "all"
        unread = people_unread(engine, read, columns)
        partly = Counter((column, why) for _, column, why in problems if why in WHY_UNREADABLE)
        lacked = _lacked(unread, partly, users=users)
        write_source(engine, files, read, columns, Joined(kind), users=users)
    finally:
        engine.close()
        shutil.rmtree(folder, ignore_errors=True)
    write_problems(files, problems)
    write_absent(files, [], absent)
    if absent:
        notes.append(f"{len(absent)} managed people are not in the file; a file cannot be asked what became of them.")
    previous = request.previous
    completeness: dict[str, Any] = {
        "kind": "file",
        "users": users,
        "rows": rows,
        "repeats": rows - users,
        "proof": "end_of_file",
        "unreadable": unread,
        "absent": {"asked": 0, "alive": 0, "deleted": 0, "gone": len(absent)},
        "previous": {"run_id": previous.run_id, "users": previous.manifest.users} if previous else None,
    }
    notes += [
        f"{column} could not be read of {people} people and is left alone for them: it {why}."
        for (column, why), people in sorted(partly.items())
    ]
    if lacked:
        notes.append(
            f"Entries of the file lack what others have ({said(lacked)}): left alone for these people. If the "
            f"exporter leaves out what is empty, set {ABSENT}."
        )
    return SourceSnapshot(users, completeness, unreadable, tuple(notes))


def _lacked(unread: dict[str, int], partly: Counter[tuple[str, str]], *, users: int) -> dict[str, int]:
    """Of ``unread``, how many entries lack the key altogether.

    Raises:
        Refused: too many do.
    """
    told: Counter[str] = Counter()
    for (column, _), people in partly.items():
        told[column] += people
    lacked = {column: people - told[column] for column, people in unread.items() if people > told[column]}
    most, limit = max(lacked.values(), default=0), allowed(users)
    if most > limit:
        raise Refused(
            Refusal(
                "attributes_left_out",
                f"The source file leaves out what other entries of it have, of {most} of {users} people "
                f"({said(lacked)}), of at most {limit} that may be left alone: absent is not empty.",
                used=most,
                limit=limit,
                remedy="Export it again with every key in every entry; if the exporter leaves out what is empty, "
                f"set {ABSENT}.",
            )
        )
    return lacked


def _place(settings: Settings) -> Path:
    if not settings.source.path:
        raise Misused('kind = "file" needs source.path.', remedy="Write the file's path into source.path.")
    path = settings.place(settings.source.path)
    if not path.is_file():
        raise Misused(f"source.path: there is no file {settings.source.path}.", remedy="Correct source.path.")
    return path


def _scope_notes(settings: Settings) -> list[str]:
    """What is to be said of the scope.

    Raises:
        Misused: the scope was chosen and needs a tenant.
    """
    source = settings.source
    if source.scope == "all":
        return []
    if "scope" in source.model_fields_set:
        raise Misused(
            f'A file knows neither assignments nor groups, which scope = "{source.scope}" needs.',
            remedy='Set [source] scope = "all" and narrow it with filters.',
        )
    return ["The file knows no assignments: everybody in it counts as assigned."]


@dataclass(frozen=True, slots=True)
class _Spooled:
    """What the file was read as."""

    chosen: Selection
    problems: set[Problem]
    rows: int
    blank: list[tuple[str, pa.Array]]


def _spooled(path: Path, chosen: Selection, into: Path, progress: Progress, *, absent_is_null: bool) -> _Spooled:
    schema = pa.schema([*_schema(chosen), (UNREADABLE, UNREADABLE_TYPE)])
    writer = UserWriter(into, schema)
    problems: set[Problem] = set()
    reader: PortalFile | GraphShapedFile
    if path.suffix.casefold() == ".csv":
        reader = PortalFile(path, chosen)
    else:
        reader = GraphShapedFile(path, chosen, absent_is_null=absent_is_null)
    try:
        for table, found in reader.tables():
            writer.add(table)
            problems.update(found)
            progress("reading users", writer.rows)
        lacking = reader.lacking
    finally:
        writer.close()
    for name in sorted(lacking - {"id"}):
        column = next((c for c in chosen.columns if c.name == name), None)
        if column is not None:
            chosen = chosen.without(column.select or column.name, "the file does not hold it")
    blank = reader.blank if isinstance(reader, GraphShapedFile) else []
    return _Spooled(chosen, problems, writer.rows, blank)


def _schema(chosen: Selection) -> list[tuple[str, pa.DataType]]:
    from trueup.connectors.entra.selection import ARROW

    return [(column.name, ARROW[column.type]) for column in chosen.columns]


def _absent(request: SourceRequest, engine: Any, read: Path) -> list[str]:
    if request.known is None:
        return []
    links = parquet.read_table(request.known, columns=["source_id"])
    known = pa.Table.from_arrays([links.column("source_id").cast(pa.string()).drop_null()], schema=_IDS)
    return missing(engine, known, read)


def examine_file(settings: Settings) -> list[Line]:
    """Whether the file is there and can be opened."""
    try:
        path = _place(settings)
        _scope_notes(settings)
        size = path.stat().st_size
        with path.open("rb") as file:
            file.read(1)
    except TrueupError as error:
        return [Line("fix", "source file", error.message, error.remedy)]
    except OSError as error:
        return [Line("fix", "source file", f"It cannot be read ({type(error).__name__}).", "Check its permissions.")]
    return [Line("ok", "source file", f"{path.name} can be read ({size:,} bytes).")]
