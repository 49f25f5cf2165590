"""Facts about a side as a whole: what no single row shows. Plain numbers; the suites say what is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.expectations.people import PACKAGE
from trueup.expectations.relations import arrow, first
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.quoting import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute

FEW = 50
"""Below so many people a column says nothing about itself."""


@dataclass(frozen=True, slots=True)
class Collapse:
    """An attribute that was many things in the target and is one thing for nearly everybody now."""

    attribute: str
    share: float
    """Of the people on both sides who would get the one value."""
    distinct_before: int


def whole(connection: DuckDBPyConnection) -> dict[str, int]:
    """The source as a whole, by the names of ``whole.sql``."""
    cursor = connection.execute(statement("whole", PACKAGE))
    names = [column[0] for column in cursor.description or ()]
    row = (cursor.fetchall() or [()])[0]
    return {name: int(value or 0) for name, value in zip(names, row, strict=True)}


def collapses(
    connection: DuckDBPyConnection, attributes: Iterable[ManagedAttribute], there: frozenset[str]
) -> tuple[Collapse, ...]:
    """Attributes that would become one value for nine in ten of the people who have at least ten different ones now.

    Args:
        connection: with ``pairs``, ``desired`` and ``target``.
        attributes: of the mapping; only text and references that both files have are looked at.
        there: columns of ``target.parquet``.
    """
    looked_at = [a for a in attributes if a.path in there and a.path != "externalId"]
    texts = [a.path for a in looked_at if a.kind == "text"]
    references = [a.path for a in looked_at if a.kind == "reference"]
    if not texts and not references:
        return ()
    joined = "FROM pairs p JOIN desired d ON d.key = p.key JOIN target t ON t.id = p.profile_id"
    # Nine in ten get the one value and fewer than half have it: at least four in ten get another than they have. That
    # is quicker to see than how many values there are, but for references, which the two sides spell in their own way.
    others = [f"count(*) FILTER (WHERE d.{identifier(n)} IS DISTINCT FROM t.{identifier(n)})" for n in texts]
    row = first(connection, f"SELECT {', '.join(['count(*)', *others, *map(_different, references)])} {joined}")
    if row is None or row[0] < FEW:
        return ()
    counts = dict(zip(references, _in_twos(row[1 + len(texts) :]), strict=True))
    changing = [name for name, many in zip(texts, row[1 : 1 + len(texts)], strict=True) if many >= 0.39 * row[0]]
    if changing:
        more = first(connection, f"SELECT {', '.join(map(_different, changing))} {joined}") or ()
        counts |= dict(zip(changing, _in_twos(more), strict=True))
    suspects = [a.path for a in looked_at if a.path in counts and counts[a.path][0] <= 0.2 * counts[a.path][1]]
    found = []
    for name in suspects:
        column = identifier(name)
        shares = first(
            connection,
            f"SELECT count(*) FILTER (WHERE d.{column} = m.value) / count(*), count(DISTINCT t.{column}), "
            f"count(*) FILTER (WHERE t.{column} = m.value) / count(*) {joined} "
            f"CROSS JOIN (SELECT mode(d.{column}) AS value {joined}) m",
        )
        if shares and shares[0] >= 0.9 and shares[1] >= 10 and shares[2] < 0.5:
            found.append(Collapse(name, float(shares[0]), int(shares[1])))
    return tuple(found)


def _different(name: str) -> str:
    return f"approx_count_distinct(d.{identifier(name)}), approx_count_distinct(t.{identifier(name)})"


def _in_twos(row: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    return list(zip(row[::2], row[1::2], strict=True))


def drift(connection: DuckDBPyConnection, columns: Iterable[str]) -> dict[str, float]:
    """What history compares: rows, and share of nulls and distinct values (approximate) per column of ``users``."""
    names = [name for name in columns if name != "id"]
    asked = "".join(
        f", 1 - count({identifier(n)}) / greatest(count(*), 1), approx_count_distinct({identifier(n)})" for n in names
    )
    row = first(connection, f"SELECT count(*){asked} FROM users") or (0,)
    facts = {"rows": float(row[0])}
    for number, name in enumerate(names):
        facts[f"nulls:{name}"] = float(row[1 + 2 * number])
        facts[f"distinct:{name}"] = float(row[2 + 2 * number])
    return facts


def circles(connection: DuckDBPyConnection) -> None:
    """Make ``circles``: everybody whose chain of managers leads back to them (self-managers apart).

    Following every chain twice as far at each step, twenty steps reach the end of any chain of a million; who is
    still pointed at then lies on a circle.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    table = arrow(connection, "SELECT id AS key, CASE WHEN manager <> id THEN manager END AS manager FROM users")
    keys, managers = table["key"].combine_chunks(), table["manager"].combine_chunks()
    size = table.num_rows
    positions = pc.index_in(managers, value_set=keys, skip_nulls=True).fill_null(size)
    step = np.append(positions.to_numpy(zero_copy_only=False).astype(np.int64), size)
    for _ in range(max(size, 1).bit_length()):
        step = step[step]
    reached = np.unique(step)
    rows = pa.array(reached[reached < size], type=pa.int64())
    connection.register("circle_keys", pa.table({"key": keys.take(rows)}))
    connection.execute("CREATE OR REPLACE TEMP TABLE circles AS SELECT key FROM circle_keys")
    connection.unregister("circle_keys")
