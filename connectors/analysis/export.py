"""People, nights and moves for other tools: Parquet by night, or one DuckDB file; only what is new is written."""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import on_disk
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from trueup.connectors.analysis.archive import Archive

    Write = Callable[[date, dict[str, pa.Table]], None]

KINDS = ("parquet", "duckdb")
TABLES = ("nights", "moves", "people")
_STATE = "trueup-export.json"
_DATABASE = "archive.duckdb"
_READABLE_FROM = "v1.0.0"
"""The oldest DuckDB that opens a new export."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    nights: tuple[date, ...]
    """Nights that are new, or of which more came."""
    rows: int


def export(archive: Archive, into: Path, *, to: str) -> Exported:
    """Bring ``into`` up to what the archive holds; nights that stand there as they are, are not written again.

    A night that was exported and is pruned or damaged since stays there as it is. One that is damaged before it was
    ever exported is passed over, and comes once it is mended.

    Raises:
        Misused: ``to`` is neither parquet nor duckdb; ``into`` holds an export of the other kind.
        Failed: the disk refuses.
    """
    if to not in KINDS:
        raise Misused(f"Trueup does not export to {to!r}.", remedy=f"One of: {', '.join(KINDS)}.")
    with on_disk("The export cannot be written"):
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = _before(into / _STATE, to)
        now = archive.versions_of_nights()
        new = [night for night, version in now.items() if before.get(night.isoformat()) != version]
        new = [night for night in new if night.isoformat() not in before or not archive.left_out_of(night)]
        written: dict[date, int] = {}
        if new:
            with (_parquet if to == "parquet" else _duckdb)(into) as write:
                for night, tables in _tables(archive, new):
                    write(night, tables)
                    written[night] = sum(table.num_rows for table in tables.values())
        state = {"to": to, "nights": {**before, **{night.isoformat(): now[night] for night in written}}}
        draft = into / f"{_STATE}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(state), encoding="utf-8")
        draft.replace(into / _STATE)
    return Exported(tuple(written), sum(written.values()))


def _before(state: Path, to: str) -> dict[str, str]:
    if not state.exists():
        return {}
    known = json.loads(state.read_text(encoding="utf-8"))
    if known["to"] != to:
        raise Misused(f"This folder holds an export to {known['to']}.", remedy="Give another folder.")
    nights: dict[str, str] = known["nights"]
    return nights


def _tables(archive: Archive, nights: list[date]) -> Iterator[tuple[date, dict[str, pa.Table]]]:
    """Each night's rows; ``people`` night by night, from that night's files alone: a year of them fills a memory."""
    import pyarrow.compute as pc

    listed = ", ".join(f"DATE '{night.isoformat()}'" for night in nights)
    with archive.connection_from(nights) as connection:
        whole = {
            name: connection.sql(f"SELECT * FROM {name} WHERE night IN ({listed}) ORDER BY ALL").arrow()
            for name in ("nights", "moves")
        }
    for night in nights:
        tables = {name: table.filter(pc.equal(table["night"], night)) for name, table in whole.items()}
        tables["people"] = archive.people_of_night(night).order("key").arrow()
        if "damaged" not in archive.left_out_of(night):
            yield night, tables


@contextmanager
def _parquet(into: Path) -> Iterator[Write]:
    """Writes ``<table>/night=YYYY-MM-DD/data.parquet``, each whole or not there."""
    import pyarrow.parquet as pq

    def write(night: date, tables: dict[str, pa.Table]) -> None:
        for name, table in tables.items():
            folder = into / name / f"night={night.isoformat()}"
            if not table.num_rows:
                shutil.rmtree(folder, ignore_errors=True)
                continue
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = folder / f".{secrets.token_hex(4)}.part"
            draft.touch(mode=0o600)
            pq.write_table(table.drop_columns(["night"]), draft, compression="zstd")
            draft.replace(folder / "data.parquet")

    yield write


@contextmanager
def _duckdb(into: Path) -> Iterator[Write]:
    """Writes one database, all nights or none."""
    import duckdb

    database = into / _DATABASE
    # Unasked, DuckDB 2 writes a file that no DuckDB 1 opens; who is handed the export may have either.
    with duckdb.connect(
        str(database),
        config={"python_enable_replacements": False, "storage_compatibility_version": _READABLE_FROM},
    ) as connection:
        database.chmod(0o600)

        def write(night: date, tables: dict[str, pa.Table]) -> None:
            for name, table in tables.items():
                connection.register("rows_of_night", table)
                connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM rows_of_night LIMIT 0")
                connection.execute(f"DELETE FROM {name} WHERE night = $1", [night])
                connection.execute(f"INSERT INTO {name} FROM rows_of_night")
                connection.unregister("rows_of_night")

        connection.execute("BEGIN")
        yield write
        connection.execute("COMMIT")
