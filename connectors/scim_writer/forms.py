"""The ways to say "these attributes become these values", each with what it may damage and how that shows. Pure.

They are tried in this order, and the effect of each is learnt per target and attribute (see :mod:`.learned`).
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from trueup.transforms.values.equality import as_boolean
from trueup.transforms.values.paths import (
    CORE,
    PATCH_OP,
    ScimPath,
    element_at,
    get,
    member,
    new_element,
    parse,
    part_of,
    put,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trueup.connectors.scim.shape import Shape

FormName = Literal["patch_path", "patch_null", "patch_plain", "put"]


@dataclass(frozen=True, slots=True)
class Form:
    """One way of writing."""

    name: FormName
    method: Literal["PATCH", "PUT"]
    says: str
    may_damage: str
    shows: str
    clears_only: bool = False
    """Whether it differs from the first form only in how a value is taken away."""


FORMS: tuple[Form, ...] = (
    Form(
        name="patch_path",
        method="PATCH",
        says="one operation for each attribute, with its path; `remove` takes a value away",
        may_damage="nothing beside it; a path that is not understood may be stored as if it were a name",
        shows="a name at the top of the profile that is a piece of the path; an element added to a list once more",
    ),
    Form(
        name="patch_null",
        method="PATCH",
        says="the same, and a value is taken away by replacing it with null",
        may_damage="as above",
        shows="as above",
        clears_only=True,
    ),
    Form(
        name="patch_plain",
        method="PATCH",
        says="one operation without path; complex values and lists are sent whole, as just read; null takes away",
        may_damage="members of a complex value that a reading does not show, where the server replaces it",
        shows="members or elements that are gone from the same attribute",
    ),
    Form(
        name="put",
        method="PUT",
        says="the whole profile as just read, with the new values in it; `active` always sent",
        may_damage="everything a reading does not show, and what the server takes only when it is sent alone",
        shows="attributes that are gone from the profile",
    ),
)
BY_NAME: dict[str, Form] = {form.name: form for form in FORMS}
_WORD = re.compile(r"urn:[\w.:]*\w|\w+")


def body(form: Form, resource: dict[str, Any], values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """The request's body.

    Args:
        form: which way.
        resource: as read just before.
        values: attribute path → value; none removes. References are profile ids.
        shape: the types and members the target knows.
    """
    if form.name == "put":
        return whole(resource, values, shape)
    if form.name == "patch_plain":
        operations = _without_paths(resource, values, shape)
    else:
        operations = _with_paths(resource, values, shape, null=form.name == "patch_null")
    return {"schemas": [PATCH_OP], "Operations": operations}


def whole(resource: dict[str, Any], values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """``resource`` with ``values`` in it, as PUT wants it: ``active`` said explicitly, ``meta`` left out."""
    merged = _merged(resource, values, shape)
    active = as_boolean(member(merged, "active"))
    if active is not None:
        put(merged, parse("active"), active)
    merged.setdefault("schemas", [CORE])
    return shape.whole(merged, resource)


def blamed(words: str, resource: Mapping[str, Any], writing: Iterable[str]) -> set[str]:
    """Attributes of ``resource`` that a refusal in ``words`` names though they were not to be written."""
    sent = {(parse(path).schema or parse(path).attribute).lower() for path in writing}
    said = set(_WORD.findall(words.lower()))
    return {name for name in resource if name.lower() in said - sent}


def new_resource(values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """A resource to be created: schemas as its attributes need, nothing that is null, members the target knows."""
    made: dict[str, Any] = {"schemas": [CORE]}
    for text, value in values.items():
        if value is not None:
            path = shape.filtered(parse(text))
            put(made, path, shape.typed(path, value))
    return shape.whole(made, {})


def _merged(resource: dict[str, Any], values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    merged = copy.deepcopy({name: value for name, value in resource.items() if name.lower() != "meta"})
    for text, value in values.items():
        path = shape.filtered(parse(text))
        meant = shape.typeless.meant(resource, path)
        if value is None and not path.sub and not path.where and not path.schema:
            merged = {name: held for name, held in merged.items() if name.lower() != text.lower()}
        put(merged, path, shape.typed(path, value), **meant)
    return merged


def _with_paths(
    resource: dict[str, Any], values: Mapping[str, Any], shape: Shape, *, null: bool
) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    lists: dict[str, list[Any]] = {}
    said_whole: set[str] = set()
    for text, value in values.items():
        path = _as_spelt(shape.filtered(parse(text)), resource)
        held = get(resource, ScimPath(path.attribute, path.schema))
        if path.where and (_is_bare(held) or not shape.can_filter(path)):
            said_whole.add(path.whole)
        elif value is None:
            removed = _removed(path, resource)
            operations.append(
                {"op": "replace", "path": removed, "value": None} if null else {"op": "remove", "path": removed}
            )
        elif path.is_reference:
            operations.append({"op": "replace", "path": path.whole, "value": {"value": value}})
        elif path.where and not _has_element(held, path):
            _add(lists.setdefault(path.whole, []), path, shape.typed(path, value), nobody=not held)
        elif isinstance(value, (dict, list)) and not path.sub:
            operations.append({"op": "replace", "path": str(path), "value": shape.fitted(path.whole, value, held)})
        else:
            operations.append({"op": "replace", "path": str(path), "value": shape.typed(path, value)})
    operations += [
        {"op": "add", "path": name, "value": shape.fitted(name, elements, None)} for name, elements in lists.items()
    ]
    merged = _merged(resource, values, shape) if said_whole else {}
    for name in sorted(said_whole):
        path = parse(name)
        held = get(resource, path)
        value = shape.fitted(name, get(merged, path), held)
        operations.append({"op": "replace" if held else "add", "path": name, "value": value or []})
    return operations


def _as_spelt(path: ScimPath, resource: dict[str, Any]) -> ScimPath:
    """The path with the attribute spelt as the profile has it: to some servers ``Title`` and ``title`` are two."""
    if path.schema or path.attribute in resource:
        return path
    small = path.attribute.lower()
    return replace(path, attribute=next((name for name in resource if name.lower() == small), path.attribute))


def _is_bare(held: Any) -> bool:
    """Whether a list holds plain text, which no filter finds anything in."""
    return isinstance(held, list) and bool(held) and not any(isinstance(element, dict) for element in held)


def _add(elements: list[Any], path: ScimPath, value: Any, *, nobody: bool) -> None:
    """An element of a list; several members of one element come together."""
    same_element = next((e for e in elements if all(e.get(k) == v for k, v in path.where)), None)
    if same_element is not None:
        same_element[path.sub or "value"] = value
    else:
        elements.append(new_element(path, value, first=nobody and not elements))


def _has_element(held: Any, path: ScimPath) -> bool:
    """Whether the path's own filter finds something: only then may it stand in a request."""
    return isinstance(held, list) and element_at(held, path) is not None


