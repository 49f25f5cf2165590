"""The sample's directory: already half right, as after years of hand work and an earlier attempt at provisioning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.data import ENTERPRISE, USER
from trueup.sandbox.tenant.data import DOMAIN, object_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

User = dict[str, Any]
Profile = dict[str, Any]
_STAFF = 10_000
_WITHOUT = frozenset(
    [
        "suharto",
        "no.given",
        "html.title",
        "formula",
        "twin.one",
        "twin.two",
        "rehire.new",
        "nomail",
        "placeholder",
        "combining",
    ]
)
"""Difficult people nobody has made a profile for."""


def profile_id(user: User) -> str:
    """The id of the user's profile, where there is one."""
    return object_id("profile", user["id"]).replace("-", "")


def profile_of(user: User, managers: frozenset[str] = frozenset()) -> Profile:
    """The profile as it should be: what a run would have made of the user, as far as there is a value."""
    address = user.get("mail") or user["userPrincipalName"]
    phones = [{"type": "work", "value": number} for number in user.get("businessPhones", [])[:1]]
    if user.get("mobilePhone"):
        phones.append({"type": "mobile", "value": user["mobilePhone"]})
    enterprise: Profile = {"department": user.get("department"), "employeeNumber": user.get("employeeId")}
    if user.get("manager") in managers:
        enterprise["manager"] = {"value": profile_id({"id": user["manager"]})}
    profile: Profile = {
        "schemas": [USER, ENTERPRISE],
        "id": profile_id(user),
        "externalId": user["id"],
        "userName": address,
        "active": bool(user["accountEnabled"]),
        "displayName": user.get("displayName"),
        "title": user.get("jobTitle"),
        "name": _filled({"givenName": user.get("givenName"), "familyName": user.get("surname")}),
        "emails": [{"type": "work", "value": address, "primary": True}],
        "phoneNumbers": phones,
        ENTERPRISE: _filled(enterprise),
    }
    if user.get("officeLocation"):
        profile["addresses"] = [{"type": "work", "formatted": user["officeLocation"]}]
    return _filled(profile)


def directory_profiles(users: Sequence[User]) -> list[Profile]:
    """Every profile of the sample directory, sorted by id."""
    people = [user for user in users if user.get("employeeId") or user["mailNickname"] == "director.noid"]
    kept = [user for user in people if _has_profile(user)]
    managers = frozenset(user["id"] for user in kept)
    found = [_aged(profile_of(user, managers), _number(user)) for user in kept]
    return sorted([*found, *_strangers()], key=lambda profile: str(profile["id"]))


def _number(user: User) -> int:
    return int(str(user.get("employeeId") or "E10604")[1:]) - _STAFF


def _has_profile(user: User) -> bool:
    number = _number(user)
    if number < 600:
        return number % 20 not in (3, 9) or number == 3
    return user["mailNickname"] not in _WITHOUT


def _aged(profile: Profile, number: int) -> Profile:
    """What time and hands have made of it."""
    if number == 705:
        return profile
    if number >= 600:
        # Nobody switched the other leavers off.
        return {**profile, "active": True}
    aged = {**profile, ENTERPRISE: dict(profile[ENTERPRISE])}
    for every, at, age in _AGES:
        if number % every == at:
            age(aged, number)
    if number in (64, 128):
        aged["active"] = False
    return aged


def _unnamed(profile: Profile, number: int) -> None:
    profile.pop("externalId", None)
    profile["userName"] = f"old-name-{number}@{DOMAIN}"


def _edited(profile: Profile, _: int) -> None:
    profile["nickName"] = "Edited by hand"
    profile["title"] = f"{profile['title']} (edited by hand)"


def _without_desk_phone(profile: Profile, _: int) -> None:
    profile["phoneNumbers"] = [phone for phone in profile["phoneNumbers"] if phone["type"] != "work"]


def _before_marriage(profile: Profile, _: int) -> None:
    profile["name"] = {**profile["name"], "familyName": f"{profile['name']['familyName']}-Before"}


_AGES: tuple[tuple[int, int, Callable[[Profile, int], object]], ...] = (
    (16, 5, lambda profile, _: profile.update(title="New hire")),
    (23, 7, lambda profile, _: profile[ENTERPRISE].update(department="Unassigned")),
    (29, 11, _without_desk_phone),
    (31, 13, lambda profile, _: profile[ENTERPRISE].pop("manager", None)),
    (37, 17, _before_marriage),
    (41, 19, _edited),
    (40, 21, lambda profile, _: profile.pop("externalId")),
    (47, 22, _unnamed),
)
"""Every so many people, counted from there: what became of their profile."""


def _strangers() -> list[Profile]:
    """Profiles no user of the tenant stands behind."""
    named = (
        ("office.dog", "Bello", "Barkovich", True),
        ("board.chair", "Iris", "Toezicht", True),
        ("agency.one", "Agency", "One", True),
        ("agency.two", "Agency", "Two", False),
        ("front.desk", "Front", "Desk", True),
        ("intern.past", "Past", "Intern", False),
    )
    return [
        {
            "schemas": [USER],
            "id": object_id("stranger", name).replace("-", ""),
            "userName": f"{name}@partners.example",
            "active": active,
            "name": {"givenName": given, "familyName": family},
            "emails": [{"type": "work", "value": f"{name}@partners.example", "primary": True}],
        }
        for name, given, family, active in named
    ]


def _filled(document: Profile) -> Profile:
    return {name: value for name, value in document.items() if value not in (None, "", [], {})}
