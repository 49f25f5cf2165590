"""What the source did not say of one person is left alone for that person; who is in scope by it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.transforms.mapping.test_mapping_run import AT, PEOPLE, SCHEMA, rows
from trueup.transforms.mapping import compile_run, load_mapping, run_mapping
from trueup.transforms.mapping.person import columns_in, examine
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import AttributeSettings, MappingSettings, SourceSettings

if TYPE_CHECKING:
    from pathlib import Path

DEPARTMENT = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
WORK = 'phoneNumbers[type eq "work"].value'
MAPPED = MappingSettings(
    attributes={
        "nickName": AttributeSettings(expression='Join(" ", [givenName], [department])'),
        "locale": AttributeSettings(expression='IIF(IsPresent([department]), "de", IgnoreObjectFlow)'),
    }
)
SALES = SourceSettings(filters=(("department EQUALS Sales",),), scope="all")


def made(
    folder: Path, people: list[dict[str, Any]], *, listed: bool = True, source: SourceSettings | None = None
) -> tuple[RunFiles, dict[str, dict[str, Any]]]:
    files = RunFiles(folder)
    schema = SCHEMA.append(pa.field("unreadable", pa.list_(pa.string()))) if listed else SCHEMA
    pq.write_table(pa.Table.from_pylist(people, schema=schema), files.source)
    pq.write_table(pa.table({"id": ["p"], "nickName": [""], "userName": ["x"], "externalId": [""]}), files.target)
    mapping = load_mapping(MAPPED, read_text=str)
    with duckdb.connect() as connection:
        columns = columns_in(connection, files)
    run_mapping(compile_run(mapping, source or SourceSettings(), columns=columns, at=AT, seed="run"), files)
    return files, rows(files.desired)


def test_an_unreadable_column_leaves_alone_what_is_made_of_it_for_that_person_only(tmp_path: Path) -> None:
    ann = PEOPLE[0] | {"department": None, "unreadable": ["department"]}
    files, desired = made(tmp_path, [ann, PEOPLE[3] | {"unreadable": []}, PEOPLE[2]])
    assert {DEPARTMENT, "nickName", "locale"} <= set(desired["1"]["left_alone"])
    assert "name.givenName" not in desired["1"]["left_alone"]
    assert (desired["1"][DEPARTMENT], desired["1"]["nickName"], desired["1"]["name.givenName"]) == (None, None, "Ann")
    assert desired["4"]["nickName"] == "Dee IT"
    assert {DEPARTMENT, "nickName", "locale"}.isdisjoint(desired["4"]["left_alone"])
    assert rows(files.work_held) == {}
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{files.path}'")
        again = connection.sql(files.mapping_sql.read_text()).to_arrow_table()
    assert again.to_pylist() == pq.read_table(files.desired).to_pylist()
    mapping = load_mapping(MAPPED, read_text=str)
    shown = {one.path: one.left_alone for one in examine(mapping, SourceSettings(), files, "1", at=AT).attributes}
    assert (shown["nickName"], shown["name.givenName"]) == (True, False)


@pytest.mark.parametrize(
    "text",
    [
        "System.Object[]",
        "Microsoft.Graph.PowerShell.Models.MicrosoftGraphUser",
        "@{Name=R&D; Id=}",
        "4,93012E+11",
        "4.93012E+11",
        "1E+15",
        "#NAME?",
        "#N/A",
        "#REF!",
        "########",
        "#WERT!",
        "#NV",
        "Err:508",
        "R&D System.String[]",
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_text_no_person_wrote_is_left_alone_from_any_source(tmp_path: Path, text: str, *, listed: bool) -> None:
    people = [PEOPLE[0] | {"department": text, "businessPhones": ["+1", text]}, PEOPLE[3]]
    _, desired = made(tmp_path, people, listed=listed)
    assert {DEPARTMENT, "nickName", WORK} <= set(desired["1"]["left_alone"])
    assert text not in str(desired["1"])
    assert desired["4"][DEPARTMENT] == "IT"


@pytest.mark.parametrize(
    "text", ["12E4", "1E10", "E+11", "#1 in sales", "Room #4", "C# team", "R&D", "System.Administrator", "a\n#", "3.5"]
)
def test_odd_texts_that_people_write_are_kept(tmp_path: Path, text: str) -> None:
    _, desired = made(tmp_path, [PEOPLE[0] | {"department": text, "businessPhones": [text]}])
    assert (desired["1"][DEPARTMENT], desired["1"][WORK], desired["1"]["nickName"]) == (text, text, f"Ann {text}")


@pytest.mark.parametrize("department", [None, "#NAME?"])
def test_nobody_leaves_the_scope_because_of_what_was_not_said(tmp_path: Path, department: str | None) -> None:
    ann = PEOPLE[0] | {"department": department, "unreadable": None if department else ["department", "mail"]}
    files, desired = made(tmp_path, [ann, PEOPLE[2], PEOPLE[3]], source=SALES)
    scope = rows(files.work_scope)
    assert [scope[key]["in_scope"] for key in "134"] == [True, True, False]
    assert list(rows(files.work_held)) == ["1"]
    assert "the scope rests on department, which" in rows(files.work_held)["1"]["reason"]
    assert desired["1"]["active"] is True


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\t \n"])
def test_a_phone_of_blanks_is_no_phone(tmp_path: Path, blank: str) -> None:
    people = [
        PEOPLE[0] | {"businessPhones": [blank], "department": blank},
        PEOPLE[3] | {"businessPhones": [blank, "4"]},
    ]
    _, desired = made(tmp_path, people)
    assert (desired["1"][WORK], desired["1"][DEPARTMENT]) == (None, None)
    assert WORK not in desired["1"]["left_alone"]
    assert desired["4"][WORK] == "4"
