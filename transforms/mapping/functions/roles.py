"""Functions on the user's app role assignments, as the source snapshot holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call

_NAME = "coalesce(nullif(r.displayName, ''), r.value)"


def _assignments(compiler: Builder, call: Call) -> Value:
    node = compiler.needed(call, 0, "[appRoleAssignments]")
    value = compiler.part(node)
    if value.kind is Kind.LIST:
        named = f"list_transform({value.sql}, lambda v: {{'id': NULL::VARCHAR, 'value': v, 'displayName': v}})"
        return Value(named, Kind.ASSIGNMENTS, value.flow, value.level)
    if value.kind not in {Kind.ASSIGNMENTS, Kind.NOTHING}:
        raise WrongExpression(f"{call.function} takes [appRoleAssignments] only", at=node.at)
    return value


def _names(value: Value) -> str:
    return f"list_sort(list_filter(list_transform({value.sql}, lambda r: {_NAME}), lambda n: n IS NOT NULL))"


def roles(compiler: Builder, call: Call) -> Value:
    """SCIM ``roles`` as canonical JSON, sorted by name; null without an assignment."""
    value = _assignments(compiler, call)
    if value.kind is Kind.NOTHING:
        return value
    value = compiler.once(value)
    role = (
        f"""concat('{{"display":', to_json({_NAME}), ',"primary":false,"type":"WindowsAzureActiveDirectoryRole",'"""
        """||'"value":', to_json(coalesce(nullif(r.value, ''), r.displayName)), '}')"""
    )
    listed = f"list_sort(list_transform({value.sql}, lambda r: {role}))"
    sql = f"CASE WHEN len({value.sql}) > 0 THEN concat('[', array_to_string({listed}, ','), ']') END"
    return compiler.made(sql, Kind.COMPLEX, value)


def names(compiler: Builder, call: Call) -> Value:
    """The names of the roles, sorted."""
    value = _assignments(compiler, call)
    if value.kind is Kind.NOTHING:
        return value
    return compiler.made(_names(value), Kind.LIST, value)


def single(compiler: Builder, call: Call) -> Value:
    """The name of one role: of several the first by name, which Entra leaves undefined."""
    value = _assignments(compiler, call)
    if value.kind is Kind.NOTHING:
        return value
    return compiler.made(f"{_names(value)}[1]", Kind.TEXT, value)
