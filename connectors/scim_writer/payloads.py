"""The three ways to say "these attributes become these values": two PATCH forms and PUT. Pure."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any, Literal

from trueup.transforms.values.equality import as_boolean
from trueup.transforms.values.paths import CORE, PATCH_OP, ScimPath, get, member, new_element, parse, put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Dialect = Literal["patch_path", "patch_plain", "put"]
DIALECTS: tuple[Dialect, ...] = ("patch_path", "patch_plain", "put")
_WORD = re.compile(r"urn:[\w.:]*\w|\w+")


def body(dialect: Dialect, resource: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The request's body.

    Args:
        dialect: ``patch_path``: one operation per attribute, each with its path; ``patch_plain``: one operation
            without path whose value is an object, removals apart; ``put``: the whole resource, merged.
        resource: as read just before.
        values: attribute path → value; none removes. References are profile ids.
    """
    if dialect == "put":
        return whole(resource, values)
    make = _with_paths if dialect == "patch_path" else _without_paths
    return {"schemas": [PATCH_OP], "Operations": make(resource, values)}


def whole(resource: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``resource`` with ``values`` in it, as PUT wants it: ``active`` said explicitly, ``meta`` left out."""
    merged = copy.deepcopy({name: value for name, value in resource.items() if name.lower() != "meta"})
    for path, value in values.items():
        put(merged, parse(path), value)
    active = as_boolean(member(merged, "active"))
    if active is not None:
        put(merged, parse("active"), active)
    merged.setdefault("schemas", [CORE])
    return merged


def blamed(words: str, resource: Mapping[str, Any], writing: Iterable[str]) -> set[str]:
    """Attributes of ``resource`` that a refusal in ``words`` names though they were not to be written."""
    sent = {(parse(path).schema or parse(path).attribute).lower() for path in writing}
    said = set(_WORD.findall(words.lower()))
    return {name for name in resource if name.lower() in said - sent}


def new_resource(values: Mapping[str, Any]) -> dict[str, Any]:
    """A resource to be created: schemas as its attributes need, nothing that is null."""
    made: dict[str, Any] = {"schemas": [CORE]}
    for path, value in values.items():
        if value is not None:
            put(made, parse(path), value)
    return made


def _with_paths(resource: dict[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    lists: dict[str, list[Any]] = {}
    for text, value in values.items():
        path = parse(text)
        if value is None:
            operations.append({"op": "remove", "path": _removed(path, resource)})
        elif path.is_reference:
            whole_path = str(ScimPath(path.attribute, path.schema))
            operations.append({"op": "replace", "path": whole_path, "value": {"value": value}})
        elif path.where and not _has_element(resource, path):
            held = lists.setdefault(str(ScimPath(path.attribute, path.schema)), [])
            same_element = next((e for e in held if all(e.get(k) == v for k, v in path.where)), None)
            if same_element is not None:
                same_element[path.sub or "value"] = value
            else:
                nobody = not held and not get(resource, ScimPath(path.attribute, path.schema))
                held.append(new_element(path, value, first=nobody))
        else:
            operations.append({"op": "replace", "path": text, "value": value})
    return operations + [{"op": "add", "path": path, "value": elements} for path, elements in lists.items()]


def _has_element(resource: dict[str, Any], path: ScimPath) -> bool:
    return get(resource, ScimPath(path.attribute, path.schema, path.where)) is not None


def _removed(path: ScimPath, resource: dict[str, Any]) -> str:
    """What to remove so that nothing hollow stays: the whole element when only its value would go."""
    if path.is_reference:
        return str(ScimPath(path.attribute, path.schema))
    if path.where:
        element = get(resource, ScimPath(path.attribute, path.schema, path.where))
        after: dict[str, Any] = {"schemas": [], path.attribute: [element]}
        put(after, ScimPath(path.attribute, "", path.where, path.sub or "value"), None)
        if path.attribute not in after:
            return str(ScimPath(path.attribute, path.schema, path.where))
    return str(path)


def _without_paths(resource: dict[str, Any], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    value: dict[str, Any] = {}
    removed: list[dict[str, Any]] = []
    merged = whole(resource, values)
    for text, wanted in values.items():
        path = parse(text)
        if wanted is None and not path.where:
            removed.append({"op": "remove", "path": _removed(path, resource)})
            continue
        holder = value.setdefault(path.schema, {}) if path.schema else value
        source = member(merged, path.schema) if path.schema else merged
        name = path.attribute
        if path.is_reference or isinstance(member(source, name), list) or not path.sub:
            holder[name] = member(source, name)
        elif path.where:
            holder[name] = []
        else:
            holder.setdefault(name, {})[path.sub] = wanted
    return ([{"op": "replace", "value": value}] if value else []) + removed
