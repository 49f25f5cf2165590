"""A team's own mapping tests: one case is an expression, inputs and the expected result.

Works without a source, a target or a configuration: the inputs are the user.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Misused
from trueup.transforms.mapping.compiler import Compiler
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.parser import parse
from trueup.transforms.mapping.tree import render
from trueup.transforms.mapping.values import FAIL, LEAVE, NOTHING, PASS, Kind, Value, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from trueup.transforms.mapping.tree import Attribute, Expression

FLOWS = ("value", "ignore-attribute", "ignore-object")
_DOMAIN = "$defaultDomain"
_NOBODY = "SELECT NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR"
_ROLE = 'STRUCT(id VARCHAR, "value" VARCHAR, displayName VARCHAR)[]'


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a mapping."""

    id: str
    expression: str
    inputs: Mapping[str, Any]
    output: Any
    flow: str = "value"
    now: datetime | None = None
    taken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expression gives for one user."""

    value: Any
    """Plain JSON; null where the flow is not ``value``."""
    flow: str = "value"
    error: str | None = None
    """Why the expression is refused, or the person set aside."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The result of one case; ``error`` is set when it was refused."""

    id: str
    ok: bool
    got: Any
    expected: Any
    error: str | None


def read_cases(text: str, where: str) -> tuple[Case, ...]:
    """The cases of a JSON document: a list of objects, or an object with the list under ``cases``.

    Raises:
        Misused: it is not such a document; the message names the case.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Misused(f"{where} is not JSON: {error}.", remedy="docs/mapping.md shows a case.") from error
    rows = document.get("cases") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise Misused(f"{where} holds no list of cases.", remedy="docs/mapping.md shows a case.")
    return tuple(_case(row, number, where) for number, row in enumerate(rows, 1))


def _case(row: Any, number: int, where: str) -> Case:
    if not isinstance(row, dict) or not isinstance(row.get("expression"), str):
        raise Misused(f"{where}, case {number}: it needs at least an expression.", remedy="docs/mapping.md shows one.")
    name = str(row.get("id", number))
    flow, inputs, taken = row.get("flow", "value"), row.get("inputs", {}), row.get("taken_in_target")
    if flow not in FLOWS:
        raise Misused(f"{where}, case {name}: flow is one of {', '.join(FLOWS)}, not {flow!r}.")
    inputs, taken = {} if inputs is None else inputs, [] if taken is None else taken
    if not isinstance(inputs, dict) or not isinstance(taken, list):
        raise Misused(f"{where}, case {name}: inputs is an object and taken_in_target a list.")
    now = None
    if row.get("now") is not None:
        try:
            now = datetime.fromisoformat(str(row["now"]))
        except ValueError:
            raise Misused(f"{where}, case {name}: now is a time such as 2026-11-23T01:00:00Z.") from None
        now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
    return Case(name, row["expression"], inputs, row.get("output"), flow, now, tuple(map(str, taken)))


def check(cases: Sequence[Case], *, now: datetime) -> tuple[CaseResult, ...]:
    """The result of every case, in order; ``now`` is for cases that name none."""
    with connect(threads=1) as connection:
        return tuple(_checked(connection, case, now) for case in cases)


def _checked(connection: DuckDBPyConnection, case: Case, now: datetime) -> CaseResult:
    answer = evaluate(connection, case, now=case.now or now)
    if answer.flow == "ignore-object" and case.flow == "ignore-object":
        return CaseResult(case.id, ok=True, got=None, expected=case.output, error=None)
    ok = answer.error is None and answer.flow == case.flow
    ok = ok and (case.flow != "value" or alike(answer.value, case.output))
    return CaseResult(case.id, ok=ok, got=answer.value, expected=case.output, error=answer.error)


def alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, type included: true is not 1, and 1 is not "1"."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    return type(one) is type(other) and bool(one == other)


def evaluate(connection: DuckDBPyConnection, case: Case, *, now: datetime) -> Answer:
    """What the expression gives; a mistake in it is the answer's error."""
    try:
        tree = parse(case.expression)
        user = _User(case.inputs)
        compiler = Compiler(
            resolve=user.value,
            at=now,
            seed=case.id,
            key='"key"',
            default_domain=_text_or_none(case.inputs.get(_DOMAIN)),
            taken=_taken(case.taken),
        )
        value = compiler.compile(tree)
    except WrongExpression as wrong:
        return Answer(None, error=f"{wrong.problem} (at character {wrong.at + 1}){_remedy(wrong)}")
    return _run(connection, compiler, value, user)


