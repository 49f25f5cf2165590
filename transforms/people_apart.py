"""Manifests and acts without the people a run is about: what names them goes into rows of a side file, and back.

A row is ``place`` (a JSON pointer, RFC 6901, into the record), ``key`` (whose row it is; null where it is nobody's
alone) and ``value`` (JSON text). In the record an element that went is missing, and a sentence stands without names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

KEY = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[^\s@,;()<>\"']+@[^\s@,;()<>\"']+\.[^\s@,;()<>\"']+|profile:[^\s,;.]+",
    re.IGNORECASE,
)
"""What the keys of people look like in a sentence: object ids, addresses, ids of profiles."""
NOBODY = "(a key)"
"""Stands where somebody was named."""
OF_ACTS = ("only", "exclude", "own", "left_out", "notes", "allowed", "keys", "created")
"""What ``details`` of an act say of people, or in words somebody typed."""
_SAID = ("error", "refusals", "notes", "rollback", "completeness", "configuration")
_PEOPLE = ("configuration", "people")
_WHOLE = (("configuration", "matching", "links"), (*_PEOPLE, "never"), (*_PEOPLE, "always"))
_LONGEST = 4
"""Words of the longest name that is looked for in a sentence."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was taken out of a record."""

    place: str
    key: str | None
    value: str


def act_apart(document: dict[str, Any]) -> tuple[dict[str, Any], list[Row]]:
    """The act without people and typed words, and what was taken out."""
    rows: list[Row] = []
    details = dict(document["details"])
    if document["reason"]:
        rows.append(_row(("reason",), document["reason"]))
    for name in OF_ACTS:
        said = details.get(name)
        if isinstance(said, (list, dict)) and said:
            rows += _elements(("details", name), said)
            details[name] = type(said)()
    return {**document, "reason": "", "details": details}, rows


def manifest_apart(document: dict[str, Any], without: Callable[[str], str]) -> tuple[dict[str, Any], list[Row]]:
    """The manifest without people, and what was taken out; ``only`` keeps its length, which says that it was for some.

    Args:
        document: the manifest.
        without: gives a sentence without the people it names.
    """
    rows: list[Row] = [_row(("only", number), key) for number, key in enumerate(document["only"])]
    said = {name: _without(document[name], (name,), without, rows) for name in _SAID}
    return {**document, **said, "only": [NOBODY] * len(document["only"])}, rows


def joined(document: dict[str, Any], rows: Iterable[Row]) -> dict[str, Any]:
    """The record as it was before its people were taken out; elements that are gone since are passed over."""
    whole: dict[str, Any] = json.loads(json.dumps(document))
    for row in rows:
        *path, last = _steps(row.place)
        inside: Any = whole
        for step in path:
            inside = inside[int(step)] if isinstance(inside, list) else inside.setdefault(step, {})
        value = json.loads(row.value)
        if not isinstance(inside, list):
            inside[last] = value
        elif int(last) < len(inside):
            inside[int(last)] = value
        else:
            inside.append(value)
    return whole


def sentences(document: dict[str, Any]) -> str:
    """Everything a manifest says in words, to look for names in."""
    return "\n".join(text for name in _SAID for text in _texts(document[name]))


def phrases(text: str) -> list[str]:
    """What of a text could be a key or a name: up to four words in a row, each once; plain small numbers are not."""
    words = [word.strip(".,;:!?()'\"`") for word in text.split()]
    found = {
        " ".join(words[start : start + length]) for length in range(1, _LONGEST + 1) for start in range(len(words))
    }
    return sorted(one for one in found if len(one) >= 3 and not one.isdecimal())


def without_people(text: str, named: Iterable[str]) -> str:
    """``text`` with everything that looks like a key, and each of ``named``, taken out."""
    for name in sorted(named, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NOBODY, text)
    return KEY.sub(NOBODY, text)


def _without(value: Any, at: tuple[str | int, ...], without: Callable[[str], str], rows: list[Row]) -> Any:
    if at in _WHOLE:
        rows += _elements(at, value) if value else []
        return type(value)()
    if isinstance(value, str):
        said = without(value)
        if said != value:
            rows.append(_row(at, value))
        return said
    if isinstance(value, list):
        return [_without(one, (*at, number), without, rows) for number, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if any(without(name) != name for name in value):
        rows += _elements(at, value)
        return {}
    return {name: _without(one, (*at, name), without, rows) for name, one in value.items()}


def _elements(at: tuple[str | int, ...], value: list[Any] | dict[str, Any]) -> list[Row]:
    if isinstance(value, dict):
        return [_row((*at, name), one, key=name) for name, one in value.items()]
    keys = [one.get("key") if isinstance(one, dict) else None for one in value]
    return [_row((*at, number), one, key=keys[number]) for number, one in enumerate(value)]


def _row(at: tuple[str | int, ...], value: Any, *, key: str | None = None) -> Row:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in at)
    return Row("/" + "/".join(steps), key, json.dumps(value, ensure_ascii=False))


def _steps(place: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:]]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _texts(one)
