"""A directory report as the way back: whom a row is about, who their manager was, and what is left alone and said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import MANAGER, Planned, World, profile, user
from tests.unit.transforms.test_plan_rollback import back
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from tests.unit.transforms.conftest import Lived

SURNAMES = {"ann": "Lee", "bob": "Ray", "cyd": "Fox", "dan": "Fox"}
WHO = ("email", "id", "name", "title", MANAGER)


def four_named_people(world: World) -> None:
    world.users = [user(key) for key in SURNAMES]
    world.profiles = [profile(str(number), key) for number, key in enumerate(SURNAMES, 1)]
    for key, surname in SURNAMES.items():
        rename(world, key, key.title(), surname)
    for _ in range(2):
        world.apply(world.plan())


@pytest.fixture
def named(lived: Lived) -> World:
    """Four people in step, linked; their profiles have full names and the ids 1 to 4."""
    return lived(four_named_people)


def rename(world: World, key: str, given: str, family: str) -> None:
    """Another name in the directory; the family name, which is not managed, stands in the whole resource only."""
    found = next(one for one in world.profiles if one["externalId"] == key)
    found["name.givenName"] = given
    found["resource"] = {"id": found["id"], "name": {"givenName": given, "familyName": family}}


def following(world: World, *rows: dict[str, Any]) -> Planned:
    """What a report with these rows leads to, the first being row 2."""
    columns = dict.fromkeys((*WHO, *(name for row in rows for name in row)))
    filled = [{"row": number, **{name: row.get(name) for name in columns}} for number, row in enumerate(rows, 2)]
    schema = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in columns)])
    path = world.folder / "report.parquet"
    pq.write_table(pa.Table.from_pylist(filled, schema), path)
    return back(world, report=path)


def said(plan: Planned) -> str:
    return "\n".join(plan.result.notes)


def titles(plan: Planned) -> dict[str, Any]:
    return {key: after for (key, path), (_, after) in plan.changes.items() if path == "title"}


def test_people_are_found_by_e_mail_else_by_id_else_by_a_full_name_only_one_has(named: World) -> None:
    plan = following(
        named,
        {"email": "ANN@x.example ", "title": "Head"},
        {"email": "before@x.example", "id": "2", "title": "Clerk 2"},
        {"name": "cyd  FOX", "title": "Contractor"},
        {"email": "gone@x.example", "name": "Dan Fox", "title": "Driver"},
        {"email": "ghost@x.example", "id": "99", "name": "Not There", "title": "Ghost"},
    )
    assert titles(plan) == {"ann": "Head", "bob": "Clerk 2", "cyd": "Contractor", "dan": "Driver"}
    assert "1 of the report's 5 rows fit nobody in the directory" in said(plan)
    assert "left alone: 6." in said(plan)
    assert "1 rows have no e-mail and were found by full name alone, which deserves a look: 4." in said(plan)
    assert "1 rows have an e-mail nobody has now and were found by full name alone" in said(plan)
    assert "1 rows have an e-mail nobody has now and were found by id; the address they have now stays" in said(plan)


def test_rows_that_could_be_about_several_people_or_share_somebody_are_left_alone_and_listed(named: World) -> None:
    rename(named, "dan", "Cyd", "Fox")
    plan = following(
        named,
        {"name": "Cyd Fox", "title": "A"},
        {"email": "bob@x.example", "title": "B"},
        {"id": "2", "title": "C"},
        {"name": "Ann Lee", "title": "D"},
        {"name": "Ann Lee", "title": "E"},
        {"email": "dan@x.example", "title": "Kept"},
    )
    assert titles(plan) == {"dan": "Kept"}
    for text in (
        "fit several people in the directory, and are left alone: 2.",
        "another row is about too, and are left alone: 3–4.",
        "another row has the same name, and are left alone: 5–6.",
        "The report has no row for 3 managed profiles",
    ):
        assert text in said(plan)


def test_ids_of_another_system_find_nobody(named: World) -> None:
    plan = following(
        named,
        {"email": "ann@x.example", "id": "2", "title": "Head"},
        {"email": "new@x.example", "id": "3", "title": "Wrong"},
    )
    assert titles(plan) == {"ann": "Head"}
    assert "The ids in the report are not this directory's" in said(plan)
    assert "fit nobody in the directory by e-mail, id or full name, and are left alone: 3." in said(plan)


def test_a_report_of_another_directory_is_refused(named: World) -> None:
    with pytest.raises(Refused, match="None of the report's 1 rows"):
        following(named, {"email": "someone@else.example", "title": "Head"})


@pytest.mark.parametrize("manager", ["ann@X.example", "Ann  lee", "r1", "1"])
def test_managers_stand_as_e_mail_as_full_name_or_as_id(named: World, manager: str) -> None:
    rows: list[dict[str, Any]] = [{"email": "ann@x.example", "id": "r1", "name": "Ann Lee", "title": "Clerk"}]
    plan = following(named, *rows, {"email": "bob@x.example", "id": "r2", "title": "Clerk", MANAGER: manager})
    assert plan.changes == {("bob", MANAGER): (None, "ann")}


def test_a_manager_is_whom_the_report_knew_by_that_name_then_and_not_somebody_named_so_now(named: World) -> None:
    rename(named, "ann", "Ann", "Married")
    rename(named, "dan", "Ann", "Lee")
    plan = following(
        named,
        {"email": "ann@x.example", "name": "Ann Lee"},
        {"email": "bob@x.example", MANAGER: "Ann Lee"},
    )
    assert plan.changes[("bob", MANAGER)] == (None, "ann")


def test_a_manager_who_is_not_clear_is_said_and_left_alone(named: World) -> None:
    named.profiles[1][MANAGER] = "1"
    rename(named, "dan", "Cyd", "Fox")
    plan = following(
        named,
        {"email": "ann@x.example", "name": "Ann Lee", MANAGER: "Cyd Fox", "title": "Head"},
        {"email": "bob@x.example", MANAGER: "Nobody Here"},
        {"email": "cyd@x.example", MANAGER: "cyd@x.example"},
        {"email": "dan@x.example", MANAGER: "Gone Away"},
        {"email": "gone@x.example", "name": "Gone Away"},
    )
    assert {path for _, path in plan.changes} == {"title"}
    findings = {one["key"]: one["reason"] for one in plan.rows("findings") if one["check"] == "report_manager_unclear"}
    assert set(findings) == {"ann", "bob", "cyd", "dan"}
    assert findings["ann"] == "Row 2 of the report names a manager who could be several people, so the manager stays."
    for text in (
        "could be several people",
        "neither the report nor the directory",
        "own manager",
        "does not fit exactly one person",
    ):
        assert text in said(plan)


def test_an_empty_manager_is_no_manager_then(named: World) -> None:
    named.profiles[1][MANAGER] = "1"
    plan = following(named, {"email": "bob@x.example", "title": "Clerk"})
    assert plan.changes == {("bob", MANAGER): ("ann", None)}


def test_a_state_that_is_neither_true_nor_false_switches_nobody_off(named: World) -> None:
    named.profiles[2]["active"] = False
    plan = following(
        named,
        {"email": "ann@x.example", "active": "Deactivated?"},
        {"email": "bob@x.example", "active": ""},
        {"email": "cyd@x.example", "active": "Yes"},
        {"email": "dan@x.example", "active": "no"},
    )
    active = {key: after for (key, path), (_, after) in plan.changes.items() if path == "active"}
    assert active == {"cyd": True, "dan": False}
    assert "The account state is neither true nor false in 1 rows and is left alone: 2." in said(plan)


def test_a_name_the_target_cannot_be_without_is_kept_and_said(named: World) -> None:
    plan = following(named, {"email": "ann@x.example", "name.givenName": None, "title": "Head"})
    assert plan.changes == {("ann", "title"): ("Clerk", "Head")}
    assert [(one["key"], one["check"]) for one in plan.rows("findings")] == [("ann", "required_kept")]


def test_many_rows_that_fit_nobody_are_counted_and_listed_as_far_as_a_reader_follows(named: World) -> None:
    rows = [{"email": "ann@x.example" if number == 0 else f"ghost{number}@x.example"} for number in range(200)]
    rows[1::2] = [{"email": "bob@x.example"} for _ in rows[1::2]]
    notes = said(following(named, *rows))
    assert "99 of the report's 200 rows fit nobody in the directory" in notes
    assert "4, 6, 8," in notes
    assert "and 39 more." in notes
