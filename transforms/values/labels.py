"""What a managed attribute is called in a sentence."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

NAMES = {
    "username": "user name",
    "externalid": "external id",
    "displayname": "display name",
    "nickname": "nickname",
    "name.givenname": "first name",
    "name.familyname": "last name",
    "name.formatted": "full name",
    "title": "title",
    "active": "active",
    "department": "department",
    "division": "division",
    "costcenter": "cost centre",
    "organization": "organisation",
    "employeenumber": "employee number",
    "manager": "manager",
    "manager.value": "manager",
    "preferredlanguage": "language",
}
_TYPED = re.compile(r'^(\w+)\[type eq "([^"]*)"\]\.(\w+)$')
KINDS = {"emails": "e-mail", "phoneNumbers": "phone", "addresses": "address"}


def label(attribute: str) -> str:
    """``attribute`` (a SCIM path) as a reviewer calls it: ``work e-mail``; the path itself where there is no name."""
    if typed := _TYPED.match(attribute):
        kind, of, part = typed.groups()
        name = f"{of} {KINDS.get(kind, kind)}"
        return name if part == "value" else f"{name}: {NAMES.get(part.lower(), part)}"
    last = attribute.rsplit(":", 1)[-1]
    return NAMES.get(last.lower(), last)


def in_sentence(attribute: str) -> str:
    """``attribute`` (a SCIM path) as it stands behind "the" in a sentence: ``account state``, ``department``."""
    return "account state" if attribute.lower() == "active" else label(attribute)


def limit_label(limit: str, among: Collection[str]) -> str:
    """``changed:department`` for ``changed:urn:…:department``, to be written after ``--allow``.

    The limit's own name where one of the other limits in ``among`` would be called the same.
    """
    short = _folded(limit)
    return limit if any(other != limit and short in {other, _folded(other)} for other in among) else short


def allow_options(limits: Collection[str], among: Collection[str]) -> str:
    """``--allow …`` for each of ``limits``, as it can be pasted into a shell; ``among`` are all that are exceeded."""
    return " ".join(f"--allow {shlex.quote(limit_label(limit, among))}" for limit in limits)


def limits_called(words: str, among: Collection[str]) -> list[str]:
    """The limits in ``among`` that ``words`` mean: one by its own name, a family (``changed``), else by short words.

    Several by short words are several attributes of that name: the caller must ask which one is meant.
    """
    named = [limit for limit in among if words in {limit, limit.partition(":")[0]}]
    return named or [limit for limit in among if _folded(limit) == _folded(words)]


def _folded(limit: str) -> str:
    kind, colon, attribute = limit.partition(":")
    return kind + colon + "-".join(label(attribute).lower().split()) if attribute else limit
