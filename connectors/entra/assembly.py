"""From what was read to ``source.parquet``: joins, last repeat kept, sorted, written, in DuckDB."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.connectors.entra.id_ranges import slices
from trueup.connectors.entra.queries import SQL, view
from trueup.connectors.entra.scope import Scope
from trueup.connectors.entra.unsaid import UNREADABLE
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import create_file, schema_of, write_table
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.pages import Problem
    from trueup.transforms.run_files import RunFiles

PURPOSES = pa.schema([("id", pa.string()), ("purpose", pa.string())])


def write_source(
    engine: DuckDBPyConnection, files: RunFiles, read: Path, columns: Iterable[str], besides: Joined, *, users: int
) -> int:
    """Write ``source.parquet``, sorted by id, a row group per slice; returns how many are in scope.

    The file is there once it is whole: ``users`` rows, no more and no fewer. Of ``unreadable``, where it is among
    ``columns``, only what names one of them is kept: what nobody came with is told of otherwise.

    Raises:
        Failed: the rows written are not as many.
    """
    for name, table in besides.relations():
        engine.register(name, table)
    columns = list(columns)
    kept = ", ".join(literal(column) for column in columns)
    unreadable = f"nullif(list_filter({UNREADABLE}, lambda name: name IN ({kept})), []) AS {UNREADABLE}"
    wanted = ", ".join(unreadable if column == UNREADABLE else identifier(column) for column in columns)
    written = read.with_name("sorted.parquet")
    _write_slices(engine, read, f"SELECT {wanted} FROM ({statement('source', SQL)}) ORDER BY id", written)
    view(engine, "written", written)
    rows, in_scope = engine.execute("SELECT count(*), count(*) FILTER (assigned) FROM written").fetchall()[0]
    if rows != users:
        raise Failed("The snapshot does not hold as many users as were read.", remedy="Check the disk and run again.")
    written.replace(files.source)
    return int(in_scope)


def lacks_anything(path: Path) -> bool:
    """Whether the read at ``path`` has the column ``unreadable``: without it, every entry said all of itself."""
    return UNREADABLE in schema_of(path).names


def people_unread(engine: DuckDBPyConnection, path: Path, columns: Iterable[str]) -> dict[str, int]:
    """Of each of ``columns`` that entries of the read at ``path`` lack: how many people it is unreadable for."""
    if not lacks_anything(path):
        return {}
    view(engine, "users_read", path)
    names = [column for column in columns if column != UNREADABLE]
    engine.register("asked_for", pa.table({"name": pa.array(names, pa.string())}))
    found = engine.execute(statement("unread", SQL)).fetchall()
    engine.unregister("asked_for")
    return {str(name): int(people) for name, people in found}


def _write_slices(engine: DuckDBPyConnection, read: Path, query: str, into: Path) -> None:
    with ExitStack() as stack:
        thread = ThreadPoolExecutor(1)
        writer: Any = None
        writing: Future[None] | None = None
        for _ in slices(engine, read):
            rows: Any = engine.sql(query).to_arrow_table()
            if writing is None:
                writer = stack.enter_context(create_file(into, rows.schema, compression="zstd"))
                stack.enter_context(thread)
            else:
                writing.result()
                pa.default_memory_pool().release_unused()
            # The next slice is sorted while this one is written.
            writing = thread.submit(writer.write_table, rows)
            del rows
        if writing is not None:
            writing.result()


class Joined:
    """What is joined to the users: scope and purposes."""

    def __init__(self, kind: str, scope: Scope | None = None, purposes: pa.Table | None = None) -> None:
        self.kind = kind
        self.scope = scope or Scope()
        self.purposes = purposes if purposes is not None else PURPOSES.empty_table()

    def relations(self) -> Iterator[tuple[str, pa.Table]]:
        """Name and rows of each relation ``source.sql`` reads."""
        yield "assignments", self.scope.assignments
        yield "roles", self.scope.roles
        yield "memberships", self.scope.memberships
        yield "group_names", self.scope.group_names
        groups = pa.array(self.scope.scope_groups, pa.string())
        yield "scope_groups", pa.Table.from_arrays([groups], names=["group_id"])
        yield "purposes", self.purposes
        yield "kind", pa.table({"scope": [self.kind]})


def write_problems(files: RunFiles, problems: Iterable[Problem]) -> None:
    """``.work/problems``: sorted, one row per key, attribute and problem."""
    rows: list[Any] = sorted(problems)
    table = pa.table(
        {
            name: pa.array([row[place] for row in rows], pa.string())
            for place, name in enumerate(("key", "attribute", "problem"))
        }
    )
    write_table(table, files.work_problems)


def write_absent(files: RunFiles, deleted: Iterable[str], gone: Iterable[str]) -> None:
    """``.work/absent``: managed people missing from the read, each with what was proven."""
    rows = sorted([*((key, "deleted") for key in deleted), *((key, "gone") for key in gone)])
    table = pa.table(
        {
            "key": pa.array([row[0] for row in rows], pa.string()),
            "state": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    write_table(table, files.work_absent)
