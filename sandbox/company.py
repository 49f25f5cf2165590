"""The people of the sample company: a tree of managers under one head, the same on every machine.

:func:`write` makes the files of ``data/sample`` anew; a test holds them against what this makes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from trueup.sandbox.names import DEPARTMENTS, GIVEN, OFFICES, SURNAMES, mailbox
from trueup.sandbox.tenant.data import DOMAIN, object_id

if TYPE_CHECKING:
    from collections.abc import Sequence

User = dict[str, Any]
T = TypeVar("T")
STAFF = 280
"""People in the tree."""
LICENCE = {"disabledPlans": [], "skuId": object_id("licence", "standard")}


def drawn(things: Sequence[T], *why: object) -> T:
    """One of the things, always the same for the same reason."""
    digest = hashlib.blake2b("|".join(map(str, why)).encode(), digest_size=8).digest()
    return things[int.from_bytes(digest) % len(things)]


def chance(percent: int, *why: object) -> bool:
    """True in about so many of a hundred cases, always the same for the same reason."""
    return drawn(range(100), *why) < percent


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody stands in the tree."""

    number: int
    department: str
    title: str
    manager: str | None
    """Object id."""


def account(name: str, **properties: Any) -> User:
    """An account with an id that depends on its name alone; properties left out were never set."""
    return {
        "id": object_id("user", name),
        "accountEnabled": True,
        "userType": "Member",
        "userPrincipalName": f"{name}@{DOMAIN}",
        "mailNickname": name,
        "createdDateTime": f"20{drawn(range(15, 26), 'year', name)}-0{drawn(range(1, 10), 'month', name)}-01T08:00:00Z",
        **properties,
    }


def person(name: str, given: str, surname: str, place: Place) -> User:
    """An employee as HR feeds them in."""
    city, country, street = drawn(OFFICES, "office", place.number)
    user = account(
        name,
        displayName=f"{given} {surname}",
        givenName=given,
        surname=surname,
        mail=f"{name}@{DOMAIN}",
        proxyAddresses=[f"SMTP:{name}@{DOMAIN}"],
        jobTitle=place.title,
        department=place.department,
        companyName="Contoso",
        officeLocation=f"{city} {1 + place.number % 4}.{place.number % 30:02d}",
        city=city,
        country=country,
        usageLocation=country,
        streetAddress=street,
        businessPhones=[f"+31 10 555 {1000 + place.number}"],
        employeeId=f"E{10000 + place.number}",
        employeeType="Contractor" if chance(6, "contractor", place.number) else "Employee",
        employeeHireDate=f"20{10 + place.number % 15}-0{1 + place.number % 9}-01T00:00:00Z",
        employeeOrgData={"division": "Contoso Group", "costCenter": f"CC{100 + place.number % 12}"},
        assignedLicenses=[LICENCE],
        preferredLanguage=drawn(("en-GB", "nl-NL", "pl-PL", "fr-CA", "ja-JP"), "tongue", place.number),
        mailboxSettings={"userPurpose": "user"},
        showInAddressList=True,
        signInActivity={"lastSignInDateTime": f"2026-11-{1 + place.number % 20:02d}T07:30:00Z"},
        onPremisesExtensionAttributes={"extensionAttribute1": "Staff"},
    )
    if chance(55, "mobile", place.number):
        user["mobilePhone"] = f"+31 6 5550 {2000 + place.number}"
    if place.manager is not None:
        user["manager"] = place.manager
    return user


def staff() -> list[User]:
    """Everybody in the tree, the head first: a head, a director per department, team leads, teams of about eight."""
    taken: set[str] = set()
    people: list[User] = []
    departments = list(DEPARTMENTS)
    leads: dict[str, list[str]] = {department: [] for department in departments}
    for number in range(STAFF):
        given = GIVEN[number * 7 % len(GIVEN)]
        surname = SURNAMES[(number * 11 + number // len(GIVEN)) % len(SURNAMES)]
        name = mailbox(given, surname)
        while name in taken:
            name += "2"
        taken.add(name)
        place = _place(number, departments, leads, people)
        user = person(name, given, surname, place)
        if number <= len(departments) or number < 36:
            leads[place.department].append(user["id"])
        people.append(user)
    return people


def _place(number: int, departments: list[str], leads: dict[str, list[str]], people: list[User]) -> Place:
    if number == 0:
        return Place(number, "Operations", "Chief Executive", None)
    department = departments[(number - 1) % len(departments)]
    head = people[0]["id"]
    if number <= len(departments):
        return Place(number, department, f"Director of {department}", head)
    above = leads[department]
    if number < 36:
        return Place(number, department, f"{department} Team Lead", above[0] if above else head)
    return Place(number, department, drawn(DEPARTMENTS[department], "title", number), drawn(above, "lead", number))
