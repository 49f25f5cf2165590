"""A file as the source: Graph-shaped JSON, lines, the portal's CSV; cut off is refused, missing is not empty."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.graph_server import person
from tests.support.reading import COLUMNS, links
from trueup.connectors.files import json_stream, read_everything_report
from trueup.connectors.files.json_stream import JsonStream, NotWhole
from trueup.connectors.source import SourceRequest, snapshot
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from trueup.connectors.source import SourceSnapshot


@dataclass(frozen=True)
class Outcome:
    snapshot: SourceSnapshot
    files: RunFiles

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.files.source).to_pylist()
        return found


def users(count: int = 5) -> list[dict[str, Any]]:
    return [person(number, manager={"id": person(0)["id"]}) for number in range(count)]


def read(folder: Path, name: str, body: str | bytes, *, request: SourceRequest | None = None, **source: Any) -> Outcome:
    place = folder / name
    place.write_bytes(body.encode() if isinstance(body, str) else body)
    files = RunFiles(folder / "run")
    files.work.mkdir(parents=True, exist_ok=True)
    settings = Settings.model_validate({"source": {"kind": "file", "path": str(place), "scope": "all", **source}})
    return Outcome(snapshot(settings, request or SourceRequest(COLUMNS), files), files)


SHAPES = {
    "list.json": lambda rows: json.dumps(rows, indent=2),
    "page.json": lambda rows: "\ufeff" + json.dumps({"@odata.context": "x", "value": rows}),
    "users.ndjson": lambda rows: "\n".join(json.dumps(row) for row in rows) + "\n\n",
    "pages.ndjson": lambda rows: "\n".join(
        json.dumps({"value": [row], "@odata.nextLink": "https://x"} if row is not rows[-1] else {"value": [row]})
        for row in rows
    ),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_each_shape_gives_the_same_users(tmp_path: Path, name: str) -> None:
    outcome = read(tmp_path, name, SHAPES[name](users()))
    assert [row["id"] for row in outcome.rows] == [user["id"] for user in users()]
    row = outcome.rows[2]
    assert row["manager"] == users()[0]["id"]
    assert row["assignedLicensesCount"] == 1
    assert row["division"] == "North"
    assert row["mobilePhone"] is None
    assert row["businessPhones"] == ["+1 555 0100"]
    assert outcome.snapshot.completeness["proof"] == "end_of_file"


def test_what_the_file_does_not_hold_is_unreadable_not_empty(tmp_path: Path) -> None:
    rows = [{"id": "a", "userPrincipalName": "a@x", "accountEnabled": True, "jobTitle": None}]
    outcome = read(tmp_path, "users.json", json.dumps(rows))
    assert "jobTitle" in outcome.rows[0]
    assert "department" not in outcome.rows[0]
    assert {"department", "manager"} <= set(outcome.snapshot.unreadable)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("u.json", '[{"id": "1"}, {"id"'),
        ("u.json", ""),
        ("u.json", "<html>"),
        ("u.json", '{"value": [{"id": "1"}], "@odata.nextLink": "https://x"}'),
        ("u.json", '[{"displayName": "nobody"}]'),
        ("u.json", '[{"id": "1", "@removed": {"reason": "changed"}}]'),
        ("u.json", "[null]"),
        ("u.json", "[]"),
        ("u.ndjson", '{"id": "1"}\n{"id": "2"'),
        ("u.csv", "displayName\nx\n"),
        ("u.csv", 'id,displayName\n1,"x\n'),
        ("u.csv", "id,displayName\n1,x\n2\n"),
        ("u.csv", "id,displayName\n,x\n"),
        ("u.csv", "id,objectId\n1,2\n"),
        ("u.csv", b"id,displayName\n1,\xff\xfe\n"),
        ("u.csv", ""),
    ],
)
def test_half_a_file_is_refused(tmp_path: Path, name: str, body: str | bytes) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, name, body)
    assert refused.value.refusals[0].code in {"source_incomplete", "source_empty"}


def test_a_wrong_type_in_a_file_is_a_problem(tmp_path: Path) -> None:
    rows = users()
    rows[1]["jobTitle"] = 5
    outcome = read(tmp_path, "users.json", json.dumps(rows))
    problems = pq.read_table(outcome.files.work_problems).to_pylist()
    assert [(row["key"], row["attribute"]) for row in problems] == [(rows[1]["id"], "jobTitle")]


PORTAL = (
    "userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,"
    "usageLocation,physicalDeliveryOfficeName,telephoneNumber,mobile,companyName,directorySynced,createdDateTime\n"
    'a@x.example,"Ann, the ""First""",A,a@x.example,Ann,id-a,Member,"Line\nbreak",R&D,True,GB,"Room 1","+1 555"'
    ",,,True,\n"
    "b@x.example,NA,null,,Bo,id-b,Guest,,,false,,,,+44 1,,,2020-01-01T00:00:00Z\n"
)


