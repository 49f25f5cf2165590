"""Desired against actual, attribute by attribute, without unpivoting the people nothing changes for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.values.columns import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.attributes import ManagedAttribute


@dataclass(frozen=True, slots=True)
class Terms:
    """Which attributes are compared, and how."""

    attributes: tuple[ManagedAttribute, ...]
    unreadable: frozenset[str] = frozenset()
    """Source columns that could not be read: what an expression makes of them is left alone."""
    altered_case: frozenset[str] = frozenset()
    """Paths whose case this target was seen to alter."""

    @property
    def readable(self) -> tuple[ManagedAttribute, ...]:
        """Attributes whose desired value is known."""
        return tuple(a for a in self.attributes if not self.unreadable.intersection(a.source_columns))

    @property
    def compared(self) -> tuple[ManagedAttribute, ...]:
        """Attributes an existing profile is kept to."""
        return tuple(a for a in self.readable if a.apply == "always")


def _differs(attribute: ManagedAttribute, terms: Terms) -> str:
    column = identifier(attribute.path)
    left, right = f"d.{column}", f"a.{column}"
    if attribute.path in terms.altered_case and attribute.kind == "text":
        left, right = f"lower({left})", f"lower({right})"
    differs = f"{left} IS DISTINCT FROM {right}"
    return f"({differs} AND d.{column} IS NOT NULL)" if attribute.when_empty == "keep" else f"({differs})"


def _rows(attributes: Iterable[ManagedAttribute], *, before: str, after: str, flags: Iterable[str]) -> str:
    """A SQL list with one struct per attribute whose flag is set."""
    structs = [
        f"CASE WHEN {flag} THEN {{'attribute': {literal(a.path)}, "
        f"'before': {json_of(a, before.format(identifier(a.path))) if before else 'NULL::VARCHAR'}, "
        f"'after': {json_of(a, after.format(identifier(a.path)))}}} END"
        for a, flag in zip(attributes, flags, strict=True)
    ]
    return f"[{', '.join(structs)}]"


def differences(terms: Terms) -> str:
    """SQL giving ``key, left_alone, attribute, before, after`` where ``desired`` and ``actual`` differ by key.

    Empty text, empty lists and null are the same nothing. What the person's ``left_alone`` names is still in it.
    """
    compared = terms.compared
    if not compared:
        return (
            "SELECT NULL::VARCHAR AS key, NULL::VARCHAR[] AS left_alone, NULL::VARCHAR AS attribute, "
            "NULL::VARCHAR AS before, NULL::VARCHAR AS after WHERE FALSE"
        )
    flags = [_differs(attribute, terms) for attribute in compared]
    rows = _rows(compared, before="a.{}", after="d.{}", flags=flags)
    return (
        "SELECT key, left_alone, c.attribute, c.before, c.after FROM ("
        f"SELECT d.key, d.left_alone, unnest(list_filter({rows}, lambda e: e IS NOT NULL)) AS c "
        f"FROM desired d JOIN actual a ON a.key = d.key WHERE {' OR '.join(flags)}) "
        "WHERE c.before IS DISTINCT FROM c.after"
    )


def first_values(terms: Terms) -> str:
    """SQL giving ``key, left_alone, attribute, before, after`` for everybody whose course is ``create``.

    One row per attribute that gets a value: the source's, else the attribute's ``default``.
    """
    readable = terms.readable
    if not readable:
        return differences(Terms(()))
    structs = []
    for a in readable:
        value = json_of(a, f"d.{identifier(a.path)}")
        if a.default:
            given = a.default.lower() if a.kind == "boolean" else a.default
            default = f"to_json({literal(given)})::VARCHAR" if a.kind in {"text", "reference"} else literal(given)
            value = f"coalesce({value}, {default})"
        structs.append(f"{{'attribute': {literal(a.path)}, 'after': {value}}}")
    return (
        "SELECT key, left_alone, c.attribute, NULL::VARCHAR AS before, c.after FROM ("
        f"SELECT d.key, d.left_alone, unnest([{', '.join(structs)}]) AS c "
        "FROM desired d SEMI JOIN (SELECT key FROM courses WHERE course = 'create') w ON w.key = d.key) "
        "WHERE c.after IS NOT NULL"
    )
