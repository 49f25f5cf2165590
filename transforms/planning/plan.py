"""One decision per person and one row per change, from the run's own files and what earlier runs teach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.duck.relations import count, open_run, view, write
from trueup.transforms.history import last_learned
from trueup.transforms.planning import causes, changes, decisions, limits
from trueup.transforms.planning import earlier_runs as baseline
from trueup.transforms.planning.actual import write_actual
from trueup.transforms.planning.comparison import Terms
from trueup.transforms.planning.matching import match
from trueup.transforms.planning.selection import select

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute, TargetSchema
    from trueup.transforms.errors import Refusal
    from trueup.transforms.history import History
    from trueup.transforms.manifest import LimitUse
    from trueup.transforms.rollback.plan import RollbackRequest
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


_WORDS = 4096
"""More than decisions, codes and reasons are ever told apart; ids and names are more, and no dictionary serves them."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan is made from; everything else lies in ``files``."""

    files: RunFiles
    attributes: tuple[ManagedAttribute, ...]
    schema: TargetSchema
    settings: Settings
    history: History
    at: datetime
    only: tuple[str, ...] = ()
    """Object ids, user names or e-mails of a partial plan; empty for everybody."""
    unreadable: frozenset[str] = frozenset()
    """Source columns that could not be read: what depends on them is left alone."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What a plan came to, in figures; the people are in the run's files."""

    counts: dict[str, int]
    """All ten decisions; they add up to users ∪ profiles."""
    changes: int
    users: int
    profiles: int
    limits: tuple[LimitUse, ...]
    refusals: tuple[Refusal, ...]
    first_run: bool
    baseline_run: str | None
    notes: tuple[str, ...]


def make_plan(request: PlanRequest) -> PlanResult:
    """Write ``links``, ``actual``, ``decisions`` and ``changes`` and add what planning found to ``findings``.

    Every user and every profile gets exactly one decision with a reason; nothing but the run's own files is
    written, and the same inputs give the same content.

    Raises:
        Failed: a file the plan rests on is missing.
        Misused: ``[matching] by`` names what the mapping does not fill, or ``only`` names nobody.
    """
    files, history = request.files, request.history
    connection = open_run(files)
    try:
        notes = prepare(connection, request)
        terms = Terms(request.attributes, request.unreadable, baseline.altered_case(connection, history))
        baseline.not_kept(connection, history, request.schema.digest)
        baseline.rolled_back(connection, history, terms, desired=files.desired)
        decisions.lay_terms(connection, terms.attributes)
        changes.hold_back_early(connection, terms, partial=bool(request.only))
        changes.collect(connection, terms)
        changes.refine(connection, terms, history)
        changes.settle(connection, partial=bool(request.only))
        decisions.decide(connection)
        write_decisions(connection, files)
        causes.explain(connection, history, terms)
        written = write_changes(connection, files)
        changes.report(connection, files)
        uses, refusals = limits.weigh(connection, request)
        return PlanResult(
            counts=decisions.counts(connection),
            changes=written,
            users=count(connection, "FROM users"),
            profiles=count(connection, "FROM profiles"),
            limits=uses,
            refusals=refusals,
            first_run=history.baseline is None,
            baseline_run=history.baseline.run_id if history.baseline else None,
            notes=(*notes, *_of_the_schema(connection, request.schema), *limits.notes(connection, history)),
        )
    finally:
        connection.close()


def _matched_paths(request: PlanRequest) -> tuple[ManagedAttribute, ...]:
    return tuple(a for a in request.attributes if a.path in request.settings.matching.by)


def prepare(connection: DuckDBPyConnection, request: PlanRequest) -> tuple[str, ...]:
    """Match, tell everybody's road, write ``links`` and ``actual``. Returns notes for the reviewer."""
    baseline.links_before(connection, request.history.baseline)
    notes = match(
        connection, request.settings.matching, schema=request.schema, baseline=baseline.last_reconcile(request.history)
    )
    decisions.gather(connection)
    decisions.road(connection, request.settings, by=_matched_paths(request), unreadable=request.unreadable)
    if request.only:
        select(connection, request.only)
    write_sides(connection, request)
    return notes


def _of_the_schema(connection: DuckDBPyConnection, schema: TargetSchema) -> tuple[str, ...]:
    """What the target's schema already says will not go as planned."""
    said = []
    creates = count(connection, "FROM decisions WHERE decision = 'create'")
    if schema.demands and creates:
        said.append(
            f"The target demands {', '.join(schema.demands)} of every profile, and the mapping does not give it: "
            f"{creates:,} creations may be refused."
        )
    planned = {row[0] for row in connection.execute("SELECT DISTINCT attribute FROM explained").fetchall()}
    barred = sorted(planned & schema.forbids.keys())
    return (*said, *(f"{path} may not be written as planned: {schema.forbids[path]}." for path in barred))


def write_sides(connection: DuckDBPyConnection, request: PlanRequest | RollbackRequest) -> None:
    """Write ``links`` and ``actual`` and open the latter."""
    files = request.files
    write(
        connection,
        f"SELECT source_id, profile_id, matched_by, coalesce(since, {literal(files.run_id)}) AS since "
        "FROM owned ORDER BY source_id",
        files.links,
        few=_WORDS,
    )
    # Who is whose is written; the sorting to come needs the room.
    for name in ("linked", "tried"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    learned = last_learned(request.history, digest=request.schema.digest) or {}
    untyped = frozenset(str(name) for name in learned.get("untyped") or ())
    write_actual(connection, request.attributes, files.actual, bare=request.schema.bare, untyped=untyped)
    view(connection, "actual", files.actual)


def write_decisions(connection: DuckDBPyConnection, files: RunFiles) -> None:
    """Write ``decided`` as ``decisions``, and open that."""
    write(
        connection,
        "SELECT key, source_id, profile_id, user_name, matched_by, verdict, decision, reason_code, reason "
        "FROM decided ORDER BY key",
        files.decisions,
        few=_WORDS,
    )
    view(connection, "decisions", files.decisions)


def write_changes(connection: DuckDBPyConnection, files: RunFiles) -> int:
    """Write ``explained`` as ``changes``; returns how many there are."""
    return write(
        connection,
        "SELECT key, attribute, before, after, cause FROM explained ORDER BY key, attribute",
        files.changes,
    )
