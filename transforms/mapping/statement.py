"""The whole mapping as SQL, and the files it makes.

``mapping.sql`` is one SELECT: ``users`` (the columns read), steps (what several columns share), one column per line.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import of_run, rows_of, write_rows
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.mapping.columns import Column, column
from trueup.transforms.mapping.compiler import Compiler
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.scope import Scope
from trueup.transforms.mapping.sources import SOFT_DELETED, Users
from trueup.transforms.mapping.unsaid import UNSAID, filter_reason, is_unsaid
from trueup.transforms.mapping.values import FAIL, LEAVE, NOTHING, PASS, Kind, Value
from trueup.transforms.private import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping as Dictionary
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.mapping.model import Mapping
    from trueup.transforms.mapping.tree import Attribute
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import SourceSettings

_KEY = '"key"'


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """What a mapping comes to for one source snapshot."""

    sql: str
    """``mapping.sql``: run in the run's directory it gives ``desired.parquet``."""
    scope_sql: str
    """``.work/scope``: ``key``, ``in_scope``, ``reason_code``, ``excluded_by``."""
    held_sql: str
    """``.work/held``: ``key``, ``reason``."""
    paths: tuple[str, ...]
    """Columns of ``desired.parquet`` between ``key`` and ``left_alone``."""
    unreadable: tuple[str, ...]
    """Paths left alone for everybody, since the source could not say what they need."""
    needs_assigned: bool
    """Whether the scope rests on the column ``assigned``."""


def compile_run(
    mapping: Mapping,
    source: SourceSettings,
    *,
    columns: Dictionary[str, str],
    at: datetime,
    seed: str,
    default_domain: str | None = None,
    target: str = "target.parquet",
) -> CompiledMapping:
    """The SQL of a run.

    Args:
        mapping: what :func:`load_mapping` gave.
        source: whose scope and filters decide who is in scope.
        columns: of ``source.parquet``, name → DuckDB type. What is missing could not be read.
        at: the run's time, for ``Now()``.
        seed: the run id; what ``Guid()`` and ``RandomString()`` are drawn from.
        default_domain: the tenant's default domain, where it is known.
        target: file of profiles, beside the source's, in which ``SelectUniqueValue`` sees what is taken.

    Raises:
        Misused: an expression or a filter that cannot be compiled; columns that differ only by case.
        Failed: scope or filters rest on a column that could not be read.
    """
    _same_but_for_case(columns)
    scope = Scope(mapping, source, columns)
    users = Users(columns)
    compiler = Compiler(
        resolve=lambda node: _resolved(users, scope, node),
        at=at,
        seed=seed,
        key=_KEY,
        default_domain=default_domain,
        own_names=lambda: [users.value(name).sql for name in ("userPrincipalName", "mail") if users.has(name)],
    )
    made: list[Column] = []
    unreadable: list[str] = []
    for attribute in mapping.attributes:
        if any(not users.has(name) for name in attribute.source_columns):
            unreadable.append(attribute.path)
            made.append(Column(attribute.path, f"NULL::{'BOOLEAN' if attribute.kind == 'boolean' else 'VARCHAR'}"))
            continue
        tree = mapping.trees[attribute.path]
        taken = f'SELECT {identifier(attribute.path)}, "externalId", "userName" FROM read_parquet({literal(target)})'
        compiler.taken = taken if attribute.apply == "create" else None
        try:
            one = column(compiler, attribute, NOTHING if tree is None else compiler.compile(tree))
            made.append(replace(one, needs=attribute.source_columns))
        except WrongExpression as wrong:
            raise wrong.placed(attribute.expression, mapping.place(attribute.path)) from wrong
    in_scope = {'"in scope"': scope.in_scope(users)} if scope.is_used else {}
    for name in scope.rests_on:
        users.value(name)
    extra = {UNSAID: users.unsaid(), **in_scope}
    ctes, last = _ctes(compiler, users, extra)
    return CompiledMapping(
        sql=_header(mapping) + ctes + _desired(made, unreadable, last),
        scope_sql=scope.sql(),
        held_sql=ctes + _held(made, last, scope.rests_on),
        paths=tuple(attribute.path for attribute in mapping.attributes),
        unreadable=tuple(unreadable),
        needs_assigned=source.scope != "all",
    )


def _resolved(users: Users, scope: Scope, node: Attribute) -> Value:
    if node.name != SOFT_DELETED:
        return users.value(node.name)
    enabled = users.value("accountEnabled").sql
    scope.is_used = True
    gone = f"(NOT coalesce({enabled}, TRUE) OR NOT {scope.column})"
    unknown = f"CASE WHEN {enabled} IS NULL AND {scope.column} THEN {literal(LEAVE)} END"
    return Value(gone, Kind.BOOLEAN, flow=unknown)


def _same_but_for_case(columns: Dictionary[str, str]) -> None:
    seen: dict[str, str] = {}
    for name in columns:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise Misused(
                f"The source has two columns that differ only by case: {other} and {name}.",
                remedy="Rename one of them at the source; DuckDB reads them as one.",
            )


def _ctes(compiler: Compiler, users: Users, extra: Dictionary[str, str]) -> tuple[str, str]:
    """``WITH …`` up to the last step, and that step's name."""
    ctes = [f"users AS (\n  {users.select(extra)}\n)"]
    last = "users"
    for number, step in enumerate(compiler.steps, 1):
        lines = ",\n    ".join(f"{sql} AS {name}" for name, sql in step.items())
        ctes.append(f"step_{number} AS (\n  SELECT\n    *,\n    {lines}\n  FROM {last}\n)")
        last = f"step_{number}"
    if compiler.uniques:
        ctes.append(f"stepped AS (\n  SELECT * FROM {last}\n)")
        ctes += compiler.uniques
        numbers = range(1, len(compiler.uniques) + 1)
        values = ", ".join(f'u{n}.value AS "unique {n}"' for n in numbers)
        joins = " ".join(f'LEFT JOIN "unique {n} given" AS u{n} ON u{n}."key" = stepped."key"' for n in numbers)
        ctes.append(f"placed AS (\n  SELECT stepped.*, {values}\n  FROM stepped {joins}\n)")
        last = "placed"
    return "WITH " + ",\n".join(ctes) + "\n", last


