"""Profiles in the spelling of the managed paths: names of attributes ignore case (RFC 7643 §2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.transforms.values.paths import ScimPath, member, parse

if TYPE_CHECKING:
    from collections.abc import Iterable


class Spelling:
    """How the managed paths spell each name, and which of their lists have elements without ``type``."""

    def __init__(self, paths: Iterable[str]) -> None:
        parsed = [parse(path) for path in paths]
        names: set[str] = {"value", "type", "primary"}
        for path in parsed:
            names |= {path.attribute, path.schema, path.sub, *(name for name, _ in path.where)} - {""}
        self._names = {name.lower(): name for name in sorted(names)}
        self._schemas = {path.schema.lower(): path.schema for path in parsed if path.schema}
        self._typed = {path.attribute: path.whole.lower() for path in parsed if path.kind_of_element}
        self._as_spelt: set[tuple[str, ...]] = set()
        """Lists of names met that need no change; profiles of one server share a few."""
        self.bare: set[str] = set()
        """Attributes, in lower case, of which elements were met without ``type``."""

    def of(self, resource: dict[str, Any]) -> dict[str, Any]:
        """``resource`` itself where it is spelt like the paths, else a copy that is."""
        said = resource if self._is_fine(resource) else self._at_the_top(resource)
        for name, whole in self._typed.items():
            elements = said.get(name)
            if isinstance(elements, list) and any(map(_has_no_type, elements)):
                self.bare.add(whole)
        return said

    def _is_fine(self, resource: dict[str, Any]) -> bool:
        """Whether no name in it, at any depth, is to be spelt otherwise; of every profile, so without recursion."""
        waiting: list[Any] = [resource]
        for value in waiting:  # which grows meanwhile
            if type(value) is list:
                waiting += [inner for inner in value if type(inner) is dict]
                continue
            names = tuple(value)
            if names not in self._as_spelt:
                if any(self._names.get(name.lower(), name) != name or self._schema_of(name) for name in names):
                    return False
                self._as_spelt.add(names)
            waiting += [inner for inner in value.values() if type(inner) is dict or type(inner) is list]
        return True

    def path(self, path: ScimPath) -> ScimPath:
        """``path`` with every name as a profile from :meth:`of` spells it."""
        names = self._names
        return ScimPath(
            names.get(path.attribute.lower(), path.attribute),
            self._schemas.get(path.schema.lower(), path.schema),
            tuple((names.get(name.lower(), name), wanted) for name, wanted in path.where),
            names.get(path.sub.lower(), path.sub),
        )

    def _at_the_top(self, resource: dict[str, Any]) -> dict[str, Any]:
        """``resource`` respelt; what is named with its extension's URN in front goes into the extension."""
        schemas = {name: schema for name in resource if (schema := self._schema_of(name))}
        made: dict[str, Any] = self._respelt({name: value for name, value in resource.items() if name not in schemas})
        ahead: dict[str, dict[str, Any]] = {}
        for name, schema in schemas.items():
            rest = name[len(schema) + 1 :]
            spelt = self._names.get(rest.lower()) or rest
            members = ahead.setdefault(schema, {})
            if name == f"{schema}:{spelt}" or spelt not in members:
                members[spelt] = resource[name]
        for schema, members in ahead.items():
            holder = made.get(schema)
            inside = holder if isinstance(holder, dict) else {}
            known = {name: value for name, value in inside.items() if value is not None}
            made[schema] = self._respelt(members) | known
        return made

    def _respelt(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._respelt(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        made: dict[str, Any] = {}
        for name, inner in value.items():
            spelt = self._names.get(name.lower()) or name
            if spelt == name or spelt not in made:  # the name as the paths have it wins over another spelling
                made[spelt] = self._respelt(inner)
        return made

    def _schema_of(self, name: str) -> str:
        """The extension a name at the top is an attribute of (``urn:…:User:department``); empty for none."""
        small = name.lower()
        if not small.startswith("urn:"):
            return ""
        return next((spelt for low, spelt in self._schemas.items() if small.startswith(f"{low}:")), "")


def _has_no_type(element: Any) -> bool:
    if isinstance(element, dict) and element.get("type"):
        return False
    return not member(element, "type")
