"""What a weak server makes of the values it was sent: dropped, lower-cased, trimmed, reformatted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.data import ENTERPRISE

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.sandbox.directory.weaknesses import Weaknesses

Profile = dict[str, Any]


def kept(weak: Weaknesses, before: Profile, after: Profile) -> Profile:
    """The profile as the server stores it, given what it held and what it was told to hold.

    Only attributes that changed are altered; a dropped one stays as it was.
    """
    stored = dict(after)
    for path in weak.drops:
        _drop(stored, before, path)
    for name in [name for name in stored if stored[name] != before.get(name)]:
        stored[name] = _altered(weak, name, stored[name])
    if weak.recomputes_formatted and isinstance(stored.get("name"), dict):
        name = stored["name"]
        whole = " ".join(part for part in (name.get("givenName"), name.get("familyName")) if part)
        stored["name"] = {**name, "formatted": whole}
        stored["displayName"] = whole
    if weak.full_name_is_display_name:
        said = (stored.get("name") or {}).get("formatted")
        if stored.get("displayName") == before.get("displayName") and said:
            stored["displayName"] = said
        stored["name"] = {"formatted": stored["displayName"]} if stored.get("displayName") else None
    return {name: value for name, value in stored.items() if value not in (None, [], {})}


def _drop(stored: Profile, before: Profile, path: str) -> None:
    if path.startswith(f"{ENTERPRISE}:"):
        name = path.removeprefix(f"{ENTERPRISE}:")
        inner = dict(stored.get(ENTERPRISE) or {})
        _restore(inner, before.get(ENTERPRISE) or {}, name)
        stored[ENTERPRISE] = inner
        return
    name, dot, sub = path.partition(".")
    if path.startswith("urn:") or not dot:
        _restore(stored, before, path)
        return
    value = stored.get(name)
    if isinstance(value, list):
        stored[name] = [{k: v for k, v in each.items() if k != sub} for each in value]
    elif isinstance(value, dict):
        inner = dict(value)
        _restore(inner, before.get(name) or {}, sub)
        stored[name] = inner


def _restore(document: Profile, before: Profile, name: str) -> None:
    if name in before:
        document[name] = before[name]
    else:
        document.pop(name, None)


def _altered(weak: Weaknesses, name: str, value: Any) -> Any:
    if weak.trims:
        value = _each_text(value, str.strip)
    if name in weak.lower_cases:
        value = _each_text(value, str.lower, only="value")
    if weak.reformats_phones and name == "phoneNumbers":
        value = _each_text(value, lambda text: re.sub(r"[^\d+]", "", text), only="value")
    return value


def _each_text(value: Any, change: Callable[[str], str], only: str | None = None) -> Any:
    """The value with its texts changed; within elements of a list only the member ``only``."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(each, change, only) for each in value]
    if isinstance(value, dict):
        return {
            name: _each_text(each, change, only) if only is None or name == only else each
            for name, each in value.items()
        }
    return value
