"""What stands in a request, by form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scim_directory import ENTERPRISE
from trueup.connectors.scim.shape import Shape
from trueup.connectors.scim_writer.forms import BY_NAME, blamed, body, new_resource, whole

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
HELD: dict[str, Any] = {
    "schemas": [CORE, ENTERPRISE],
    "id": "p1",
    "userName": "ann",
    "active": "True",
    "name": {"givenName": "Ann", "familyName": "Lee"},
    "emails": [{"type": "work", "value": "ann@x.example"}, {"type": "home", "value": "a@home.example"}],
    ENTERPRISE: {"department": "Law", "manager": {"value": "p9", "$ref": "../Users/p9", "displayName": "Bo"}},
}
WORK = 'emails[type eq "work"].value'
MANAGER = f"{ENTERPRISE}:manager"


def operations(form: str, **values: Any) -> Any:
    named = {{"mail": WORK, "manager": MANAGER, "given": "name.givenName"}.get(a, a): v for a, v in values.items()}
    return body(BY_NAME[form], HELD, named, Shape())["Operations"]


@pytest.mark.parametrize("meta", ["meta", "Meta"])
def test_put_says_the_profile_as_read_but_for_what_only_the_server_says(meta: str) -> None:
    said = whole(HELD | {meta: {"version": "1"}}, {"title": "Boss"}, Shape())
    assert meta not in said
    assert said == HELD | {
        "title": "Boss",
        "active": True,
        ENTERPRISE: {"department": "Law", "manager": {"value": "p9"}},
    }
    assert "version" in (HELD | {meta: {"version": "1"}})[meta], "what was read stays as it was"


def test_put_names_the_schema_of_users_where_the_profile_does_not() -> None:
    said = whole({"id": "p1", "userName": "ann"}, {"active": False}, Shape())
    assert said == {"id": "p1", "userName": "ann", "active": False, "schemas": [CORE]}
    assert "active" not in whole({"id": "p1", "userName": "ann"}, {"title": "Boss"}, Shape())


def test_put_says_a_value_by_the_name_that_the_profile_has_it_under() -> None:
    said = whole(HELD | {"Title": "Clerk"}, {"title": "Boss"}, Shape())
    assert {name: value for name, value in said.items() if name.lower() == "title"} == {"Title": "Boss"}


def test_what_is_cleared_at_the_top_is_not_said_by_put_in_any_case() -> None:
    assert "Title" not in whole(HELD | {"Title": "Boss"}, {"title": None}, Shape())


def test_values_are_taken_away_by_remove_or_by_null() -> None:
    assert operations("patch_path", given=None) == [{"op": "remove", "path": "name.givenName"}]
    assert operations("patch_null", given=None) == [{"op": "replace", "path": "name.givenName", "value": None}]
    assert operations("patch_plain", given=None) == [
        {"op": "replace", "value": {"name": {"familyName": "Lee", "givenName": None}}}
    ]


def test_an_element_with_nothing_but_its_value_is_removed_as_a_whole() -> None:
    assert operations("patch_path", mail=None) == [{"op": "remove", "path": 'emails[type eq "work"]'}]


def test_a_reference_is_written_and_removed_under_its_own_name() -> None:
    assert operations("patch_path", manager="p2") == [{"op": "replace", "path": MANAGER, "value": {"value": "p2"}}]
    assert operations("patch_path", manager=None) == [{"op": "remove", "path": MANAGER}]


def test_without_paths_every_attribute_beside_is_said_again() -> None:
    assert operations("patch_plain", manager="p2") == [
        {"op": "replace", "value": {ENTERPRISE: {"department": "Law", "manager": {"value": "p2"}}}}
    ]
    [operation] = operations("patch_plain", mail="new@x.example")
    assert operation["value"]["emails"] == [{"type": "work", "value": "new@x.example"}, HELD["emails"][1]]


@pytest.mark.parametrize("given", ["Anna", None])
@pytest.mark.parametrize("family", ["Li", None])
@pytest.mark.parametrize("family_first", [True, False])
def test_without_paths_every_member_of_one_attribute_that_is_to_change_is_said(
    given: str | None, family: str | None, *, family_first: bool
) -> None:
    held = HELD | {"name": HELD["name"] | {"middleName": "M"}}
    wanted = {"name.givenName": given, "name.familyName": family}
    if family_first:
        wanted = dict(reversed(wanted.items()))
    [operation] = body(BY_NAME["patch_plain"], held, wanted, Shape())["Operations"]
    assert operation["value"] == {"name": {"givenName": given, "familyName": family, "middleName": "M"}}


def test_an_element_that_is_not_there_is_added_and_the_first_one_is_the_primary_one() -> None:
    bare = {"id": "p1", "emails": []}
    asked = body(BY_NAME["patch_path"], bare, {WORK: "ann@x.example"}, Shape())["Operations"]
    [added] = asked
    assert (added["op"], added["path"]) == ("add", "emails")
    assert added["value"][0] | {"type": "work", "value": "ann@x.example"} == added["value"][0]


def test_two_new_elements_of_one_list_are_added_each_with_its_own_value() -> None:
    wanted = {WORK: "ann@x.example", WORK.replace("work", "home"): "ann@home.example"}
    [added] = body(BY_NAME["patch_path"], {"id": "p1"}, wanted, Shape())["Operations"]
    assert {element["type"]: element["value"] for element in added["value"]} == {
        "work": "ann@x.example",
        "home": "ann@home.example",
    }


def test_a_list_of_plain_text_is_said_whole() -> None:
    plain = {"id": "p1", "emails": ["old@x.example"]}
    [operation] = body(BY_NAME["patch_path"], plain, {WORK: "new@x.example"}, Shape())["Operations"]
    assert (operation["op"], operation["path"]) == ("replace", "emails")
    assert "new@x.example" in str(operation["value"])


def test_a_new_profile_says_what_it_is_and_nothing_that_is_null() -> None:
    made = new_resource({"userName": "ann", "title": None, f"{ENTERPRISE}:department": "Law"}, Shape())
    assert made["userName"] == "ann"
    assert "title" not in made
    assert made[ENTERPRISE] == {"department": "Law"}
    assert CORE in made["schemas"]


def test_a_refusal_blames_what_it_names_and_was_not_sent() -> None:
    assert blamed("Attribute emails is invalid; userName too.", HELD, ["userName"]) == {"emails"}
    assert blamed("Something is wrong.", HELD, ["userName"]) == set()
