"""The way back: a plan of its own that takes back one run, or everything since one, or follows a report."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import count, empty, open_run, view, write
from trueup.transforms.duck.runner import make
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.planning import changes, decisions, earlier_runs, limits
from trueup.transforms.planning.comparison import Terms
from trueup.transforms.planning.matching import settle_links
from trueup.transforms.planning.outputs import write_changes, write_decisions, write_sides
from trueup.transforms.planning.request import PlanResult
from trueup.transforms.planning.selection import select
from trueup.transforms.private import write_text
from trueup.transforms.report_rows import create_report_findings, desired_from_report
from trueup.transforms.rollback.erased import leave_alone
from trueup.transforms.rollback.restoring import desired_for_before, desired_for_undo, repair_references
from trueup.transforms.rollback.sql import PACKAGE, statement
from trueup.transforms.vocabulary import Outcome

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import PriorRun
    from trueup.transforms.planning.request import RollbackRequest
    from trueup.transforms.run_files import RunFiles

_MAPPING = """-- This run is a rollback: what it restores comes from the archive, not from a mapping.
SELECT * FROM read_parquet('desired.parquet') ORDER BY key;
"""


def make_rollback_plan(request: RollbackRequest) -> PlanResult:
    """Write the same files a plan does, with cause ``rollback``; touches only profiles of ours.

    ``source.parquet`` is the last applied run's, ``desired.parquet`` what the profiles are to be again. Edits made
    since by others are kept unless ``overwrite``; what cannot come back is said in the notes.

    Raises:
        Refused: the run was never applied, or the archive no longer holds what the way back needs.
    """
    request = _with_active(request)
    _lay_out(request)
    files, history = request.files, request.history
    connection = open_run(files, mapped=False)
    try:
        terms = Terms(request.attributes)
        _people(connection, request)
        notes = _restore_values(connection, request, terms)
        _choose(connection, request, terms)
        notes += _decide(connection)
        write_decisions(connection, files)
        written = write_changes(connection, files)
        _write_desired(connection, files, terms)
        changes.merge_findings(connection, files, statement("rollback_findings"))
        uses, refusals = limits.evaluate(connection, request)
        return PlanResult(
            counts=decisions.counts(connection),
            changes=written,
            users=count(connection, "FROM users"),
            profiles=count(connection, "FROM profiles"),
            limits=uses,
            refusals=refusals,
            first_run=False,
            baseline_run=history.baseline.run_id if history.baseline else None,
            notes=(*notes, *limits.notes(connection, history)),
        )
    finally:
        connection.close()


def _refused(message: str, remedy: str) -> Refused:
    return Refused(Refusal(code="rollback_impossible", message=message, remedy=remedy))


def _taken_back(request: RollbackRequest) -> tuple[PriorRun, ...]:
    """The runs, newest first; to be as before one also what was planned before it and applied since.

    With those whose apply was broken off: nothing else of that target was approved until they were given up.
    """
    if request.before is None:
        return (request.undo,) if request.undo is not None else ()
    begun, first = request.before.manifest.started, request.before.run_id
    runs = [run for run in request.history.known if run.run_id >= first or run.applied_at > begun]
    for run in (one for one in request.history.runs if one.run_id in request.broken_off and one.run_id >= first):
        newer = [one for one in runs if one.run_id > run.run_id or one in request.history.amending]
        runs.insert(len(newer), run)
    return tuple(runs)


def _deleted(run: PriorRun) -> bool:
    return bool(run.manifest.counts.get("delete", 0))


def _with_active(request: RollbackRequest) -> RollbackRequest:
    """``active`` is restored whether the mapping manages it or not: apply changes it either way."""
    if any(a.path == "active" for a in request.attributes):
        return request
    return replace(request, attributes=(*request.attributes, ManagedAttribute("active", kind="boolean")))


def _lay_out(request: RollbackRequest) -> None:
    """What a run of kind reconcile would have from its source, taken from the last applied one."""
    named = request.undo or request.before
    if named is not None and named.is_pruned:
        raise _refused(f"The files of run {named.run_id} were pruned.", "Name a run that is still whole: trueup runs")
    needed = [named] if named is not None else []
    if request.before is not None:  # what was deleted since comes back from the snapshots of then
        needed += [run for run in _taken_back(request) if _deleted(run)]
    if lacking := [run.run_id for run in needed if not run.has_snapshots]:
        raise _refused(
            f"The snapshots of run {lacking[0]} were pruned, and this rollback needs them.",
            "Name a run whose snapshots are still there; [archive] keep_snapshots_days says how long they are kept.",
        )
    if request.undo is not None and not (
        request.undo.run_id in request.broken_off or request.undo.files.outcome.exists()
    ):
        why = "had nothing to do" if request.undo.manifest.outcome is Outcome.NOTHING_TO_DO else "was never applied"
        raise _refused(
            f"Run {request.undo.run_id} {why}, so there is nothing to take back.",
            "Name a run whose state is applied or partially_applied: trueup runs",
        )
    if request.before is not None and request.before.manifest.partial_read:
        raise _refused(
            f"Run {request.before.run_id} read only the people it was for, so it cannot say how everybody was.",
            f"Take back what it did: trueup rollback {request.before.run_id}. Or name a run for everybody: trueup runs",
        )
    newest = earlier_runs.last_reconcile(request.history) or named
    if newest is None or not newest.files.source.exists():
        raise _refused("No applied run is left in the archive that says who the people are.", "Plan and apply first.")
    shutil.copyfile(newest.files.source, request.files.source)
    write_text(request.files.mapping_sql, _MAPPING)


def _people(connection: DuckDBPyConnection, request: RollbackRequest) -> None:
    """Everybody, as the links of the last applied run have them; writes ``links`` and ``actual``."""
    earlier_runs.links_before(connection, request.history)
    for run in _taken_back(request):
        if run.run_id in request.broken_off:
            earlier_runs.add_links_of(connection, run, request.broken_off[run.run_id])
    settle_links(connection)
    decisions.collect_people(connection)
    connection.execute("CREATE OR REPLACE TEMP TABLE persons AS FROM everybody")
    write_sides(connection, request)
    decisions.create_attribute_table(connection, request.attributes)
    decisions.create_sentence_table(connection)
    newest = earlier_runs.last_reconcile(request.history)
    view(connection, "verdicts_then", newest.files.decisions if newest else None, columns=("key", "verdict"))


def _restore_values(connection: DuckDBPyConnection, request: RollbackRequest, terms: Terms) -> tuple[str, ...]:
    """What is to be, before looking at now: ``restore_values``, ``lifecycle`` and ``returning_values``.

    Returns what the reviewer must know of a report.
    """
    notes = request.report_notes
    create_report_findings(connection)
    empty(connection, "restore_values", ("key", "attribute", "wanted", "left_value", "is_ours BOOLEAN"))
    empty(connection, "lifecycle", ("key", "first_op", "last_op", "removed_age BIGINT"))
    empty(connection, "referrers", ("key", "attribute", "manager", "old_profile"))
    empty(connection, "returning_values", ("key", "attribute", "after", "old_profile"))
    if request.undo is not None:
        desired_for_undo(connection, request.undo, terms, broken_off=request.broken_off)
    elif request.before is not None:
        desired_for_before(
            connection,
            request.before,
            terms,
            since=_taken_back(request),
            overwrite=request.overwrite,
            broken_off=request.broken_off,
        )
    elif request.report is not None:
        notes += desired_from_report(connection, request.report, terms)
    notes += tuple(
        f"The apply of run {run.run_id} was broken off: what its journal says was, or may have been, written is undone."
        for run in _taken_back(request)
        if run.run_id in request.broken_off
    )
    notes += leave_alone(connection, request.before)
    # Somebody the source has deleted and the target too is nobody now, and comes back all the same.
    connection.execute(
        "INSERT INTO persons BY NAME SELECT key, key AS source_id, FALSE AS is_user, "
        "max(json_extract_string(after, '$')) FILTER (WHERE attribute = 'userName') AS user_name "
        "FROM returning_values ANTI JOIN persons USING (key) GROUP BY key"
    )
    empty(connection, "asked", ("key",))
    if request.only:
        select(connection, request.only)
        connection.execute("INSERT INTO asked FROM selected")
    empty(connection, "asked_attributes", ("attribute",))
    if request.only_attributes:
        connection.executemany("INSERT INTO asked_attributes VALUES (?)", [(path,) for path in request.only_attributes])
    return notes


def _choose(connection: DuckDBPyConnection, request: RollbackRequest, terms: Terms) -> None:
    """``endings``, ``returning_now``, ``rollback_candidates`` and ``explained``: what changes, what is left alone."""
    flags = {
        "some_people": bool(request.only),
        "some_attributes": bool(request.only_attributes),
        "overwrite": request.overwrite,
        "delete": request.delete_created,
    }
    make(connection, PACKAGE, tables=("endings", "returning_now", "holders"), parameters=flags)
    _nobody_then(connection, request.undo or request.before)
    repair_references(connection, request.files.actual, terms)
    earlier_runs.values_of(connection, "values_now", request.files.actual, terms, keys="restore_values")
    make(connection, PACKAGE, tables=("rollback_candidates",), parameters=flags)
    make(connection, PACKAGE, tables=("rollback_explained",))
    connection.execute("CREATE OR REPLACE TEMP VIEW explained AS FROM rollback_explained")


def _nobody_then(connection: DuckDBPyConnection, then: PriorRun | None) -> None:
    """Add to ``holders`` references that already pointed to a missing profile ``then``: they come back unchanged."""
    if then is not None:
        view(connection, "target_then", then.files.target)
        connection.execute(f"INSERT INTO holders {statement('rollback_to_nobody')}")


def _decide(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """``decided`` and ``counted``; returns what the reviewer must know beyond it."""
    make(connection, PACKAGE, tables=("edited", "rollback_decided"))
    connection.execute("CREATE OR REPLACE TEMP VIEW decided AS FROM rollback_decided")
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW counted AS "
        "SELECT source_id, profile_id, is_user, is_user AS in_scope, active FROM persons"
    )
    back = count(connection, "FROM decided WHERE decision = 'create'")
    edits = count(connection, "FROM rollback_candidates WHERE barred = 'edited_since'")
    lost = count(
        connection,
        "FROM (SELECT DISTINCT key FROM restore_values) w "
        "ANTI JOIN (FROM persons WHERE profile_id IS NOT NULL) p USING (key)",
    )
    said = {
        f"{back:,} deleted profiles come back under a new id; references to the old one are repaired, but passwords, "
        "sign-ins and whatever the directory does not show do not come back.": back,
        f"{edits:,} values were edited in the target since and are kept; --overwrite takes them back too.": edits,
        f"{lost:,} people this would restore have no profile any more and are left out.": lost,
    }
    return tuple(sentence for sentence, number in said.items() if number)


def _write_desired(connection: DuckDBPyConnection, files: RunFiles, terms: Terms) -> None:
    """``desired.parquet``: every profile of ours as it is to be once the rollback is applied."""
    chosen = []
    for attribute in terms.attributes:
        column, path = identifier(attribute.path), literal(attribute.path)
        text = f"max(e.after) FILTER (WHERE e.attribute = {path})"
        value = {"boolean": f"({text})::BOOLEAN", "complex": text}.get(
            attribute.kind, f"json_extract_string({text}, '$')"
        )
        chosen.append(
            f"CASE WHEN bool_or(e.attribute = {path}) THEN {value} ELSE any_value(a.{column}) END AS {column}"
        )
    write(
        connection,
        f"SELECT d.key, {', '.join(chosen)}, []::VARCHAR[] AS left_alone FROM decided d "
        "LEFT JOIN actual a ON a.key = d.key LEFT JOIN explained e ON e.key = d.key "
        "WHERE d.source_id IS NOT NULL AND d.decision <> 'delete' "
        "AND (d.profile_id IS NOT NULL OR d.decision = 'create') "
        "GROUP BY d.key ORDER BY d.key",
        files.desired,
    )
