"""What the last complete run knew: the people that a list which contradicts its own count must not have lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from trueup.connectors.entra.queries import SQL
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import read_table, rows_of, schema_of
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.source_request import SourceRequest

IDS = pa.schema([("id", pa.string())])


@dataclass(frozen=True, slots=True)
class Memory:
    """Earlier knowledge, read from disk only where it is asked for."""

    links: Path | None = None
    source: Path | None = None
    """``source.parquet`` of the last applied run, if it is still there."""
    latest: Path | None = None
    """``source.parquet`` of the newest complete run where that is another one."""

    def managed(self) -> pa.Table:
        """``id`` of everybody managed at the last applied run."""
        return _ids(self.links, "source_id", "links")

    def everybody(self) -> pa.Table:
        """``id`` of everybody managed or read before."""
        return pa.concat_tables([self.managed(), *(_ids(path, "id", "source") for path in (self.source, self.latest))])

    def lost(self, way: str, ids: pa.ChunkedArray) -> list[str]:
        """Who was in scope by ``way`` (``direct``, ``group:<id>``) and is not among ``ids``."""
        found = [_lost(path, way, ids) for path in (self.source, self.latest) if path is not None]
        return sorted({key for keys in found for key in keys})


def _lost(path: Path, way: str, ids: pa.ChunkedArray) -> list[str]:
    if "assigned_by" not in schema_of(path).names:
        return []
    with connect(memory="300MB") as engine:
        engine.execute(f"CREATE VIEW before AS FROM {rows_of(path)}")
        engine.register("now_listed", pa.Table.from_arrays([ids.cast(pa.string())], schema=IDS))
        try:
            rows = engine.execute(statement("lost_ways", SQL), {"way": way}).fetchall()
        except duckdb.Error as error:
            raise Failed("The last run's source cannot be read.", remedy="Run trueup verify --archive.") from error
    return [row[0] for row in rows]


def memory(request: SourceRequest) -> Memory:
    """What ``request`` brings of earlier runs."""
    source, latest = (
        run.files.source if run is not None and run.files.source.is_file() else None
        for run in (request.previous, request.latest)
    )
    return Memory(request.known, source, latest if latest != source else None)


def _ids(path: Path | None, column: str, what: str) -> pa.Table:
    if path is None:
        return IDS.empty_table()
    try:
        table = read_table(path, columns=[column])
    except (OSError, pa.ArrowInvalid) as error:
        raise Failed(f"The {what} of an earlier run cannot be read.", remedy="Run trueup verify --archive.") from error
    return pa.Table.from_arrays([table.column(column).cast(pa.string()).drop_null()], schema=IDS)
