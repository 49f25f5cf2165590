"""Parquet: the one place where files are read and written, by DuckDB and by Arrow.

Whoever asks for rows names a file; how it lies on the disk is settled here. Arrow's part is loaded when it is used:
commands that read no rows begin without it.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.transforms.duck.quoting import literal
from trueup.transforms.private import address, is_private, open_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    import pyarrow as pa
    import pyarrow.parquet as pq
    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

_IN_A_RUN = re.compile(r"read_parquet\('([a-z_]+\.parquet)'\)")
_PARAMETER = re.compile(r"read_parquet\([$:]([a-z_]+)(, filename = TRUE)?\)")


def rows_of(*paths: Path, options: str = "", named: Callable[[Path], str] = address) -> str:
    """``read_parquet(…)`` for SQL.

    Args:
        *paths: the file, or several of the same columns.
        options: of ``read_parquet``, such as ``filename = true``.
        named: how a file is called in SQL.
    """
    files = literal(named(paths[0])) if len(paths) == 1 else f"[{', '.join(literal(named(path)) for path in paths)}]"
    return f"read_parquet({', '.join([files, *([options] if options else [])])})"


def over(statement: str, **files: Path | Sequence[Path]) -> str:
    """``statement`` with each ``read_parquet($name)`` reading the file, or the files, given for that name."""

    def reading(found: re.Match[str]) -> str:
        given = files[found.group(1)]
        options = "filename = true" if found.group(2) else ""
        return rows_of(*([given] if isinstance(given, Path) else given), options=options)

    return _PARAMETER.sub(reading, statement)


def of_run(statement: str, files: RunFiles) -> str:
    """``statement``, written to be run in a run's directory, for whoever is elsewhere."""
    return _IN_A_RUN.sub(lambda found: rows_of(files.file(found.group(1))), statement)


def described(connection: DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Each column with its DuckDB type, in order."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {rows_of(path)}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def write_rows(
    connection: DuckDBPyConnection, query: str, path: Path, *, options: str = "", parameters: Any = None
) -> int:
    """Write the rows of ``query`` to the file ``path``; returns how many there were.

    Args:
        connection: has what ``query`` reads.
        query: a SELECT, or a relation after FROM.
        path: is replaced.
        options: of ``COPY … TO … (FORMAT parquet, …)``.
        parameters: of ``query``.
    """
    said = ", ".join(["FORMAT parquet", *([options] if options else [])])
    rows = connection.execute(f"COPY (\n{query}\n) TO {literal(address(path))} ({said})", parameters).fetchall()
    return int(rows[0][0])


def open_file(path: Path, **options: Any) -> pq.ParquetFile:
    """The file for reading by Arrow; a context manager. ``options`` are those of ``ParquetFile``."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(open_binary(path) if is_private(path) else path, **options)


def create_file(path: Path, schema: pa.Schema, **options: Any) -> pq.ParquetWriter:
    """A file to be written by Arrow; a context manager. ``options`` are those of ``ParquetWriter``."""
    import pyarrow.parquet as pq

    return _private_writer(path, schema, **options) if is_private(path) else pq.ParquetWriter(path, schema, **options)


def schema_of(path: Path) -> pa.Schema:
    """The file's Arrow schema."""
    import pyarrow.parquet as pq

    with _reading(path) as file:
        return pq.read_schema(file)


def rows_in(path: Path) -> int:
    """How many rows the file has; raises ``ArrowInvalid`` where it is not a whole Parquet file."""
    import pyarrow.parquet as pq

    with _reading(path) as file:
        return int(pq.read_metadata(file).num_rows)


def read_table(path: Path, *, columns: Iterable[str] | None = None) -> pa.Table:
    """The file's rows, or some columns of them."""
    import pyarrow.parquet as pq

    with _reading(path) as file:
        return pq.read_table(file, columns=None if columns is None else list(columns))


def write_table(table: pa.Table, path: Path, *, compression: str = "snappy") -> None:
    """Write a table to the file ``path``."""
    import pyarrow.parquet as pq

    with open_binary(path, "wb") if is_private(path) else nullcontext(path) as file:
        pq.write_table(table, file, compression=compression)


def _reading(path: Path) -> AbstractContextManager[Any]:
    return open_binary(path) if is_private(path) else nullcontext(path)


def _private_writer(path: Path, schema: pa.Schema, **options: Any) -> pq.ParquetWriter:
    import pyarrow.parquet as pq

    under = open_binary(path, "wb")
    writer = pq.ParquetWriter(under, schema, **options)
    writer.file_handle = under  # closed with the writer, as one that it opened itself
    return writer
