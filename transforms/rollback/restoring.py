"""What profiles are to be again, from journalled values or from an earlier snapshot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import columns_of, empty, view
from trueup.transforms.duck.runner import make
from trueup.transforms.planning import earlier_runs
from trueup.transforms.rollback.sql import PACKAGE, statement
from trueup.transforms.values.equality import canonical, is_nothing
from trueup.transforms.values.paths import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import PriorRun
    from trueup.transforms.planning.comparison import Terms

_SERVERS_OWN = frozenset({"id", "meta", "schemas", "groups"})
_URN = "urn:"


def desired_for_undo(
    connection: DuckDBPyConnection, run: PriorRun, terms: Terms, *, broken_off: Mapping[str, Path]
) -> None:
    """Fill ``restore_values``, ``lifecycle``, ``returning_values``: what ``run`` wrote is as just before its writes."""
    _lifecycle(connection, (run,), terms, broken_off)
    connection.execute(f"INSERT INTO restore_values SELECT *, TRUE FROM ({statement('rollback_touched')})")
    _back_in_place(connection)


def desired_for_before(
    connection: DuckDBPyConnection,
    run: PriorRun,
    terms: Terms,
    *,
    since: Sequence[PriorRun],
    overwrite: bool,
    broken_off: Mapping[str, Path],
) -> None:
    """Fill ``restore_values``, ``lifecycle``, ``returning_values``: profiles are as in the snapshot of ``run``.

    ``since`` are the applied runs from ``run`` on, newest first: without ``overwrite`` only what they wrote is
    taken back, with it every managed value of profiles that were there.
    """
    told = [r for r in since if r.run_id in broken_off or r.files.outcome.exists()]
    _lifecycle(connection, told, terms, broken_off)
    view(connection, "decisions_then", run.files.decisions, columns=("key", "profile_id"))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE then_keys AS SELECT d.key, p.key AS now_key FROM decisions_then d "
        "JOIN persons p ON p.profile_id = d.profile_id WHERE p.source_id IS NOT NULL "
        "UNION SELECT d.key, d.key FROM decisions_then d JOIN persons p ON p.key = d.key "
        "WHERE d.profile_id IS NOT NULL AND p.profile_id IS DISTINCT FROM d.profile_id"
    )
    earlier_runs.values_then(connection, run, "actual", terms, keys="then_keys")
    touched = f"JOIN ({statement('rollback_touched')}) t ON t.key = k.now_key AND t.attribute = v.attribute"
    left = ("NULL", "FALSE", "") if overwrite else ("t.left_value", "TRUE", touched)
    connection.execute(
        f"INSERT INTO restore_values SELECT k.now_key, v.attribute, v.value, {left[0]}, {left[1]} "
        f"FROM actual_then v JOIN then_keys k ON k.key = v.key {left[2]} "
        "WHERE k.now_key NOT IN (SELECT key FROM created_then) AND k.now_key NOT IN (SELECT key FROM removed)"
    )
    _back_in_place(connection)


def repair_references(connection: DuckDBPyConnection, actual: Path, terms: Terms) -> None:
    """Let people who referred to a profile that comes back, and refer to nobody now, refer to it again."""
    view(connection, "actual_now", actual)
    for attribute in terms.attributes:
        if attribute.kind != "reference":
            continue
        path, column = literal(attribute.path), identifier(attribute.path)
        connection.execute(
            f"INSERT INTO restore_values SELECT r.key, {path}, to_json(r.manager)::VARCHAR, NULL, FALSE "
            "FROM referrers r SEMI JOIN returning_now n ON n.key = r.manager JOIN actual_now a ON a.key = r.key "
            f"WHERE r.attribute = {path} AND (a.{column} IS NULL OR a.{column} = 'profile:' || r.old_profile) "
            f"AND r.key NOT IN (SELECT key FROM restore_values WHERE attribute = {path})"
        )


def _lifecycle(
    connection: DuckDBPyConnection, runs: Sequence[PriorRun], terms: Terms, broken_off: Mapping[str, Path]
) -> None:
    """``lifecycle``, ``created_then``, ``removed``, ``returning_values`` and ``referrers`` of what ``runs`` did."""
    if runs:
        earlier_runs.outcomes(connection, runs, broken_off)
        connection.execute(f"INSERT INTO lifecycle {statement('rollback_lifecycle')}")
    else:
        empty(connection, "outcomes", ("age BIGINT", "key", "operation", *_LISTS))
    make(connection, PACKAGE, tables=("created_then", "removed"))
    for age, run in enumerate(runs):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE removed_here AS SELECT key FROM removed WHERE age = {age}")
        if connection.execute("SELECT 1 FROM removed_here LIMIT 1").fetchone():
            _removed_by(connection, run, terms)


_PAIR = "STRUCT(attribute VARCHAR, value VARCHAR)[]"
_LISTS = (f"before {_PAIR}", f"written {_PAIR}", f"found {_PAIR}")


def _removed_by(connection: DuckDBPyConnection, run: PriorRun, terms: Terms) -> None:
    """What the profiles ``run`` deleted were, and who referred to them."""
    earlier_runs.values_then(connection, run, "actual", terms, keys="removed_here")
    view(connection, "decisions_then", run.files.decisions)
    connection.execute(
        "INSERT INTO returning_values SELECT v.key, v.attribute, v.value, d.profile_id FROM actual_then v "
        "JOIN decisions_then d ON d.key = v.key"
    )
    view(connection, "target_then", run.files.target)
    whole = connection.execute(
        "SELECT d.key, t.resource, t.id FROM decisions_then d SEMI JOIN removed_here r ON r.key = d.key "
        "JOIN target_then t ON t.id = d.profile_id"
    ).fetchall()
    covered = frozenset(a.path for a in terms.attributes)
    rows = [(key, path, text, old) for key, resource, old in whole for path, text in unmanaged(resource, covered)]
    if rows:
        connection.executemany("INSERT INTO returning_values VALUES (?, ?, ?, ?)", rows)
    view(connection, "wide_then", run.files.actual)
    have = columns_of(connection, "wide_then")
    for attribute in terms.attributes:
        if attribute.kind == "reference" and attribute.path in have:
            column = identifier(attribute.path)
            connection.execute(
                f"INSERT INTO referrers SELECT w.key, {literal(attribute.path)}, w.{column}, d.profile_id "
                f"FROM wide_then w JOIN removed_here r ON r.key = w.{column} JOIN decisions_then d ON d.key = r.key"
            )


def unmanaged(resource: str, covered: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Path and JSON text of what a resource holds beyond ``covered``; what only the server sets is left out.

    A list or object of which ``covered`` has parts is given as a whole: the parts are written over it.
    """
    content: dict[str, Any] = json.loads(resource)
    members: list[tuple[str, Any]] = []
    for name, value in content.items():
        if name.startswith(_URN) and isinstance(value, dict):
            members += [(f"{name}:{inner}", found) for inner, found in value.items()]
        elif name not in _SERVERS_OWN:
            members.append((name, value))
    for path, value in members:
        if path not in covered and not is_nothing(value) and not parse(path).is_reference:
            yield path, canonical(value)


def _back_in_place(connection: DuckDBPyConnection) -> None:
    """Deleted profiles that exist again (made anew since, or only deactivated by the target) get their values back."""
    connection.execute(
        "INSERT INTO restore_values SELECT v.key, v.attribute, v.after, NULL, FALSE FROM returning_values v "
        "JOIN persons p ON p.key = v.key AND p.profile_id IS NOT NULL JOIN terms t ON t.attribute = v.attribute"
    )
