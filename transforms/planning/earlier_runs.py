"""What earlier runs teach: who is linked, what a target did not keep, what a rollback restored, what was once given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import columns_of, empty, view, write
from trueup.transforms.duck.runner import make, remember
from trueup.transforms.history import telling_of_target
from trueup.transforms.planning.sql import PACKAGE, statement
from trueup.transforms.values.columns import json_of
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.planning.comparison import Terms

_LINKS = ("source_id", "profile_id", "matched_by", "since")
_OUTCOME = ("key", "profile_id", "operation", "result")


def known_links(history: History, into: Path) -> Path | None:
    """Write who is ours after the last applied run (columns of ``links.parquet``); None when none was applied yet."""
    if history.baseline is None:
        return None
    connection = connect()
    links_before(connection, history.baseline)
    write(connection, "FROM links_before ORDER BY source_id", into)
    return into


def names_in_vain(history: History) -> tuple[str, ...]:
    """User names the last applied run could not create: perhaps they belong to profiles the target does not list."""
    if history.baseline is None:
        return ()
    connection = connect(threads=1)
    view(connection, "outcome_then", history.baseline.files.outcome, columns=_OUTCOME)
    view(connection, "changes_then", history.baseline.files.changes, columns=("key", "attribute", "after"))
    return tuple(str(name) for (name,) in connection.execute(statement("names_in_vain")).fetchall())


def links_before(connection: DuckDBPyConnection, baseline: PriorRun | None) -> None:
    """Make the relation ``links_before`` (source_id, profile_id, matched_by, since); empty without a baseline."""
    if baseline is None:
        empty(connection, "links_before", ("source_id", "profile_id", "matched_by", "since"))
        return
    view(connection, "links_then", baseline.files.links, columns=_LINKS)
    view(connection, "outcome_linked", baseline.files.outcome, columns=_OUTCOME)
    view(connection, "decisions_linked", baseline.files.decisions, columns=("key", "reason_code"))
    remember(connection, "links_run", baseline.run_id)
    make(connection, PACKAGE, tables=("made_then",), views=("links_before",), parameters={"run": baseline.run_id})


def last_reconcile(history: History) -> PriorRun | None:
    """The newest applied run that was no rollback: what the source said last."""
    return next((run for run in history.applied if run.kind is Kind.RECONCILE), None)


def not_kept(connection: DuckDBPyConnection, history: History, schema_digest: str) -> None:
    """Make ``suppressed`` (key, attribute, written, found): values this target altered or dropped, the last per pair.

    A changed schema of the target forgets everything learnt under the old one, and ``doctor --relearn`` all of it.
    """
    empty(connection, "suppressed", ("key", "attribute", "written", "found"))
    runs = [r for r in telling_of_target(history, schema_digest) if r.files.outcome.exists()]
    if not runs:
        return
    outcomes(connection, runs)
    connection.execute(f"INSERT INTO suppressed {statement('suppressed')}")


def outcomes(connection: DuckDBPyConnection, runs: Sequence[PriorRun]) -> None:
    """``outcomes``: those of ``runs`` (newest first) with ``age``, 0 for the newest."""
    parts = [
        f"SELECT {age} AS age, key, operation, result, before, written, found "
        f"FROM read_parquet({literal(str(run.files.outcome))})"
        for age, run in enumerate(runs)
    ]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW outcomes AS {' UNION ALL BY NAME '.join(parts)}")


def altered_case(connection: DuckDBPyConnection, history: History) -> frozenset[str]:
    """Paths whose case this target was seen to alter: said by its state, or read back so after a write."""
    said = {path for run in history.applied[:1] for path in _as_names(run.manifest.target_state.get("alters_case"))}
    runs = [r for r in telling_of_target(history) if r.files.outcome.exists()]
    if runs:
        outcomes(connection, runs)
        found = connection.execute(statement("altered_case")).fetchall()
        said.update(str(row[0]) for row in found)
    return frozenset(said)


def _as_names(value: object) -> Iterable[str]:
    return (str(name) for name in value) if isinstance(value, (list, tuple, set, frozenset)) else ()


def provided(connection: DuckDBPyConnection, history: History, terms: Terms) -> None:
    """Make ``provided`` (key, attribute): which of the relation ``clearings`` the source once had a value for.

    Looks at the last applied run first and further back only where that run had nothing to tell by.
    """
    empty(connection, "provided", ("key", "attribute"))
    connection.execute("CREATE OR REPLACE TEMP TABLE unsure AS SELECT DISTINCT key, attribute FROM clearings")
    for run in history.applied:
        if run.kind is not Kind.RECONCILE or not run.files.desired.exists():
            continue
        if not connection.execute("SELECT 1 FROM unsure LIMIT 1").fetchone():
            return
        values_then(connection, run, "desired", terms, keys="unsure")
        values_then(connection, run, "actual", terms, keys="unsure")
        view(connection, "wide_then", run.files.desired)
        view(connection, "decisions_then", run.files.decisions)
        view(connection, "changes_then", run.files.changes)
        connection.execute(statement("provided"))
        connection.execute(statement("still_unsure"))


def values_then(connection: DuckDBPyConnection, run: PriorRun, side: str, terms: Terms, *, keys: str) -> None:
    """Make ``<side>_then`` (key, attribute, value as JSON text) of ``run`` for the people in ``keys``."""
    path = run.files.desired if side == "desired" else run.files.actual
    values_of(connection, f"{side}_then", path, terms, keys=keys)


def values_of(connection: DuckDBPyConnection, into: str, path: Path, terms: Terms, *, keys: str) -> None:
    """Make ``into`` (key, attribute, value as JSON text) from the wide file ``path`` for the people in ``keys``."""
    view(connection, "wide_then", path)
    have = columns_of(connection, "wide_then")
    asked = _attributes_in(connection, keys)
    structs = [
        f"{{'attribute': {literal(a.path)}, 'value': {json_of(a, 'w.' + identifier(a.path))}}}"
        for a in terms.attributes
        if (asked is None or a.path in asked)
        and a.path in have
        and (a.kind == "boolean") == (have[a.path] == "BOOLEAN")
    ]
    if not structs:
        empty(connection, into, ("key", "attribute", "value"))
        return
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT key, v.attribute, v.value FROM ("
        f"SELECT w.key, unnest([{', '.join(structs)}]) AS v FROM wide_then w "
        f"WHERE w.key IN (SELECT key FROM {keys}))"
    )


def _attributes_in(connection: DuckDBPyConnection, keys: str) -> frozenset[str] | None:
    """The attributes the relation ``keys`` names; None where it names people only."""
    if "attribute" not in columns_of(connection, keys):
        return None
    rows = connection.execute(f"SELECT DISTINCT attribute FROM {identifier(keys)}").fetchall()
    return frozenset(str(row[0]) for row in rows)


def rolled_back(connection: DuckDBPyConnection, history: History, terms: Terms, *, desired: Path) -> None:
    """Make ``restored`` (key, attribute, decision, bad, end_state): what rollbacks restored and nothing released since.

    ``bad`` is the source's value that was taken back; while the source still says it, the attribute is left alone.
    """
    empty(connection, "restored", ("key", "attribute", "decision", "bad", "bad_state"))
    for run in history.applied:
        if run.kind is not Kind.ROLLBACK or not run.files.outcome.exists() or _released_whole(run):
            continue
        bad = _last_reconcile_before(history, run)
        if bad is None:
            continue
        view(connection, "rollback_changes", run.files.changes)
        view(connection, "rollback_outcome", run.files.outcome)
        connection.execute("CREATE OR REPLACE TEMP TABLE rollback_keys AS SELECT key FROM rollback_outcome")
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE rollback_values AS SELECT key, attribute FROM rollback_changes "
            "SEMI JOIN rollback_keys USING (key)"
        )
        values_then(connection, bad, "desired", terms, keys="rollback_keys")
        view(connection, "decisions_then", bad.files.decisions)
        _spoken_since(connection, history, run, terms)
        connection.execute(statement("restored"))
        values_of(connection, "desired_now", desired, terms, keys="rollback_keys")
        connection.execute(statement("restored_no_more"))


def _released_whole(run: PriorRun) -> bool:
    return any(act.act is Act.RELEASED and not act.details.get("keys") for act in run.acts)


def _last_reconcile_before(history: History, run: PriorRun) -> PriorRun | None:
    return next((r for r in history.applied if r.kind is Kind.RECONCILE and r.run_id < run.run_id), None)


def _spoken_since(connection: DuckDBPyConnection, history: History, run: PriorRun, terms: Terms) -> None:
    """``spoken`` (key, attribute or null for all): what was released, planned or unsaid after ``run``.

    Needs ``desired_then`` and ``decisions_then`` of the run whose values were taken back.
    """
    empty(connection, "spoken", ("key", "attribute"))
    for other in history.runs:
        for act in other.acts:
            keys = act.details.get("keys") or ()
            if act.act is Act.RELEASED and keys and run.manifest.sealed <= act.at:
                connection.executemany("INSERT INTO spoken VALUES (?, NULL)", [(str(key),) for key in keys])
    for later in history.applied:
        if later.run_id <= run.run_id or later.kind is not Kind.RECONCILE or not later.files.desired.exists():
            continue
        view(connection, "changes_then", later.files.changes, columns=("key", "attribute"))
        connection.execute(
            "INSERT INTO spoken SELECT key, attribute FROM changes_then WHERE key IN (SELECT key FROM rollback_keys)"
        )
        values_of(connection, "desired_later", later.files.desired, terms, keys="rollback_values")
        view(connection, "wide_then", later.files.desired)
        view(connection, "decisions_later", later.files.decisions, columns=("key", "reason_code"))
        connection.execute(statement("spoken_by_source"))
