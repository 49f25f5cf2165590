"""The run's files as DuckDB relations in which a column that was not read is null, and known to be so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.transforms.attributes import CATALOGUE, SourceType
from trueup.transforms.duck.parquet import described, rows_of, write_rows
from trueup.transforms.duck.quoting import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

_TYPES: dict[SourceType, str] = {
    "text": "VARCHAR",
    "time": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "texts": "VARCHAR[]",
    "assignments": "VARCHAR",
}
_SAMPLE = 20_000
"""Rows that show whether a column's values repeat."""
SPILL = "spill"
"""Folder below ``.work`` for what does not fit into memory."""


def columns_of(connection: DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Column → DuckDB type of a Parquet file; empty where there is no file."""
    if not path.exists():
        return {}
    return described(connection, path)


def view_users(connection: DuckDBPyConnection, path: Path, columns: Iterable[str]) -> frozenset[str]:
    """Create the view ``users`` over ``source.parquet`` with exactly ``columns``; says which of them were read.

    A column the snapshot does not have is null of its type: the caller must know from the answer
    that nobody could look, because null otherwise means that the source said nothing.
    """
    there = columns_of(connection, path)
    wanted = tuple(dict.fromkeys(("id", *columns)))
    chosen = []
    for name in wanted:
        kind = _TYPES[CATALOGUE[name].type] if name in CATALOGUE else "VARCHAR"
        value = identifier(name) if name in there else "NULL"
        chosen.append(f"CAST({value} AS {kind}) AS {identifier(name)}")
    connection.execute(f"CREATE OR REPLACE VIEW users AS SELECT {', '.join(chosen)} FROM {rows_of(path)}")
    return frozenset(wanted) & frozenset(there)


def view_file(connection: DuckDBPyConnection, name: str, path: Path, columns: dict[str, str]) -> bool:
    """Create view ``name`` over a Parquet file with ``columns`` (name → type); empty where there is no file."""
    there = columns_of(connection, path)
    chosen = ", ".join(
        f"CAST({identifier(column) if column in there else 'NULL'} AS {kind}) AS {identifier(column)}"
        for column, kind in columns.items()
    )
    origin = f"FROM {rows_of(path)}" if there else "WHERE FALSE"
    connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS SELECT {chosen} {origin}")
    return bool(there)


def first(connection: DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    """The first row of ``query``, all of it fetched: DuckDB takes no relation while a result is left unfinished."""
    rows = connection.execute(query).fetchall()
    return rows[0] if rows else None


def arrow(connection: DuckDBPyConnection, query: str) -> pa.Table:
    """The rows of ``query``, held in memory."""
    found: pa.Table = connection.sql(query).to_arrow_table()
    return found


def frame(connection: DuckDBPyConnection, query: str, plain: Iterable[str] = ()) -> Any:
    """The rows of ``query`` as the pandas frame Great Expectations takes; text stays Arrow inside.

    Text that repeats becomes a category (a narrow number per row), but for the columns ``plain``: Great Expectations
    hashes every frame and copies all of it for every column with nulls, which a million texts make slow.
    """
    table, kept = arrow(connection, query), frozenset(plain)
    for number, name in enumerate(table.column_names):
        if name not in kept and _repeats(table.column(number)):
            table = table.set_column(number, name, table.column(number).combine_chunks().dictionary_encode())
    return table.to_pandas()


def _repeats(column: pa.ChunkedArray) -> bool:
    """Whether a text column has few values for its rows, judged by its first rows."""
    import pyarrow.compute as pc
    from pyarrow import types

    first_rows = column.slice(0, _SAMPLE)
    return types.is_string(column.type) and 2 * len(pc.unique(first_rows)) <= len(first_rows)


def write(connection: DuckDBPyConnection, query: str, path: Path) -> int:
    """Write the rows of ``query`` as Parquet, readable by the owner only, whole or not at all; returns their count."""
    partial = path.with_suffix(".partial")
    written = write_rows(connection, query.strip().rstrip(";"), partial, options="COMPRESSION zstd")
    partial.chmod(0o600)
    partial.replace(path)
    return written
