"""One person's whole story in a sealed run, collected from the run's files and those around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trueup.expectations.people import PACKAGE, judge_into
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import described, rows_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.errors import Misused
from trueup.transforms.settings import PeopleSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun

_NOT_VALUES = frozenset({"id", "key", "left_alone", "resource", "version"})


def story(run: PriorRun, history: History, wish: str) -> dict[str, Any]:
    """Everything the archive knows of one person in ``run``, as plain JSON values.

    Args:
        run: a sealed run.
        history: all runs against the same target, for what happened before and after.
        wish: object id, user name or e-mail of a user; ``profile:`` and a profile's id; or a profile's user name.

    Raises:
        Misused: nobody, or more than one person, goes by ``wish``.
    """
    with connect() as connection:
        key = find(connection, run, wish)
        decision = _first(connection, run.files.decisions, "key", key)
        profile_id = (decision or {}).get("profile_id") or (
            key.partition(":")[2] if key.startswith("profile:") else None
        )
        findings = _rows(connection, run.files.findings, "key", key, order='severity DESC, "check"')
        changes = _rows(connection, run.files.changes, "key", key, order="attribute")
        for change in changes:
            change["before"], change["after"] = _value(change["before"]), _value(change["after"])
        source = _first(connection, run.files.source, "id", key)
        return {
            "run_id": run.run_id,
            "state": run.state,
            "key": key,
            "source": _said(source),
            "not_readable": _not_readable(connection, run.files.source) if source else [],
            "verdict": _verdict(connection, run, key) if source else None,
            "scope": _scope(run, source, decision) | {"clauses": _clauses(connection, run, key)},
            "findings": [{name: row[name] for name in ("check", "severity", "reason", "remedy")} for row in findings],
            "match": _match(connection, run, key, profile_id, decision),
            "desired": _said(_first(connection, run.files.desired, "key", key)),
            "left_alone": list((_first(connection, run.files.desired, "key", key) or {}).get("left_alone") or []),
            "actual": _said(_first(connection, run.files.actual, "key", key)),
            "decision": decision,
            "changes": changes,
            "limits": _limits(run, decision, changes),
            "refusals": [refusal.as_json() for refusal in run.manifest.refusals],
            "apply": _apply(connection, run, key),
            "acts": [{"act": str(act.act), "at": act.at.isoformat(), "who": act.who} for act in run.acts],
            "held_since": _held_since(connection, run, history, key, decision),
            "other_runs": _others(connection, run, history, key),
        }


def find(connection: DuckDBPyConnection, run: PriorRun, wish: str) -> str:
    """The key of the one person ``wish`` names.

    Raises:
        Misused: nobody, or several.
    """
    files = run.files
    wanted = wish.strip().lower()
    found: set[str] = set()
    for path, column, asked in (
        (files.source, "id", ("id", "userPrincipalName", "mail")),
        (files.decisions, "key", ("key", "source_id", "user_name")),
    ):
        there = [name for name in asked if name in _columns(connection, path)]
        if there and not found:
            where = " OR ".join(f"lower({identifier(name)}) = $wanted" for name in there)
            query = f"SELECT DISTINCT {identifier(column)} FROM {rows_of(path)} WHERE {where}"
            found |= {str(row[0]) for row in connection.execute(query, {"wanted": wanted}).fetchall()}
    if not found and wanted.startswith("profile:") and "profile_id" in _columns(connection, files.decisions):
        query = f"SELECT key FROM {rows_of(files.decisions)} WHERE profile_id = $wanted"
        rows = connection.execute(query, {"wanted": wish.strip().partition(":")[2]}).fetchall()
        found = {str(row[0]) for row in rows}
    if not found:
        raise Misused(
            f"Nobody in run {run.run_id} has that key or name.",
            remedy="Give an object id, a user name, an e-mail, or profile:ID; --run names another run.",
        )
    if len(found) > 1:
        raise Misused(
            f"{len(found)} people in run {run.run_id} have that name: {', '.join(sorted(found)[:10])}.",
            remedy="Give the key of the one you mean.",
        )
    return found.pop()


def _columns(connection: DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    if not path.exists():
        return ()
    return tuple(described(connection, path))


def _rows(
    connection: DuckDBPyConnection, path: Path, column: str, key: str, *, order: str = ""
) -> list[dict[str, Any]]:
    names = _columns(connection, path)
    if column not in names:
        return []
    sorting = f" ORDER BY {order}" if order else ""
    query = f"SELECT * FROM {rows_of(path)} WHERE {identifier(column)} = $key{sorting}"
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query, {"key": key}).fetchall()]


def _first(connection: DuckDBPyConnection, path: Path, column: str, key: str) -> dict[str, Any] | None:
    return next(iter(_rows(connection, path, column, key)), None)


def _said(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is not null, without what is not a value of the person."""
    if row is None:
        return None
    return {name: value for name, value in row.items() if value is not None and name not in _NOT_VALUES}


