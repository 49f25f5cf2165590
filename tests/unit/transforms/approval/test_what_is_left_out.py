from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import MAIL, MANAGER, Person, write_people
from trueup.transforms.approval.left_out import Selection, compute, write_left_out
from trueup.transforms.errors import Misused
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

UNIQUE = ("userName", MAIL)


def left(
    folder: Path,
    people: list[Person],
    *selections: Selection,
    only: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> dict[tuple[str, str | None], str]:
    files = RunFiles(folder)
    write_people(files, people)
    given = selections or (Selection(only, exclude),)
    found = compute(files, given, unique=UNIQUE)
    into = folder / "left_out.parquet"
    assert write_left_out(files, given, into, unique=UNIQUE) == len(found.rows)
    rows = [(row["key"], row["attribute"], row["because"]) for row in pq.read_table(into).to_pylist()]
    assert sorted(rows, key=str) == sorted(((row.key, row.attribute, row.because) for row in found.rows), key=str)
    return {(row.key, row.attribute): row.because for row in found.rows}


def update(key: str, **changes: tuple[str | None, str | None]) -> Person:
    named = {{"mail": MAIL, "manager": MANAGER}.get(name, name): change for name, change in changes.items()}
    holds = named.get("userName", (f"{key}@x.example", None))[0]
    return Person(key, "update", dict(named), user_name=f"{key}@x.example", profile_id=f"p-{key}", holds=holds)


def create(key: str, **changes: str) -> Person:
    named = {{"mail": MAIL, "manager": MANAGER}.get(name, name): (None, value) for name, value in changes.items()}
    return Person(key, "create", {"userName": (None, f"{key}@x.example"), **named}, user_name=f"{key}@x.example")


def test_nothing_is_left_out_without_selectors(tmp_path: Path) -> None:
    assert left(tmp_path, [update("a", title=("x", "y"))]) == {}


def test_a_person_an_attribute_and_a_decision_can_be_left_out(tmp_path: Path) -> None:
    people = [
        update("a", title=("x", "y"), city=("x", "y")),
        update("b", title=("x", "y")),
        Person("c", "deactivate", {"active": (True, False)}, profile_id="p-c"),
    ]
    found = left(tmp_path, people, exclude=("b", "city", "deactivate"))
    assert set(found) == {("b", None), ("a", "city"), ("c", None)}


@pytest.mark.parametrize("name", ["a", "A@X.EXAMPLE", "profile:p-a", "ann.mail@x.example"])
def test_people_are_called_by_key_user_name_profile_or_mail(tmp_path: Path, name: str) -> None:
    ann = Person("a", "update", {"title": ("x", "y")}, "a@x.example", "p-a", mail="Ann.Mail@x.example")
    assert set(left(tmp_path, [ann, update("b", title=("x", "y"))], exclude=(name,))) == {("a", None)}


def test_a_selector_that_fits_nothing_is_a_mistake(tmp_path: Path) -> None:
    for wrong in ("nobody@x.example", "titel", "", "%", "updates", "key", "left_alone"):
        with pytest.raises(Misused, match="fits no person, attribute or decision"):
            left(tmp_path, [update("a", title=("x", "y"))], exclude=(wrong,))


def test_a_selector_that_fits_several_is_a_mistake_unless_one_of_them_is_written(tmp_path: Path) -> None:
    twins = [
        Person("a", "update", {"title": ("x", "y")}, "same@x.example"),
        Person("b", "conflict", {}, "same@x.example"),
        update("c", title=("x", "y")),
    ]
    assert set(left(tmp_path, twins, exclude=("same@x.example",))) == {("a", None)}
    twins[1] = Person("b", "update", {"title": ("x", "y")}, "same@x.example")
    with pytest.raises(Misused, match="fits 2 people of this run: a, b"):
        left(tmp_path, twins, exclude=("same@x.example",))
    twins[:2] = [Person(key, "conflict", {}, "same@x.example") for key in "ab"]
    with pytest.raises(Misused, match="fits 2 people of this run: a, b"):
        left(tmp_path, twins, exclude=("same@x.example",))


def test_an_attribute_nobody_changes_tonight_may_be_named(tmp_path: Path) -> None:
    assert left(tmp_path, [update("a", city=("x", "y"))], exclude=("title",)) == {}


def test_leaving_everything_out_is_a_mistake(tmp_path: Path) -> None:
    for wish in ({"exclude": ("a",)}, {"exclude": ("title",)}, {"exclude": ("update",)}, {"only": ("b",)}):
        with pytest.raises(Misused, match="Nothing would be left"):
            left(tmp_path, [update("a", title=("x", "y")), Person("b", "hold")], **wish)


def test_only_people_takes_nobody_else(tmp_path: Path) -> None:
    people = [update("a", title=("x", "y")), update("b", title=("x", "y")), create("c")]
    assert set(left(tmp_path, people, only=("a", "c"))) == {("b", None)}


def test_only_an_attribute_takes_nothing_else_of_anybody(tmp_path: Path) -> None:
    people = [
        update("a", title=("x", "y"), city=("x", "y")),
        create("b", title="z"),
        Person("c", "delete", profile_id="p-c"),
        Person("d", "deactivate", {"active": (True, False)}),
    ]
    found = left(tmp_path, people, only=("title",))
    assert set(found) == {("a", "city"), ("b", None), ("c", None), ("d", "active")}


def test_only_of_two_kinds_takes_what_fits_both(tmp_path: Path) -> None:
    people = [update("a", title=("x", "y"), city=("x", "y")), update("b", title=("x", "y"))]
    assert set(left(tmp_path, people, only=("a", "title"))) == {("a", "city"), ("b", None)}


def test_only_a_decision_takes_no_other(tmp_path: Path) -> None:
    people = [update("a", title=("x", "y")), create("b"), Person("c", "delete")]
    assert set(left(tmp_path, people, only=("create", "delete"))) == {("a", None)}


def test_only_and_exclude_work_together(tmp_path: Path) -> None:
    people = [update("a", title=("x", "y"), city=("x", "y")), update("b", title=("x", "y"))]
    assert set(left(tmp_path, people, only=("a",), exclude=("city",))) == {("a", "city"), ("b", None)}
    wish = Selection(("A@x.example",), ("city", "city"))
    assert compute(RunFiles(tmp_path), [wish], unique=UNIQUE).selections == (Selection(("a",), ("city",)),)


def test_a_reference_to_a_manager_who_is_not_created_is_left_out_with_them(tmp_path: Path) -> None:
    people = [
        create("boss"),
        update("a", manager=("x", "boss"), title=("x", "y")),
        create("b", manager="boss"),
        update("c", manager=("boss", "a")),
    ]
    found = left(tmp_path, people, exclude=("boss",))
    assert set(found) == {("boss", None), ("a", MANAGER), ("b", MANAGER)}
    assert found["a", MANAGER] == "boss is not created"


def test_an_own_id_as_external_id_is_no_reference(tmp_path: Path) -> None:
    people = [create("a", externalId="a"), create("b", externalId="b")]
    assert set(left(tmp_path, people, exclude=("a",))) == {("a", None)}


def test_half_of_a_swap_takes_the_other_half_with_it(tmp_path: Path) -> None:
    people = [
        update("a", userName=("one@x", "TWO@x"), title=("x", "y")),
        update("b", userName=("two@x", "one@x"), title=("x", "y")),
    ]
    found = left(tmp_path, people, exclude=("a",))
    assert set(found) == {("a", None), ("b", "userName")}
    assert found["b", "userName"] == "its userName is still held by a"
    assert "two" not in str(found)


def test_a_chain_of_names_is_left_out_to_its_end(tmp_path: Path) -> None:
    people = [
        update("a", userName=("a1", "free")),
        update("b", userName=("b1", "a1")),
        update("c", userName=("c1", "b1")),
        Person("d", "create", {"userName": (None, "c1")}),
        update("e", manager=(None, "d"), title=("x", "y")),
    ]
    found = left(tmp_path, people, exclude=("a",))
    assert set(found) == {("a", None), ("b", "userName"), ("c", "userName"), ("d", None), ("e", MANAGER)}
    assert found["d", None] == "no profile is created without userName"


def test_an_address_still_held_is_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    people = [
        update("a", mail=("one@x", "two@x")),
        update("b", mail=("three@x", "one@x"), title=("x", "y")),
    ]
    assert set(left(tmp_path, people, exclude=("a",))) == {("a", None), ("b", MAIL)}


def test_a_name_freed_by_a_deletion_that_is_left_out_is_not_given_away(tmp_path: Path) -> None:
    people = [
        Person("profile:p-9", "delete", profile_id="p-9", holds="Free@x"),
        Person("b", "create", {"userName": (None, "free@x")}),
        update("c", title=("x", "y")),
    ]
    assert set(left(tmp_path, people, exclude=("profile:p-9",))) == {("profile:p-9", None), ("b", None)}


def test_what_somebody_keeps_in_any_case_holds_nobody_up(tmp_path: Path) -> None:
    """An address that two people share: it was there before, and nobody was to give it up."""
    ann = Person("a", "update", {"title": ("x", "y")}, "a@x.example", "p-a", mail="desk@x.example")
    people = [ann, create("b", mail="desk@x.example"), Person("c", "delete", profile_id="p-c")]
    assert set(left(tmp_path, people, exclude=("a",))) == {("a", None)}


def test_a_user_name_is_free_although_somebody_who_stays_has_it_as_an_address(tmp_path: Path) -> None:
    people = [
        Person("profile:p-9", "delete", profile_id="p-9", holds="nine@x", mail="free@x"),
        update("a", mail=("name@x", "other@x")),
        Person("b", "create", {"userName": (None, "free@x")}),
        update("c", userName=("c@x", "name@x")),
    ]
    assert set(left(tmp_path, people, exclude=("profile:p-9", "a"))) == {("profile:p-9", None), ("a", None)}


def test_leaving_out_the_name_leaves_out_the_creation(tmp_path: Path) -> None:
    people = [create("a", title="x"), update("b", userName=("b1", "b2"), title=("x", "y"))]
    assert set(left(tmp_path, people, exclude=("userName",))) == {("a", None), ("b", "userName")}


def test_what_one_of_several_approvers_leaves_out_is_left_out(tmp_path: Path) -> None:
    people = [update("a", title=("x", "y")), update("b", title=("x", "y")), update("c", title=("x", "y"))]
    found = left(tmp_path, people, Selection(exclude=("a",)), Selection(only=("a", "b")), Selection())
    assert set(found) == {("a", None), ("c", None)}


def test_hostile_keys_and_values_are_only_compared(tmp_path: Path) -> None:
    evil = "x'); DROP TABLE unit; --\"\u202e<script>"
    people = [update(evil, title=("x", evil)), update("b", manager=("x", evil), title=("x", "y"))]
    assert set(left(tmp_path, people, exclude=(evil,))) == {(evil, None)}


def test_people_are_found_even_where_a_run_has_no_sides_and_nothing_is_unique(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    write_people(files, [update("a", title=("x", "y")), update("b", title=("x", "y"))])
    files.desired.unlink()
    files.actual.unlink()
    found = compute(files, [Selection(exclude=("A@x.example",))], unique=())
    assert [(row.key, row.attribute) for row in found.rows] == [("a", None)]
    with pytest.raises(Misused, match="fits no person, attribute or decision"):
        compute(files, [Selection(exclude=("city",))], unique=())


def test_an_approval_that_leaves_nothing_out_writes_an_empty_table(tmp_path: Path) -> None:
    into = tmp_path / "left_out.parquet"
    assert write_left_out(RunFiles(tmp_path / "nothing is read"), [Selection()], into, unique=UNIQUE) == 0
    assert pq.read_table(into).column_names == ["key", "attribute", "because"]


def test_one_value_of_one_person_can_be_left_out_and_what_needs_it_goes_with_it(tmp_path: Path) -> None:
    people = [
        update("a", title=("x", "y"), city=("x", "y")),
        update("b", title=("x", "y")),
        update("c", userName=("old@x.example", "new@x.example"), title=("x", "y")),
        update("d", userName=("d@x.example", "old@x.example")),
        create("e", title="y"),
        update("slash/ed", title=("x", "y")),
    ]
    found = left(
        tmp_path,
        people,
        exclude=("A@x.example/title", "c/userName", "e/userName", "slash/ed/title", "b@x.example/title"),
    )
    assert set(found) == {
        ("a", "title"),
        ("b", "title"),
        ("c", "userName"),
        ("d", "userName"),
        ("e", None),
        ("slash/ed", "title"),
    }
    assert found[("d", "userName")] == "its userName is still held by c"
    for wrong in ("nobody/title", "a/nothing", "/title"):
        with pytest.raises(Misused, match="fits no person, attribute or decision"):
            left(tmp_path, people, exclude=(wrong,))
    with pytest.raises(Misused, match="can be left out, but not chosen"):
        left(tmp_path, people, only=("a/title",))
