"""``$filter`` as far as the sandbox takes it: ``eq``, ``ne``, ``in``, ``startsWith``, ``endsWith``, ``not``, and/or.

``ne``, ``not`` and ``endsWith`` are advanced queries. Text compares without case, as in Graph.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.sandbox.tenant.errors import bad_request, unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_WORD = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w/$]*)|(?P<mark>[(),])|(?P<number>\d+))")
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None}
_ENDS_WITH = frozenset({"mail", "otherMails", "userPrincipalName", "proxyAddresses"})


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter: what it accepts, and whether Graph counts it as an advanced query."""

    accepts: Callable[[Mapping[str, Any]], bool]
    advanced: bool
    properties: frozenset[str]
    """Properties it looks at."""
    ids: tuple[str, ...] | None
    """Where it is only ``id eq …`` joined by or: those ids."""


def parse(text: str, *, is_known: Callable[[str], bool]) -> Filter:
    """The filter, or the refusal Graph would give: 400 for bad syntax or an unknown property."""
    return _Reader(text, is_known).filter()


class _Reader:
    """One pass over the words of a filter."""

    def __init__(self, text: str, is_known: Callable[[str], bool]) -> None:
        self._words = self._split(text)
        self._place = 0
        self._is_known = is_known
        self._advanced = False
        self._properties: set[str] = set()
        self._ids: list[str] | None = []

    def filter(self) -> Filter:
        accepts = self._any()
        if self._place != len(self._words):
            raise bad_request("Invalid filter clause")
        ids = tuple(self._ids) if self._ids else None
        return Filter(accepts, self._advanced, frozenset(self._properties), ids)

    @staticmethod
    def _split(text: str) -> list[str]:
        words: list[str] = []
        place = 0
        while text[place:].strip():
            found = _WORD.match(text, place)
            if found is None:
                raise bad_request("Invalid filter clause")
            words.append(found.group(0).strip())
            place = found.end()
        return words

    def _next(self) -> str:
        if self._place >= len(self._words):
            raise bad_request("Invalid filter clause")
        self._place += 1
        return self._words[self._place - 1]

    def _peek(self) -> str:
        return self._words[self._place] if self._place < len(self._words) else ""

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            raise bad_request("Invalid filter clause")

    def _any(self) -> Callable[[Mapping[str, Any]], bool]:
        parts = [self._all()]
        while self._peek() == "or":
            self._next()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _all(self) -> Callable[[Mapping[str, Any]], bool]:
        parts = [self._one()]
        while self._peek() == "and":
            self._ids = None
            self._next()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _one(self) -> Callable[[Mapping[str, Any]], bool]:
        word = self._next()
        if word == "(":
            inside = self._any()
            self._expect(")")
            return inside
        if word == "not":
            self._ids = None
            self._advanced = True
            negated = self._one()
            return lambda row: not negated(row)
        if word.lower() in ("startswith", "endswith"):
            return self._affix(word.lower())
        return self._comparison(word)

    def _affix(self, function: str) -> Callable[[Mapping[str, Any]], bool]:
        self._ids = None
        self._expect("(")
        name = self._property(self._next())
        self._expect(",")
        value = str(self._value(self._next())).casefold()
        self._expect(")")
        if function == "endswith":
            self._advanced = True
            if name not in _ENDS_WITH:
                raise unsupported(f"Operator 'endsWith' is not supported for property '{name}'.")
            return lambda row: any(text.endswith(value) for text in _texts(row, name))
        return lambda row: any(text.startswith(value) for text in _texts(row, name))

    def _comparison(self, word: str) -> Callable[[Mapping[str, Any]], bool]:
        name = self._property(word)
        operator = self._next()
        if operator == "in":
            values = self._list()
            self._note_ids(name, values)
            return lambda row: any(_same(row, name, value) for value in values)
        value = self._value(self._next())
        if operator == "eq":
            self._note_ids(name, [value])
            return lambda row: _same(row, name, value)
        if operator == "ne":
            self._ids = None
            self._advanced = True
            return lambda row: not _same(row, name, value)
        raise unsupported(f"Unsupported or invalid query filter clause specified for property '{name}'.")

    def _list(self) -> list[Any]:
        self._expect("(")
        values = [self._value(self._next())]
        while self._peek() == ",":
            self._next()
            values.append(self._value(self._next()))
        self._expect(")")
        return values

    def _note_ids(self, name: str, values: list[Any]) -> None:
        if self._ids is None or name != "id":
            self._ids = None
        else:
            self._ids += [str(value) for value in values]

    def _property(self, name: str) -> str:
        first, _, last = name.partition("/")
        if not self._is_known(first):
            raise bad_request(f"Invalid filter clause: Could not find a property named '{first}'.")
        if last == "$count" or first == "onPremisesExtensionAttributes":
            self._advanced = True
        self._properties.add(first)
        return name

    @staticmethod
    def _value(word: str) -> Any:
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if word in _LITERALS:
            return _LITERALS[word]
        if word.isdigit():
            return int(word)
        raise bad_request("Invalid filter clause")


def _found(row: Mapping[str, Any], name: str) -> Any:
    value: Any = row
    for step in name.split("/"):
        if step == "$count":
            return len(value or ())
        value = value.get(step) if isinstance(value, dict) or value is row else None
    return value


def _texts(row: Mapping[str, Any], name: str) -> list[str]:
    value = _found(row, name)
    values = value if isinstance(value, list) else [value]
    return [text.casefold() for text in values if isinstance(text, str)]


def _same(row: Mapping[str, Any], name: str, value: Any) -> bool:
    found = _found(row, name)
    if isinstance(found, str) and isinstance(value, str):
        return found.casefold() == value.casefold()
    return bool(found == value)
