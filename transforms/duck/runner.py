"""Statements of a folder, made into relations in the order their own headers give.

A statement says what it reads and what it gives in the comment at its head::

    -- Users nobody is known to belong to yet.
    -- in:  linked, by_hand(source_id, rivals), and the parameter $some
    -- out: source_id

Its result is called like its file. Values are parameters (``$name``); a view, which keeps none, reads them with
``getvariable('name')``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import duckdb

from trueup.transforms.duck import database
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from duckdb import DuckDBPyConnection

_BRACKETS = re.compile(r"\([^()]*\)")
_PARAMETER = re.compile(r"\$([a-z_]+)")
_RELATION = re.compile(r"(?:and )?([a-z_]+)\s*\Z")


@dataclass(frozen=True, slots=True)
class Statement:
    """One ``.sql`` file and what its header says."""

    name: str
    text: str
    reads: tuple[str, ...]
    """The relations it reads."""
    parameters: frozenset[str]


@cache
def statement(name: str, package: str) -> Statement:
    """The statement ``name`` of ``package``.

    Raises:
        ValueError: its header does not say what it reads.
    """
    text = database.statement(name, package)
    lines = text.splitlines()
    head = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    _, said, rest = head.partition("in: ")
    inputs, gives, _ = rest.partition("out: ")
    if not said or not gives:
        raise ValueError(f"{name}.sql does not say at its head what it reads and what it gives")
    body = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    return Statement(name, text, _relations(inputs), frozenset(_PARAMETER.findall(body)))


def _relations(inputs: str) -> tuple[str, ...]:
    """The names in a list like ``a(b, c), d, and the macro m(t)``; from ``and the`` on no relations are meant."""
    plain = inputs
    while _BRACKETS.search(plain):
        plain = _BRACKETS.sub("", plain)
    listed = plain.split("and the ")[0]
    return tuple(found[1] for part in listed.split(",") if (found := _RELATION.search(part.strip())))


def in_order(statements: Iterable[Statement], have: Collection[str]) -> tuple[Statement, ...]:
    """``statements``, each after those whose results it reads.

    Raises:
        Failed: one reads what neither another makes nor ``have`` names.
        graphlib.CycleError: they read one another.
    """
    named = {one.name: one for one in statements}
    for one in named.values():
        if missing := sorted(set(one.reads) - named.keys() - set(have)):
            raise Failed(f"{one.name}.sql reads {', '.join(missing)}, which nothing has made.", remedy="Plan again.")
    graph = {name: [read for read in one.reads if read in named] for name, one in named.items()}
    return tuple(named[name] for name in TopologicalSorter(graph).static_order())


def make(
    connection: DuckDBPyConnection,
    package: str,
    *,
    tables: Collection[str] = (),
    views: Collection[str] = (),
    parameters: Mapping[str, Any] | None = None,
    nobody: Collection[str] = (),
) -> None:
    """Make relations from the statements of ``package`` that are called like them, each after what it reads.

    Args:
        connection: has everything they read besides one another.
        package: whose folder the statements lie in.
        tables: what is worked out once.
        views: what is worked out wherever it is read.
        parameters: by name; each is given to the statements that have it.
        nobody: of these tables only the columns are wanted: the scans are spared.

    Raises:
        Failed: a statement reads what nothing has made.
    """
    given = dict(parameters or {})
    statements = [statement(name, package) for name in (*tables, *views)]
    # DuckDB knows at once whether a relation is there; to ask it beforehand costs more than many a statement.
    believed = {read for one in statements for read in one.reads}
    try:
        _make(connection, in_order(statements, believed), given, views=views, nobody=nobody)
    except duckdb.CatalogException:
        in_order(statements, relations(connection))
        raise


def _make(
    connection: DuckDBPyConnection,
    statements: Iterable[Statement],
    given: Mapping[str, Any],
    *,
    views: Collection[str],
    nobody: Collection[str],
) -> None:
    for one in statements:
        if one.name in views:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(one.name)} AS {one.text}")
            continue
        text = f"FROM (\n{one.text}\n) LIMIT 0" if one.name in nobody else one.text
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {identifier(one.name)} AS {text}",
            {name: given[name] for name in one.parameters} or None,
        )


def remember(connection: DuckDBPyConnection, name: str, value: str | bool | None) -> None:  # noqa: FBT001 - the value
    """Set the variable ``name``, which views read."""
    connection.execute(f"SET VARIABLE {identifier(name)} = {literal(value)}")


def relations(connection: DuckDBPyConnection) -> frozenset[str]:
    """The names of all tables and views of the connection."""
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)
