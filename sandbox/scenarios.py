"""What happens after the first night, as lists of edits (see :mod:`trueup.sandbox.tenant.edits`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.sandbox.company import Place, person
from trueup.sandbox.tenant.data import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

User = dict[str, Any]
Edit = dict[str, Any]


def scenarios(users: Sequence[User]) -> dict[str, list[Edit]]:
    """By file name: an ordinary second day, and three ways in which a night goes wrong at the source."""
    staff = {_number(user): user for user in users if user.get("employeeId")}
    return {
        "second_day": _second_day(staff),
        "bad_night_blank_departments": [{"edit": "set_for_all", "properties": {"department": None}}],
        "bad_night_half_missing": [{"edit": "lose", "users": sorted(user["id"] for user in users)[::2]}],
        "bad_night_shifted_names": [
            {"edit": "set", "user": user["id"], "properties": _shifted(user)} for _, user in sorted(staff.items())
        ],
    }


def _number(user: User) -> int:
    return int(user["employeeId"][1:]) - 10_000


def _second_day(staff: dict[int, User]) -> list[Edit]:
    """Moves, a small reorganisation, a wedding, leavers, a new colleague, somebody back from leave."""
    moved = [
        {"edit": "set", "user": staff[n]["id"], "properties": {"department": "Operations", "jobTitle": "Shift Lead"}}
        for n in (40, 52, 66)
    ]
    new_lead = staff[16]["id"]
    reorganised = [
        {"edit": "set", "user": staff[n]["id"], "properties": {"manager": new_lead}}
        for n in (44, 58, 72, 86, 100, 114)
        if staff[n].get("manager") != new_lead
    ]
    wedding = {
        "edit": "set",
        "user": staff[77]["id"],
        "properties": {
            "surname": "Brouwer-Nakamura",
            "displayName": f"{staff[77]['givenName']} Brouwer-Nakamura",
            "mail": f"brouwer.nakamura@{DOMAIN}",
        },
    }
    hired = person("lieke.verhoeven", "Lieke", "Verhoeven", Place(650, "Engineering", "Software Engineer", new_lead))
    return [
        *moved,
        *reorganised,
        wedding,
        {"edit": "set", "user": staff[90]["id"], "properties": {"mobilePhone": None}},
        {"edit": "disable", "user": staff[91]["id"]},
        {"edit": "disable", "user": staff[104]["id"]},
        {"edit": "delete", "user": staff[118]["id"]},
        {"edit": "add", "user": hired},
        {"edit": "add_member", "group": "Pingboard People", "user": hired["id"]},
        {"edit": "unassign", "application": "Pingboard", "user": staff[270]["id"]},
    ]


def _shifted(user: User) -> Edit:
    """Columns moved by one: what a broken import upstream does."""
    return {"givenName": user.get("surname"), "surname": user.get("jobTitle"), "jobTitle": user.get("department")}