def _value(text: str | None) -> Any:
    """JSON text as ``changes.parquet`` holds it; null is absent."""
    return None if text is None else json.loads(text)


def _not_readable(connection: DuckDBPyConnection, path: Path) -> list[str]:
    from trueup.transforms.attributes import CHECKED

    there = _columns(connection, path)
    return [name for name in CHECKED if name not in there]


def _verdict(connection: DuckDBPyConnection, run: PriorRun, key: str) -> dict[str, Any]:
    """Judged anew by the run's own rules: the tenant as a whole is part of every verdict."""
    people = PeopleSettings.model_validate(run.manifest.configuration.get("people") or {})
    judge_into(connection, run.files.source, people)
    row = connection.execute(statement("verdict_of", PACKAGE), {"key": key}).fetchone()
    if row is None:
        return {"verdict": None, "signals": [], "overridden_by": None}
    return {"verdict": row[0], "signals": list(row[1] or []), "overridden_by": row[2]}


def _scope(run: PriorRun, source: dict[str, Any] | None, decision: dict[str, Any] | None) -> dict[str, Any]:
    said = run.manifest.configuration.get("scope") or {}
    code = (decision or {}).get("reason_code")
    return {
        "rule": said.get("scope"),
        "enterprise_app": said.get("enterprise_app"),
        "groups": said.get("groups"),
        "filters": said.get("filters"),
        "assigned": (source or {}).get("assigned"),
        "assigned_by": (source or {}).get("assigned_by"),
        "excluded_by": decision["reason"] if decision and code in {"not_assigned", "filtered_out"} else None,
    }


def _clauses(connection: DuckDBPyConnection, run: PriorRun, key: str) -> list[dict[str, Any]]:
    """Each clause of the run's own filters, looked at anew in its snapshot."""
    from dataclasses import asdict

    from trueup.transforms.mapping.clauses import clauses_seen
    from trueup.transforms.mapping.filters import parse_clause

    said = (run.manifest.configuration.get("scope") or {}).get("filters") or ()
    if not run.files.source.exists():
        return []
    filters = tuple(tuple(parse_clause(text) for text in one) for one in said)
    return [asdict(seen) for seen in clauses_seen(connection, filters, run.files.source, key)]


def _match(
    connection: DuckDBPyConnection, run: PriorRun, key: str, profile_id: str | None, decision: dict[str, Any] | None
) -> dict[str, Any]:
    link = _first(connection, run.files.links, "source_id", key) or {}
    return {
        "profile_id": profile_id,
        "matched_by": (decision or {}).get("matched_by") or link.get("matched_by"),
        "since": link.get("since"),
    }


def _limits(run: PriorRun, decision: dict[str, Any] | None, changes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The limits this person counts against."""
    counted = {str((decision or {}).get("decision"))}
    for change in changes:
        counted.add(f"changed:{change['attribute']}")
        if change["after"] is None:
            counted.add(f"emptied:{change['attribute']}")
    if "deactivate" in counted:
        counted.add("window_deactivate")
    return [use.model_dump(mode="json") for use in run.manifest.limits if use.name in counted]


def _apply(connection: DuckDBPyConnection, run: PriorRun, key: str) -> dict[str, Any] | None:
    row = _first(connection, run.files.outcome, "key", key)
    if row is None:
        return None
    return {name: row.get(name) for name in ("operation", "result", "reason", "attempts", "before", "written", "found")}


def _held_since(
    connection: DuckDBPyConnection, run: PriorRun, history: History, key: str, decision: dict[str, Any] | None
) -> str | None:
    """The first of the unbroken row of whole runs that held the person, this one included."""
    if not decision or decision["decision"] != "hold":
        return None
    since = run.run_id
    for earlier in sorted(history.runs, key=lambda one: one.run_id, reverse=True):
        if earlier.run_id >= run.run_id or earlier.manifest.only or earlier.is_pruned:
            continue
        if not earlier.files.decisions.exists():
            continue
        before = _first(connection, earlier.files.decisions, "key", key)
        if before is None or before["decision"] != "hold":
            break
        since = earlier.run_id
    return since


def _others(connection: DuckDBPyConnection, run: PriorRun, history: History, key: str) -> list[dict[str, Any]]:
    """What other runs decided about the person, newest first, ten at most."""
    found: list[dict[str, Any]] = []
    for other in sorted(history.runs, key=lambda one: one.run_id, reverse=True):
        if other.run_id == run.run_id or other.is_pruned or len(found) == 10:
            continue
        row = _first(connection, other.files.decisions, "key", key)
        if row:
            done = _first(connection, other.files.outcome, "key", key)
            found.append(
                {
                    "run_id": other.run_id,
                    "state": other.state,
                    "decision": row["decision"],
                    "reason": row["reason"],
                    "changes": len(_rows(connection, other.files.changes, "key", key)),
                    "result": (done or {}).get("result"),
                }
            )
    return found
