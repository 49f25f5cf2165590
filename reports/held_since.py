"""What earlier runs say of people in this one: since when they are held, and who left them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import over
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import ActRecord
    from trueup.transforms.run_files import RunFiles

SINCE = pa.schema({"key": pa.string(), "run_id": pa.string(), "started": pa.timestamp("us", tz="UTC")})
LEFT_OUT = pa.schema({"key": pa.string(), "who": pa.string(), "run_id": pa.string()})


def held_since(db: DuckDBPyConnection, files: RunFiles, history: History) -> None:
    """Makes ``since``: for each person held now and in the run before, the first run of that unbroken row.

    Partial plans hold everybody else and do not count; nor do pruned runs and runs that made no decisions.
    """
    waiting = db.sql("SELECT key FROM decisions WHERE decision = 'hold'").to_arrow_table()
    first: dict[str, PriorRun] = {}
    for run in _earlier(history, files.run_id):
        if waiting.num_rows == 0:
            break
        if run.manifest.only or run.is_pruned or not run.files.decisions.exists():
            continue
        db.register("waiting", waiting)
        query = over(statement("held_before", "trueup.reports.sql"), path=run.files.decisions)
        waiting = db.sql(query).to_arrow_table()
        first |= dict.fromkeys(waiting["key"].to_pylist(), run)
    rows = [{"key": key, "run_id": run.run_id, "started": run.manifest.started} for key, run in first.items()]
    db.register("since", pa.Table.from_pylist(rows, schema=SINCE))


def left_out_before(db: DuckDBPyConnection, history: History, run_id: str) -> None:
    """Makes ``left_out``: who the last approval left out, who gave it and in which run."""
    rows: list[dict[str, str]] = []
    for run in _earlier(history, run_id):
        if approvals := [act for act in run.acts if act.act is Act.APPROVED]:
            rows = [{"key": key, "who": who, "run_id": run.run_id} for key, who in _left_out(approvals).items()]
            break
    db.register("left_out", pa.Table.from_pylist(rows, schema=LEFT_OUT))


def _earlier(history: History, run_id: str) -> list[PriorRun]:
    """Newest first; run ids sort by time."""
    return sorted((run for run in history.runs if run.run_id < run_id), key=lambda run: run.run_id, reverse=True)


def _left_out(approvals: list[ActRecord]) -> dict[str, str]:
    """Key → who left it out, with the attributes where it was not everything."""
    whole: dict[str, str] = {}
    parts: dict[str, list[str]] = {}
    for act in approvals:
        for row in act.details.get("left_out") or ():
            if row.get("attribute") is None:
                whole[row["key"]] = act.who
            else:
                parts.setdefault(row["key"], []).append(f"{act.who} ({label(row['attribute'])})")
    return {key: ", ".join(dict.fromkeys(who)) for key, who in parts.items()} | whole
