"""One person through the mapping: every attribute's value, and every part of its expression on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import described, of_run, rows_of
from trueup.transforms.errors import Misused
from trueup.transforms.mapping.cases import Answer, trace
from trueup.transforms.mapping.sources import FIRST_PHONE, SOFT_DELETED, column_of
from trueup.transforms.mapping.statement import compile_run
from trueup.transforms.mapping.tree import attributes

if TYPE_CHECKING:
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from trueup.transforms.mapping.model import Mapping
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Traced:
    """One target attribute of one person."""

    path: str
    expression: str
    value: Any
    """As in ``desired.parquet``."""
    left_alone: bool
    parts: tuple[tuple[str, Answer], ...]
    """Each part of the expression that is not a constant, innermost first, with what it gives."""


@dataclass(frozen=True, slots=True)
class Person:
    """One user as the mapping sees them."""

    key: str
    in_scope: bool
    excluded_by: str | None
    held: str | None
    attributes: tuple[Traced, ...]


def columns_in(connection: DuckDBPyConnection, files: RunFiles) -> dict[str, str]:
    """Columns of a run's ``source.parquet`` with their DuckDB types."""
    return described(connection, files.source)


def examine(mapping: Mapping, source: SourceSettings, files: RunFiles, wanted: str, *, at: datetime) -> Person:
    """The person ``wanted`` names (object id, user name or e-mail) in the source snapshot of a run.

    Raises:
        Misused: nobody there has that name, or several have.
    """
    with connect() as connection:
        columns = columns_in(connection, files)
        key = _key(connection, columns, files, wanted)
        compiled = compile_run(mapping, source, columns=columns, at=at, seed=files.run_id)
        scope = _row(connection, of_run(compiled.scope_sql, files), key) or {}
        desired = _row(connection, of_run(compiled.sql, files), key) or {}
        held = _row(connection, of_run(compiled.held_sql, files), key)
        user = _row(connection, f'SELECT id AS "key", * FROM {rows_of(files.source)}', key) or {}
        traced = []
        for attribute in mapping.attributes:
            tree = mapping.trees[attribute.path]
            parts: list[tuple[str, Answer]] = []
            if tree is not None and attribute.path not in compiled.unreadable:
                names = [node.name for node in attributes(tree)]
                inputs = {name: _input(name, user, in_scope=bool(scope.get("in_scope"))) for name in names}
                parts = trace(connection, tree, inputs, now=at)
            alone = attribute.path in (desired.get("left_alone") or [])
            value = desired.get(attribute.path)
            traced.append(Traced(attribute.path, attribute.expression, value, alone, tuple(parts)))
        return Person(
            key=key,
            in_scope=bool(scope.get("in_scope")),
            excluded_by=scope.get("excluded_by"),
            held=None if held is None else held["reason"],
            attributes=tuple(traced),
        )


def _key(connection: DuckDBPyConnection, columns: dict[str, str], files: RunFiles, wanted: str) -> str:
    names = [name for name in ("id", "userPrincipalName", "mail") if name in columns]
    for name in names:
        found = connection.execute(
            f'SELECT id FROM {rows_of(files.source)} WHERE lower("{name}") = lower($1) ORDER BY id', [wanted]
        ).fetchall()
        if len(found) == 1:
            return str(found[0][0])
        if found:
            raise Misused(
                f"{len(found)} users of run {files.run_id} have this {name}.", remedy="Name the person by object id."
            )
    raise Misused(
        f"Run {files.run_id} has no user of that name.",
        remedy="Give an object id, a userPrincipalName or an e-mail as the source has it.",
    )


def _row(connection: DuckDBPyConnection, sql: str, key: str) -> dict[str, Any] | None:
    cursor = connection.execute(f'SELECT * FROM ({sql}) AS t WHERE "key" = $1', [key])
    names = [column[0] for column in cursor.description or []]
    row = cursor.fetchone()
    return None if row is None else dict(zip(names, row, strict=True))


def _input(name: str, user: dict[str, Any], *, in_scope: bool) -> Any:
    if name == SOFT_DELETED:
        return user.get("accountEnabled") is False or not in_scope
    value = user.get(column_of(name))
    if name == FIRST_PHONE and isinstance(value, list):
        return next((phone for phone in value if phone and phone.strip()), None)
    return value
