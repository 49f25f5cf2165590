"""What opens beside one person: what they were taken for, the filters clause by clause, and earlier runs.

Only of those who are written, held or in conflict, and of so many that a page can carry it; ``trueup why`` knows it of
everybody. A fixed number of questions, whatever the number of people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import over, rows_of
from trueup.transforms.links import Links
from trueup.transforms.mapping.clauses import clauses_of
from trueup.transforms.mapping.filters import parse_clause
from trueup.transforms.vocabulary import WRITING, Act

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.mapping.clauses import ClauseSeen
    from trueup.transforms.run_files import RunFiles

ROOM = 1_000
"""People with details."""
_RUNS = 8
"""Earlier runs looked at."""
_DECISIONS = (*WRITING, "hold", "conflict")


@dataclass(frozen=True, slots=True)
class Beside:
    """What a run's own files do not hold and a page about people can use."""

    links: Links = field(default_factory=Links)
    """Where a person can be looked at elsewhere."""
    verdicts: Path | None = None
    """What accounts were taken for (``key, verdict, signals, overridden_by``), where the run's own work is gone."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run decided about a person."""

    run_id: str
    decision: str
    reason: str
    came_to: str
    """The result of its apply for this person, else the run's state; empty where nothing was to be written."""
    approved_by: str


@dataclass(slots=True)
class Detail:
    """One person's."""

    row: int
    """In ``ReportView.people``."""
    verdict: str = ""
    signals: tuple[str, ...] = ()
    overridden_by: str = ""
    clauses: tuple[ClauseSeen, ...] = ()
    earlier: list[Earlier] = field(default_factory=list)


def read_details(
    files: RunFiles, manifest: Manifest, history: History, people: pa.Table, verdicts: Path | None = None
) -> tuple[Detail, ...]:
    """Details of the most important people of ``people`` (columns ``key``, ``decision``), in its order.

    Args:
        files: the run.
        manifest: of the run; its configuration has the filters.
        history: runs against the same target; later ones are ignored.
        people: as the view lists them.
        verdicts: ``key, verdict, signals, overridden_by`` as Parquet; none takes what the run's work still holds.
    """
    wanted = pc.is_in(people["decision"], pa.array([str(one) for one in _DECISIONS]))
    rows = pc.indices_nonzero(wanted).slice(0, ROOM)
    keys = people["key"].take(rows).to_pylist()
    found = {key: Detail(row) for key, row in zip(keys, rows.to_pylist(), strict=True)}
    if not found:
        return ()
    with connect() as db:
        db.register("chosen", pa.table({"key": pa.array(keys, pa.string())}))
        _tell_verdicts(db, found, verdicts or files.work_verdicts)
        _tell_clauses(db, found, manifest, files)
        for run in _looked_at(history, files.run_id):
            _tell_run(db, found, run)
    return tuple(found.values())


def _tell_verdicts(db: DuckDBPyConnection, found: dict[str, Detail], verdicts: Path) -> None:
    if not verdicts.exists():
        return
    query = f"SELECT key, verdict, signals, overridden_by FROM {rows_of(verdicts)} SEMI JOIN chosen USING (key)"
    for key, verdict, signals, overridden_by in db.execute(query).fetchall():
        one = found[key]
        one.verdict, one.signals = verdict or "", tuple(signals or ())
        one.overridden_by = overridden_by or ""


def _tell_clauses(db: DuckDBPyConnection, found: dict[str, Detail], manifest: Manifest, files: RunFiles) -> None:
    said = (manifest.configuration.get("scope") or {}).get("filters") or ()
    if not said or not files.source.exists():
        return
    filters = tuple(tuple(parse_clause(text) for text in one) for one in said)
    for key, clauses in clauses_of(db, filters, files.source, "chosen").items():
        found[key].clauses = clauses


def _looked_at(history: History, run_id: str) -> list[PriorRun]:
    runs = [run for run in history.runs if run.run_id < run_id and not run.is_pruned and run.files.decisions.exists()]
    return sorted(runs, key=lambda run: run.run_id, reverse=True)[:_RUNS]


def _tell_run(db: DuckDBPyConnection, found: dict[str, Detail], run: PriorRun) -> None:
    applied = run.files.outcome.exists()
    name = "earlier_applied" if applied else "earlier"
    where = {"decisions": run.files.decisions} | ({"outcome": run.files.outcome} if applied else {})
    query = over(statement(name, "trueup.reports.sql"), **where)
    who = ", ".join(dict.fromkeys(act.who for act in run.acts if act.act is Act.APPROVED))
    for key, decision, reason, result in db.execute(query).fetchall():
        was_written = decision in WRITING  # of whoever was not, an apply says nothing
        came = (result or str(run.state)).replace("_", " ") if was_written else ""
        found[key].earlier.append(Earlier(run.run_id, decision, reason or "", came, who if was_written else ""))