def _desired(made: Sequence[Column], unreadable: Sequence[str], last: str) -> str:
    always = f"[{', '.join(map(literal, unreadable))}]::VARCHAR[]"
    flows = [f"CASE WHEN {one.flow} IS NOT NULL THEN {literal(one.path)} END" for one in made if one.flow is not None]
    alone = _listed([*flows, *map(literal, unreadable)]) if flows else always
    either = [
        f"CASE WHEN {is_unsaid(one.needs)}{f' OR {one.flow} IS NOT NULL' if one.flow else ''} "
        f"THEN {literal(one.path)} END"
        for one in made
        if one.needs
    ]
    rest = [
        flow for flow, one in zip(flows, (one for one in made if one.flow is not None), strict=True) if not one.needs
    ]
    # Of nearly everybody everything was said: only for the others is it looked at attribute by attribute.
    alone = f"CASE WHEN {UNSAID} IS NULL THEN {alone} ELSE {_listed([*either, *rest, *map(literal, unreadable)])} END"
    lines = [f"{_said(one)} AS {identifier(one.path)}" for one in made]
    body = ",\n  ".join([_KEY, *lines, f"{alone} AS left_alone"])
    return f"SELECT\n  {body}\nFROM {last}\nORDER BY {_KEY}\n"


def _listed(paths: Sequence[str]) -> str:
    listed = ",\n    ".join(paths)
    return f"list_filter([\n    {listed}\n  ]::VARCHAR[], lambda path: path IS NOT NULL)"


def _said(one: Column) -> str:
    return f"CASE WHEN NOT {is_unsaid(one.needs)} THEN {one.sql} END" if one.needs else one.sql


def _held(made: Sequence[Column], last: str, rests_on: Sequence[str]) -> str:
    reasons = [filter_reason(rests_on)] if rests_on else []
    for one in made:
        if one.flow is not None and one.may_hold:
            said = f"NOT {is_unsaid(one.needs)} AND " if one.needs else ""
            passed = literal(f"{one.path}: IgnoreObjectFlow passes the person over")
            failed = f"concat({literal(f'{one.path}: ')}, substr({one.flow}, 2))"
            reasons.append(
                f"CASE WHEN {said}{one.flow} = {literal(PASS)} THEN {passed} "
                f"WHEN {said}starts_with({one.flow}, {literal(FAIL)}) THEN {failed} END"
            )
    if not reasons:
        return f"SELECT {_KEY}, NULL::VARCHAR AS reason FROM users WHERE FALSE\n"
    joined = ",\n    ".join(reasons)
    return (
        f"SELECT {_KEY}, reason\nFROM (\n  SELECT {_KEY}, nullif(concat_ws('; ',\n    {joined}\n  ), '') AS reason\n"
        f"  FROM {last}\n)\nWHERE reason IS NOT NULL\nORDER BY {_KEY}\n"
    )


def _header(mapping: Mapping) -> str:
    """Comments; nothing that changes from run to run, since the text is part of a plan's fingerprint."""
    rows = "".join(f"--   {json.dumps(a.path)[1:-1]} ← {json.dumps(a.expression)[1:-1]}\n" for a in mapping.attributes)
    return (
        "-- The mapping, compiled.\n"
        "-- Rows in: source.parquet, one per user. Rows out: desired.parquet, one per user.\n"
        f"-- Run in this directory with the DuckDB shell: .read mapping.sql\n{rows}"
    )


def run_mapping(compiled: CompiledMapping, files: RunFiles) -> None:
    """Write ``mapping.sql``, ``desired.parquet``, ``.work/scope.parquet`` and ``.work/held.parquet``.

    Streams in bounded memory; paths in the SQL are relative to the run's directory.

    Raises:
        Failed: the disk is full, the source is damaged, or an assignment is neither yes nor no.
    """
    import duckdb

    files.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    spill = files.work / "spill"
    try:
        _write(files.mapping_sql, compiled.sql)
        with connect(spill=spill) as connection:
            if compiled.needs_assigned:
                _no_doubt(connection, files)
            _copy(connection, of_run(compiled.scope_sql, files), files.work_scope)
            _copy(connection, of_run(compiled.held_sql, files), files.work_held)
            _copy(connection, of_run(compiled.sql, files), files.desired)
    except (duckdb.Error, OSError) as error:
        raise Failed(
            f"The mapping of run {files.run_id} could not be worked out: {type(error).__name__}.",
            remedy="Is the disk full, or source.parquet damaged? Run again.",
        ) from error


def _no_doubt(connection: DuckDBPyConnection, files: RunFiles) -> None:
    found = connection.execute(f"SELECT count(*) FROM {rows_of(files.source)} WHERE assigned IS NULL").fetchone()
    if found and found[0]:
        raise Failed(
            f"The source does not say whether {found[0]} users are assigned.",
            remedy="See what cannot be read with: trueup doctor",
        )


def _copy(connection: DuckDBPyConnection, sql: str, path: Path) -> None:
    write_rows(connection, sql, path, options="COMPRESSION zstd")
    path.chmod(0o600)


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    write_text(path, text)
