"""SCIM attribute paths: parsed, and read and written in a resource (RFC 7644 §3.10); in SQL see ``columns``.

Understood are the forms a mapping uses: ``userName``, ``name.givenName``, ``emails[type eq "work"].value``,
``phoneNumbers[type eq "mobile" and primary eq true].value``, ``emails.value`` (the primary, else the first) and
``urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

_NAME = re.compile(r"[A-Za-z$_][-\w$]*\Z")
_CLAUSE = re.compile(
    r"\s*([A-Za-z$_][-\w$]*)\s+eq\s+(\"(?:[^\"\\]|\\.)*\"|true|false|-?\d+(?:\.\d+)?)\s*", re.IGNORECASE
)
_AND = re.compile(r"and\s", re.IGNORECASE)
_BLANKS = re.compile("[ \t\r\n]+")
_NUMBER = re.compile("[0-9+()./ -]*[0-9][0-9+()./ -]*")
_NOT_DIGIT = re.compile("[^0-9]")
_TRIMMINGS = frozenset({"primary", "display", "$ref"})
"""Members that make no element worth keeping once its value is gone."""

Where = tuple[tuple[str, str | bool], ...]


@dataclass(frozen=True, slots=True)
class ScimPath:
    """One attribute of a User: where it lies, not what it holds."""

    attribute: str
    schema: str = ""
    """URN of the extension; empty for the core schema."""
    where: Where = ()
    """Clauses ``(member, value)``, all of which an element of a multi-valued attribute must meet."""
    sub: str = ""

    def __str__(self) -> str:
        head = f"{self.schema}:{self.attribute}" if self.schema else self.attribute
        clauses = " and ".join(f"{member} eq {json.dumps(value, ensure_ascii=False)}" for member, value in self.where)
        return head + (f"[{clauses}]" if clauses else "") + (f".{self.sub}" if self.sub else "")

    @property
    def plain(self) -> str:
        """The path without its filter, as a schema document names it."""
        return str(ScimPath(self.attribute, self.schema, (), self.sub))

    @property
    def whole(self) -> str:
        """The attribute the path lies in: ``name`` of ``name.givenName``."""
        return f"{self.schema}:{self.attribute}" if self.schema else self.attribute

    @property
    def kind_of_element(self) -> str | None:
        """The ``type`` its filter asks for; none without."""
        return next((str(wanted) for name, wanted in self.where if name.lower() == "type"), None)

    @property
    def is_reference(self) -> bool:
        """Whether it points at another profile: the manager, as a whole or by its ``value``."""
        return self.attribute.lower() == "manager" and self.sub.lower() in {"", "value"}

    @property
    def is_unique(self) -> bool:
        """Whether a server may insist that nobody else has the same value."""
        return not self.schema and (
            self.attribute.lower() in {"username", "externalid"}
            or (self.attribute.lower() == "emails" and self.sub.lower() == "value")
        )


@lru_cache(maxsize=4096)
def parse(text: str) -> ScimPath:
    """The path ``text`` spells.

    Raises:
        ValueError: it is none of the forms above; the message says which part.
    """
    head, bracket, rest = text.partition("[")
    where: Where = ()
    sub = ""
    if bracket:
        clauses, closed, tail = rest.rpartition("]")
        if not closed or (tail and not tail.startswith(".")):
            raise ValueError(f"{text!r} has a filter that does not end in ']' or '].member'")
        where, sub = _clauses(clauses, text), tail[1:]
    schema, attribute = "", head
    if head.lower().startswith("urn:"):
        schema, _, attribute = head.rpartition(":")
    if not bracket:
        attribute, dot, sub = attribute.partition(".")
        attribute += dot if not sub else ""
    if not _NAME.match(attribute) or (sub and not _NAME.match(sub)):
        raise ValueError(f"{text!r} is not a SCIM attribute path")
    return ScimPath(attribute, "" if schema.lower() == CORE.lower() else schema, where, sub)


def _clauses(text: str, whole: str) -> Where:
    found: list[tuple[str, str | bool]] = []
    at = 0
    while True:
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise ValueError(f'{whole!r}: a filter here is one or more of member eq "value", joined by "and"')
        value = json.loads(clause[2].lower() if clause[2][0] != '"' else clause[2])
        if clause[1].lower() == "primary" and str(value).lower() in {"true", "false"}:
            value = str(value).lower() == "true"  # a boolean wherever it stands (RFC 7643 §2.4)
        found.append((clause[1], value if isinstance(value, (bool, str)) else clause[2]))
        at = clause.end()
        if at == len(text):
            return tuple(found)
        joined = _AND.match(text, at)
        if joined is None:
            raise ValueError(f'{whole!r}: only "and" joins the clauses of a filter')
        at = joined.end()


def member(holder: Any, name: str) -> Any:
    """The member ``name`` of a JSON object, whatever its case (RFC 7643 §2.1); none where there is none."""
    if not isinstance(holder, dict):
        return None
    if name in holder:
        return holder[name]
    folded = name.lower()
    return next((value for key, value in holder.items() if key.lower() == folded), None)


def _spelt(holder: dict[str, Any], name: str) -> str:
    if name in holder:
        return name
    folded = name.lower()
    return next((key for key in holder if key.lower() == folded), name)


def _meets(element: Any, where: Where) -> bool:
    for name, wanted in where:
        got = member(element, name)
        if isinstance(wanted, bool):
            if got is not wanted and str(got).lower() != str(wanted).lower():
                return False
        elif got is None or str(got).lower() != wanted.lower():
            return False
    return isinstance(element, dict)


def element_at(
    values: list[Any], path: ScimPath, wanted: Any = None, *, untyped: bool = False, was: Any = None
) -> int | None:
    """Which element the path means: the first the filter fits; without a filter the primary, else the first.

    Where the filter asks for a ``type`` and none has it, an element without any type is meant if its value is
    ``wanted``, were it spelt with other blanks or as another telephone number is written: the server keeps no types, or
    somebody left it out; else if its value is ``was``, what the path had there before. With ``untyped`` (the server was
    seen to keep none) the primary or a single one is meant whatever its value. An element may be bare text.
    """
    if not path.where:
        primary = (i for i, value in enumerate(values) if _meets(value, (("primary", True),)))
        return next(primary, 0 if values else None)
    found = next((i for i, value in enumerate(values) if _meets(value, path.where)), None)
    if found is not None or path.kind_of_element is None:
        return found
    bare = [i for i, value in enumerate(values) if not isinstance(value, dict) or not member(value, "type")]
    for text in (wanted, was):
        if text is not None and found is None:
            found = _of_text(values, bare, path.sub, text)
    if found is None and untyped and len(bare) == len(values):
        main = [i for i in bare if _meets(values[i], (("primary", True),))]
        found = main[0] if main else bare[0] if len(bare) == 1 else None
    return found


def _of_text(values: list[Any], among: list[int], sub: str, text: Any) -> int | None:
    texts = {i: part_of(values[i], sub) for i in among}
    exact = next((i for i in among if _is_text(texts[i], text)), None)
    return exact if exact is not None else next((i for i in among if _is_spelling(texts[i], text)), None)


def _is_text(value: Any, wanted: Any) -> bool:
    return value is not None and str(value).casefold() == str(wanted).casefold()


def _is_spelling(value: Any, wanted: Any) -> bool:
    """Whether the two are one but for blanks, or two spellings of one telephone number."""
    return value is not None and _without_spelling(str(value)) == _without_spelling(str(wanted)) != ""


def _without_spelling(text: str) -> str:
    small = _BLANKS.sub(" ", text.lower()).strip(" ")
    return _NOT_DIGIT.sub("", small) if _NUMBER.fullmatch(small) else small


def part_of(element: Any, sub: str) -> Any:
    """The member ``sub`` of an element; a bare element is its own ``value``."""
    if isinstance(element, dict):
        return member(element, sub) if sub else element
    return element if sub.lower() in {"", "value"} else None


def attributes_in(resource: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Every attribute of a profile by its lower-cased name, with its own spelling and its value.

    The attributes of an extension are named by its URN; ``id``, ``meta``, ``schemas`` and ``groups`` are the server's.
    """
    found: dict[str, tuple[str, Any]] = {}
    for name, value in resource.items():
        small = name.lower()
        if small in {"id", "meta", "schemas", "groups"}:
            continue
        if small.startswith("urn:") and isinstance(value, dict):
            found |= {f"{small}:{inner.lower()}": (f"{name}:{inner}", held) for inner, held in value.items()}
        else:
            found[small] = (name, value)
    return found