def trace(
    connection: DuckDBPyConnection, tree: Expression, inputs: Mapping[str, Any], *, now: datetime
) -> list[tuple[str, Answer]]:
    """Every part of an expression that is not a constant, innermost first, with what it gives for this user."""
    from trueup.transforms.mapping.tree import Keyword, Number, Text, walk

    seen: dict[str, Answer] = {}
    for part in walk(tree):
        if isinstance(part, (Text, Number, Keyword)):
            continue
        text = render(part)
        if text not in seen:
            seen[text] = evaluate(connection, Case("trace", text, inputs, None), now=now)
    return list(seen.items())


def _remedy(wrong: WrongExpression) -> str:
    return f": {wrong.remedy}" if wrong.remedy else ""


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _taken(values: Sequence[str]) -> str:
    rows = ", ".join(f"({literal(value)})" for value in values)
    return f"SELECT v, NULL::VARCHAR, NULL::VARCHAR FROM (VALUES {rows}) AS t(v)" if rows else _NOBODY


class _User:
    """The inputs of a case as one row of SQL, columns numbered so that no name can clash."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        self._inputs = inputs
        self.columns: dict[str, str] = {}

    def value(self, node: Attribute) -> Value:
        given = self._inputs.get(node.name)
        if given is None or given == []:
            return NOTHING
        kind, sql = _literal(given)
        name = f"input {list(self._inputs).index(node.name) + 1}"
        self.columns[name] = sql
        return Value(identifier(name), kind)


def _literal(given: Any) -> tuple[Kind, str]:
    if isinstance(given, bool):
        return Kind.BOOLEAN, literal(given)
    if isinstance(given, int) and abs(given) < 2**63:
        return Kind.INTEGER, f"{given}::BIGINT"
    if isinstance(given, list) and any(isinstance(item, dict) for item in given):
        roles = [item for item in given if isinstance(item, dict)]
        rows = ", ".join(
            "{" + ", ".join(f"'{key}': {_field(role.get(key))}" for key in ("id", "value", "displayName")) + "}"
            for role in roles
        )
        return Kind.ASSIGNMENTS, f"[{rows}]::{_ROLE}"
    if isinstance(given, list):
        return Kind.LIST, f"[{', '.join(_field(item) for item in given)}]::VARCHAR[]"
    if isinstance(given, (int, float)):
        return Kind.NUMBER, literal(json.dumps(given))
    return Kind.TEXT, _field(given)


def _field(given: Any) -> str:
    if given is None:
        return "NULL::VARCHAR"
    if isinstance(given, bool):
        return literal(str(given))
    return literal(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))


def _run(connection: DuckDBPyConnection, compiler: Compiler, value: Value, user: _User) -> Answer:
    columns = "".join(f", {sql} AS {identifier(name)}" for name, sql in user.columns.items())
    ctes = [f"users AS (SELECT 'user' AS \"key\"{columns})"]
    last = "users"
    for number, step in enumerate(compiler.steps, 1):
        ctes.append(f"step_{number} AS (SELECT *, {', '.join(f'{s} AS {n}' for n, s in step.items())} FROM {last})")
        last = f"step_{number}"
    if compiler.uniques:
        ctes += [f"stepped AS (SELECT * FROM {last})", *compiler.uniques]
        joined = 'stepped LEFT JOIN "unique 1 given" AS u USING ("key")'
        ctes.append(f'placed AS (SELECT stepped.*, u.value AS "unique 1" FROM {joined})')
        last = "placed"
    columns = f"{_shown(value)}, ({value.flow or 'NULL'})::VARCHAR, {value.tag or literal(value.kind.value)}"
    row = connection.execute(f"WITH {', '.join(ctes)} SELECT {columns} FROM {last}").fetchone()
    if row is None:
        return Answer(None)
    return _answer(*row)


def _shown(value: Value) -> str:
    """SQL of the value in a form Python takes back without loss."""
    if value.kind in {Kind.LIST, Kind.BOOLEAN, Kind.INTEGER}:
        return value.sql
    if value.kind is Kind.ASSIGNMENTS:
        return f"to_json({value.sql})::VARCHAR"
    return value.sql if value.kind is Kind.COMPLEX else as_text(value)


def _answer(value: Any, flow: str | None, kind: str | None) -> Answer:  # noqa: PLR0911 - one case each
    if flow == LEAVE:
        return Answer(None, "ignore-attribute")
    if flow == PASS:
        return Answer(None, "ignore-object")
    if flow is not None:
        return Answer(None, "ignore-object", error=flow.removeprefix(FAIL))
    if value is None:
        return Answer(None)
    match kind:
        case Kind.INTEGER:
            return Answer(int(value))
        case Kind.NUMBER:
            return Answer(json.loads(value))
        case Kind.BOOLEAN:
            return Answer(value if isinstance(value, bool) else value == "True")
        case Kind.COMPLEX | Kind.ASSIGNMENTS:
            return Answer(json.loads(value))
        case _:
            return Answer(value)
