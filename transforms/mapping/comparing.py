"""``=  <>  >  >=  <  <=`` and what counts as true: where null meets a comparison.

In one place, since Microsoft's pages leave it half open: **a comparison with a null on either side is false**, ``<>``
included ("the condition fails"). An empty text is a value like any other. A number beside text compares by number;
text that is not a number is then unequal and in no order. Text compares exactly, case included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.date_formats import read_time
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value, as_text

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Expression

NUMERIC = r"^\s*[+-]?[0-9]{1,25}(\.[0-9]{1,10})?\s*$"
_EXACT = "DECIMAL(38, 10)"
_NUMBERS = {Kind.INTEGER, Kind.NUMBER}


def compare(compiler: Builder, operator: str, sides: tuple[Expression, Expression]) -> Value:
    """BOOLEAN, never null."""
    left, right = (compiler.part(side) for side in sides)
    for value, node in zip((left, right), sides, strict=True):
        if value.kind in {Kind.LIST, Kind.ASSIGNMENTS, Kind.COMPLEX}:
            raise WrongExpression(
                "several values cannot be compared", at=node.at, remedy="Take one with Item(…, 1), or use Count(…)."
            )
    kinds = {left.kind, right.kind}
    if Kind.MIXED in kinds and not kinds & {Kind.TIME, *_NUMBERS}:
        return _row_by_row(compiler, operator, (left, right), sides)
    if Kind.TIME in kinds:
        one, other = (_moment(compiler, value, node) for value, node in zip((left, right), sides, strict=True))
    elif kinds & _NUMBERS and kinds != {Kind.INTEGER}:
        one, other = (_number(compiler, value, node) for value, node in zip((left, right), sides, strict=True))
    elif kinds in ({Kind.INTEGER}, {Kind.BOOLEAN}):
        one, other = left, right
    else:
        one, other = (compiler.to_text(value, node) for value, node in zip((left, right), sides, strict=True))
    if operator == "<>" and (Kind.TIME in kinds or kinds & _NUMBERS):
        left, right = compiler.once(left), compiler.once(right)
        return compiler.made(_unequal((left, right), (one, other)), Kind.BOOLEAN, left, right, one, other)
    return compiler.made(f"coalesce({one.sql} {operator} {other.sql}, FALSE)", Kind.BOOLEAN, one, other)


def _unequal(given: tuple[Value, Value], read: tuple[Value, Value]) -> str:
    (left, right), (one, other) = given, read
    return f"({left.sql} IS NOT NULL AND {right.sql} IS NOT NULL AND {one.sql} IS DISTINCT FROM {other.sql})"


def _row_by_row(
    compiler: Builder, operator: str, values: tuple[Value, Value], nodes: tuple[Expression, Expression]
) -> Value:
    """For sides of which only the row says whether they are numbers, as ``Coalesce(0, [u])`` makes them."""
    left, right = (compiler.once(value) for value in values)
    texts = [compiler.to_text(value, node) for value, node in zip((left, right), nodes, strict=True)]
    one, other = (_number(compiler, value, node) for value, node in zip((left, right), nodes, strict=True))
    words = ", ".join(literal(kind.value) for kind in sorted(_NUMBERS))
    counts = " OR ".join(f"{value.tag} IN ({words})" for value in (left, right) if value.tag is not None)
    numbers = (
        _unequal((left, right), (one, other))
        if operator == "<>"
        else f"coalesce({one.sql} {operator} {other.sql}, FALSE)"
    )
    said = f"coalesce({texts[0].sql} {operator} {texts[1].sql}, FALSE)"
    sql = f"CASE WHEN {counts} THEN {numbers} ELSE {said} END"
    return compiler.made(sql, Kind.BOOLEAN, left, right, one, other, *texts)


def holds(compiler: Builder, node: Expression) -> Value:
    """BOOLEAN, never null: whether the part is a true or non-zero value."""
    value = compiler.part(node)
    if value.kind is Kind.BOOLEAN:
        return compiler.made(f"coalesce({value.sql}, FALSE)", Kind.BOOLEAN, value)
    if value.kind is Kind.INTEGER:
        return compiler.made(f"coalesce({value.sql} <> 0, FALSE)", Kind.BOOLEAN, value)
    text = compiler.once(compiler.to_text(value, node))
    number = f"CASE WHEN regexp_matches({text.sql}, '{NUMERIC}') THEN TRY_CAST({text.sql} AS {_EXACT}) END"
    sql = f"coalesce(lower({text.sql}) = 'true', FALSE) OR coalesce({number} <> 0, FALSE)"
    return compiler.made(f"({sql})", Kind.BOOLEAN, text)


def _number(compiler: Builder, value: Value, node: Expression) -> Value:
    if value.kind is Kind.INTEGER:
        return Value(f"({value.sql})::{_EXACT}", Kind.NUMBER, value.flow, value.level)
    text = compiler.once(compiler.to_text(value, node))
    sql = f"CASE WHEN regexp_matches({text.sql}, '{NUMERIC}') THEN TRY_CAST({text.sql} AS {_EXACT}) END"
    return compiler.made(sql, Kind.NUMBER, text)


def _moment(compiler: Builder, value: Value, node: Expression) -> Value:
    if value.kind is Kind.TIME:
        return value
    text = compiler.once(compiler.to_text(value, node))
    return compiler.made(f"({read_time(compiler, text).sql})", Kind.TIME, read_time(compiler, text))


__all__ = ["as_text", "compare", "holds"]
