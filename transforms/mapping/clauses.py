"""Scoping filters told clause by clause: what each says of one user, with the value it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import column_types
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.filters import holds
from trueup.transforms.mapping.sources import Users, column_of
from trueup.transforms.mapping.values import as_text

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.mapping.filters import Clause, Filter


@dataclass(frozen=True, slots=True)
class ClauseSeen:
    """What one clause says of one user."""

    filter: int
    """Counted from one; the clauses of a filter must all hold, and one filter that holds is enough."""
    clause: str
    value: str | None
    """As the clause compares it; null and empty are the same to it."""
    holds: bool | None
    """None where the column was not read."""


def clauses_seen(
    connection: DuckDBPyConnection, filters: tuple[Filter, ...], source: Path, key: str
) -> tuple[ClauseSeen, ...]:
    """Every clause of ``filters``, in order, for the user ``key`` of ``source.parquet``; none without such a user.

    Raises:
        WrongExpression: a clause about an attribute with several values, which no run could have had.
    """
    from_whom = f"(SELECT {literal(key)} AS key)"
    return clauses_of(connection, filters, source, from_whom).get(key, ())


def clauses_of(
    connection: DuckDBPyConnection, filters: tuple[Filter, ...], source: Path, people: str
) -> dict[str, tuple[ClauseSeen, ...]]:
    """The same for every user of the relation ``people`` (column ``key``), by key; who is not a user has none."""
    users = Users(column_types(source))
    every = [(number, clause) for number, one in enumerate(filters, 1) for clause in one]
    if not every:
        return {}
    asked = ", ".join(_asked(users, clause) for _, clause in every)
    query = f"SELECT id, {asked} FROM {rows_of(source)} WHERE id IN (SELECT key FROM {people} AS people) ORDER BY id"
    return {
        row[0]: tuple(
            ClauseSeen(number, str(clause), row[1 + 2 * place], row[2 + 2 * place])
            for place, (number, clause) in enumerate(every)
        )
        for row in connection.execute(query).fetchall()
    }


def _asked(users: Users, clause: Clause) -> str:
    if not users.has(column_of(clause.attribute)):
        return "NULL, NULL"
    value = users.value(clause.attribute)
    return f"{as_text(value)}, {holds(clause, value)}"
