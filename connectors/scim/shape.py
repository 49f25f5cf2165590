"""The shape a target's schema gives to what is sent: types, members, what may be written at all (RFC 7643 §7).

Believed as far as nothing is lost by it: what a profile was seen to hold is never left out, and an attribute the schema
does not name is tried by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from trueup.transforms.values.equality import as_boolean
from trueup.transforms.values.paths import ScimPath, member, parse
from trueup.transforms.values.typeless import Typeless

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EVERYWHERE = frozenset({"id", "externalid", "meta", "schemas"})
"""Common attributes, which schemas need not list (RFC 7643 §3.1)."""
_FOLLOWS = frozenset({"$ref", "displayname"})
"""Members of a reference that the server makes of its ``value``."""


@dataclass(slots=True)
class Shape:
    """What one target's schema says, and which lists it was seen to keep without ``type``."""

    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Lower-cased plain path → definition, as :func:`trueup.connectors.scim.discovery.attributes_of` gives them."""
    typeless: Typeless = field(default_factory=Typeless)
    """Its lists without ``type``."""

    @property
    def is_known(self) -> bool:
        """Whether the target describes its users."""
        return bool(self.attributes)

    @property
    def hides(self) -> tuple[str, ...]:
        """Attributes a GET does not return: a PUT cannot say them again (RFC 7643 §7, ``returned``)."""
        return tuple(
            sorted(
                name
                for name, said in self.attributes.items()
                if said.get("mutability") == "writeOnly" or said.get("returned") in {"never", "request"}
            )
        )

    @property
    def demands(self) -> tuple[str, ...]:
        """Attributes without which a profile is refused, as paths in lower case; those the server sets left out."""
        return tuple(
            sorted(
                name
                for name, said in self.attributes.items()
                if said.get("required") is True
                and said.get("mutability") != "readOnly"
                and name not in _EVERYWHERE
                and (not self._parent(name) or self.attributes[self._parent(name)].get("required") is True)
            )
        )

    def _parent(self, name: str) -> str:
        """The attribute a member belongs to; empty for an attribute of its own."""
        head, dot, _ = name.rpartition(".")
        return head if dot and head in self.attributes else ""

    def definition(self, path: ScimPath) -> Mapping[str, Any] | None:
        """What is said of the attribute at ``path``; a reference is looked up as a whole, then by its value."""
        found = self.attributes.get(path.plain.lower())
        return found if found is not None else self.attributes.get(replace(path, sub="value").plain.lower())

    def is_unknown(self, path: ScimPath) -> bool:
        """Whether the target describes its users and does not name this attribute."""
        if not self.attributes or path.attribute.lower() in _EVERYWHERE:
            return False
        head = self.attributes.get(path.whole.lower())
        return head is None or (bool(head.get("subAttributes")) and self.definition(path) is None)

    def bars(self, path: ScimPath, *, creating: bool) -> str:
        """Why the attribute may not be written, in words; empty where it may."""
        for said in (self.attributes.get(path.whole.lower()), self.definition(path)):
            mutability = (said or {}).get("mutability")
            if mutability == "readOnly":
                return "the target's schema calls it read-only"
            if mutability == "immutable" and not creating:
                return "the target's schema calls it immutable"
        return ""

    def typed(self, path: ScimPath, value: Any) -> Any:
        """``value`` in the JSON type the schema names, members and elements included."""
        return self._typed(path.plain.lower(), value)

    def _typed(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._typed(name, element) for element in value]
        if isinstance(value, dict):
            return {inner: self._typed(f"{name}.{inner.lower()}", held) for inner, held in value.items()}
        kind = str((self.attributes.get(name) or {}).get("type") or "").lower()
        if name.endswith(".primary") and not kind:
            kind = "boolean"
        return _as_type(kind, value)

    def filtered(self, path: ScimPath) -> ScimPath:
        """``path``, its filter's values typed."""
        if not path.where:
            return path
        where = tuple((name, self._typed(f"{path.whole}.{name}".lower(), wanted)) for name, wanted in path.where)
        return replace(path, where=where)

    def can_filter(self, path: ScimPath) -> bool:
        """Whether the target knows every member the filter asks for."""
        return all(self._has(path.whole, name) for name, _ in path.where)

    def _has(self, whole: str, name: str) -> bool:
        head = self.attributes.get(whole.lower())
        if not head or not head.get("subAttributes"):
            return True
        return f"{whole}.{name}".lower() in self.attributes

    def fitted(self, whole: str, value: Any, held: Any) -> Any:
        """A complex value as it is sent: typed, without what only the server says and members that do not exist.

        What ``held``, the value as read, has is sent again whatever the schema says of it.
        """
        if isinstance(value, list):
            was = held if isinstance(held, list) else []
            return [self.fitted(whole, element, {k: v for e in was if isinstance(e, dict) for k, v in e.items()})
                    for element in value]  # fmt: skip
        if not isinstance(value, dict):
            return self._typed(whole.lower(), value)
        kept = {
            name: self._typed(f"{whole}.{name}".lower(), inner)
            for name, inner in value.items()
            if not self._is_servers(whole, name) and (self._has(whole, name) or member(held, name) is not None)
        }
        return self._filled(whole, kept)

    def _is_servers(self, whole: str, name: str) -> bool:
        said = self.attributes.get(f"{whole}.{name}".lower()) or {}
        is_manager = whole.lower().rsplit(":", 1)[-1] == "manager"
        return (
            name.lower() == "$ref" or (is_manager and name.lower() in _FOLLOWS) or said.get("mutability") == "readOnly"
        )

    def _filled(self, whole: str, value: dict[str, Any]) -> dict[str, Any]:
        """A name with ``formatted`` where the target insists on it: its parts leave no doubt what it is."""
        said = self.attributes.get("name.formatted") or {}
        if whole.lower() != "name" or said.get("required") is not True or member(value, "formatted"):
            return value
        parts = [member(value, name) for name in ("givenName", "familyName")]
        text = " ".join(str(part) for part in parts if part)
        return {**value, "formatted": text} if text else value

    def whole(self, resource: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
        """A whole profile as it is sent, ``held`` being the profile as read."""
        made: dict[str, Any] = {}
        for name, value in resource.items():
            if name.lower().startswith("urn:") and isinstance(value, dict):
                was = member(held, name)
                made[name] = {k: self.fitted(f"{name}:{k}", v, member(was, k)) for k, v in value.items()}
            else:
                made[name] = value if name in {"id", "schemas"} else self.fitted(name, value, member(held, name))
        return made

    def read_only(self) -> frozenset[str]:
        """Attributes, in lower case, that only the server sets."""
        return frozenset(n for n, said in self.attributes.items() if said.get("mutability") == "readOnly")


def missing(shape: Shape, given: Iterable[str]) -> tuple[str, ...]:
    """What the target demands and a mapping of the paths ``given`` does not give; ``formatted`` follows from names."""
    have = {path.lower() for path in given}
    heads = {path.split("[")[0] for path in have} | {path.split("[")[0].rpartition(".")[0] for path in have}
    plain = {_plain(path) for path in have}
    return tuple(
        name
        for name in shape.demands
        if name not in plain | heads and not (name == "name.formatted" and {"name.givenname", "name.familyname"} & have)
    )


def disagreements(shape: Shape, kinds: Mapping[str, str]) -> dict[str, str]:
    """Paths whose values the schema cannot take as they are, and why; ``kinds`` as ``ManagedAttribute.kind`` has them.

    Text that happens to be a number, or true or false, is sent as one; other text is sent as it is.
    """
    found: dict[str, str] = {}
    for path, kind in kinds.items():
        wanted = str((shape.definition(parse(path)) or {}).get("type") or "").lower()
        if kind == "text" and wanted == "complex":
            found[path] = "the mapping gives text, the target's schema has members there; map one of them"
        elif kind == "text" and wanted in {"boolean", "integer", "decimal", "binary"}:
            found[path] = f"the mapping gives text, the target's schema wants {wanted}: other text is refused"
        elif kind == "boolean" and wanted in {"integer", "decimal", "complex", "datetime", "binary"}:
            found[path] = f"the mapping gives true or false, the target's schema wants {wanted}"
        elif kind == "complex" and wanted not in {"", "complex"}:
            found[path] = f"the mapping gives an object, the target's schema wants {wanted}"
    return found


def _plain(path: str) -> str:
    head, _, rest = path.partition("[")
    return head + rest.partition("]")[2]


def _as_type(kind: str, value: Any) -> Any:
    if value is None or not kind:
        return value
    if kind == "boolean":
        read = as_boolean(value)
        return value if read is None else read
    if kind in {"integer", "decimal"} and isinstance(value, str):
        try:
            number = int(value) if kind == "integer" else float(value)
        except ValueError:
            return value
        return number if str(number) == value or kind == "decimal" else value
    if kind in {"string", "datetime", "reference"} and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
