"""Tenants of other countries: people whose names are words for things, things in the words of two dozen languages."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.check_world import settings, table
from tests.support.labelled_accounts import folded, lists
from trueup.expectations.people import judge
from trueup.transforms.attributes import CHECKED
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

TITLES = ("Ingenieur", "Sachbearbeiterin", "Réceptionniste", "Técnico de impresoras", "Room Attendant", "営業")
DEPARTMENTS = ("Druckerei", "Empfang", "Service client", "Sistemas", "総務部")
WITHOUT_HR = tuple(c for c in CHECKED if c not in {"employeeId", "employeeType", "manager"})
AS_THE_PORTAL_EXPORTS = (
    *("id", "userPrincipalName", "displayName", "givenName", "surname"),
    *("mail", "accountEnabled", "userType", "jobTitle", "department"),
)
TENANTS = {"everything": CHECKED, "no HR data": WITHOUT_HR, "the portal's export": AS_THE_PORTAL_EXPORTS}
Account = dict[str, Any]


def account(key: str, local: str, display: str, **more: Any) -> Account:
    return {
        "id": key,
        "userPrincipalName": f"{local}@firma.example",
        "displayName": display,
        "mailNickname": local,
        "mail": f"{local}@firma.example",
        "accountEnabled": True,
        "userType": "Member",
        "showInAddressList": True,
    } | more


def person(number: int, first: str, last: str, shape: int) -> Account:
    """Two in four work in an office; one has a title at most, one nothing but a name."""
    local = (f"{first}.{last}", f"{first[:1]}{last}", f"{last}{number}", f"u{40000 + number}")[shape]
    display = (f"{first} {last}", f"{last}, {first}", f"{last} {first}", f"{first} {last}")[shape]
    found = account(f"person-{number:03d}-{shape}", folded(local), display, givenName=first, surname=last)
    if shape < 2:
        found |= {"employeeId": f"{number}-{shape}", "manager": "person-000-0", "assignedLicensesCount": 1}
        found |= {"jobTitle": TITLES[number % 6], "department": DEPARTMENTS[number % 5]}
    elif shape == 2:
        found["jobTitle"] = ("Lagerarbeiter", "Vendeuse", None)[number % 3]
    return found


def people() -> list[Account]:
    names = [line.split("|") for line in lists("other_tenants.txt")["people"]]
    return [person(n, first, last, shape) for n, (first, last) in enumerate(names) for shape in range(4)]


def things() -> list[tuple[str, Account]]:
    found = []
    for label, lines in lists("other_tenants.txt").items():
        for number, line in enumerate(lines if label != "people" else []):
            local, display = line.split("|")
            more = {"accountEnabled": number % 4 != 3, "assignedLicensesCount": int(number % 5 == 0)}
            found.append((label, account(f"{label}-{number}", folded(local), display, **more)))
    return found


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_tenant_of_another_country_loses_nobody(
    tenant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = RunFiles(tmp_path / "run")
    files.path.mkdir()
    everybody, others = people(), things()
    pq.write_table(table([*everybody, *(thing for _, thing in others)], TENANTS[tenant]), files.source)
    judge(files, settings())
    given = {row["key"]: row["verdict"] for row in pq.read_table(files.work_verdicts).to_pylist()}
    said = Counter(given[one["id"]] for one in everybody)
    office = Counter(given[one["id"]] for one in everybody if "department" in one)
    right = sum(given[thing["id"]] == label for label, thing in others)
    with capsys.disabled():
        sys.stdout.write(f"\n{tenant}: people {dict(said)}; {right} of {len(others)} things recognised\n")
    assert set(said) <= {"person", "unsure"}, "a person was silently excluded"
    assert office["person"] >= 0.98 * office.total()
    assert said["person"] >= 0.95 * said.total(), "half of them have hardly more than a name that is a word for a thing"
    assert not [key for key, verdict in given.items() if verdict == "person" and not key.startswith("person-")]
    assert right >= 0.95 * len(others)
