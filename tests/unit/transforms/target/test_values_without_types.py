"""Which entry of a list is meant where a server keeps no types, and what else two spellings of a value may be."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.transforms.values.equality import as_boolean, classify, differs_only_in_case, is_same_text, same, seen
from trueup.transforms.values.labels import label
from trueup.transforms.values.paths import attributes_in, get, parse, put, reference
from trueup.transforms.values.typeless import shared_lists
from trueup.transforms.vocabulary import Kept

WORK = parse('emails[type eq "work"].value')
HOME = {"type": "home", "value": "h@x"}


@pytest.mark.parametrize(
    ("emails", "wanted", "untyped", "found"),
    [
        ([HOME, {"value": "W@x"}], "w@x", False, "W@x"),
        ([HOME, "w@x"], "w@x", False, "w@x"),
        ([HOME, {"value": "w@x"}], None, False, None),
        ([HOME, {"value": "w@x"}], "other", False, None),
        # Where one has a type, the server keeps types: nobody else's entry is taken for it.
        ([HOME, {"value": "w@x"}], "other", True, None),
        ([{"value": "a@x"}], "other", True, "a@x"),
        ([{"value": "a@x"}, {"value": "b@x"}], "other", True, None),
        ([{"value": "a@x"}, {"value": "b@x", "primary": True}], "other", True, "b@x"),
        (["a@x", "b@x"], "b@x", True, "b@x"),
        # Exactly so, else spelt otherwise: a number written another way, other blanks.
        ([HOME, {"value": "+15551"}, {"value": "+1 (555) 1"}], "+1 555-1", False, "+15551"),
        ([HOME, {"value": "+15551"}, {"value": "+1 555-1"}], "+1 555-1", False, "+1 555-1"),
        ([{"value": "Main  st 1"}], " main st 1 ", False, "Main  st 1"),
        ([{"value": "+15552"}, {"value": ""}, {"value": "-"}], "+1 555-1", False, None),
        ([{"value": ""}], " ", False, None),
        ([{"type": "WORK", "value": "t@x"}, {"value": "w@x"}], "w@x", True, "t@x"),
    ],
)
def test_an_entry_without_a_type_is_meant_only_where_it_must_be(
    emails: list[Any], wanted: str | None, untyped: bool, found: str | None
) -> None:
    assert get({"emails": emails}, WORK, wanted, untyped=untyped) == found


def test_a_list_is_shared_where_elements_of_several_types_are_managed() -> None:
    managed = (
        *("userName", "name.givenName", "name.familyName", "title", 'photos[type eq "none"].value', "photos.value"),
        *('phoneNumbers[type eq "work"].value', 'PhoneNumbers[type eq "mobile" and primary eq true].value'),
        *('emails[type eq "work"].value', 'emails[type eq "WORK"].display', "emails[primary eq true].value"),
        *('addresses[type eq "none"].region', 'addresses[type eq "work"].region'),
    )
    assert shared_lists(managed) == {"phonenumbers", "addresses"}


def test_bare_text_in_a_list_has_a_value_and_nothing_else() -> None:
    assert get({"emails": ["a@x"]}, parse('emails[type eq "work"].display'), "a@x") is None
    assert get({"emails": ["a@x"]}, parse("emails.value")) == "a@x"


@pytest.mark.parametrize(
    ("before", "value", "untyped", "after"),
    [
        (["a@x", "b@x"], "c@x", False, ["a@x", "b@x", "c@x"]),
        (["a@x"], "c@x", True, ["c@x"]),
        (["a@x", "b@x", "c@x"], "b@x", False, ["a@x", "b@x", "c@x"]),
        ([HOME, "b@x"], "B@x", False, [HOME, "b@x", {"type": "work", "value": "B@x"}]),
        ([HOME, {"type": "work", "value": "b@x"}, {"type": "other", "value": "o"}], "c@x", False,
         [HOME, {"type": "work", "value": "c@x"}, {"type": "other", "value": "o"}]),
    ],
)  # fmt: skip
def test_a_write_replaces_the_entry_that_is_meant_and_moves_no_other(
    before: list[Any], value: str, untyped: bool, after: list[Any]
) -> None:
    resource = {"emails": before}
    put(resource, WORK, value, untyped=untyped)
    assert resource["emails"] == after


def test_the_schema_of_a_new_extension_is_declared_once() -> None:
    resource: dict[str, Any] = {"schemas": ["urn:core", "URN:X:Own"]}
    put(resource, parse("urn:x:Own:size"), "1")
    assert resource["schemas"] == ["urn:core", "URN:X:Own"]
    resource = {"schemas": ["urn:core"]}
    put(resource, parse("urn:x:Own:size"), "1")
    assert resource["schemas"] == ["urn:core", "urn:x:Own"]


def test_what_the_server_keeps_for_itself_is_not_an_attribute_of_a_profile() -> None:
    resource = {"ID": "1", "meta": {}, "schemas": [], "Groups": [], "Title": "t", "urn:X:Own": {"Size": 1}}
    assert attributes_in(resource) == {"title": ("Title", "t"), "urn:x:own:size": ("urn:X:Own:Size", 1)}


def test_booleans_are_read_in_every_spelling_and_nothing_else_is_one() -> None:
    assert [as_boolean(value) for value in ("True", " FALSE ", "1", 0, "0", 1, True)] == [
        True, False, True, False, False, True, True
    ]  # fmt: skip
    assert [as_boolean(value) for value in ("yes", "", None, 2)] == [None] * 4


def test_numbers_and_booleans_are_seen_in_the_type_planning_reads_them_in() -> None:
    assert seen(parse("active"), "False") is False
    assert seen(parse("active"), "perhaps") is None
    assert seen(parse("urn:x:Own:active"), "true") == "true"
    assert seen(parse("nickName"), "true", True) is True  # noqa: FBT003 - what stands beside it
    assert seen(parse("nickName"), True, "true") == "true"  # noqa: FBT003 - the value
    assert seen(parse("nickName"), True) is True  # noqa: FBT003 - the value
    assert (seen(parse("nickName"), 1043), seen(parse("nickName"), 1.5)) == ("1043", "1.5")
    assert seen(parse("roles"), ["a"]) == ["a"]


def test_texts_that_differ_only_in_case_are_told_from_equal_and_from_other_ones() -> None:
    assert differs_only_in_case("A@x", "a@X")
    assert not differs_only_in_case("a", "a")
    assert not differs_only_in_case("a", "b")
    assert not differs_only_in_case("a", 1)
    assert not differs_only_in_case(None, "a")
    assert is_same_text(7, "7", case_exact=True)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (None, "", True), ([], {}, True), (None, 0, False), ("", "0", False), ("x", None, False), (False, None, False),
        (True, "TRUE", True), ("1", True, True), (True, "yes", False), ("yes", False, False),
        ({"a": 1}, {"a": 1}, True), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ({"a": 1}, '{"a": 1}', True),
        (["a"], "a", False), (7, "7", True), ("a", "A", False),
    ],
)  # fmt: skip
def test_two_values_are_one_only_where_a_server_may_mean_the_same(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


@pytest.mark.parametrize(
    ("written", "found"),
    [("a", ""), ("", "a"), (None, "a"), (True, "yes"), (["a"], "a"), ("a", ["a"]), ({"a": "x"}, ["x"])],
)
def test_what_is_gone_or_of_another_form_was_not_kept(written: Any, found: Any) -> None:
    assert classify(written, found) is Kept.NOT_KEPT


def test_primary_is_a_boolean_in_a_filter_however_it_is_written() -> None:
    for text in ("true", '"True"', "TRUE"):
        assert parse(f"emails[primary eq {text}].value").where == (("primary", True),)
    assert parse("emails[Primary eq false].value").where == (("Primary", False),)
    assert parse('roles[kind eq "true"].value').where == (("kind", "true"),)
    assert get({"emails": [HOME, {"value": "p", "primary": "True"}]}, parse("emails[primary eq true].value")) == "p"


def test_a_manager_is_read_in_every_shape_servers_give_it() -> None:
    shapes: list[Any] = [{"value": "7"}, {"Value": 7}, "7", [{"value": "7"}, {"value": "8"}], ["7"], 7]
    assert [reference(shape) for shape in shapes] == ["7"] * 6
    assert [reference(nothing) for nothing in (None, "", [], {}, {"value": ""}, [None])] == [None] * 6


def test_clearing_leaves_no_empty_shell_and_nothing_else_goes() -> None:
    own = {"urn:X:own": {"Size": "1"}, "title": "t"}
    put(own, parse("urn:x:Own:size"), None)
    assert own == {"title": "t"}
    kept: dict[str, Any] = {"urn:X:own": {"Size": "1", "other": "2"}}
    put(kept, parse("urn:x:Own:size"), None)
    assert kept == {"urn:X:own": {"other": "2"}}
    put(kept, parse("urn:y:Other:size"), None)
    assert "urn:y:Other" not in kept
    mail: dict[str, Any] = {"emails": [HOME, {"Type": "work", "Value": "w", "primary": True, "verified": "W"}]}
    put(mail, WORK, None)
    assert mail["emails"] == [HOME, {"Type": "work", "primary": True, "verified": "W"}]
    put(mail, WORK, "again")
    assert mail["emails"][1]["value"] == "again"
    name: dict[str, Any] = {"name": {"GivenName": "A"}}
    put(name, parse("name.givenName"), "B")
    assert name == {"name": {"GivenName": "B"}}
    put(name, parse("name.givenName"), None)
    assert name == {}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("userName", "user name"), ("urn:a:b:User:department", "department"), ("manager.value", "manager"),
        ('emails[type eq "work"].value', "work e-mail"), ('phoneNumbers[type eq "home"].value', "home phone"),
        ('addresses[type eq "work"].locality', "work address: locality"), ('ims[type eq "own"].value', "own ims"),
        ("urn:a:b:Own:shoeSize", "shoeSize"),
    ],
)  # fmt: skip
def test_an_attribute_is_called_by_short_words(path: str, words: str) -> None:
    assert label(path) == words
