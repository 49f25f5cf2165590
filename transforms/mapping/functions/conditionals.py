"""Functions that choose, and those that steer the flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.comparing import holds
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.tree import Call, walk
from trueup.transforms.mapping.values import FAIL, LEAVE, NOTHING, Kind, Value, first_flow

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Expression

_LISTS = {Kind.LIST, Kind.ASSIGNMENTS}


def iif(compiler: Builder, call: Call) -> Value:
    """``IIF``: the branch not taken is without effect, also where it would fail."""
    condition_node = compiler.needed(call, 0, "a condition")
    for part in walk(condition_node):
        if isinstance(part, Call) and part.function == "IgnoreFlowIfNullOrEmpty":
            raise WrongExpression(
                "IgnoreFlowIfNullOrEmpty cannot be part of a condition", at=part.at, remedy="Wrap the whole IIF in it."
            )
    condition = holds(compiler, condition_node)
    yes, no = (_optional(compiler, compiler.slot(call, number)) for number in (1, 2))
    if yes.flow or no.flow or yes.kind is not no.kind:
        condition = compiler.once(condition)
    return compiler.choose([(condition.sql, yes)], no, condition)


def switch(compiler: Builder, call: Call) -> Value:
    """``Switch``: the first key that equals the source, none behind it counts; key ``""`` also fits null."""
    node = compiler.needed(call, 0, "a source")
    pairs = list(call.arguments[2:])
    if len(pairs) % 2 and pairs[-1] is None:
        pairs.pop()
    if len(pairs) % 2 or not pairs:
        raise WrongExpression(
            f"Switch needs keys and values in pairs behind source and default; {len(pairs)} arguments were given",
            at=call.at,
            remedy="It is Switch(source, defaultValue, key1, value1, key2, value2, …).",
        )
    source = compiler.once(compiler.to_text(compiler.part(node), node))
    uses, branches = [source], []
    for key_node, value_node in zip(pairs[::2], pairs[1::2], strict=True):
        if key_node is None:
            raise WrongExpression("a key of Switch is missing", at=call.at, remedy='The key for "no value" is "".')
        key = compiler.text(key_node)
        if key.flow:
            # A key counts only where none before it fits: then it may leave the attribute alone, or fail.
            key = compiler.once(key)
            branches.append((f"{key.flow} IS NOT NULL", Value("NULL", Kind.NOTHING, key.flow, key.level)))
        uses.append(replace(key, flow=None))
        branches.append((_fits(source, key), _optional(compiler, value_node)))
    return compiler.choose(branches, _optional(compiler, compiler.slot(call, 1)), *uses)


def _fits(source: Value, key: Value) -> str:
    if key.constant == "":
        return f"({source.sql} IS NULL OR {source.sql} = '')"
    if key.constant is not None:
        return f"{source.sql} = {key.sql}"
    return f"({source.sql} = {key.sql} OR ({key.sql} = '' AND {source.sql} IS NULL))"


def _optional(compiler: Builder, node: Expression | None) -> Value:
    return NOTHING if node is None else compiler.part(node)


def coalesce(compiler: Builder, call: Call) -> Value:
    """``Coalesce``: the first value that is not null; an empty text is a value."""
    values = [compiler.part(node) for node in call.arguments if node is not None]
    if not values:
        raise WrongExpression("Coalesce needs a value", at=call.at)
    if len(values) == 1:
        return values[0]
    if any(value.flow for value in values) or len({value.kind for value in values} - {Kind.NOTHING}) > 1:
        values = [compiler.once(value) for value in values]
        branches = []
        for value in values[:-1]:
            stops = f" OR {value.flow} IS NOT NULL" if value.flow else ""
            branches.append((f"({_something(value)}{stops})", value))
        return compiler.choose(branches, values[-1], *(Value(v.sql, v.kind, None, v.level) for v in values))
    kind = next((value.kind for value in values if value.kind is not Kind.NOTHING), Kind.NOTHING)
    if kind is Kind.NOTHING:
        return NOTHING
    sqls = [value.sql for value in values if value.kind is not Kind.NOTHING]
    if kind is Kind.MIXED:
        values = [compiler.once(value) for value in values]
        return compiler.choose([(f"{v.sql} IS NOT NULL", v) for v in values[:-1]], values[-1], *values)
    return compiler.made(sqls[0] if len(sqls) == 1 else f"coalesce({', '.join(sqls)})", kind, *values)


def _something(value: Value) -> str:
    return f"len({value.sql}) > 0" if value.kind in _LISTS else f"{value.sql} IS NOT NULL"


def ignore_flow_if_null_or_empty(compiler: Builder, call: Call) -> Value:
    """``IgnoreFlowIfNullOrEmpty``: null or empty leaves the attribute alone."""
    value = compiler.once(compiler.part(compiler.needed(call, 0, "an expression")))
    flow = f"CASE WHEN {_nothing(value)} THEN {literal(LEAVE)} END"
    return compiler.short(
        Value(value.sql, value.kind, first_flow(value.flow, flow), value.level, value.constant, value.tag)
    )


def _nothing(value: Value) -> str:
    if value.kind in _LISTS:
        return f"coalesce(len({value.sql}), 0) = 0"
    if value.kind in {Kind.TEXT, Kind.MIXED}:
        return f"coalesce({value.sql}, '') = ''"
    return f"{value.sql} IS NULL"


def is_null(compiler: Builder, call: Call) -> Value:
    """``IsNull``, ``IsNothing``: null; a list without values is null, an empty text is not."""
    value = compiler.part(compiler.needed(call, 0, "a value"))
    sql = f"coalesce(len({value.sql}), 0) = 0" if value.kind in _LISTS else f"{value.sql} IS NULL"
    return compiler.made(f"({sql})", Kind.BOOLEAN, value)


def is_null_or_empty(compiler: Builder, call: Call) -> Value:
    """``IsNullOrEmpty``: null or an empty text."""
    value = compiler.part(compiler.needed(call, 0, "a value"))
    return compiler.made(f"({_nothing(value)})", Kind.BOOLEAN, value)


def is_present(compiler: Builder, call: Call) -> Value:
    """``IsPresent``: neither null nor empty."""
    value = compiler.part(compiler.needed(call, 0, "a value"))
    return compiler.made(f"(NOT ({_nothing(value)}))", Kind.BOOLEAN, value)


def is_string(compiler: Builder, call: Call) -> Value:
    """``IsString``: whether the value has a text form: one value, not null."""
    value = compiler.part(compiler.needed(call, 0, "a value"))
    if value.kind in _LISTS or value.kind is Kind.COMPLEX:
        return compiler.made("FALSE", Kind.BOOLEAN, value)
    return compiler.made(f"({value.sql} IS NOT NULL)", Kind.BOOLEAN, value)


def cbool(compiler: Builder, call: Call) -> Value:
    """``CBool``: true for a true or non-zero value."""
    return holds(compiler, compiler.needed(call, 0, "an expression"))


def negation(compiler: Builder, call: Call) -> Value:
    """``Not``: false for True, true for anything else, null included."""
    node = compiler.needed(call, 0, "a value")
    value = compiler.to_text(compiler.part(node), node)
    return compiler.made(f"coalesce(lower({value.sql}) <> 'true', TRUE)", Kind.BOOLEAN, value)


def error(compiler: Builder, call: Call) -> Value:
    """``Error``: sets the person aside with the message."""
    text = compiler.text(compiler.needed(call, 0, "a message"))
    return Value("NULL", Kind.NOTHING, first_flow(text.flow, f"concat({literal(FAIL)}, {text.sql})"), text.level)


def redact(compiler: Builder, call: Call) -> Value:
    """``Redact``: the value unchanged; reports still show it (Entra hides it in its log only)."""
    return compiler.part(compiler.needed(call, 0, "a value"))
