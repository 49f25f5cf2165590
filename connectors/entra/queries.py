"""Questions asked of what was read, in DuckDB: how many, who is missing, in what do two reads differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.entra.id_ranges import COUNTED, slices
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

SQL = "trueup.connectors.entra.sql"


def opened(files: RunFiles) -> DuckDBPyConnection:
    """An engine that spills beside the run's work files."""
    return connect(spill=files.work / "spill", memory="300MB")


def view(engine: DuckDBPyConnection, name: str, path: Path) -> None:
    """The file at ``path`` is the relation ``name`` from now on."""
    engine.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS FROM {rows_of(path)}")


def number(engine: DuckDBPyConnection, query: str) -> int:
    """The one number ``query`` gives; its result is read to the end, as DuckDB asks."""
    return int(engine.execute(query).fetchall()[0][0])


def unique_users(engine: DuckDBPyConnection, path: Path) -> int:
    """How many different ids ``path`` holds; ``users_read`` is that read from now on."""
    counted = "SELECT count(DISTINCT id) FROM users_read WHERE within(id)"
    return sum(number(engine, counted) for _ in slices(engine, path, COUNTED))


def differing(engine: DuckDBPyConnection, one: Path, other: Path) -> int:
    """How many ids are in one read only."""
    view(engine, "one", one)
    view(engine, "other", other)
    return number(engine, statement("differing", SQL))


def missing(engine: DuckDBPyConnection, wanted: pa.Table, path: Path) -> list[str]:
    """Ids of ``wanted`` that the read at ``path`` does not hold, sorted."""
    view(engine, "users_read", path)
    engine.register("wanted", wanted)
    found = [row[0] for row in engine.execute(statement("missing", SQL)).fetchall()]
    engine.unregister("wanted")
    return found


def anybody(engine: DuckDBPyConnection, path: Path) -> str | None:
    """The id of one user the read at ``path`` holds."""
    view(engine, "users_read", path)
    rows = engine.execute("SELECT min(id) FROM users_read").fetchall()
    return None if rows[0][0] is None else str(rows[0][0])
