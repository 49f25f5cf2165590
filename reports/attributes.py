"""What it means when a managed attribute changes."""

from __future__ import annotations

import re

EVENT_WORDS = {
    "renamed": "renamed",
    "user_name": "new user name",
    "mail": "new e-mail",
    "moved": "moved",
    "manager": "new manager",
    "title": "new title",
    "office": "new office or address",
    "phone": "new phone number",
    "number": "new employee number",
    "active": "account state",
    "other": "other details",
}
"""Event → words, in the order in which a person's events are told."""

_EVENTS: tuple[tuple[str, str], ...] = (
    (r"^username$", "user_name"),
    (r"^(displayname|nickname|name(\..*)?)$", "renamed"),
    (r"^emails", "mail"),
    (r"(^|[:.])(department|division|organization|costcenter)$", "moved"),
    (r"(^|[:.])manager(\.value)?$", "manager"),
    (r"^title$", "title"),
    (r"^(addresses|locale|timezone)|officelocation", "office"),
    (r"^phonenumbers", "phone"),
    (r"(^|[:.])employeenumber$", "number"),
    (r"^active$", "active"),
)


def event_of(attribute: str) -> str:
    """The event a change of ``attribute`` is: a key of ``EVENT_WORDS``."""
    lowered = attribute.lower()
    return next((event for pattern, event in _EVENTS if re.search(pattern, lowered)), "other")


_ORDER = ("renamed", "title", "moved", "manager", "user_name", "mail", "phone", "office", "number", "active", "other")


def place(attribute: str) -> int:
    """In which order a person's changes are told: what a reviewer knows people by comes first."""
    return _ORDER.index(event_of(attribute))
