"""Exports of PowerShell and spreadsheets through the command line, night after night: what is planned of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("other sources")]
DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
WORK = 'phoneNumbers[type eq "work"].value'
HEADER = (
    "ObjectId,AccountEnabled,Department,DisplayName,GivenName,JobTitle,Mail,Surname,TelephoneNumber,"
    "UserPrincipalName,UserType"
)


def written(*people: dict[str, str], start: str = "") -> bytes:
    names = HEADER.split(",")
    lines = [",".join(f'"{one.get(name, "")}"' for name in names) for one in people]
    return "\r\n".join([*([start] if start else []), HEADER, *lines, ""]).encode()


def somebody(number: int, given: str, family: str, **more: str) -> dict[str, str]:
    address = f"{given}.{family}{number}@x.example".lower()
    return {
        "ObjectId": f"0f000000-0000-4000-8000-{number:012d}",
        "AccountEnabled": "True",
        "DisplayName": f"{given} {family}",
        "GivenName": given,
        "Surname": family,
        "Mail": address,
        "UserPrincipalName": address,
        "UserType": "Member",
        "Department": "Research",
        "JobTitle": "Engineer",
    } | more


def planned(office: Office, plan: Any) -> dict[str, dict[str, Any]]:
    folder = office.run_folder(plan)
    found: dict[str, dict[str, Any]] = {}
    for row in pq.read_table(folder / "decisions.parquet").to_pylist():
        if str(row["source_id"]).startswith("0f0"):
            found[row["key"][-2:]] = {"decision": row["decision"], "reason": row["reason_code"], "checks": {}}
    for row in pq.read_table(folder / "changes.parquet").to_pylist():
        if row["key"][-2:] in found and not row["key"].startswith("profile"):
            found[row["key"][-2:]][row["attribute"]] = row["after"]
    for row in pq.read_table(folder / "findings.parquet").to_pylist():
        if row["key"][-2:] in found:
            found[row["key"][-2:]]["checks"][row["check"]] = row["reason"]
    return found


def refusals(office: Office, body: bytes, name: str) -> str:
    (office.folder / name).write_bytes(body)
    done = office.trueup("plan", "--json")
    assert done.code == 3, done.err
    return " ".join(f"{one['message']} {one['remedy']}" for one in done.json["refusals"])


def test_an_export_is_planned_by_what_it_says_and_nothing_else(office: Office) -> None:
    office.configure(**{'kind = "entra"': 'kind = "file"\npath = "users.csv"', 'scope = "assigned"': 'scope = "all"'})
    people = [
        somebody(1, "Ada", "Byron", TelephoneNumber="+44 20 1; +44 20 2"),
        somebody(2, "Bo", "Ray", AccountEnabled="FALSCH"),
        somebody(
            3, "Cy", "Fox", TelephoneNumber="System.String[]", JobTitle="Geschäftsführerin", AccountEnabled="WAHR"
        ),
        somebody(4, "Di", "Kim", TelephoneNumber="4,93012E+11", JobTitle="#NAME?"),
        somebody(5, "Nađa", "Herbert", UserPrincipalName="herbert.naa@x.example", Mail="herbert.naa@x.example"),
        somebody(6, "Ed", "Lee", TelephoneNumber="+44 20 7946 0018; ask Bo", JobTitle="Bygg? & drift?"),
        somebody(7, "Fay", "Orr", TelephoneNumber="   "),
    ]
    (office.folder / "users.csv").write_bytes(written(*people, start="#TYPE Selected.Contoso.User"))
    first = office.plan()
    found = planned(office, first)
    assert {key: one["decision"] for key, one in found.items()} == {
        **dict.fromkeys(("01", "03", "04", "05", "07"), "create"),
        "02": "out_of_scope",
        "06": "hold",
    }
    assert found["02"]["reason"] == "disabled"
    ada, cy, di = found["01"], found["03"], found["04"]
    assert (ada["title"], ada[DEPARTMENT], ada[WORK]) == ('"Engineer"', '"Research"', '"+44 20 1"')
    assert cy["title"] == '"Geschäftsführerin"'
    assert di[DEPARTMENT] == '"Research"'
    assert "businessPhones is given as the name of a .NET type" in cy["checks"]["not_said"]
    assert "“4,93012E+11”" in di["checks"]["spreadsheet_damage"]
    assert "“#NAME?”" in di["checks"]["spreadsheet_damage"]
    assert "“Bygg? & drift?”" in found["06"]["checks"]["broken_encoding"]
    assert "several values in one cell" in found["06"]["checks"]["not_said"]
    told = str(pq.read_table(office.run_folder(first) / "changes.parquet").to_pylist())
    assert [word for word in ("System.", "E+11", "#NAME", "ask Bo", "   ", "Bygg?") if word in told] == []
    assert WORK not in cy
    assert WORK not in di
    assert "title" not in di
    office.accept(first)
    office.apply(first)

    people[0] |= {"TelephoneNumber": "Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser", "JobTitle": "Chief"}
    people[2] |= {"JobTitle": "Gesch?ftsf?hrerin", "Department": "Sales"}
    people[4] |= {"Department": "########"}
    (office.folder / "users.csv").write_bytes(written(*people))
    second = office.plan()
    found = planned(office, second)
    assert {key: found[key]["decision"] for key in ("01", "03", "05")} == {
        "01": "update",
        "03": "hold",
        "05": "unchanged",
    }
    assert {name: found["01"].get(name) for name in ("title", WORK)} == {"title": '"Chief"', WORK: None}
    assert [row["attribute"] for row in pq.read_table(office.run_folder(second) / "changes.parquet").to_pylist()] == [
        "title"
    ]
    assert "the night before it was “Geschäftsführerin”" in found["03"]["checks"]["broken_encoding"]
    assert "the night before it was “Research”" in found["05"]["checks"]["spreadsheet_damage"]

    said = refusals(office, written(*people).replace(b"Gesch?", "Geschä".encode("cp1252")), "users.csv")
    assert "Windows-1252" in said
    said = refusals(office, written(*(one | {"AccountEnabled": "Jein"} for one in people)), "users.csv")
    assert "7 cells in accountEnabled" in said
    assert "“Jein”" in said


def test_a_saved_list_of_changes_is_refused(office: Office) -> None:
    office.configure(**{'kind = "entra"': 'kind = "file"\npath = "users.json"', 'scope = "assigned"': 'scope = "all"'})
    body = b'{"@odata.deltaLink": "https://x/users/delta?$deltatoken=t", "value": [{"id": "1"}, {"id": "1"}]}'
    said = refusals(office, body, "users.json")
    assert "list of changes" in said
    assert "GET /users" in said
