"""Exports as PowerShell, spreadsheets and older modules write them: what they say is read, what they do not is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.connectors.files.test_files_as_sources import read
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connectors.files.test_files_as_sources import Outcome

TYPES = (
    "System.String[]",
    "System.Object[]",
    "System.Collections.Generic.List`1[Contoso.Hr.Phone]",
    "System.Collections.Generic.Dictionary`2[System.String,System.Object]",
    "Microsoft.Graph.PowerShell.Models.MicrosoftGraphDirectoryObject",
    "Microsoft.Graph.PowerShell.Models.IMicrosoftGraphSite Microsoft.Graph.PowerShell.Models.IMicrosoftGraphSite",
    "Deserialized.Microsoft.Open.AzureAD.Model.User",
    "@{Id=8f; DisplayName=Ada}",
)


def csv_of(**columns: list[str]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join(";".join(f'"{cell}"' for cell in row) for row in [tuple(columns), *rows]) + "\n"


def refusal(folder: Path, name: str, body: str | bytes) -> str:
    with pytest.raises(Refused) as refused:
        read(folder, name, body)
    (one,) = refused.value.refusals
    return f"{one.message} {one.remedy}"


def problems(outcome: Outcome) -> dict[tuple[str, str], str]:
    rows = pq.read_table(outcome.files.work_problems).to_pylist()
    return {(row["key"], row["attribute"]): row["problem"] for row in rows}


def test_headers_are_read_in_any_case_and_only_whole(tmp_path: Path) -> None:
    body = csv_of(
        OBJECTID=["1"],
        accountenabled=["TRUE"],
        JobTitle=["Cook"],
        DepartmentName=["Not a department"],
        TelephoneNumber=["+44 20 7946 0018"],
        MailNickName=["ada"],
        DirSyncEnabled=[""],
        Surname=["Byron"],
    )
    outcome = read(tmp_path, "u.csv", body)
    (row,) = outcome.rows
    assert (row["id"], row["accountEnabled"], row["jobTitle"], row["surname"]) == ("1", True, "Cook", "Byron")
    assert row["businessPhones"] == ["+44 20 7946 0018"]
    assert row["mailNickname"] == "ada"
    assert "department" in outcome.snapshot.unreadable


def test_keys_are_read_in_any_case_and_so_are_the_keys_within(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "Id": "1",
            "UserPrincipalName": "ada@x.example",
            "AccountEnabled": True,
            "BusinessPhones": ["+44 1"],
            "EmployeeOrgData": {"Division": "North", "CostCenter": None},
            "OnPremisesExtensionAttributes": {"ExtensionAttribute1": "one"},
            "Manager": {"Id": "2", "DeletedDateTime": None},
            "DepartmentName": "Not a department",
        },
        {"id": "2", "userPrincipalName": "bo@x.example", "manager": None, "accountEnabled": False},
        {"ID": "3", "Manager": {"Id": None, "AdditionalProperties": {}}, "AccountEnabled": True},
    ]
    outcome = read(tmp_path, "u.json", json.dumps(rows))
    ada, bo, cy = outcome.rows
    assert (ada["userPrincipalName"], ada["manager"], ada["division"]) == ("ada@x.example", "2", "North")
    assert (ada["extensionAttribute1"], ada["businessPhones"], ada["unreadable"]) == ("one", ["+44 1"], None)
    lacking = {"businessPhones", "division", "extensionAttribute1"}
    assert (bo["accountEnabled"], bo["manager"], set(bo["unreadable"])) == (False, None, lacking)
    assert (cy["manager"], set(cy["unreadable"])) == (None, lacking | {"userPrincipalName", "manager"})
    assert "department" in outcome.snapshot.unreadable


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("u.csv", "id,Department,department\n1,a,b\n"),
        ("u.json", '[{"id": "1", "Department": "a", "department": "b"}]'),
        ("u.json", '[{"id": "1", "employeeOrgData": {"Division": "a", "division": "b"}}]'),
    ],
)
def test_two_names_that_differ_only_by_case_are_refused_by_name(tmp_path: Path, name: str, body: str) -> None:
    said = refusal(tmp_path, name, body)
    assert "differ only by case" in said
    one, other = ("Division", "division") if "employeeOrgData" in body else ("Department", "department")
    assert f'"{one}" and "{other}"' in said


@pytest.mark.parametrize("written", TYPES)
def test_the_name_of_a_type_says_nothing(tmp_path: Path, written: str) -> None:
    body = csv_of(
        id=["1", "2"],
        jobTitle=[written, "Cook"],
        businessPhones=[written, "+44 20 1"],
        manager=[written, "1"],
        accountEnabled=[written, "True"],
    )
    outcome = read(tmp_path, "u.csv", body)
    ada, bo = outcome.rows
    assert [ada[name] for name in ("jobTitle", "businessPhones", "manager", "accountEnabled")] == [None] * 4
    assert set(ada["unreadable"]) == {"jobTitle", "businessPhones", "manager", "accountEnabled"}
    assert (bo["jobTitle"], bo["businessPhones"], bo["unreadable"]) == ("Cook", ["+44 20 1"], None)
    assert ".NET type" in problems(outcome)["1", "jobTitle"]
    assert outcome.snapshot.completeness["unreadable"]["manager"] == 1
    listed = [{"id": "1", "businessPhones": [written, "+44 1"], "jobTitle": written}, {"id": "2", "businessPhones": []}]
    listed[1]["jobTitle"] = "Cook"
    ada, bo = read(tmp_path, "u.json", json.dumps(listed)).rows
    assert (set(ada["unreadable"]), ada["businessPhones"]) == ({"jobTitle", "businessPhones"}, None)
    assert (bo["unreadable"], bo["businessPhones"]) == (None, [])


@pytest.mark.parametrize("title", ["System.Administrator", "Microsoft.NET developer", "@home", "Microsoft Graph", "C#"])
def test_titles_that_only_look_like_types_are_titles(tmp_path: Path, title: str) -> None:
    (row,) = read(tmp_path, "u.csv", csv_of(id=["1"], jobTitle=[title])).rows
    assert (row["jobTitle"], row["unreadable"]) == (title, None)


SEVERAL = [
    ("+44 20 1; +44 20 2", ["+44 20 1", "+44 20 2"]),
    ("+44 20 1|020 7946 0018|", ["+44 20 1", "020 7946 0018"]),
    ("+44 20 1, +44 20 2", ["+44 20 1", "+44 20 2"]),
    ("+44 20 1\n+44 20 2", ["+44 20 1", "+44 20 2"]),
    ("+44 20 1 +44 20 2", ["+44 20 1", "+44 20 2"]),
    ("+44 20 1 / +44 20 2", ["+44 20 1", "+44 20 2"]),
    ("[''+44 20 1'', ''+44 20 2'']".replace("''", '""'), ["+44 20 1", "+44 20 2"]),
    ("{+44 20 1, +44 20 2}", ["+44 20 1", "+44 20 2"]),
    ("+49 171 / 1234567", ["+49 171 / 1234567"]),
    ("+44 20 7946 0018 ext. 12", ["+44 20 7946 0018 ext. 12"]),
    ("switchboard", ["switchboard"]),
    ("   ", None),
    ("\u00a0", None),
    (" ; ", None),
]


@pytest.mark.parametrize(("cell", "phones"), SEVERAL)
def test_several_phones_in_a_cell_are_several_phones(tmp_path: Path, cell: str, phones: list[str] | None) -> None:
    (row,) = read(tmp_path, "u.csv", csv_of(id=["1"], businessPhones=[cell])).rows
    assert (row["businessPhones"], row["unreadable"]) == (phones, None)


@pytest.mark.parametrize(
    "cell",
    [
        "+44 20 7946 0018;12",
        "+44 20 1; ask Bo",
        "office 12, mobile 34",
        "{+44 20 1, +44...}",
        "+44 20 1 + extension",
        "020 7946 0018 020 7946 0019 12",
        '[""+44 20 1"", 5]',
    ],
)
def test_phones_that_cannot_be_told_apart_are_left_alone_and_said(tmp_path: Path, cell: str) -> None:
    outcome = read(tmp_path, "u.csv", csv_of(id=["1", "2"], businessPhones=[cell, "+44 20 1"]))
    ada, bo = outcome.rows
    assert (ada["businessPhones"], ada["unreadable"]) == (None, ["businessPhones"])
    assert bo["businessPhones"] == ["+44 20 1"]
    assert "several values" in problems(outcome)["1", "businessPhones"]


def test_addresses_in_one_cell_are_taken_apart(tmp_path: Path) -> None:
    body = csv_of(
        id=["1", "2"],
        proxyAddresses=["SMTP:ada@x.example;smtp:a@x.example;X500:/o=Contoso/ou=Exchange", "smtp:a@x.example;b;c"],
        otherMails=["ada@y.example bo@y.example", "ada@y.example"],
    )
    from tests.support.reading import COLUMNS
    from trueup.connectors.source import SourceRequest

    request = SourceRequest(COLUMNS | {"proxyAddresses", "otherMails"})
    ada, bo = read(tmp_path, "u.csv", body, request=request).rows
    assert ada["proxyAddresses"] == ["SMTP:ada@x.example", "smtp:a@x.example", "X500:/o=Contoso/ou=Exchange"]
    assert ada["otherMails"] == ["ada@y.example", "bo@y.example"]
    assert (bo["proxyAddresses"], bo["unreadable"]) == (None, ["proxyAddresses"])


def test_a_text_where_json_should_list_phones_is_taken_apart_too(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "businessPhones": "+44 20 1 +44 20 2"},
        {"id": "2", "businessPhones": ["", " ", "+44 20 3"]},
        {"id": "3", "businessPhones": "+44 20 1; ask Bo"},
    ]
    outcome = read(tmp_path, "u.json", json.dumps(rows))
    assert [row["businessPhones"] for row in outcome.rows] == [["+44 20 1", "+44 20 2"], ["+44 20 3"], None]
    assert [row["unreadable"] for row in outcome.rows] == [None, None, ["businessPhones"]]


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("WAHR", "FALSCH"),
        ("VRAI", "FAUX"),
        ("verdadero", "FALSO"),
        ("Vero", "Falso"),
        (" WAAR", "ONWAAR "),
        ("DOĞRU", "YANLIŞ"),
    ],
)
def test_spreadsheets_write_true_in_their_language(tmp_path: Path, yes: str, no: str) -> None:
    outcome = read(tmp_path, "u.csv", csv_of(id=["1", "2", "3", "4"], accountEnabled=[yes, no, "", "#NAME?"]))
    assert [row["accountEnabled"] for row in outcome.rows] == [True, False, None, None]
    assert [row["unreadable"] for row in outcome.rows] == [None, None, None, ["accountEnabled"]]


def test_a_word_that_is_neither_true_nor_false_is_refused_by_name(tmp_path: Path) -> None:
    said = refusal(tmp_path, "u.csv", csv_of(id=["1", "2", "3"], accountEnabled=["True", "Jein", "ada@x.example"]))
    assert "2 cells in accountEnabled" in said
    assert "“Jein”" in said
    assert "ada@x.example" not in said


@pytest.mark.parametrize(
    "start", ["#TYPE Selected.Contoso.User\r\n", '"#TYPE System.Object"\r\nsep=;\r\n', "sep=;\n#type x\n"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_the_line_that_names_the_type_is_passed_over(tmp_path: Path, start: str, encoding: str) -> None:
    (row,) = read(tmp_path, "u.csv", (start + csv_of(Id=["1"], jobTitle=["Köchin"])).encode(encoding)).rows
    assert (row["id"], row["jobTitle"]) == ("1", "Köchin")


@pytest.mark.parametrize(
    "body",
    [
        '{"@odata.deltaLink": "https://x/users/delta?$deltatoken=t", "value": [{"id": "1"}, {"id": "1"}]}',
        '{"value": [{"id": "1"}], "@odata.deltaLink": ""}',
        '{"value": [{"id": "1"}], "@odata.nextLink": "https://x/users/delta?$skiptoken=t"}',
        '[{"id": "1", "manager@delta": [{"id": "2"}]}]',
        '[{"id": "1", "@removed": {"reason": "changed"}}]',
        '{"value": [{"id": "1"}], "@odata.nextLink": "https://x"}\n{"value": [{"id": "2"}], "@odata.deltaLink": "https://x"}',
    ],
)
def test_a_saved_list_of_changes_is_refused_saying_what_to_save(tmp_path: Path, body: str) -> None:
    said = refusal(tmp_path, "u.ndjson", body)
    assert "list of changes" in said
    assert "GET /users" in said


LETTERS = csv_of(id=["1", "2"], jobTitle=["Geschäftsführerin", "Försäljare"], department=["Łódź 🙂" * 9, "—"])


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (csv_of(id=["1"], jobTitle=["Geschäftsführerin"]).encode("cp1252"), "Windows-1252"),
        (csv_of(id=["1"], jobTitle=["Geschäftsführerin"]).encode("cp850"), "DOS"),
        (('Łid;"x"\n' + LETTERS).encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (LETTERS.encode("utf-16") + b"x", "cut off"),
        (LETTERS.encode() + "ä".encode()[:1], "cut off"),
        (b"PK\x03\x04" + bytes(range(256)), "workbook"),
    ],
)
@pytest.mark.parametrize("name", ["u.csv", "u.json"])
def test_a_refusal_says_that_it_is_the_encoding(tmp_path: Path, name: str, body: bytes, named: str) -> None:
    if name == "u.json":
        body = body if body.startswith((b"PK", b"\xff\xfe", b"A\x01")) else b'["' + body
    said = refusal(tmp_path, name, body)
    assert named in said
    assert "UTF-8" in said
