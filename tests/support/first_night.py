"""Who is there before the first night, on both sides: newcomers, leavers, odd names, a swap and a stranger."""

from __future__ import annotations

from typing import Any

from tests.support.plan_world import user

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def profile_before(key: str, **values: Any) -> dict[str, Any]:
    """A profile as it was before the first night, known by its externalId."""
    plain: dict[str, Any] = {
        "schemas": [USER, ENTERPRISE],
        "externalId": key,
        "userName": f"{key}@x.example",
        "active": True,
        "name": {"givenName": key.title(), "familyName": "Zero"},
        "emails": [{"type": "work", "value": f"{key}@x.example", "primary": True}],
        "title": "Before",
        ENTERPRISE: {"department": "Sales"},
    }
    return {name: value for name, value in (plain | values).items() if value is not None}


def people(*, odd: str) -> list[dict[str, Any]]:
    """The tenant of the first night; ``odd`` is the user name that is hard to write."""
    return [
        user("new", manager="old", phone="+49 (30) 123-45", nick="Newt", userPrincipalName="New@x.example"),
        user("odd", userPrincipalName=odd, givenName=" Ö%20 ", jobTitle='Head; of "R&D"'),
        user("old", manager="new", jobTitle="Chief"),
        user("bare", manager="old", phone="+1 555 0100"),
        user("left", accountEnabled=False),
        user("off"),
        user("swapa"),
        user("swapb"),
    ]