def test_the_portals_csv_is_read_by_its_own_headers(tmp_path: Path) -> None:
    columns = COLUMNS | {"onPremisesSyncEnabled", "companyName", "usageLocation"}
    outcome = read(tmp_path, "users.csv", "\ufeff" + PORTAL, request=SourceRequest(columns))
    ann, bo = outcome.rows
    assert ann["displayName"] == 'Ann, the "First"'
    assert ann["jobTitle"] == "Line\nbreak"
    assert ann["businessPhones"] == ["+1 555"]
    assert ann["officeLocation"] == "Room 1"
    assert ann["mobilePhone"] is None
    assert ann["onPremisesSyncEnabled"] is True
    assert (bo["displayName"], bo["surname"], bo["accountEnabled"]) == ("NA", "null", False)
    assert bo["businessPhones"] is None
    assert bo["jobTitle"] is None
    assert "manager" in outcome.snapshot.unreadable


ENCODED = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "UTF-16 the other way": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
}
ANN = 'Ann; "the\tFirst",\r\nŁódź 🙂'


@pytest.mark.parametrize("encoding", list(ENCODED))
@pytest.mark.parametrize("start", ["{0}", "sep=;\r\n{0}"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_however_a_spreadsheet_saved_it(
    tmp_path: Path, encoding: str, start: str, delimiter: str
) -> None:
    if start != "{0}" and delimiter != ";":
        start = start.replace(";", delimiter)
    rows = [["userPrincipalName", "objectId", "displayName", "accountEnabled", "a;b,c"]]
    rows += [[f"u{n}@x", f"id-{n}", ANN if n == 1 else "", "True", ""] for n in range(3)]
    told = io.StringIO()
    csv.writer(told, delimiter=delimiter, quoting=csv.QUOTE_ALL if start == "{0}" else csv.QUOTE_MINIMAL).writerows(
        rows
    )
    outcome = read(tmp_path, "users.csv", ENCODED[encoding](start.format(told.getvalue())))
    assert [(row["id"], row["displayName"], row["accountEnabled"]) for row in outcome.rows] == [
        ("id-0", None, True),
        ("id-1", ANN, True),
        ("id-2", None, True),
    ]


@pytest.mark.parametrize("encoding", list(ENCODED))
@pytest.mark.parametrize("name", list(SHAPES))
def test_json_is_read_in_either_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    rows = users()
    rows[1]["displayName"] = ANN
    outcome = read(tmp_path, name, ENCODED[encoding](SHAPES[name](rows).removeprefix("\ufeff")))
    assert [row["id"] for row in outcome.rows] == [user["id"] for user in rows]
    assert outcome.rows[1]["displayName"] == ANN


@pytest.mark.parametrize("name", ["u.csv", "u.json"])
def test_half_a_letter_at_the_end_is_refused(tmp_path: Path, name: str) -> None:
    body = "id,displayName\n1,x\n" if name == "u.csv" else '[{"id": "1"}]'
    with pytest.raises(Refused):
        read(tmp_path, name, body.encode("utf-16")[:-1])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["id", "value", "a", "@odata.nextLink"]), ANYTHING, min_size=1, max_size=4).filter(
        lambda one: not isinstance(one.get("value"), list)
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(rows=OBJECTS, shape=st.sampled_from(["list", "page", "lines"]), chunk=st.integers(1, 40), indent=st.booleans())
def test_a_json_text_gives_its_objects_wherever_it_is_cut_into_pieces(
    rows: list[dict[str, Any]], shape: str, chunk: int, *, indent: bool
) -> None:
    def told(value: Any) -> str:
        return json.dumps(value, indent=2 if indent else None, ensure_ascii=indent)

    text = {
        "list": lambda: told(rows),
        "page": lambda: told({"@odata.context": [1.5, {}], "value": rows, "after": 12e3}),
        "lines": lambda: "\n".join(told(row) for row in rows),
    }[shape]()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        place = Path(folder) / "users.json"
        place.write_text(text, encoding="utf-8", newline="")
        assert list(JsonStream(place).objects()) == rows
        place.write_text(text[:-1], encoding="utf-8", newline="")
        with pytest.raises(NotWhole):
            list(JsonStream(place).objects())


def test_managed_people_the_file_leaves_out_are_gone_and_said(tmp_path: Path) -> None:
    request = SourceRequest(COLUMNS, known=links(tmp_path, [users()[0]["id"], "elsewhere"]))
    outcome = read(tmp_path, "users.json", json.dumps(users()), request=request)
    assert pq.read_table(outcome.files.work_absent).to_pylist() == [{"key": "elsewhere", "state": "gone"}]
    assert any("cannot be asked" in note for note in outcome.snapshot.notes)


def test_repeats_collapse_to_the_last(tmp_path: Path) -> None:
    rows = [*users(), {**users()[1], "jobTitle": "Promoted"}]
    outcome = read(tmp_path, "users.json", json.dumps(rows))
    assert len(outcome.rows) == 5
    assert outcome.rows[1]["jobTitle"] == "Promoted"


def test_scope_left_at_its_default_counts_everybody_as_assigned(tmp_path: Path) -> None:
    (tmp_path / "u.json").write_text(json.dumps(users()))
    files = RunFiles(tmp_path / "run")
    files.work.mkdir(parents=True)
    settings = Settings.model_validate({"source": {"kind": "file", "path": str(tmp_path / "u.json")}})
    taken = snapshot(settings, SourceRequest(COLUMNS, people_groups=("Kiosks",)), files)
    assert set(pq.read_table(files.source).column("assigned").to_pylist()) == {True}
    assert "groups" in taken.unreadable


def test_a_scope_that_needs_a_tenant_is_a_matter_of_configuration(tmp_path: Path) -> None:
    for scope in ("assigned", "groups"):
        with pytest.raises(Misused, match="neither assignments nor groups"):
            read(tmp_path, "u.json", json.dumps(users()), scope=scope)


def test_no_file_is_a_matter_of_configuration(tmp_path: Path) -> None:
    settings = Settings.model_validate({"source": {"kind": "file", "path": str(tmp_path / "none.json")}})
    with pytest.raises(Misused, match="there is no file"):
        snapshot(settings, SourceRequest(COLUMNS), RunFiles(tmp_path / "run"))


REPORT = (
    ("First Name", "Last Name", "Email", "Job Title", "Department", "Mobile Phone", "Employee ID", "Shoe Size"),
    ("Ann", "A", "ann@x.example", "Boss", "R&D", "+1 555", 7, "38"),
    ("Bo", "B", "BO@x.example", None, "", None, "08", "40"),
)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize("kind", ["csv", "semicolon.csv", "xlsx"])
def test_an_everything_report_becomes_scim_paths(tmp_path: Path, kind: str) -> None:
    place = tmp_path / f"report.{kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        for row in REPORT:
            sheet.append(list(row))
        book.save(place)
    else:
        mark = ";" if kind.startswith("semi") else ","
        lines = [mark.join("" if cell is None else str(cell) for cell in row) for row in REPORT]
        place.write_text("\n".join(lines), encoding="utf-8-sig")
    report = read_everything_report(place, managed=["name.givenName", "name.familyName", "title"])
    rows = report.table.to_pylist()
    assert [(row["row"], row["name"], row["id"]) for row in rows] == [(2, "Ann A", None), (3, "Bo B", None)]
    assert [row["email"] for row in rows] == ["ann@x.example", "BO@x.example"]
    assert [row["title"] for row in rows] == ["Boss", None]
    assert [row[f"{ENTERPRISE}:employeeNumber"] for row in rows] == ["7", "08"]
    assert "Shoe Size" not in rows[0]
    told = "\n".join(report.notes)
    assert "1 column of the report is not understood and passed over: Shoe Size." in told
    assert f"The mapping does not manage {ENTERPRISE}:department, so the report's 'Department' is not restored." in told


def test_a_reports_own_columns_go_first(tmp_path: Path) -> None:
    place = tmp_path / "report.csv"
    place.write_text("Adresse,Titel,Title\na@x,Chefin,Boss\n , ,\n")
    report = read_everything_report(place, {"adresse": "email", "Titel": "title"})
    assert report.table.to_pylist() == [{"row": 2, "email": "a@x", "id": None, "name": None, "title": "Chefin"}]
    assert report.notes == ("The report's 'Title' is passed over: title is taken from 'Titel'.",)


def test_managers_by_address_go_before_managers_by_name_and_a_mapped_address_still_says_who(tmp_path: Path) -> None:
    place = tmp_path / "report.csv"
    place.write_text("Pingboard User ID,E-Mail,Reports To,Reports To Email\n7,a@x,Bo B,bo@x\n")
    report = read_everything_report(place, {"E-Mail": "userName"})
    assert report.table.to_pylist() == [
        {"row": 2, "email": "a@x", "id": "7", "name": None, "userName": "a@x", f"{ENTERPRISE}:manager": "bo@x"}
    ]
    assert "'Reports To' is passed over" in report.notes[0]


@pytest.mark.parametrize("body", ["Email,Title\na@x\n", 'Email,Title\na@x,"Boss\nb@x,"C"x\n'])
def test_a_report_that_is_cut_off_is_refused(tmp_path: Path, body: str) -> None:
    place = tmp_path / "report.csv"
    place.write_text(body)
    with pytest.raises(Refused):
        read_everything_report(place)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [({"Titel": "title"}, "Its headers are: Email, Title"), ({"Email": "title", "Title": "title"}, "Two columns")],
)
def test_columns_that_do_not_fit_the_report_are_a_matter_of_arguments(
    tmp_path: Path, columns: dict[str, str], reason: str
) -> None:
    place = tmp_path / "report.csv"
    place.write_text("Email,Title\na@x,Boss\n")
    with pytest.raises(Misused) as caught:
        read_everything_report(place, columns)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("r.csv", b"Title\nBoss\n"),
        ("r.csv", b""),
        ("r.csv", b"\xff\xff"),
        ("r.csv", b"Email,Shoe size\na@x,44\n"),
        ("r.xlsx", b"no"),
        ("r.ndjson", b'{"email": "a@x", "title": "Boss"}\n'),
    ],
)
def test_a_file_that_is_no_report_is_a_matter_of_arguments(tmp_path: Path, name: str, body: bytes) -> None:
    place = tmp_path / name
    place.write_bytes(body)
    with pytest.raises(Misused):
        read_everything_report(place)
