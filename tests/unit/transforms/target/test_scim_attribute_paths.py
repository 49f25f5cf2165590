"""SCIM paths: the same in Python and in SQL, and nothing but what they name is touched."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from trueup.transforms.duck.database import connect
from trueup.transforms.values.columns import flattened
from trueup.transforms.values.equality import canonical, classify, is_same_text, moved_members, plain, same
from trueup.transforms.values.paths import CORE, ENTERPRISE, get, new_element, parse, put
from trueup.transforms.values.spelling import Spelling
from trueup.transforms.vocabulary import Kept

PATHS = (
    "userName",
    "name.givenName",
    'emails[type eq "work"].value',
    'phoneNumbers[type eq "mobile" and primary eq true].value',
    "emails.value",
    f"{ENTERPRISE}:department",
    f"{ENTERPRISE}:manager",
    f"{ENTERPRISE}:manager.value",
    "urn:example:Thing:2.0:User:costCode",
    "manager",
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
element = st.fixed_dictionaries(
    {"value": text}, optional={"type": st.sampled_from(["work", "Work", "home", "mobile"]), "primary": st.booleans()}
)
resources = st.fixed_dictionaries(
    {"id": st.just("x")},
    optional={
        "userName": text,
        "name": st.fixed_dictionaries({}, optional={"givenName": text, "familyName": text}),
        "emails": st.lists(element, max_size=3),
        "phoneNumbers": st.lists(element, max_size=3),
        "manager": st.one_of(text, st.fixed_dictionaries({"value": text})),
        ENTERPRISE: st.fixed_dictionaries(
            {}, optional={"department": text, "manager": st.fixed_dictionaries({"value": text})}
        ),
    },
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_spelt_as_it_was_read(path: str) -> None:
    assert str(parse(path)) == path


@pytest.mark.parametrize(
    "path",
    ["", "a b", "emails[", 'emails[type eq "work"]value', 'emails[type ne "x"].value', 'a[b eq "a" or b eq "c"]',
     "name.", "1a", "emails[type eq work].value", 'a"b', "userName; DROP TABLE x"],
)  # fmt: skip
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|filter|clauses|and"):
        parse(path)


def test_the_core_schema_may_be_spelt_out() -> None:
    assert parse(f"{CORE}:userName") == parse("userName")


def test_a_profile_spelt_as_the_paths_are_is_handed_on_as_it_is_and_any_other_as_a_copy() -> None:
    spelling = Spelling(PATHS)
    fine = {"userName": "a", "emails": [{"type": "work", "value": "w"}], ENTERPRISE: {"department": "d"}}
    assert spelling.of(fine) is fine
    other = {"USERNAME": "a", "Emails": [{"Type": "work", "value": "w"}], f"{ENTERPRISE}:Department": "d"}
    before = copy.deepcopy(other)
    assert (spelling.of(other), other) == (fine, before)


@rules(max_examples=60, deadline=None)
@given(resources)
def test_sql_and_python_read_the_same(resource: dict[str, Any]) -> None:
    with connect(threads=1) as engine:
        query = flattened(dict.fromkeys(PATHS, "text"), "(SELECT $1::VARCHAR AS said)")
        row = engine.execute(query, [json.dumps(resource)]).fetchone()
    assert row is not None
    for path, found in zip(PATHS, row, strict=True):
        assert same(found, get(resource, parse(path))), path


@rules(max_examples=100, deadline=None)
@given(resources, st.sampled_from(PATHS), text.filter(bool))
def test_what_is_put_is_got_and_nothing_else_moves(resource: dict[str, Any], path: str, value: str) -> None:
    changed = copy.deepcopy(resource)
    put(changed, parse(path), value)
    assert get(changed, parse(path), value) == value  # an element without a type that has it already is the one meant
    for other in PATHS:
        if parse(other).attribute.lower() != parse(path).attribute.lower():
            assert same(get(changed, parse(other)), get(resource, parse(other))), other
    put(changed, parse(path), None)
    if "[" not in path and "emails" not in path:
        assert get(changed, parse(path)) is None


def test_removing_the_only_value_of_an_element_removes_the_element() -> None:
    resource: dict[str, Any] = {
        "emails": [{"type": "work", "value": "w", "primary": True}, {"type": "home", "value": "h"}]
    }
    put(resource, parse('emails[type eq "work"].value'), None)
    assert resource == {"emails": [{"type": "home", "value": "h"}]}
    put(resource, parse('emails[type eq "home"].value'), None)
    assert resource == {}


def test_an_element_that_holds_more_keeps_the_rest() -> None:
    resource: dict[str, Any] = {"addresses": [{"type": "work", "locality": "Ulm", "country": "DE"}]}
    put(resource, parse('addresses[type eq "work"].locality'), None)
    assert resource == {"addresses": [{"type": "work", "country": "DE"}]}


def test_the_first_e_mail_is_the_primary_one() -> None:
    assert new_element(parse('emails[type eq "work"].value'), "w", first=True)["primary"] is True
    assert "primary" not in new_element(parse('phoneNumbers[type eq "work"].value'), "1", first=True)


@pytest.mark.parametrize(
    ("written", "found", "kept"),
    [
        ("a", "a", Kept.KEPT), (None, "", Kept.KEPT), (True, "True", Kept.KEPT), (7, "7", Kept.KEPT),
        ([], None, Kept.KEPT),
        ("A@x", "a@x", Kept.NORMALISED), (" a  b ", "a b", Kept.NORMALISED), ("e\u0301", "\u00e9", Kept.NORMALISED),
        ("+49 (731) 123-45", "+4973112345", Kept.NORMALISED), ("0731 12345", "+49 731 12345", Kept.NORMALISED),
        ("a", None, Kept.NOT_KEPT), ("a", "b", Kept.NOT_KEPT), (True, False, Kept.NOT_KEPT), ("", "x", Kept.NOT_KEPT),
        ("12345", "54321", Kept.NOT_KEPT), ({"a": "X"}, {"a": "x"}, Kept.NORMALISED),
        ({"a": 1}, {"a": 2}, Kept.NOT_KEPT),
        ("--", "..", Kept.NOT_KEPT),
        # Two numbers of one form and length are two numbers; so are the ends of one that are too short to tell by.
        ("+49 731 12345", "+49 731 54321", Kept.NOT_KEPT), ("0731 12345", "+49 89 12345", Kept.NOT_KEPT),
        ("+49 731 12345", "12345", Kept.NOT_KEPT), ("12345", "+49 731 12345", Kept.NOT_KEPT),
        ("+49 731 123456", "123456", Kept.NORMALISED), ("1234567 a", "1234567", Kept.NOT_KEPT),
    ],
)  # fmt: skip
def test_what_a_target_made_of_a_value(written: Any, found: Any, kept: Kept) -> None:
    assert classify(written, found) is kept


def test_identifiers_heed_case_only_where_the_schema_says_so() -> None:
    assert is_same_text("A", "a", case_exact=False)
    assert not is_same_text("A", "a", case_exact=True)
    assert not is_same_text("A", None, case_exact=False)


def test_two_readings_differ_by_content_not_by_what_the_server_adds() -> None:
    before = {"id": "x", "title": "t", "meta": {"version": "1"}, "schemas": ["a"], "roles": []}
    assert moved_members(before, {"id": "x", "title": "t", "meta": {"version": "2"}}) == []
    assert moved_members(before, {"id": "x", "title": "u", "nickName": "n"}) == ["nickName", "title"]


def test_one_value_has_one_text() -> None:
    assert canonical({"b": 1, "a": ["é"]}) == '{"a":["é"],"b":1}'


def test_text_is_told_in_the_same_json_here_and_in_duckdb() -> None:
    texts = [*map(chr, range(1, 0x180)), "\\u001e", "\\\x1f\\\\u001f", '"\x0b"', "\u2028"]
    told = connect().execute("SELECT to_json(t)::VARCHAR FROM (SELECT unnest(?::VARCHAR[]) AS t)", [texts]).fetchall()
    assert [row[0] for row in told] == [canonical(text) for text in texts]


def test_a_number_is_told_in_the_same_text_here_and_in_duckdb() -> None:
    numbers = [0.0, -0.0, 7.0, -2.5, 1e-5, 1.5e-6, 2e-7, -1.25e-9, 123456.75, 1e20, 1e21, 1e22, -1.5e22, 1.7e308]
    text = json.dumps(numbers)
    told = connect().execute("SELECT unnest(json_extract_string($1::VARCHAR, '$[*]'))", [text]).fetchall()
    assert [row[0] for row in told] == [plain(number) for number in numbers]


@pytest.mark.parametrize(
    ("held", "read"),
    [(True, True), ("True", True), (" TRUE ", True), (1, True), ("0", False), ("False", False), ("yes", None),
     ("", None), (None, None)],
)  # fmt: skip
def test_true_and_false_are_read_however_a_server_spells_them(held: Any, read: bool | None) -> None:
    """In an attribute that is managed as a boolean, and in ``active`` whatever it is managed as."""
    said = json.dumps({"locked": held, "active": held, "title": "yes"})
    query = flattened({"locked": "boolean", "active": "text", "title": "text"}, "(SELECT $1::VARCHAR AS said)")
    row = connect().execute(query, [said]).fetchone()
    assert row == (read, read, "yes")
