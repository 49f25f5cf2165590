"""What apply has to do, from a sealed plan: in phases, unique values freed before they are taken.

Phases: ``freeing`` (people who hold a unique value somebody else is to get, in the order that frees it), then
``creates``, ``updates``, ``references`` (once everybody exists), ``deactivations``, ``deletes``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of, schema_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.sql import statement
from trueup.transforms.values.paths import parse
from trueup.transforms.vocabulary import Decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

Phase = Literal["freeing", "creates", "updates", "references", "deactivations", "deletes"]
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute of one person. Values are plain JSON values; a reference's are keys of people."""

    attribute: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What is to be written for one person."""

    key: str
    operation: Decision
    profile_id: str | None
    """Null for creates."""
    user_name: str | None
    changes: tuple[Change, ...]
    """All but references."""
    references: tuple[Change, ...]
    """Written after everybody's profile exists."""
    aside: tuple[str, ...] = ()
    """Attributes that first get a passing value, because somebody who waits for us holds the one we are to get."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """Who goes first."""

    ranks: Mapping[str, int]
    """Key → turn in the phase ``freeing``; people who are not in it go in their ordinary phase."""
    aside: Mapping[str, tuple[str, ...]]
    """Key → attributes that step aside before the first turn."""


class Work:
    """The work of one run; open while it is streamed."""

    def __init__(self, engine: DuckDBPyConnection, ordering: Ordering) -> None:
        self._engine = engine
        self._ordering = ordering
        self.total = _count(engine, "items")
        """People to be written."""
        self.creates = _count(engine, "items WHERE operation = 'create'")
        self.left_out = tuple(
            (str(key), Decision(operation), profile_id)
            for key, operation, profile_id in engine.execute(statement("work_left_out")).fetchall()
        )
        """``(key, operation, profile_id)`` of people the plan would write and the approval leaves out."""
        rows = engine.execute(statement("work_people")).fetchall()
        self.profiles: dict[str, str] = {key: profile for key, profile, _ in rows if profile is not None}
        """Key → profile id of everybody a reference mentions and whose profile existed at the snapshot."""

    def aside(self) -> Iterator[WorkItem]:
        """People who must step aside before anything else."""
        return self._people(tuple(self._ordering.aside)) if self._ordering.aside else iter(())

    def freeing(self) -> Iterator[tuple[WorkItem, ...]]:
        """The turns of the phase ``freeing``: everybody of one turn at once, one turn after the other."""
        turns: dict[int, list[str]] = {}
        for key, rank in self._ordering.ranks.items():
            turns.setdefault(rank, []).append(key)
        for rank in sorted(turns):
            yield tuple(self._people(tuple(turns[rank])))

    def phase(self, phase: Phase) -> Iterator[WorkItem]:
        """The people of one ordinary phase who were not in ``freeing``; ``references`` has all who have some."""
        operations = {
            "creates": ("create",),
            "updates": ("update", "reactivate"),
            "references": ("create", "update", "reactivate", "deactivate"),
            "deactivations": ("deactivate",),
            "deletes": ("delete",),
        }[phase]
        condition = f"operation IN ({', '.join(literal(word) for word in operations)})"
        if phase == "references":
            condition += " AND refs IS NOT NULL"
        elif phase in {"updates", "deactivations"}:
            condition += " AND changes IS NOT NULL"
        for item in self._select(condition):
            if phase == "references" or item.key not in self._ordering.ranks:
                yield item

    def people(self) -> Iterator[WorkItem]:
        """Everybody, by key."""
        return self._select("TRUE")

    def snapshot_of(self, profile_id: str) -> str | None:
        """The whole resource as the snapshot has it, as JSON text; none for a profile it does not know."""
        found = self._engine.cursor().execute("SELECT resource FROM target WHERE id = ?", [profile_id]).fetchone()
        return None if found is None else str(found[0])

    def key_of(self, profile_ids: list[str]) -> dict[str, str]:
        """Profile id → key for the profiles that are in the plan."""
        asked = pa.table({"profile_id": pa.array(profile_ids, pa.string())})
        cursor = self._engine.cursor()
        cursor.register("asked", asked)
        rows = cursor.execute(
            "SELECT profile_id, any_value(key) FROM decisions SEMI JOIN asked USING (profile_id) GROUP BY profile_id"
        ).fetchall()
        return dict(rows)

    def close(self) -> None:
        """Let go of the plan's files."""
        self._engine.close()

    def _people(self, keys: tuple[str, ...]) -> Iterator[WorkItem]:
        return self._select(f"key IN ({', '.join(literal(key) for key in keys)})")

    def _select(self, condition: str) -> Iterator[WorkItem]:
        cursor = self._engine.cursor()
        cursor.execute(
            f"SELECT key, operation, profile_id, user_name, changes, refs FROM items WHERE {condition} ORDER BY key"
        )
        while rows := cursor.fetchmany(_BATCH):
            for key, operation, profile_id, user_name, changes, refs in rows:
                item = WorkItem(key, Decision(operation), profile_id, user_name, _changes(changes), _changes(refs))
                aside = self._ordering.aside.get(key)
                yield replace(item, aside=aside) if aside else item


