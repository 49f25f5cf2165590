"""People, nights and moves for other tools: Parquet by night, or one DuckDB file; only what is new is written."""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import on_disk
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from trueup.connectors.analysis.archive import Archive

KINDS = ("parquet", "duckdb")
TABLES = ("nights", "moves", "people")
_STATE = "trueup-export.json"
_DATABASE = "archive.duckdb"


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    nights: tuple[date, ...]
    """Nights that are new, or of which more came."""
    rows: int


def export(archive: Archive, into: Path, *, to: str) -> Exported:
    """Bring ``into`` up to what the archive holds; nights that stand there as they are, are not written again.

    What was exported stays there: neither pruning nor erasing in the archive reaches it.

    Raises:
        Misused: ``to`` is neither parquet nor duckdb; ``into`` holds an export of the other kind.
        Failed: the disk refuses.
    """
    if to not in KINDS:
        raise Misused(f"There is no export to {to!r}.", remedy=f"One of: {', '.join(KINDS)}.")
    with on_disk("The export cannot be written"):
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _before(into / _STATE, to)
        now = archive.versions_of_nights()
        new = [night for night, version in now.items() if before.get(night.isoformat()) != version]
        tables = _tables(archive, new)
        if to == "parquet":
            _write_parquet(into, new, tables)
        elif new:
            _write_duckdb(into / _DATABASE, new, tables)
        state = {"to": to, "nights": {**before, **{night.isoformat(): now[night] for night in new}}}
        draft = into / f"{_STATE}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(into / _STATE)
    return Exported(tuple(new), sum(table.num_rows for table in tables.values()))


def _before(state: Path, to: str) -> dict[str, str]:
    if not state.exists():
        return {}
    known = json.loads(state.read_text(encoding="utf-8"))
    if known["to"] != to:
        raise Misused(f"This folder holds an export to {known['to']}.", remedy="Give another folder.")
    nights: dict[str, str] = known["nights"]
    return nights


def _tables(archive: Archive, nights: list[date]) -> dict[str, pa.Table]:
    """The rows of ``nights``; ``people`` night by night, from that night's files alone."""
    import pyarrow as pa

    listed = ", ".join(f"DATE '{night.isoformat()}'" for night in nights) or "NULL"
    with archive.connection_from(nights) as connection:
        tables = {
            name: connection.sql(f"SELECT * FROM {name} WHERE night IN ({listed}) ORDER BY ALL").arrow()
            for name in ("nights", "moves")
        }
    people = [archive.people_of_night(night).order("key").arrow() for night in nights]
    return tables | ({"people": pa.concat_tables(people)} if people else {})


def _write_parquet(into: Path, nights: list[date], tables: dict[str, pa.Table]) -> None:
    """``<table>/night=YYYY-MM-DD/data.parquet``, each whole or not there."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for name, table in tables.items():
        for night in nights:
            folder = into / name / f"night={night.isoformat()}"
            rows = table.filter(pc.equal(table["night"], night)).drop_columns(["night"])
            if not rows.num_rows:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = folder / f".{secrets.token_hex(4)}.part"
            draft.touch(mode=0o600)
            pq.write_table(rows, draft, compression="zstd")
            draft.replace(folder / "data.parquet")


def _write_duckdb(database: Path, nights: list[date], tables: dict[str, pa.Table]) -> None:
    import duckdb

    with duckdb.connect(str(database), config={"python_enable_replacements": False}) as connection:
        database.chmod(0o600)
        connection.execute("BEGIN")
        for name, table in tables.items():
            connection.register("rows_of_nights", table)
            connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM rows_of_nights LIMIT 0")
            connection.executemany(f"DELETE FROM {name} WHERE night = $1", [[night] for night in nights])
            connection.execute(f"INSERT INTO {name} FROM rows_of_nights")
            connection.unregister("rows_of_nights")
        connection.execute("COMMIT")
