"""A run's mapping on a real source.parquet: desired, scope and held, and that mapping.sql alone gives desired."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trueup.transforms.errors import Failed, Misused
from trueup.transforms.mapping import compile_run, load_mapping, run_mapping
from trueup.transforms.mapping.person import columns_in, examine
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import AttributeSettings, MappingSettings, SourceSettings

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
HOSTILE = "'; DROP TABLE users; --<script>\x00\u202e\"\\"
PEOPLE: list[dict[str, Any]] = [
    {
        "id": "1",
        "userPrincipalName": "ann@contoso.com",
        "mail": "Ann@contoso.com",
        "givenName": "Ann",
        "surname": "Lee",
        "displayName": HOSTILE,
        "department": "Sales",
        "accountEnabled": True,
        "assigned": True,
        "manager": "3",
        "businessPhones": ["+1 206", "2"],
        "employeeHireDate": "2020-01-15T00:00:00Z",
    },
    {
        "id": "2",
        "userPrincipalName": "bob@contoso.com",
        "mail": None,
        "givenName": "",
        "surname": None,
        "displayName": "Bob",
        "department": None,
        "accountEnabled": False,
        "assigned": True,
        "manager": None,
        "businessPhones": [],
        "employeeHireDate": "some day",
    },
    {
        "id": "3",
        "userPrincipalName": "svc-x@contoso.com",
        "mail": "x@contoso.com",
        "givenName": "X",
        "surname": "Y",
        "displayName": "X",
        "department": "Sales",
        "accountEnabled": None,
        "assigned": False,
        "manager": "1",
        "businessPhones": None,
        "employeeHireDate": None,
    },
    {
        "id": "4",
        "userPrincipalName": "dee@contoso.com",
        "mail": "ann@contoso.com",
        "givenName": "Dee",
        "surname": "Lee",
        "displayName": "Dee",
        "department": "IT",
        "accountEnabled": None,
        "assigned": True,
        "manager": "1",
        "businessPhones": ["4"],
        "employeeHireDate": None,
    },
]
SCHEMA = pa.schema(
    [
        (name, pa.list_(pa.string()) if name == "businessPhones" else pa.bool_())
        if name in {"businessPhones", "accountEnabled", "assigned"}
        else (name, pa.string())
        for name in PEOPLE[0]
    ]
)


def run(
    folder: Path,
    settings: MappingSettings | None = None,
    source: SourceSettings | None = None,
    *,
    without: tuple[str, ...] = (),
    people: list[dict[str, Any]] | None = None,
) -> tuple[RunFiles, dict[str, dict[str, Any]]]:
    files = RunFiles(folder)
    table = pa.Table.from_pylist(people or PEOPLE, schema=SCHEMA)
    pq.write_table(table.drop_columns(list(without)), files.source)
    if not files.target.exists():
        pq.write_table(
            pa.table({"id": ["p1"], "nickName": ["bob"], "userName": ["x"], "externalId": [None]}), files.target
        )
    mapping = load_mapping(settings or MappingSettings(), read_text=str)
    with duckdb.connect() as connection:
        columns = columns_in(connection, files)
    run_mapping(compile_run(mapping, source or SourceSettings(), columns=columns, at=AT, seed="run"), files)
    return files, {row["key"]: row for row in pq.read_table(files.desired).to_pylist()}


def rows(path: Path) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in pq.read_table(path).to_pylist()}


def test_the_preset_gives_exact_values_and_computes_who_is_active(tmp_path: Path) -> None:
    _, desired = run(tmp_path)
    one = desired["1"]
    assert one["userName"] == one['emails[type eq "work"].value'] == "Ann@contoso.com"
    assert one["displayName"] == HOSTILE
    assert one["externalId"] == "1"
    assert one['phoneNumbers[type eq "work"].value'] == "+1 206"
    assert one["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"] == "3"
    assert [desired[key]["active"] for key in "1234"] == [True, False, False, None]


def test_an_empty_text_is_no_value(tmp_path: Path) -> None:
    _, desired = run(tmp_path)
    assert desired["2"]["name.givenName"] is None
    assert desired["2"]["userName"] == "bob@contoso.com"


def test_what_the_source_could_not_say_is_left_alone_for_everybody(tmp_path: Path) -> None:
    _, desired = run(tmp_path, without=("department", "mail", "accountEnabled"))
    for row in desired.values():
        assert row["userName"] is None
        assert row["active"] is None
        assert {"userName", 'emails[type eq "work"].value', "title", "active"} <= set(row["left_alone"])
        assert "name.givenName" not in row["left_alone"]


def test_an_account_whose_state_is_unknown_is_neither_activated_nor_deactivated(tmp_path: Path) -> None:
    _, desired = run(tmp_path)
    assert "active" in desired["4"]["left_alone"]
    assert desired["3"]["active"] is False, "out of scope whatever its state"


def test_everybody_is_in_desired_and_in_scope_once_sorted_by_key(tmp_path: Path) -> None:
    files, _ = run(tmp_path)
    for path in (files.desired, files.work_scope):
        assert pq.read_table(path)["key"].to_pylist() == ["1", "2", "3", "4"]


def test_each_excluded_person_carries_the_clause_that_excluded_them(tmp_path: Path) -> None:
    source = SourceSettings(filters=(("department EQUALS Sales",), ("surname IS NOT NULL", "displayName EQUALS Q")))
    files, desired = run(tmp_path, source=source)
    scope = rows(files.work_scope)
    assert scope["1"] == {"key": "1", "in_scope": True, "reason_code": None, "excluded_by": None}
    assert scope["2"]["reason_code"] == "filtered_out"
    assert scope["2"]["excluded_by"] == "department EQUALS Sales; or surname IS NOT NULL"
    assert scope["4"]["excluded_by"] == "department EQUALS Sales; or displayName EQUALS Q"
    assert scope["3"]["reason_code"] == "not_assigned"
    assert scope["3"]["excluded_by"] == "not assigned to Pingboard"
    assert desired["4"]["active"] is False


def test_scope_all_needs_no_assignments(tmp_path: Path) -> None:
    files, desired = run(tmp_path, source=SourceSettings(scope="all"), without=("assigned",))
    assert all(row["in_scope"] for row in rows(files.work_scope).values())
    assert desired["1"]["active"] is True


def test_a_scope_that_cannot_be_read_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="assigned"):
        run(tmp_path, without=("assigned",))
    with pytest.raises(Failed, match="department"):
        run(tmp_path, source=SourceSettings(filters=(("department EQUALS x",),)), without=("department",))


def test_an_assignment_that_is_neither_yes_nor_no_stops_the_run(tmp_path: Path) -> None:
    people = [{**PEOPLE[0], "assigned": None}]
    with pytest.raises(Failed, match="1 users"):
        run(tmp_path, people=people)


def test_failing_functions_and_passed_over_objects_are_held_with_the_reason(tmp_path: Path) -> None:
    settings = MappingSettings(
        attributes={
            "title": 'DateDiff("d", CDate([employeeHireDate]), Now())',
            "nickName": 'IIF([displayName]="Dee", IgnoreObjectFlow, [givenName])',
            "locale": "IgnoreFlowIfNullOrEmpty([department])",
        }
    )
    files, desired = run(tmp_path, settings)
    held = rows(files.work_held)
    assert set(held) == {"2", "4"}
    assert held["2"]["reason"] == "title: text that is not a date"
    assert held["4"]["reason"] == "nickName: IgnoreObjectFlow passes the person over"
    assert desired["1"]["title"] == "2504"
    assert set(desired["2"]["left_alone"]) == {"title", "locale"} | _unread()
    assert desired["2"]["title"] is None
    assert "nickName" in desired["4"]["left_alone"]


def _unread() -> set[str]:
    return {
        'phoneNumbers[type eq "mobile"].value',
        'addresses[type eq "work"].formatted',
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    }


def test_a_value_for_a_boolean_that_is_none_holds_the_person(tmp_path: Path) -> None:
    files, desired = run(tmp_path, MappingSettings(attributes={"active": "[givenName]"}))
    assert set(rows(files.work_held)) == {"1", "3", "4"}
    assert desired["1"]["active"] is None
    assert "active" in desired["1"]["left_alone"]
    assert "active" not in desired["2"]["left_alone"]


def test_mapping_sql_run_by_itself_in_the_directory_gives_desired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes: dict[str, str | AttributeSettings] = {
        "nickName": AttributeSettings(
            expression="SelectUniqueValue(ToLower([surname]), Append(ToLower([surname]), RandomString(4, 4, 0, 0, 0)))",
            apply="create",
        ),
        "locale": "Guid()",
        "title": 'PCase(Join(" ", [displayName], NormalizeDiacritics([surname])))',
        "roles": 'Split([userPrincipalName], "@")',
        "urn:example:User:tags": 'Split([userPrincipalName], "@")',
        "entitlements": "[givenName]",
    }
    files, desired = run(tmp_path, MappingSettings(attributes=attributes))
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        again = connection.sql(files.mapping_sql.read_text(encoding="utf-8")).to_arrow_table()
    assert {row["key"]: row for row in again.to_pylist()} == desired
    assert again.schema.names == pq.read_schema(files.desired).names
    assert desired["1"]["roles"] == '[{"value":"ann"},{"value":"contoso.com"}]'
    assert desired["1"]["urn:example:User:tags"] == '["ann","contoso.com"]'
    assert desired["1"]["entitlements"] == '[{"value":"Ann"}]'
    assert desired["2"]["entitlements"] is None
    assert "active ← Switch" in files.mapping_sql.read_text(encoding="utf-8")


def test_mapping_sql_is_the_same_text_in_every_run_when_nothing_rests_on_the_run(tmp_path: Path) -> None:
    mapping = load_mapping(MappingSettings(), read_text=str)
    columns = {"id": "VARCHAR", "assigned": "BOOLEAN", "accountEnabled": "BOOLEAN"}
    one = compile_run(mapping, SourceSettings(), columns=columns, at=AT, seed="a")
    other = compile_run(mapping, SourceSettings(), columns=columns, at=AT.replace(year=2030), seed="b")
    assert one == other


def test_unique_values_are_given_out_once_and_never_where_the_target_has_them(tmp_path: Path) -> None:
    expression = 'SelectUniqueValue(ToLower([surname]), "bob", Append(ToLower([surname]), "1"))'
    settings = MappingSettings(attributes={"nickName": AttributeSettings(expression=expression, apply="create")})
    files, desired = run(tmp_path, settings)
    assert [desired[key]["nickName"] for key in "1234"] == ["lee", None, "y", "lee1"]
    assert rows(files.work_held)["2"]["reason"] == "nickName: SelectUniqueValue: every candidate is taken"


def test_who_has_a_unique_value_keeps_it_and_is_never_set_aside_for_it(tmp_path: Path) -> None:
    profiles = {
        "id": ["p1", "p2", "p3"],
        "nickName": ["Lee", "lee1", "y"],
        "userName": ["other", "DEE@contoso.com", "x@contoso.com"],
        "externalId": ["1", None, "someone else"],
    }
    pq.write_table(pa.table(profiles), RunFiles(tmp_path).target)
    expression = 'SelectUniqueValue([surname], Append([surname], "1"))'
    settings = MappingSettings(attributes={"nickName": AttributeSettings(expression=expression, apply="create")})
    files, desired = run(tmp_path, settings)
    assert [desired[key]["nickName"] for key in "1234"] == ["Lee", None, "Y", "Lee1"]
    assert set(rows(files.work_held)) == {"2"}


def test_columns_that_differ_only_by_case_are_refused() -> None:
    mapping = load_mapping(MappingSettings(), read_text=str)
    columns = {"id": "VARCHAR", "assigned": "BOOLEAN", "extension_a": "VARCHAR", "Extension_A": "VARCHAR"}
    with pytest.raises(Misused, match="differ only by case"):
        compile_run(mapping, SourceSettings(), columns=columns, at=AT, seed="x")


def test_a_damaged_source_fails_without_a_traceback_or_a_value(tmp_path: Path) -> None:
    files, _ = run(tmp_path)
    files.source.write_bytes(b"PAR1 not parquet")
    mapping = load_mapping(MappingSettings(), read_text=str)
    compiled = compile_run(
        mapping, SourceSettings(scope="all"), columns=dict.fromkeys(SCHEMA.names, "VARCHAR"), at=AT, seed="x"
    )
    with pytest.raises(Failed, match="could not be worked out"):
        run_mapping(compiled, files)


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    files, _ = run(tmp_path)
    for path in (files.desired, files.mapping_sql, files.work_scope, files.work_held):
        assert path.stat().st_mode & 0o077 == 0


def test_columns_of_other_types_are_read_as_text(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    pq.write_table(
        pa.table({"id": ["1"], "employeeId": [7], "assignedLicensesCount": [3], "mail": pa.nulls(1), "city": [1.5]}),
        files.source,
    )
    attributes: dict[str, str | AttributeSettings] = {
        "title": "[employeeId]",
        "nickName": "[assignedLicensesCount]",
        "userName": "[mail]",
        "locale": "[city]",
    }
    mapping = load_mapping(MappingSettings(preset="", attributes=attributes), read_text=str)
    with duckdb.connect() as connection:
        columns = columns_in(connection, files)
    run_mapping(compile_run(mapping, SourceSettings(scope="all"), columns=columns, at=AT, seed="x"), files)
    row = pq.read_table(files.desired).to_pylist()[0]
    assert (row["title"], row["nickName"], row["userName"], row["locale"]) == ("7", "3", None, "1.5")


def test_one_person_is_shown_with_every_part_of_every_expression(tmp_path: Path) -> None:
    files, _ = run(tmp_path)
    mapping = load_mapping(MappingSettings(), read_text=str)
    person = examine(mapping, SourceSettings(), files, "BOB@contoso.com", at=AT)
    assert (person.key, person.in_scope, person.held) == ("2", True, None)
    user_name = next(one for one in person.attributes if one.path == "userName")
    assert [(text, answer.value) for text, answer in user_name.parts] == [
        ("[mail]", None),
        ("[userPrincipalName]", "bob@contoso.com"),
        ("Coalesce([mail], [userPrincipalName])", "bob@contoso.com"),
    ]
    active = next(one for one in person.attributes if one.path == "active")
    assert active.value is False
    phone = next(one for one in person.attributes if one.path == 'phoneNumbers[type eq "work"].value')
    assert phone.value is None
    assert examine(mapping, SourceSettings(), files, "3", at=AT).excluded_by == "not assigned to Pingboard"


def test_a_name_that_fits_nobody_or_several_is_refused(tmp_path: Path) -> None:
    files, _ = run(tmp_path)
    mapping = load_mapping(MappingSettings(), read_text=str)
    with pytest.raises(Misused, match="no user"):
        examine(mapping, SourceSettings(), files, "nobody", at=AT)
    doubled = [{**person, "userPrincipalName": f"{person['id']}@contoso.com", "mail": "a@b.c"} for person in PEOPLE]
    files, _ = run(tmp_path, people=doubled)
    with pytest.raises(Misused, match="4 users of run .* have this mail"):
        examine(mapping, SourceSettings(), files, "A@b.c", at=AT)
