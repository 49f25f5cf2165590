"""What made a plan stale: which side moved since, which attributes, of how many and which people."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import duckdb

from trueup.transforms.approval.run_state import overtakes
from trueup.transforms.approval.sql import statement
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.errors import Refusal
    from trueup.transforms.history import History, PriorRun

NAMED = 5
"""So many people are named by key in a sentence; the newer plan's report has them all."""
_STALE = ("run_overtaken", "run_superseded")
_NO_VALUES = ("key", "left_alone")


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved on one side between two plans of the same target."""

    side: Literal["source", "target"]
    people: int
    """Everybody with another value, appeared or vanished."""
    attributes: dict[str, int]
    """Attribute → people whose value is another one; most first. Empty attributes are not listed."""
    appeared: int
    vanished: int
    keys: tuple[str, ...]
    """The first ``NAMED`` of them."""

    def __str__(self) -> str:
        parts = [f"{name} {people}" for name, people in self.attributes.items()]
        parts += [f"{count} {word}" for word, count in (("new", self.appeared), ("gone", self.vanished)) if count]
        whose = ", ".join(self.keys) + (" …" if self.people > len(self.keys) else "")
        people = "1 person" if self.people == 1 else f"{self.people} people"
        return f"in the {self.side} {people} moved: {', '.join(parts)} ({whose})"


def what_moved(before: PriorRun, after: PriorRun) -> tuple[Movement, ...]:
    """How the desired and the actual values of two plans differ; sides that did not move are not in it.

    ``source`` is what the mapping makes of the source, so a changed mapping shows there too. Sides whose files are
    gone (pruned) are not compared. Only like is compared with like: a way back read no source, and what it wants is not
    what the mapping makes of one; nor does it, or a plan that read some people only, show who came and went.
    """
    sides: list[tuple[Literal["source", "target"], Path, Path]] = []
    if before.kind is after.kind is Kind.RECONCILE:
        sides.append(("source", before.files.desired, after.files.desired))
    sides.append(("target", before.files.actual, after.files.actual))
    alike = before.kind is after.kind and not (before.manifest.partial_read or after.manifest.partial_read)
    with connect() as connection:
        found = [
            _moved(connection, side, then, now, alike=alike)
            for side, then, now in sides
            if then.exists() and now.exists()
        ]
    return tuple(one for one in found if one.people)


def explained(refusals: Iterable[Refusal], run: PriorRun, history: History) -> list[Refusal]:
    """The same refusals; that of an overtaken plan also says what moved since, and since when."""
    newer = [other for other in history.runs if other.run_id > run.run_id and overtakes(other, run)]
    return [
        replace(one, message=f"{one.message} {_sentence(run, newer[0])}".rstrip())
        if newer and one.code in _STALE
        else one
        for one in refusals
    ]


def _sentence(run: PriorRun, newer: PriorRun) -> str:
    """What moved; empty when it cannot be found out: a refusal never fails for want of its explanation."""
    try:
        moved = [str(one) for one in what_moved(run, newer)]
    except duckdb.Error:
        return ""
    if run.manifest.configuration_digest != newer.manifest.configuration_digest:
        before, after = run.manifest.configuration, newer.manifest.configuration
        sections = ", ".join(sorted(key for key in after if before.get(key) != after[key])) or "a file it names"
        moved.append(f"the configuration changed: {sections}")
    since = run.manifest.started.isoformat(timespec="minutes")
    back = f"{newer.run_id} is a rollback; " if newer.kind is Kind.ROLLBACK else ""
    return f"Since {since}: {back}{'; '.join(moved) or 'neither side moved'}."


def _moved(
    connection: DuckDBPyConnection, side: Literal["source", "target"], before: Path, after: Path, *, alike: bool
) -> Movement:
    """What moved; where the two are not alike, of the people both speak of."""
    for name, path in (("then", before), ("now", after)):
        connection.execute(f"CREATE OR REPLACE VIEW {name}_values AS FROM {rows_of(path)}")
    known = _columns(connection, "now_values")
    columns = [name for name in _columns(connection, "then_values") if name in known and name not in _NO_VALUES]
    flags = [f"then_values.{identifier(name)} IS DISTINCT FROM now_values.{identifier(name)}" for name in columns]
    query = statement("stale_people").replace(":differs", f"[{', '.join(flags)}]::BOOLEAN[]")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE stale AS {query}")
    if not alike:
        connection.execute("DELETE FROM stale WHERE appeared OR vanished")
    everybody = "SELECT count(*), count(*) FILTER (appeared), count(*) FILTER (vanished) FROM stale"
    people, appeared, vanished = connection.execute(everybody).fetchall()[0]
    counts = connection.execute(
        "SELECT place, count(*) FROM (SELECT unnest(places) AS place FROM stale) GROUP BY place ORDER BY 2 DESC, 1"
    ).fetchall()
    keys = connection.execute("SELECT key FROM stale ORDER BY key LIMIT ?", [NAMED]).fetchall()
    attributes = {columns[place - 1]: int(count) for place, count in counts}
    return Movement(side, people, attributes, appeared, vanished, tuple(str(row[0]) for row in keys))


def _columns(connection: DuckDBPyConnection, view: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"DESCRIBE {view}").fetchall()]
