"""What stands on the first screen and in the organisation: who, where, and what is new; rows, not words yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import described, rows_of
from trueup.transforms.summary.directory import chosen
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.run_files import RunFiles

NAMES = 12
"""People told by name in one line; the rest is counted, and in the list."""
TEAMS = 40
"""Teams shown one by one, those that change most."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """Rows as ``reports/sql`` describes them."""

    stories: tuple[Row, ...] = ()
    aside: Mapping[str, Row] | None = None
    """Decision → who ends, is held or in conflict."""
    news: Row | None = None
    """``people``, ``persons``, ``no_longer``, ``run`` (the night before); none where there is none to compare with."""
    departments: tuple[Row, ...] = ()
    flows: tuple[Row, ...] = ()
    teams: tuple[Row, ...] = ()


def lay_news(db: DuckDBPyConnection, manifest: Manifest, history: History) -> PriorRun | None:
    """Makes ``news``; gives the run it was compared with: the newest whole one before this that came to decisions."""
    before = None if manifest.only or manifest.kind is not Kind.RECONCILE else _night_before(manifest, history)
    if before is None:
        db.register("news", pa.table({"key": pa.array([], pa.string())}))
        return None
    for name, path in (("decisions_before", before.files.decisions), ("changes_before", before.files.changes)):
        db.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {rows_of(path)}")
    db.execute(_sql("news"))
    return before


def _night_before(manifest: Manifest, history: History) -> PriorRun | None:
    for run in sorted(history.runs, key=lambda one: one.run_id, reverse=True):
        whole = run.run_id < manifest.run_id and run.kind is Kind.RECONCILE and not run.manifest.only
        if whole and not run.is_pruned and run.files.decisions.exists() and run.files.changes.exists():
            return run
    return None


def tell(db: DuckDBPyConnection, files: RunFiles, before: PriorRun | None) -> Told:
    """The rows; ``people``, ``names``, ``events`` and ``news`` stand already."""
    _here(db, files)
    for name in ("is_department", "placed"):
        db.execute(_sql(name))
    news = None
    if before is not None:
        news = {**_rows(db, "news_lines", room=NAMES)[0], "run": before}
        news["no_longer"] = _rows(db, "no_longer")[0]["people"]
    return Told(
        stories=_rows(db, "story_lines", room=NAMES),
        aside={row["decision"]: row for row in _rows(db, "first_names", room=NAMES)},
        news=news,
        departments=_rows(db, "departments"),
        flows=_rows(db, "flows"),
        teams=_rows(db, "teams", room=TEAMS, names_room=NAMES),
    )


def _here(db: DuckDBPyConnection, files: RunFiles) -> None:
    """Makes ``here``: where everybody with a profile stands now."""
    if files.actual.exists():
        columns = chosen(described(db, files.actual))
        db.execute(
            f"CREATE TEMP VIEW here AS SELECT key, department, manager_key, active "
            f"FROM (SELECT key, {columns} FROM {rows_of(files.actual)})"
        )
        return
    kinds = {"key": pa.string(), "department": pa.string(), "manager_key": pa.string(), "active": pa.bool_()}
    db.register("here", pa.schema(kinds).empty_table())


def _sql(name: str) -> str:
    return statement(name, "trueup.reports.sql")


def _rows(db: DuckDBPyConnection, name: str, **parameters: int) -> tuple[Row, ...]:
    return tuple(db.sql(_sql(name), params=parameters or None).to_arrow_table().to_pylist())