def get(resource: dict[str, Any], path: ScimPath, wanted: Any = None, *, untyped: bool = False, was: Any = None) -> Any:
    """What ``resource`` holds at ``path``; none for missing, null and empty lists alike.

    ``wanted``, ``untyped`` and ``was`` say which element of a list is meant where the server keeps no types, see
    :func:`element_at`.
    """
    holder = member(resource, path.schema) if path.schema else resource
    value = member(holder, path.attribute)
    if value is None and path.schema:
        value = member(resource, f"{path.schema}:{path.attribute}")
    if path.is_reference:
        return reference(value)
    if isinstance(value, list) and (path.where or path.sub):
        at = element_at(value, path, wanted, untyped=untyped, was=was)
        value = None if at is None else part_of(value[at], path.sub)
    elif path.where:
        value = None
    elif path.sub:
        value = member(value, path.sub)
    return None if value in ([], {}) else value


def reference(value: Any) -> str | None:
    """The profile id in any of the shapes servers give a manager: object, bare text or number, list of one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = member(value, "value")
    return None if isinstance(value, bool) or not isinstance(value, (str, int)) else str(value) or None


def put(resource: dict[str, Any], path: ScimPath, value: Any, *, untyped: bool = False, was: Any = None) -> None:
    """Set (or, for none, clear) ``path`` in ``resource``, in place; nothing else of it is touched.

    ``schemas`` is seen to. The objects along the path are changed in place: hand over a deep copy of anything
    that is still needed.
    """
    holder = resource
    if path.schema:
        key = _spelt(resource, path.schema)
        if not isinstance(resource.get(key), dict):
            if value is None:
                return
            resource[key] = {}
            _declare(resource, path.schema)
        holder = resource[key]
    name = _spelt(holder, path.attribute)
    if path.is_reference:
        _set(holder, name, None if value is None else {"value": value})
    elif isinstance(holder.get(name), list) and (path.where or path.sub):
        _set(holder, name, _elements(holder[name], path, value, untyped=untyped, was=was) or None)
    elif path.where:
        _set(holder, name, None if value is None else _elements([], path, value))
    elif path.sub:
        inner = dict(holder[name]) if isinstance(holder.get(name), dict) else {}
        _set(inner, _spelt(inner, path.sub), value)
        _set(holder, name, inner or None)
    else:
        _set(holder, name, value)
    if path.schema and not holder:
        del resource[_spelt(resource, path.schema)]


def _set(holder: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value


def _declare(resource: dict[str, Any], schema: str) -> None:
    schemas = resource.setdefault("schemas", [CORE])
    if isinstance(schemas, list) and not any(str(known).lower() == schema.lower() for known in schemas):
        resource["schemas"] = [*schemas, schema]


def _elements(values: list[Any], path: ScimPath, value: Any, *, untyped: bool = False, was: Any = None) -> list[Any]:
    at = element_at(values, path, value, untyped=untyped, was=was)
    sub = path.sub or "value"
    if value is not None and sub == "value" and values and not any(isinstance(one, dict) for one in values):
        # A server that keeps bare text is given bare text: mixed with objects it is nobody's list.
        return [*values, value] if at is None else [*values[:at], value, *values[at + 1 :]]
    if value is None:
        if at is None:
            return values
        rest = {k: v for k, v in values[at].items() if k.lower() != sub.lower()} if isinstance(values[at], dict) else {}
        worthless = _TRIMMINGS | {name.lower() for name, _ in path.where} | ({"type"} if not path.where else set())
        kept = [rest] if any(name.lower() not in worthless for name in rest) else []
        return [*values[:at], *kept, *values[at + 1 :]]
    if at is None or not isinstance(values[at], dict):
        return [*values, new_element(path, value, first=not values)]
    changed = dict(values[at])
    changed[_spelt(changed, sub)] = value
    return [*values[:at], changed, *values[at + 1 :]]


def new_element(path: ScimPath, value: Any, *, first: bool) -> dict[str, Any]:
    """The element a multi-valued attribute gets when none fits the path; the first e-mail is the primary one."""
    element: dict[str, Any] = dict(path.where) | {path.sub or "value": value}
    if first and path.attribute.lower() == "emails":
        element.setdefault("primary", True)
    return element
