"""The DuckDB connection every stage opens, and the SQL that lies beside the code."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import duckdb

from trueup.transforms.duck.parquet import described
from trueup.transforms.private import file_system, is_any

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection


THREADS: ContextVar[int | None] = ContextVar("threads", default=None)
"""How many threads a connection has that is not told; none means one per core. Where it is set, memory is short."""


def connect(*, spill: Path | None = None, memory: str = "1500MB", threads: int | None = None) -> DuckDBPyConnection:
    """A fresh in-memory DuckDB where no stray Python variable is a table and nothing is downloaded.

    Args:
        spill: folder for what does not fit into ``memory``; none means no spilling. Beside an encrypted archive nothing
            is spilt, and ``memory`` does not count.
        memory: DuckDB's own form, e.g. ``"1500MB"``.
        threads: none means as many as ``THREADS`` says.
    """
    threads = threads or THREADS.get()
    options: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "memory_limit": memory,
        "preserve_insertion_order": False,
        "TimeZone": "UTC",
    }
    if threads is not None:
        options["threads"] = threads
    if THREADS.get() is not None:
        # DuckDB's allocator gives the system back what is freed only where that is 512 MB at once.
        options["allocator_bulk_deallocation_flush_threshold"] = "1MB"
    if is_any():
        # DuckDB encrypts no temporary file without an extension that is not here: nothing is spilt, and there is room.
        del options["memory_limit"]
        connection = duckdb.connect(":memory:", config={**options, "temp_directory": ""})
        connection.register_filesystem(file_system())
        return connection
    if spill is not None:
        options["temp_directory"] = str(spill)
    return duckdb.connect(":memory:", config=options)


@cache
def statement(name: str, package: str) -> str:
    """The text of ``<name>.sql`` in ``package``."""
    return files(package).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def column_types(parquet: Path) -> dict[str, str]:
    """Each column of a Parquet file with its DuckDB type, in order."""
    with connect(threads=1) as engine:
        return described(engine, parquet)
