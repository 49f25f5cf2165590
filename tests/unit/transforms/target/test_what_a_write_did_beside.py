"""The profile after a write against what it should be: lost, altered, left over, stored as junk; and what is sent."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.connectors.scim.shape import Shape
from trueup.connectors.scim_writer.forms import BY_NAME, body, new_resource
from trueup.transforms.aftermath import compare, only_missing
from trueup.transforms.values.paths import ENTERPRISE

MAIL = 'emails[type eq "work"].value'
WORK = {"type": "work", "value": "w@x", "primary": True}
HOME = {"type": "home", "value": "h@x"}
BEFORE: dict[str, Any] = {
    "id": "1",
    "name": {"givenName": "A", "familyName": "B"},
    "emails": [WORK, HOME],
    "title": "T",
    "phoneNumbers": [{"type": "work", "value": "+49 (30) 123-45"}],
    ENTERPRISE: {"department": "D", "manager": {"value": "9", "displayName": "Boss"}},
}


@pytest.mark.parametrize(
    ("after", "written", "lost", "altered", "left_over"),
    [
        ({"name": {"givenName": "Z"}}, {"name.givenName": "Z"}, ("name",), (), ()),
        ({"name": {"givenName": "Z", "familyName": "B"}}, {"name.givenName": "Z"}, (), (), ()),
        (
            {ENTERPRISE: {"manager": {"value": "9"}}},
            {f"{ENTERPRISE}:manager": "9"},
            (f"{ENTERPRISE}:department",),
            (),
            (),
        ),
        ({"emails": [WORK | {"value": "n@x"}]}, {MAIL: "n@x"}, ("emails",), (), ()),
        ({"emails": [WORK | {"value": "n@x"}, HOME]}, {MAIL: "n@x"}, (), (), ()),
        ({"emails": [WORK, HOME, WORK | {"value": "n@x"}]}, {MAIL: "n@x"}, (), (), ("emails",)),
        ({"emails": ["w@x", "h@x"]}, {"title": "U"}, (), (), ()),
        ({"phoneNumbers": [{"value": "+493012345"}]}, {"title": "U"}, (), (), ()),
        ({"title": "other"}, {"name.givenName": "A"}, (), ("title",), ()),
        ({"title": "other"}, {"title": "U"}, (), (), ()),
    ],
)
def test_what_is_not_as_it_should_be_is_told_apart(
    after: dict[str, Any], written: dict[str, Any], lost: Any, altered: Any, left_over: Any
) -> None:
    now = BEFORE | ({"title": "U"} if "title" in written else {}) | after
    kept = [] if written == {"title": "U"} and now["title"] != "U" else list(written)
    found = compare(BEFORE, now, written, kept=kept)
    assert (found.lost, found.altered, found.left_over) == (lost, altered, left_over)
    assert found.is_clean is not bool(lost or altered or left_over)


def test_a_piece_of_a_path_at_the_top_is_junk_and_a_new_attribute_is_not() -> None:
    now = BEFORE | {"urn:ietf:params:scim:schemas:extension:enterprise:2": {}, "displayName": "A B", "Title": "U"}
    found = compare(BEFORE, now, {f"{ENTERPRISE}:department": "X"}, kept=[])
    assert found.junk == ("Title", "urn:ietf:params:scim:schemas:extension:enterprise:2")
    assert found.takes_away


@pytest.mark.parametrize("form", ["patch_path", "patch_plain", "put"])
def test_a_boolean_in_a_filter_is_sent_as_a_boolean(form: str) -> None:
    values = {'roles[primary eq "True"].value': "editor"}
    sent = str(body(BY_NAME[form], {"id": "1", "userName": "u"}, values, Shape()))
    assert "'primary': True" in sent
    assert '"True"' not in sent
    assert new_resource(values, Shape())["roles"] == [{"primary": True, "value": "editor"}]


def test_values_have_the_types_of_the_schema() -> None:
    said = {
        "age": {"type": "integer"},
        "rate": {"type": "decimal"},
        "on": {"type": "boolean"},
        "note": {"type": "string"},
    }
    values = {"age": "7", "rate": "1.5", "on": "True", "note": "x"}
    made = new_resource(values, Shape(said))
    assert {name: made[name] for name in values} == {"age": 7, "rate": 1.5, "on": True, "note": "x"}


def test_a_complex_value_is_said_whole_without_what_the_server_says() -> None:
    sent = body(BY_NAME["patch_plain"], BEFORE, {f"{ENTERPRISE}:department": "X", "name.givenName": None}, Shape())
    assert sent["Operations"] == [
        {
            "op": "replace",
            "value": {
                ENTERPRISE: {"department": "X", "manager": {"value": "9"}},
                "name": {"familyName": "B", "givenName": None},
            },
        }
    ]


@pytest.mark.parametrize(
    ("said", "altered"),
    [("Z B", ()), ("Dr Z B", ()), ("B, Z", ()), ("A B", ()), ("A C", ("name",)), ("z.b", ("name",))],
)
def test_a_full_name_with_the_new_parts_in_it_was_made_of_them(said: str, altered: tuple[str, ...]) -> None:
    before = {"id": "1", "name": {"givenName": "A", "familyName": "B", "formatted": "A B"}}
    after = {"id": "1", "name": {"givenName": "Z", "familyName": "B", "formatted": said}}
    found = compare(before, after, {"name.givenName": "Z"}, kept=["name.givenName"])
    assert (found.lost, found.altered) == ((), altered)
    other = compare(before, after, {"title": "T"}, kept=["title"])
    assert other.altered == ("name",), "nobody wrote a part of it"


@pytest.mark.parametrize("said", ["", "u", "King", "B", "Z"])
def test_a_full_name_without_the_given_or_the_family_name_was_lost(said: str) -> None:
    """Whichever part was written: an emptied one is in every text, and one of them alone is not the full name."""
    name = {"givenName": "A", "middleName": "K", "familyName": "L", "formatted": "Dr A K L"}
    changes: tuple[dict[str, Any], ...] = ({"name.middleName": None}, {"name.familyName": "King"})
    for written in changes:
        now = name | {"formatted": said} | {path.removeprefix("name."): value for path, value in written.items()}
        found = compare({"id": "1", "name": name}, {"id": "1", "name": now}, written, kept=list(written))
        assert found.wanted["name"]["formatted"] == "Dr A K L"


def test_of_what_was_found_after_a_kill_only_what_is_missing_is_said_again() -> None:
    after = {
        "id": "1",
        "name": {"givenName": "By hand"},
        "emails": [WORK, {"type": "home", "value": "edited@x"}, {"type": "other", "value": "added@x"}],
        "title": "By hand",
        ENTERPRISE: {"manager": {"value": "7"}},
    }
    found = only_missing(compare(BEFORE, after, {}, kept=[]), after)
    assert found.wanted == {
        "name": {"givenName": "By hand", "familyName": "B"},
        "phoneNumbers": BEFORE["phoneNumbers"],
        f"{ENTERPRISE}:department": "D",
    }
    assert (found.altered, found.left_over, found.junk) == ((), (), ())
    without_home = after | {"emails": [WORK, {"type": "other", "value": "added@x"}]}
    found = only_missing(compare(BEFORE, without_home, {}, kept=[]), without_home)
    assert found.wanted["emails"] == [*without_home["emails"], HOME]
