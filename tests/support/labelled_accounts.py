"""Accounts labelled by hand: what a person reading the tenant's list would say each one is.

People are written ``first|last`` (accounts.txt) with the shape of their account; things are written out.
Everything not said is absent, as Graph leaves it out.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent / "labelled"


def lists(name: str) -> dict[str, list[str]]:
    """Section → lines of the file ``name`` beside the labelled tests."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = []
        elif line and not line.startswith("#"):
            found[section].append(line)
    return found


LISTS = lists("accounts.txt")
TITLES = (
    "Engineer",
    "Account Manager",
    "Nurse",
    "Planner",
    "Buyer",
    "Head of Sales",
    "Service Technician",
    "Test Engineer",
)
DEPARTMENTS = (
    "Finance",
    "Sales",
    "IT Support",
    "Human Resources",
    "Marketing",
    "Operations",
    "Test & Quality",
    "Logistics",
)


def folded(text: str) -> str:
    """``text`` as user names are made of it."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return plain.replace(" ", "").replace("'", "").replace("ł", "l").replace("ø", "o").replace("\u0131", "i")


def accounts() -> list[tuple[str, dict[str, Any]]]:
    """``(label, account)`` for everybody; ids are stable, managers exist."""
    found: list[tuple[str, dict[str, Any]]] = []
    for number, (first, last) in enumerate(_names(LISTS["office"])):
        found.append(("person", _office(number, first, last)))
    for number, (first, last) in enumerate(_names(LISTS["frontline"])):
        found.append(("person", _frontline(number, first, last)))
    for number, (first, last) in enumerate(_names(LISTS["hard"])):
        found.append(("person", _hard(number, first, last)))
    for number, (first, last) in enumerate(_names(LISTS["more_people"])):
        found.append(("person", _office(200 + number, first, last)))
    found += [("person", account) for account in _special_people()]
    for number, line in enumerate(LISTS["named_things"]):
        label, _, rest = line.partition("|")
        found.append((label, _thing(f"{label}-named", number, rest)))
    for label, lines in (
        ("room_or_equipment", LISTS["rooms"]),
        ("printer_or_device", LISTS["printers"]),
        ("shared_mailbox", LISTS["shared"]),
        ("service_account", LISTS["services"]),
        ("admin_or_break_glass", LISTS["admins"]),
        ("test_account", LISTS["tests"]),
        ("guest", LISTS["guests"]),
    ):
        found += [(label, _thing(label, number, line)) for number, line in enumerate(lines)]
    return found


def _names(lines: list[str]) -> list[tuple[str, str]]:
    return [(line.partition("|")[0], line.partition("|")[2]) for line in lines]


def _base(key: str, local: str, first: str | None, last: str | None, display: str) -> dict[str, Any]:
    return {
        "id": key,
        "userPrincipalName": f"{local}@contoso.example",
        "displayName": display,
        "givenName": first,
        "surname": last,
        "mailNickname": local,
        "accountEnabled": True,
        "userType": "Member",
        "showInAddressList": True,
    }


def _office(number: int, first: str, last: str) -> dict[str, Any]:
    shapes = (
        f"{folded(first)}.{folded(last)}",
        f"{folded(first)[:1]}{folded(last)}",
        f"{folded(last)}.{folded(first)[:1]}",
        f"{folded(first)}_{folded(last)}",
        f"e{10000 + number}",
    )
    local = shapes[number % 5]
    account = _base(f"office-{number:03d}", local, first, last, f"{first} {last}" if number % 7 else f"{last}, {first}")
    return account | {
        "mail": f"{local}@contoso.example",
        "employeeId": f"{20000 + number}" if number % 9 else None,
        "employeeType": ("Employee", None, "Contractor")[number % 3],
        "jobTitle": TITLES[number % 8] if number % 11 else None,
        "department": DEPARTMENTS[number % 8] if number % 6 else None,
        "manager": f"office-{number // 6:03d}" if number else None,
        "assignedLicensesCount": 1 + number % 3,
        "onPremisesDistinguishedName": f"CN={last}\\, {first},OU={DEPARTMENTS[number % 8]},OU=Users,DC=contoso"
        if number % 2
        else None,
    }


def _frontline(number: int, first: str, last: str) -> dict[str, Any]:
    """No mailbox, no licence; some have nothing but a name."""
    account = _base(f"front-{number:03d}", f"{folded(first)}{folded(last)}{number}", first, last, f"{first} {last}")
    return account | {
        "assignedLicensesCount": 0,
        "jobTitle": "Warehouse Worker" if number % 3 == 0 else None,
        "manager": "office-004" if number % 4 == 0 else None,
        "employeeId": f"F{number:03d}" if number % 5 == 0 else None,
    }


def _hard(number: int, first: str, last: str) -> dict[str, Any]:
    local = (f"{folded(first)}.{folded(last)}", f"{folded(last)}.{folded(first)}")[number % 2]
    account = _base(f"hard-{number:03d}", local, first, last, f"{first} {last}")
    return account | {
        "mail": f"{local}@contoso.example",
        "jobTitle": TITLES[number % 8],
        "department": DEPARTMENTS[number % 8] if number % 2 else None,
        "assignedLicensesCount": 1 if number % 3 else 0,
        "employeeId": f"H{number}" if number % 4 == 0 else None,
        "manager": "office-002" if number % 3 == 0 else None,
    }


def _special_people() -> list[dict[str, Any]]:
    """Counter-cases: a director without employee number, a guest who became a member, a name that is a word …"""
    found: list[dict[str, Any]] = json.loads((HERE / "special_people.json").read_text(encoding="utf-8"))
    return found


def _thing(label: str, number: int, line: str) -> dict[str, Any]:
    """``local|display[|first|last][|resource][|purpose:x][|ou:x]``; some are licensed, some disabled."""
    local, display, *rest = line.split("|")
    marks = [part for part in rest if part == "resource" or part.startswith(("purpose:", "ou:"))]
    names = [part for part in rest if part not in marks]
    first, last = (*names, None, None)[:2]
    account = _base(f"{label}-{number:03d}", local, first, last, display)
    account |= {"assignedLicensesCount": 1 if number % 5 == 0 else 0, "accountEnabled": number % 4 != 3}
    if label in {"admin_or_break_glass", "service_account"} and number % 2 == 0:
        account["userPrincipalName"] = f"{local}@contoso.onmicrosoft.com"
    if label == "guest":
        account |= {
            "userPrincipalName": f"{local}@contoso.onmicrosoft.com",
            "userType": "Guest" if number % 4 else None,
            "creationType": "Invitation",
            "externalUserState": "Accepted" if number % 2 else "PendingAcceptance",
        }
    if label in {"shared_mailbox", "room_or_equipment", "printer_or_device"}:
        account["mail"] = f"{local}@contoso.example"
    if label == "shared_mailbox" and number % 6 == 0:
        account["department"] = DEPARTMENTS[number % 8]
    if label == "service_account" and number % 8 == 0:
        account["manager"] = "office-001"
    for mark in marks:
        kind, _, value = mark.partition(":")
        if kind == "resource":
            account["isResourceAccount"] = True
        elif kind == "purpose":
            account["userPurpose"] = value
        else:
            account["onPremisesDistinguishedName"] = f"CN={display},{value}"
    return account
