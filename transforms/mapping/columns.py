"""The last touch: an expression's value as a column of ``desired.parquet``, by the kind of the target attribute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import FAIL, PASS, Kind, Value, as_text, failure, first_flow, present
from trueup.transforms.values.paths import parse

if TYPE_CHECKING:
    from trueup.transforms.attributes import ManagedAttribute, ManagedKind
    from trueup.transforms.mapping.builder import Builder

_WITH_ELEMENTS = {
    "emails",
    "phonenumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509certificates",
}
_READ_ONLY = {"id", "meta", "schemas", "groups", "password"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the mapping's result."""

    path: str
    sql: str
    flow: str | None = None
    """SQL of the flow, mostly the name of a step; none where everything flows."""
    may_hold: bool = False
    """Whether the flow can set a person aside."""
    needs: tuple[str, ...] = ()
    """Columns of ``source.parquet`` it is made of; empty where it is left alone for everybody anyway."""


def kind_for(path: str, given: Kind) -> ManagedKind:
    """How a target attribute is compared and written, by its path and what its expression gives.

    Raises:
        WrongExpression: the path cannot be written, or the expression gives what cannot go there.
    """
    try:
        parsed = parse(path)
    except ValueError as error:
        raise WrongExpression(f"{path!r} is not a SCIM path: {error}") from error
    name = parsed.attribute.lower()
    if not parsed.schema and name in _READ_ONLY:
        raise WrongExpression(f"{path} cannot be written by a mapping")
    if parsed.is_reference:
        if given not in {Kind.TEXT, Kind.NOTHING}:
            raise WrongExpression(f"{path} points at a person and takes one object id, e.g. [manager]")
        return "reference"
    if given is Kind.ASSIGNMENTS:
        raise WrongExpression(
            "[appRoleAssignments] cannot be written as it is",
            remedy="Use AppRoleAssignmentsComplex(…) or SingleAppRoleAssignment(…).",
        )
    has_elements = not parsed.schema and name in _WITH_ELEMENTS and not parsed.where and not parsed.sub
    if given in {Kind.LIST, Kind.COMPLEX} or has_elements:
        if parsed.sub or parsed.where:
            raise WrongExpression(
                f"the expression gives several values, {path} takes one",
                remedy='Take one with Item(…, 1), or put them together with Join(", ", …).',
            )
        return "complex"
    if (not parsed.schema and name == "active") or parsed.sub.lower() == "primary":
        return "boolean"
    return "text"


def column(compiler: Builder, attribute: ManagedAttribute, value: Value) -> Column:
    """The column of ``attribute``; where the value does not flow it is null."""
    if attribute.kind == "boolean":
        value = _boolean(compiler, value)
    else:
        value = Value(_text(attribute, value), Kind.TEXT, value.flow, value.level)
    typed = "NULL::BOOLEAN" if attribute.kind == "boolean" else "NULL::VARCHAR"
    sql = typed if value.sql == "NULL" else value.sql
    if value.flow is None:
        return Column(attribute.path, sql)
    may_hold = f"'{FAIL}" in value.flow or f"'{PASS}'" in value.flow or '"step ' in value.flow
    flow = f"({value.flow})::VARCHAR"
    if not compiler.uniques or f'"unique {len(compiler.uniques)}"' not in value.flow:
        flow, _ = compiler.step(flow, value.level)
    return Column(attribute.path, f"CASE WHEN {flow} IS NULL THEN {sql} END", flow, may_hold)


def _text(attribute: ManagedAttribute, value: Value) -> str:
    """SQL of the VARCHAR: a text that is empty (RFC 7643 §2.5) or made of blanks is not a value."""
    if value.kind is Kind.NOTHING:
        return "NULL"
    if value.kind is Kind.COMPLEX:
        return value.sql
    if value.kind is Kind.LIST:
        return _list(attribute.path, value.sql)
    if attribute.kind == "complex":
        text = as_text(value)
        return _list(attribute.path, f"CASE WHEN {text} <> '' THEN [{text}] END")
    if value.constant is not None:
        return as_text(value) if value.constant else "NULL"
    text = as_text(value)
    return f"CASE WHEN {present(text)} THEN {text} END"


def _list(path: str, sql: str) -> str:
    """Canonical JSON of a list of text: bare, or as ``{"value": …}`` for attributes that have elements."""
    bare = parse(path).attribute.lower() not in _WITH_ELEMENTS
    each = "to_json(v)::VARCHAR" if bare else """concat('{"value":', to_json(v), '}')"""
    listed = f"list_transform(list_filter({sql}, lambda v: v <> ''), lambda v: {each})"
    return f"""nullif(concat('[', array_to_string({listed}, ','), ']'), '[]')"""


def _boolean(compiler: Builder, value: Value) -> Value:
    if value.kind in {Kind.BOOLEAN, Kind.NOTHING}:
        return value
    text = compiler.once(Value(as_text(value), Kind.TEXT, value.flow, value.level))
    lowered = f"lower({text.sql})"
    sql = f"CASE WHEN {lowered} IN ('true', '1') THEN TRUE WHEN {lowered} IN ('false', '0') THEN FALSE END"
    if value.options is not None and {option.lower() for option in value.options} <= {"true", "false", "1", "0", ""}:
        return Value(sql, Kind.BOOLEAN, value.flow, text.level)
    wrong = f"{lowered} NOT IN ('true', '1', 'false', '0', '')"
    flow = f"CASE WHEN {wrong} THEN {failure('the expression gives neither True nor False')} END"
    return Value(sql, Kind.BOOLEAN, first_flow(value.flow, flow), text.level)