def _removed(path: ScimPath, resource: dict[str, Any]) -> str:
    """What to remove so that nothing hollow stays: the whole element when only its value would go."""
    if path.is_reference:
        return path.whole
    if path.where:
        element = get(resource, ScimPath(path.attribute, path.schema, path.where))
        after: dict[str, Any] = {"schemas": [], path.attribute: [element]}
        put(after, ScimPath(path.attribute, "", path.where, path.sub or "value"), None)
        if path.attribute not in after:
            return str(ScimPath(path.attribute, path.schema, path.where))
    return str(path)


def _without_paths(resource: dict[str, Any], values: Mapping[str, Any], shape: Shape) -> list[dict[str, Any]]:
    """One ``replace`` whose value holds every attribute that is touched: whole, so that replacing it loses nothing.

    Null takes away where the server merges; where it replaces, what is left out is gone already. The other members of
    an extension are attributes of their own and said again for the same reason.
    """
    value: dict[str, Any] = {}
    merged = _merged(resource, values, shape)
    for text, wanted in values.items():
        path = parse(text)
        if path.schema:
            name = next((key for key in merged if key.lower() == path.schema.lower()), path.schema)
            said = value.setdefault(name, _extension(merged, resource, path.schema, shape))
            if wanted is None and not path.where and (not path.sub or path.is_reference):
                said[path.attribute] = None
            continue
        held = member(merged, path.attribute)
        name = next((key for key in merged if key.lower() == path.attribute.lower()), path.attribute)
        now = shape.fitted(path.attribute, held, member(resource, path.attribute))
        if path.sub and not path.where and wanted is None and not isinstance(held, list):
            now = {**(now or {}), path.sub: None} if now else None
        elif held is None and (path.where or isinstance(member(resource, path.attribute), list)):
            now = []
        value[name] = _with_nulls(value.get(name), now)
    return [{"op": "replace", "value": value}]


def _with_nulls(earlier: Any, now: Any) -> Any:
    """``now``, keeping the members an earlier path of the same attribute said to be taken away."""
    return earlier | now if isinstance(earlier, dict) and isinstance(now, dict) else now


def _extension(merged: dict[str, Any], resource: dict[str, Any], schema: str, shape: Shape) -> dict[str, Any]:
    held = member(resource, schema)
    return {
        name: shape.fitted(f"{schema}:{name}", value, member(held, name))
        for name, value in (member(merged, schema) or {}).items()
        if not shape.bars(ScimPath(name, schema), creating=False)
    }


__all__ = ["BY_NAME", "FORMS", "Form", "FormName", "blamed", "body", "new_resource", "part_of", "whole"]
