"""Entra's own mapping document, as Graph returns it: rows, matching, scope, and what cannot be honoured.

``GET /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema``; ``source.expression`` is read and ``parameters``
are not (both hold the same tree). Unknown keys are ignored, what they would do is never guessed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Misused
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.filters import OPERATORS, Clause, checked
from trueup.transforms.mapping.model import Base, Row
from trueup.transforms.mapping.parser import parse
from trueup.transforms.mapping.schema_rules import SHAPE, objects, user_mapping
from trueup.transforms.mapping.sources import SOFT_DELETED, column_of, column_type
from trueup.transforms.values.paths import parse as parse_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.mapping.filters import Filter

_NO_TEXT = frozenset({"boolean", "integer", "decimal", "binary"})
_ALIASES = {"GREATER THAN OR EQUAL": "GREATER THAN OR EQUALS", "EXISTS IN": "&", "NOT EXISTS IN": "!&"}


def read_schema(text: str, where: str) -> Base:
    """The user mapping of a ``synchronizationSchema``; each row and filter that cannot be kept carries its problem.

    Args:
        text: the document.
        where: its path as written in the configuration, for messages.

    Raises:
        Misused: no JSON, no such document, no mapping of users that flows out of Entra, or several.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Misused(f"{where} is not JSON: {error}.", remedy=SHAPE) from error
    rule, mapping, notes = user_mapping(document, where)
    notes += _on_flow_types(mapping)
    required, exact = _target_definitions(document, rule, mapping)
    rows: list[Row] = []
    matching: list[tuple[int, str]] = []
    for given in objects(mapping.get("attributeMappings")):
        row = _row(given, where, notes)
        if row is None:
            continue
        first = next((other.path for other in rows if other.path.lower() == row.path.lower()), None)
        if first is not None:
            twice = Misused(f"{where}: {row.path} is mapped twice.", remedy="Take one of the two rows out.")
            row = replace(row, path=first, problem=twice)
        name = str(given.get("targetAttributeName"))
        rows.append(replace(row, required=name in required, case_exact=name in exact))
        priority = given.get("matchingPriority")
        if isinstance(priority, int) and priority > 0:
            matching.append((priority, row.path))
    problems: list[Misused] = []
    filters = _filters(mapping.get("scope"), where, notes, problems)
    by = tuple(path for _, path in sorted(matching))
    return Base(tuple(rows), tuple(notes), by, filters, tuple(problems))


def _on_flow_types(mapping: dict[str, Any]) -> list[str]:
    given = mapping.get("flowTypes")
    if not isinstance(given, str):
        return []
    on = {word.strip().lower() for word in given.split(",")}
    advice = {
        "add": "new people are created all the same; [limits] create = 0 forbids it",
        "update": "changes are written all the same; [limits] update = 0 forbids it",
        "delete": 'profiles end by [deprovision]; leavers = "keep" and out_of_scope = "keep" forbid it',
    }
    return [
        f"target action {word.title()} is switched off in Entra: {text}"
        for word, text in advice.items()
        if word not in on
    ]


def _target_definitions(
    document: dict[str, Any], rule: dict[str, Any], mapping: dict[str, Any]
) -> tuple[set[str], set[str]]:
    """Names of target attributes that are required, and of those that heed case."""
    attributes = _target_attributes(document, rule, mapping)
    required = {str(a.get("name")) for a in attributes if a.get("required") is True}
    exact = {str(a.get("name")) for a in attributes if a.get("caseExact") is True}
    return required | {"userName"}, exact


def _target_attributes(document: dict[str, Any], rule: dict[str, Any], mapping: dict[str, Any]) -> list[dict[str, Any]]:
    """What the document says of the attributes users have in the target."""
    for directory in objects(document.get("directories")):
        if directory.get("name") != rule.get("targetDirectoryName"):
            continue
        for entry in objects(directory.get("objects")):
            if entry.get("name") == mapping.get("targetObjectName"):
                return objects(entry.get("attributes"))
    return []


def other_types(text: str, where: str, attributes: Iterable[ManagedAttribute]) -> dict[str, str]:
    """Paths the mapping gives text for while the document gives the target attribute another type, and which.

    Text that happens to be a number, or true or false, is sent as one; other text is sent as it is, and a target that
    insists refuses it.
    """
    document = json.loads(text)
    rule, mapping, _ = user_mapping(document, where)
    said = {str(a.get("name")).lower(): str(a.get("type")) for a in _target_attributes(document, rule, mapping)}
    wanted = {one: said.get(one.path.lower(), "") for one in attributes if one.kind == "text"}
    return {
        one.path: kind
        for one, kind in wanted.items()
        if kind.lower() in _NO_TEXT and not (kind.lower() == "boolean" and _are_boolean(one.source_columns))
    }


