"""What a plan is made from, opened as relations of one DuckDB connection; a file that is not there is an empty one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of, write_rows
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.errors import Failed
from trueup.transforms.values.columns import create_comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

_FINDINGS = ("key", "check", "severity", "reason", "remedy")


def open_run(files: RunFiles, *, mapped: bool = True) -> DuckDBPyConnection:
    """A connection with ``source``, ``target``, ``desired``, ``findings`` and what earlier stages handed on.

    ``mapped`` says whether there must be a ``desired.parquet``; a rollback makes its own.

    Raises:
        Failed: one of the files every plan rests on is missing.
    """
    files.work.mkdir(mode=0o700, exist_ok=True)
    connection = connect(spill=files.work / "spill")
    needed = {"source": files.source, "target": files.target} | ({"desired": files.desired} if mapped else {})
    for name, path in needed.items():
        if not path.exists():
            raise Failed(f"{path.name} is missing from the run.", remedy="Plan again.")
        view(connection, name, path)
    create_comparison(connection)
    view(connection, "findings", files.findings, columns=_FINDINGS)
    view(connection, "scope", files.work_scope, columns=("key", "in_scope BOOLEAN", "reason_code", "excluded_by"))
    view(connection, "held", files.work_held, columns=("key", "reason"))
    view(connection, "verdicts", files.work_verdicts, columns=("key", "verdict"))
    view(connection, "absent", files.work_absent, columns=("key", "state"))
    return connection


def view(connection: DuckDBPyConnection, name: str, path: Path | None, *, columns: Sequence[str] = ()) -> None:
    """Let ``name`` read ``path``; where there is no such file and ``columns`` are given, let it be empty."""
    if path is not None and (path.exists() or not columns):
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS FROM {rows_of(path)}")
        return
    nothing = ", ".join(f"NULL::{kind} AS {identifier(column)}" for column, kind in _typed(columns))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT {nothing} WHERE FALSE")


def _typed(columns: Sequence[str]) -> list[tuple[str, str]]:
    return [(column, kind or "VARCHAR") for column, _, kind in (c.partition(" ") for c in columns)]


def empty(connection: DuckDBPyConnection, name: str, columns: Sequence[str]) -> None:
    """Make ``name`` a table without rows; a column without a type is text."""
    typed = (f"{identifier(column)} {kind}" for column, kind in _typed(columns))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} ({', '.join(typed)})")


def columns_of(connection: DuckDBPyConnection, name: str) -> dict[str, str]:
    """Column → DuckDB type of the relation ``name``, in its order."""
    described = connection.execute(f"DESCRIBE {identifier(name)}").fetchall()
    return {str(row[0]): str(row[1]) for row in described}


def pairs(connection: DuckDBPyConnection, name: str, columns: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    """Make ``name`` a relation of two text columns holding ``rows``."""
    empty(connection, name, columns)
    given = list(rows)
    if given:
        connection.executemany(f"INSERT INTO {identifier(name)} VALUES (?, ?)", given)


def write(connection: DuckDBPyConnection, query: str, path: Path, *, few: int | None = None) -> int:
    """Write the rows of ``query`` to the Parquet file ``path`` and return how many there were.

    ``few`` is how many different values of a column are worth a dictionary; none leaves that to DuckDB, which
    tries one for every column and gives up late where nearly all values differ.
    """
    dictionary = "" if few is None else f", DICTIONARY_SIZE_LIMIT {few}"
    return write_rows(connection, query, path, options=f"COMPRESSION snappy{dictionary}")


def count(connection: DuckDBPyConnection, source: str) -> int:
    """How many rows ``source`` (``FROM …``) has."""
    found = connection.execute(f"SELECT count(*) {source}").fetchone()
    return int(found[0]) if found else 0