def plan_work(files: RunFiles, *, left_out: Path | None = None) -> Work:
    """The work of the sealed run ``files``, less what the approval leaves out.

    Args:
        files: ``decisions``, ``changes``, ``links`` and ``target`` are read.
        left_out: Parquet file with ``key`` and ``attribute`` (null: the whole person).
    """
    engine = connect()
    for name, path in (("decisions", files.decisions), ("changes", files.changes), ("links", files.links)):
        engine.execute(f"CREATE VIEW {name} AS SELECT * FROM {rows_of(path)}")
    if left_out is None:
        engine.execute("CREATE VIEW left_out AS SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS attribute WHERE FALSE")
    else:
        engine.execute(f"CREATE VIEW left_out AS SELECT key, attribute::VARCHAR AS attribute FROM {rows_of(left_out)}")
    engine.execute(
        f"CREATE VIEW target AS SELECT id, resource FROM {rows_of(files.target)}"
        if files.target.exists()
        else "CREATE VIEW target AS SELECT NULL::VARCHAR AS id, NULL::VARCHAR AS resource WHERE FALSE"
    )
    attributes = [row[0] for row in engine.execute("SELECT DISTINCT attribute FROM changes ORDER BY 1").fetchall()]
    engine.execute("CREATE TABLE paths (attribute VARCHAR, is_reference BOOLEAN, is_unique BOOLEAN)")
    if attributes:
        meant = [(one, parse(one)) for one in attributes]
        rows = [f"({literal(one)}, {path.is_reference}, {path.is_unique})" for one, path in meant]
        engine.execute(f"INSERT INTO paths VALUES {', '.join(rows)}")
    engine.execute(f"CREATE TABLE items AS {statement('work_items')}")
    engine.execute(f"CREATE VIEW held AS {_held(files, attributes)}")
    return Work(engine, order(engine.execute(statement("work_freed")).fetchall()))


def _held(files: RunFiles, attributes: list[str]) -> str:
    """Unique values as the target had them, long: ``profile_id, attribute, value``."""
    empty = "SELECT NULL::VARCHAR AS profile_id, NULL::VARCHAR AS attribute, NULL::VARCHAR AS value WHERE FALSE"
    if not files.target.exists():
        return empty
    columns = set(schema_of(files.target).names)
    unique = [attribute for attribute in attributes if parse(attribute).is_unique and attribute in columns]
    parts = [
        f"SELECT id AS profile_id, {literal(a)} AS attribute, {identifier(a)}::VARCHAR AS value "
        f"FROM {rows_of(files.target)} "
        "WHERE id IN (SELECT profile_id FROM items WHERE operation = 'delete')"
        for a in unique
    ]
    return " UNION ALL ".join([empty, *parts])


def order(edges: list[tuple[str, str, str]]) -> Ordering:
    """Turns for those who must free a value, from ``(taker, freer, attribute)``; circles are broken.

    In a circle one person steps aside: the value it holds is free at once, so nobody waits for it any more.
    """
    waits: dict[str, dict[str, set[str]]] = {}
    freers = {freer for _, freer, _ in edges}
    for taker, freer, attribute in edges:
        waits.setdefault(freer, {})
        if taker in freers:
            waits.setdefault(taker, {}).setdefault(freer, set()).add(attribute)
    ranks: dict[str, int] = {}
    aside: dict[str, set[str]] = {}
    rank = 0
    pending = dict(waits)
    while pending:
        ready = sorted(key for key, freers_of in pending.items() if not freers_of)
        if not ready:
            stuck = _in_a_circle(pending)
            for freers_of in pending.values():
                if stuck in freers_of:
                    aside.setdefault(stuck, set()).update(freers_of.pop(stuck))
            continue
        for key in ready:
            ranks[key] = rank
            del pending[key]
        for freers_of in pending.values():
            for key in ready:
                freers_of.pop(key, None)
        rank += 1
    return Ordering(ranks, {key: tuple(sorted(attributes)) for key, attributes in aside.items()})


def _in_a_circle(pending: Mapping[str, Mapping[str, set[str]]]) -> str:
    """Somebody met twice when following who waits for the next."""
    met: list[str] = []
    at = min(pending)
    while at not in met:
        met.append(at)
        at = min(pending[at])
    return min(met[met.index(at) :])


def passing_value(key: str, value: Any) -> str:
    """The value somebody holds while stepping aside: always the same for the same person, an e-mail if it was one."""
    text = str(value or "")
    mark = hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()[:10]
    return f"moving-{mark}-{text}" if text else f"moving-{mark}"


def _changes(rows: list[dict[str, str | None]] | None) -> tuple[Change, ...]:
    return tuple(Change(str(row["attribute"]), _value(row["before"]), _value(row["after"])) for row in rows or ())


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _count(engine: DuckDBPyConnection, relation: str) -> int:
    row = engine.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0
