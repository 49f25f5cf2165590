"""Why an attribute changes: found in the last applied run, and in older ones where that cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import columns_of, empty, view
from trueup.transforms.duck.runner import make
from trueup.transforms.planning.earlier_runs import told_of, values_then
from trueup.transforms.planning.sql import PACKAGE
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.planning.comparison import Terms

DEPTH = 30
"""How many applied runs are asked at most; what none of them can tell counts as ``source_changed``."""

_DECISIONS = ("key", "profile_id", "decision", "reason_code")
_OUTCOME = ("key", "profile_id", "operation", "result")
_FOUND = "STRUCT(attribute VARCHAR, value VARCHAR, class VARCHAR)[]"
_CHANGES = ("key", "attribute", "before", "after", "cause")


def explain(connection: DuckDBPyConnection, history: History, terms: Terms) -> None:
    """Make ``explained``: ``planned`` with a cause for every row."""
    runs = [run for run in history.known if run.kind is Kind.RECONCILE and run.files.desired.exists()]
    _decided_last(connection, runs, history)
    make(connection, PACKAGE, tables=("explained_at_once",))
    connection.execute("ALTER TABLE explained_at_once RENAME TO explained")
    connection.execute("DROP TABLE planned")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE ends AS SELECT key, end_state FROM courses WHERE end_state IS NOT NULL"
    )
    for age, run in enumerate(runs[:DEPTH]):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE open_changes AS SELECT key, attribute, before, after FROM explained "
            "WHERE cause IS NULL"
        )
        if not connection.execute("SELECT 1 FROM open_changes LIMIT 1").fetchone():
            break
        asked = told_of(connection, run, history, "open_changes")
        if asked != "open_changes":
            connection.execute(f"CREATE OR REPLACE TEMP TABLE open_changes AS FROM {asked}")
        if age:
            _decided_then(connection, run, keys="open_changes")
        _ask(connection, run, terms)
    connection.execute("UPDATE explained SET cause = 'source_changed' WHERE cause IS NULL")


def _decided_last(connection: DuckDBPyConnection, runs: Sequence[PriorRun], history: History) -> None:
    """``decided_then``: what was decided last about the people in ``planned``, for each by who spoke of them last."""
    whole = next((run for run in runs if not run.manifest.partial_read and run not in history.amending), None)
    _decided_then(connection, whole, keys="planned")
    for run in reversed(runs[: runs.index(whole)] if whole else runs):
        connection.execute("CREATE OR REPLACE TEMP TABLE decided_last AS FROM decided_then")
        keys = told_of(connection, run, history, "planned")
        _decided_then(connection, run, keys=keys)
        connection.execute("INSERT INTO decided_then FROM decided_last WHERE key NOT IN (SELECT key FROM decided_then)")


def _decided_then(connection: DuckDBPyConnection, run: PriorRun | None, *, keys: str) -> None:
    """``decided_then``: what ``run`` decided about the people in ``keys``, with the profiles that its apply created."""
    view(connection, "decisions_then", run.files.decisions if run else None, columns=_DECISIONS)
    view(connection, "created_then", run.files.outcome if run else None, columns=_OUTCOME)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE decided_then AS "
        "SELECT d.* REPLACE (coalesce(d.profile_id, made.profile_id) AS profile_id) "
        f"FROM (SELECT {', '.join(_DECISIONS)} FROM decisions_then) d "
        "LEFT JOIN (SELECT key, min(profile_id) AS profile_id FROM created_then "
        "WHERE operation = 'create' AND result = 'applied' GROUP BY key) made USING (key) "
        f"WHERE key IN (SELECT key FROM {keys})"
    )


def _ask(connection: DuckDBPyConnection, run: PriorRun, terms: Terms) -> None:
    values_then(connection, run, "desired", terms, keys="open_changes")
    values_then(connection, run, "actual", terms, keys="open_changes")
    view(connection, "changes_then", run.files.changes, columns=_CHANGES)
    _left_behind(connection, run)
    _moved_sources(connection, run, terms)
    make(connection, PACKAGE, tables=("explained_by_run",))
    connection.execute(
        "UPDATE explained SET cause = a.cause FROM explained_by_run a "
        "WHERE a.key = explained.key AND a.attribute = explained.attribute "
        "AND explained.cause IS NULL AND a.cause IS NOT NULL"
    )


def _left_behind(connection: DuckDBPyConnection, run: PriorRun) -> None:
    """``results_then`` (key, result), and ``left_behind`` (key, attribute, value): what the run's own apply left."""
    columns = ("key", "operation", "result", f"found {_FOUND}")
    view(connection, "applied_then", run.files.outcome, columns=columns)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW results_then AS SELECT key, result FROM applied_then WHERE operation <> 'restore'"
    )
    make(connection, PACKAGE, tables=("left_behind",))


def _moved_sources(connection: DuckDBPyConnection, run: PriorRun, terms: Terms) -> None:
    """``moved_sources``: attributes for which a source column the expression reads says something else than then."""
    empty(connection, "moved_sources", ("key", "attribute"))
    if not run.files.source.exists():
        return
    view(connection, "source_then", run.files.source)
    now, then = columns_of(connection, "source"), columns_of(connection, "source_then")
    rows = []
    open_now = {row[0] for row in connection.execute("SELECT DISTINCT attribute FROM open_changes").fetchall()}
    for attribute in (a for a in terms.attributes if a.path in open_now):
        shared = [c for c in attribute.source_columns if c in now and now[c] == then.get(c)]
        differ = [f"s.{identifier(c)} IS DISTINCT FROM b.{identifier(c)}" for c in shared]
        # A column that is new, gone or of another type cannot show that the source said the same.
        if not attribute.source_columns or len(shared) < len(attribute.source_columns):
            differ.append("FALSE" if not attribute.source_columns else "TRUE")
        rows.append(f"CASE WHEN {' OR '.join(differ)} THEN {literal(attribute.path)} END")
    moved = ", ".join([*rows, "NULL::VARCHAR"])
    connection.execute(
        f"INSERT INTO moved_sources SELECT s.id, unnest(list_filter([{moved}], lambda e: e IS NOT NULL)) "
        "FROM source s LEFT JOIN (FROM source_then WHERE id IN (SELECT key FROM open_changes)) b ON b.id = s.id "
        "WHERE s.id IN (SELECT key FROM open_changes)"
    )
