"""One decision per person and one row per change, from the run's own files and what earlier runs teach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.relations import count, open_run
from trueup.transforms.planning import causes, changes, decisions, limits, outputs
from trueup.transforms.planning import earlier_runs as baseline
from trueup.transforms.planning.comparison import Terms
from trueup.transforms.planning.matching import match
from trueup.transforms.planning.request import PlanResult
from trueup.transforms.planning.selection import select
from trueup.transforms.values.labels import in_sentence

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute, TargetSchema
    from trueup.transforms.planning.request import PlanRequest


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
        decisions.create_attribute_table(connection, terms.attributes)
        changes.hold_back_early(connection, terms, partial=bool(request.only))
        changes.collect(connection, terms)
        changes.refine(connection, terms, history)
        changes.hold_back(connection, partial=bool(request.only))
        decisions.decide(connection)
        outputs.write_decisions(connection, files)
        causes.explain(connection, history, terms)
        written = outputs.write_changes(connection, files)
        changes.report(connection, files)
        uses, refusals = limits.evaluate(connection, request)
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
    """Match, decide everybody's course, write ``links`` and ``actual``. Returns notes for the reviewer."""
    baseline.links_before(connection, request.history)
    notes = match(
        connection, request.settings.matching, schema=request.schema, baseline=baseline.last_reconcile(request.history)
    )
    decisions.collect_people(connection)
    decisions.decide_courses(connection, request.settings, by=_matched_paths(request), unreadable=request.unreadable)
    if request.only:
        select(connection, request.only)
    outputs.write_sides(connection, request)
    return notes


def _of_the_schema(connection: DuckDBPyConnection, schema: TargetSchema) -> tuple[str, ...]:
    """What the target's schema already says will not go as planned."""
    said = []
    creates = count(connection, "FROM decisions WHERE decision = 'create'")
    if schema.demands and creates:
        demands = ", ".join(map(in_sentence, schema.demands))
        said.append(
            f"The target requires {demands} for every profile, which the mapping does not fill: {creates:,} creations "
            "may be refused."
        )
    planned = {row[0] for row in connection.execute("SELECT DISTINCT attribute FROM explained").fetchall()}
    barred = sorted(planned & schema.forbids.keys())
    return (
        *said,
        *(f"The {in_sentence(path)} may not be written as planned: {schema.forbids[path]}." for path in barred),
    )
