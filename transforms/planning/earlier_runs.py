"""What earlier runs teach: who is linked, what a target did not keep, what a rollback restored, what was once given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import columns_of, empty, view, write
from trueup.transforms.duck.runner import make, remember
from trueup.transforms.history import telling_of_target
from trueup.transforms.planning.selection import keys_of
from trueup.transforms.planning.sql import PACKAGE, statement
from trueup.transforms.values.columns import json_of
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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
    with connect() as connection:
        links_before(connection, history)
        write(connection, "FROM links_before ORDER BY source_id", into)
    return into


def names_not_created(history: History) -> tuple[str, ...]:
    """User names the last applied run could not create: perhaps they belong to profiles the target does not list."""
    if history.baseline is None:
        return ()
    with connect(threads=1) as connection:
        view(connection, "outcome_then", history.baseline.files.outcome, columns=_OUTCOME)
        view(connection, "changes_then", history.baseline.files.changes, columns=("key", "attribute", "after"))
        return tuple(str(name) for (name,) in connection.execute(statement("names_not_created")).fetchall())


def links_before(connection: DuckDBPyConnection, history: History) -> None:
    """Make the relation ``links_before`` (source_id, profile_id, matched_by, since); empty without a baseline.

    Of people a later plan for some was made for, that plan's word counts.
    """
    if history.baseline is None:
        empty(connection, "links_of_nobody", _LINKS)
        connection.execute("CREATE OR REPLACE TEMP VIEW links_before AS FROM links_of_nobody")
        return
    _links_after(connection, history.baseline)
    if not history.amending:
        return
    connection.execute("CREATE OR REPLACE TEMP TABLE links_amended AS FROM links_before")
    for run in reversed(history.amending):
        _people_of(connection, run)
        _links_after(connection, run)
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE links_amending AS FROM links_before "
            "WHERE source_id IN (SELECT key FROM people_of)"
        )
        connection.execute(
            "DELETE FROM links_amended WHERE source_id IN (SELECT key FROM people_of) "
            "OR profile_id IN (SELECT profile_id FROM links_amending)"
        )
        connection.execute("INSERT INTO links_amended FROM links_amending")
    connection.execute("CREATE OR REPLACE TEMP VIEW links_before AS FROM links_amended")


def _links_after(connection: DuckDBPyConnection, run: PriorRun) -> None:
    """``links_before``, as ``run`` alone left them."""
    view(connection, "links_then", run.files.links, columns=_LINKS)
    view(connection, "outcome_linked", run.files.outcome, columns=_OUTCOME)
    view(connection, "decisions_linked", run.files.decisions, columns=("key", "profile_id", "reason_code"))
    remember(connection, "links_run", run.run_id)
    make(
        connection,
        PACKAGE,
        tables=("made_then", "renamed_then"),
        views=("links_before",),
        parameters={"run": run.run_id},
    )


def add_links_of(connection: DuckDBPyConnection, run: PriorRun, outcome: Path) -> None:
    """Let ``links_before`` also have whom ``run``, whose apply never ended, wrote by links of its own, or created."""
    view(connection, "outcome_linked", outcome)
    view(connection, "links_then", run.files.links, columns=_LINKS)
    view(connection, "decisions_linked", run.files.decisions, columns=("key", "profile_id", "reason_code"))
    make(connection, PACKAGE, tables=("made_then", "renamed_then"), parameters={"run": run.run_id})
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE links_added AS "
        "SELECT l.* REPLACE (coalesce(n.profile_id, l.profile_id) AS profile_id) "
        "FROM (FROM links_before UNION ALL BY NAME FROM links_then "
        "WHERE source_id NOT IN (SELECT source_id FROM links_before) "
        "AND profile_id NOT IN (SELECT profile_id FROM links_before) "
        "AND source_id IN (SELECT key FROM outcome_linked)) l LEFT JOIN renamed_then n ON n.source_id = l.source_id "
        "WHERE l.source_id NOT IN (SELECT source_id FROM made_then) "
        "AND l.profile_id NOT IN (SELECT profile_id FROM made_then) "
        "UNION ALL BY NAME SELECT source_id, profile_id, 'created' AS matched_by, since FROM made_then"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE links_known AS FROM links_added")
    connection.execute("CREATE OR REPLACE TEMP VIEW links_before AS FROM links_known")


def links_of(history: History, keys: Iterable[str]) -> dict[str, str]:
    """Object id → profile id, of those of ``keys`` who have a profile of ours after the last applied run."""
    connection = connect()
    links_before(connection, history)
    empty(connection, "asked_for", ("key",))
    connection.executemany("INSERT INTO asked_for VALUES (?)", [(key,) for key in keys])
    rows = connection.execute(
        "SELECT source_id, profile_id FROM links_before WHERE source_id IN (SELECT key FROM asked_for) "
        "AND since IS NOT NULL"
    ).fetchall()
    return {str(source_id): str(profile_id) for source_id, profile_id in rows}


def people_of(run: PriorRun) -> tuple[str, ...]:
    """Keys of the people a plan for some was made for."""
    if run.manifest.partial_read:
        return run.manifest.only
    named = keys_of(run.files, run.manifest.only)
    return tuple(sorted({key for keys in named.values() for key in keys}))


def _people_of(connection: DuckDBPyConnection, run: PriorRun) -> None:
    """``people_of`` (key): the people a plan for some was made for."""
    empty(connection, "people_of", ("key",))
    connection.executemany("INSERT INTO people_of VALUES (?)", [(key,) for key in people_of(run)])


def told_of(connection: DuckDBPyConnection, run: PriorRun, history: History, keys: str) -> str:
    """The relation ``keys`` without the people ``run`` cannot speak of: those a plan for some was not made for."""
    if not run.manifest.partial_read and run not in history.amending:
        return keys
    _people_of(connection, run)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE told_of AS FROM {keys} WHERE key IN (SELECT key FROM people_of)")
    return "told_of"


def last_reconcile(history: History) -> PriorRun | None:
    """The newest applied run that was not a rollback: what the source said last."""
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


def outcomes(
    connection: DuckDBPyConnection, runs: Sequence[PriorRun], broken_off: Mapping[str, Path] | None = None
) -> None:
    """``outcomes``: those of ``runs`` (newest first) with ``age``, 0 for the newest.

    ``broken_off`` has those of runs whose apply never ended, by run id.
    """
    places = [(broken_off or {}).get(run.run_id, run.files.outcome) for run in runs]
    parts = [
        f"SELECT {age} AS age, key, operation, result, before, written, found FROM {rows_of(place)}"
        for age, place in enumerate(places)
    ]
    connection.execute(f"CREATE OR REPLACE TEMP VIEW outcomes AS {' UNION ALL BY NAME '.join(parts)}")


def altered_case(connection: DuckDBPyConnection, history: History) -> frozenset[str]:
    """Paths whose case this target was seen to alter: read back so after a write."""
    runs = [r for r in telling_of_target(history) if r.files.outcome.exists()]
    if not runs:
        return frozenset()
    outcomes(connection, runs)
    return frozenset(str(path) for (path,) in connection.execute(statement("altered_case")).fetchall())


def provided(connection: DuckDBPyConnection, history: History, terms: Terms) -> None:
    """Make ``provided`` (key, attribute): which of the relation ``clearings`` the source once had a value for.

    Looks at the last applied run first and further back only where that run had nothing to tell by.
    """
    empty(connection, "provided", ("key", "attribute"))
    connection.execute("CREATE OR REPLACE TEMP TABLE unsure AS SELECT DISTINCT key, attribute FROM clearings")
    for run in history.known:
        if run.kind is not Kind.RECONCILE or not run.files.desired.exists():
            continue
        if not connection.execute("SELECT 1 FROM unsure LIMIT 1").fetchone():
            return
        keys = told_of(connection, run, history, "unsure")
        values_then(connection, run, "desired", terms, keys=keys)
        values_then(connection, run, "actual", terms, keys=keys)
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
        _taken_back(connection, history, run, bad, terms)
        _releases_since(connection, history, run, terms)
        connection.execute(statement("restored"))
        values_of(connection, "desired_now", desired, terms, keys="rollback_keys")
        connection.execute(statement("restored_no_more"))


def _released_whole(run: PriorRun) -> bool:
    return any(act.act is Act.RELEASED and not act.details.get("keys") for act in run.acts)


def _last_reconcile_before(history: History, run: PriorRun) -> PriorRun | None:
    """The plan whose word on the source ``run`` took back."""
    given_up = next((r for r in history.runs if r.run_id == run.manifest.parent_run and not r.was_applied), None)
    if given_up is not None and given_up.files.journal.exists() and given_up.files.desired.exists():
        return given_up
    return next((r for r in history.applied if r.kind is Kind.RECONCILE and r.run_id < run.run_id), None)


def _taken_back(connection: DuckDBPyConnection, history: History, run: PriorRun, bad: PriorRun, terms: Terms) -> None:
    """``desired_then`` and ``decisions_then``: what the source said when ``run`` took it back.

    That is the word of the last applied plan before it, and of a plan for some in between, for its people.
    """
    values_then(connection, bad, "desired", terms, keys="rollback_keys")
    view(connection, "decisions_then", bad.files.decisions)
    between = [r for r in history.known if r.is_for_some and bad.run_id < r.run_id < run.run_id]
    if not between:
        return
    connection.execute("CREATE OR REPLACE TEMP TABLE desired_taken AS FROM desired_then")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE decisions_taken AS FROM decisions_then "
        "WHERE key IN (SELECT key FROM rollback_keys)"
    )
    for some in sorted(between, key=lambda one: one.run_id):
        _people_of(connection, some)
        values_then(connection, some, "desired", terms, keys="people_of")
        view(connection, "decisions_then", some.files.decisions)
        for taken, then in (("desired_taken", "desired_then"), ("decisions_taken", "decisions_then")):
            connection.execute(f"DELETE FROM {taken} WHERE key IN (SELECT key FROM people_of)")
            connection.execute(
                f"INSERT INTO {taken} BY NAME SELECT * FROM {then} WHERE key IN (SELECT key FROM people_of) "
                "AND key IN (SELECT key FROM rollback_keys)"
            )
    connection.execute("CREATE OR REPLACE TEMP TABLE desired_then AS FROM desired_taken")
    connection.execute("CREATE OR REPLACE TEMP VIEW decisions_then AS FROM decisions_taken")


def _releases_since(connection: DuckDBPyConnection, history: History, run: PriorRun, terms: Terms) -> None:
    """``releases`` (key, attribute or null for all): what was released, planned or unsaid after ``run``.

    Needs ``desired_then`` and ``decisions_then`` of the run whose values were taken back.
    """
    empty(connection, "releases", ("key", "attribute"))
    for other in history.runs:
        for act in other.acts:
            keys = act.details.get("keys") or ()
            if act.act is Act.RELEASED and keys and run.manifest.sealed <= act.at:
                connection.executemany("INSERT INTO releases VALUES (?, NULL)", [(str(key),) for key in keys])
    for later in history.known:
        if later.run_id <= run.run_id or later.kind is not Kind.RECONCILE or not later.files.desired.exists():
            continue
        view(connection, "changes_then", later.files.changes, columns=("key", "attribute"))
        connection.execute(
            "INSERT INTO releases SELECT key, attribute FROM changes_then WHERE key IN (SELECT key FROM rollback_keys)"
        )
        values_of(connection, "desired_later", later.files.desired, terms, keys="rollback_values")
        view(connection, "wide_then", later.files.desired)
        view(connection, "decisions_later", later.files.decisions, columns=("key", "reason_code"))
        connection.execute(statement("released_by_source"))