def _are_boolean(columns: Collection[str]) -> bool:
    return bool(columns) and all(column_type(column) == "BOOLEAN" for column in columns)


def _row(given: dict[str, Any], where: str, notes: list[str]) -> Row | None:
    name = given.get("targetAttributeName")
    if not isinstance(name, str) or not name:
        notes.append("an attribute mapping without a target name is left out")
        return None
    place = f"{where}, {name}"
    default = given.get("defaultValue")
    default = None if default in (None, "") else str(default)
    problem: Misused | None = None
    path, expression = name, ""
    try:
        path = _path(name, place)
        expression = _expression(given.get("source"), place)
    except Misused as error:
        problem = error
    if not expression and default is None and problem is None:
        notes.append(f"{path}: it has neither a source nor a default value and is left out")
        return None
    flow = str(given.get("flowType") or "Always")
    if flow not in {"Always", "ObjectAddOnly"}:
        notes.append(f"{path}: flow type {flow} is not honoured; the attribute is written as a whole, always")
    if given.get("flowBehavior") not in (None, "FlowWhenChanged"):
        notes.append(f"{path}: {given['flowBehavior']} is not honoured; a value is written when it differs")
    apply = "create" if flow == "ObjectAddOnly" or not expression else "always"
    return Row(path, expression, apply=apply, default=default, place=place, problem=problem)


def _path(name: str, place: str) -> str:
    try:
        return str(parse_path(name))
    except ValueError as error:
        raise Misused(f"{place}: target is not a SCIM path: {error}.", remedy="Correct it in the portal.") from error


def _expression(source: Any, place: str) -> str:
    """The text of a source: its expression, else what its type and name say."""
    if not isinstance(source, dict):
        return ""
    text, name, kind = source.get("expression"), source.get("name"), source.get("type")
    if isinstance(text, str) and text.strip():
        try:
            parse(text)
        except WrongExpression as wrong:
            raise wrong.placed(text, place) from wrong
        return text
    if not name:
        return ""
    if kind == "Attribute":
        return f"[{name}]"
    if kind == "Constant":
        return json.dumps(str(name), ensure_ascii=False)
    raise Misused(f"{place}: the source {name!r} has no expression.", remedy=SHAPE)


def _filters(scope: Any, where: str, notes: list[str], problems: list[Misused]) -> tuple[Filter, ...]:
    """The filters that can be kept; ``problems`` gets one for each that cannot."""
    if not isinstance(scope, dict):
        return ()
    notes += [
        f"scope: {key} is not honoured" for key in ("inputFilterGroups", "categoryFilterGroups") if scope.get(key)
    ]
    filters = []
    for group in objects(scope.get("groups")):
        name = group.get("name") or "without a name"
        clauses = []
        for given in objects(group.get("clauses")):
            try:
                clauses.append(_clause(given, f"{where}, filter {name}"))
            except Misused as error:
                problems.append(error)
        if clauses:
            filters.append(tuple(clauses))
        elif not objects(group.get("clauses")):
            notes.append(f"filter {name}: it has no clauses and is left out")
    return tuple(filters)


def _clause(given: dict[str, Any], place: str) -> Clause:
    name = str(given.get("sourceOperandName") or "")
    operator = " ".join(str(given.get("operatorName") or "").replace("_", " ").upper().split())
    operator = _ALIASES.get(operator, operator)
    operand = given.get("targetOperand")
    values = operand.get("values") if isinstance(operand, dict) else None
    shown = f"{name} {operator}"
    if operator not in OPERATORS:
        raise Misused(
            f"{place}: {operator!r} is not an operator of a scoping filter.", remedy="docs/mapping.md lists them."
        )
    unary = operator.startswith("IS ")
    clause = Clause(name, operator, () if unary or not isinstance(values, list) else tuple(map(str, values)))
    try:
        column_of(name)
        if name == SOFT_DELETED:
            raise WrongExpression(f"{name} rests on the scope itself")
        return checked(clause)
    except WrongExpression as wrong:
        raise wrong.placed(shown, place) from wrong
