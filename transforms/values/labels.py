"""What a managed attribute is called in a sentence."""

from __future__ import annotations

import re

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
