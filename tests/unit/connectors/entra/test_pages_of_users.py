"""The swift and the careful way of reading a page give the same; a damaged page is never a shorter one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.graph_server import person
from trueup.connectors.entra.credentials import Granted
from trueup.connectors.entra.pages import PageReader, user_table
from trueup.connectors.entra.responses import Spoiled
from trueup.connectors.entra.selection import selection
from trueup.connectors.entra.unsaid import with_unsaid
from trueup.transforms.errors import Misused

COLUMNS = frozenset(
    {
        "jobTitle",
        "businessPhones",
        "manager",
        "extensionAttribute1",
        "extensionAttribute2",
        "division",
        "assignedLicensesCount",
        "showInAddressList",
        "createdDateTime",
        "extension_0123_costCentre",
    }
)
CHOSEN = selection(COLUMNS, Granted())

TEXT = st.none() | st.text(max_size=12)
WRONG = st.none() | st.integers(-5, 5) | st.booleans() | st.text(max_size=3) | st.lists(st.integers(0, 3), max_size=2)
USER = st.fixed_dictionaries(
    {"id": st.text("abcdef0123456789-", min_size=1, max_size=8)},
    optional={
        "userPrincipalName": TEXT,
        "accountEnabled": st.none() | st.booleans(),
        "jobTitle": TEXT,
        "businessPhones": st.none() | st.lists(st.text(max_size=5), max_size=3),
        "manager": st.none() | st.fixed_dictionaries({"id": st.text(max_size=5)}),
        "onPremisesExtensionAttributes": st.none()
        | st.fixed_dictionaries({"extensionAttribute1": TEXT}, optional={"extensionAttribute2": TEXT}),
        "employeeOrgData": st.none() | st.fixed_dictionaries({"division": TEXT}),
        "assignedLicenses": st.none() | st.lists(st.fixed_dictionaries({"skuId": TEXT}), max_size=3),
        "showInAddressList": st.none() | st.booleans(),
        "createdDateTime": st.sampled_from(["2020-01-01T00:00:00Z", "never", None]),
        "extension_0123_costCentre": TEXT,
        "unasked": WRONG,
    },
)
SPOILT = st.sampled_from(["jobTitle", "accountEnabled", "businessPhones", "employeeOrgData", "createdDateTime"])


@settings(max_examples=150, deadline=None)
@given(st.lists(USER, max_size=6), st.none() | st.text(min_size=1, max_size=9))
def test_the_swift_way_gives_what_the_careful_way_gives(users: list[dict[str, Any]], link: str | None) -> None:
    page: dict[str, Any] = {"@odata.context": "x", "value": users}
    if link is not None:
        page["@odata.nextLink"] = link
    reader = PageReader(CHOSEN)
    got, following = reader(json.dumps(page).encode())
    expected, problems = user_table(users, CHOSEN)
    assert with_unsaid(got.users).to_pylist() == expected.to_pylist()
    assert following == link
    assert got.problems == ()
    assert problems == []


@settings(max_examples=100, deadline=None)
@given(st.lists(USER, min_size=1, max_size=5), SPOILT, WRONG)
def test_a_wrong_type_touches_nobody_else(users: list[dict[str, Any]], name: str, value: Any) -> None:
    users = [{**user, "id": f"{place}-{user['id']}"} for place, user in enumerate(users)]
    honest, _ = user_table(users, CHOSEN)
    users[0][name] = value
    got, _ = PageReader(CHOSEN)(json.dumps({"value": users}).encode())
    assert with_unsaid(got.users).slice(1).to_pylist() == honest.slice(1).to_pylist()
    assert all(key == users[0]["id"] for key, _, _ in got.problems)
    column = {"employeeOrgData": "division"}.get(name, name)
    row = got.users.to_pylist()[0]
    assert bool(got.problems) == (value is not None and row[column] is None)


PAGE = json.dumps({"@odata.nextLink": "https://x/y", "value": [person(n) for n in range(3)]}).encode()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(PAGE) - 1))
def test_a_page_cut_off_anywhere_is_spoiled(end: int) -> None:
    with pytest.raises(Spoiled):
        PageReader(CHOSEN)(PAGE[:end])


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"5",
        b'"x"',
        b"{}",
        b'{"value": null}',
        b'{"value": 5}',
        b'{"value": [5]}',
        b'{"value": [{"id": ""}]}',
        b'{"value": [{"id": 5}]}',
        b'{"value": [{"id": "\xff"}]}',
        b'{"value": [], "@odata.nextLink": ""}',
        b'{"value": [], "@odata.nextLink": 5}',
        b'{"value": []} {"value": []}',
        b"\x00",
    ],
)
def test_what_is_no_page_is_spoiled(body: bytes) -> None:
    with pytest.raises(Spoiled):
        PageReader(CHOSEN)(body)


def test_attributes_that_differ_by_case_only_are_refused() -> None:
    with pytest.raises(Misused, match="differ by case only"):
        selection({"extension_1_Cost", "extension_1_cost"}, Granted())


def test_an_attribute_nobody_knows_is_refused() -> None:
    with pytest.raises(Misused, match="shoeSize"):
        selection({"shoeSize"}, Granted())


def test_default_properties_are_never_relied_on() -> None:
    assert CHOSEN.properties[0] == "id"
    assert "onPremisesExtensionAttributes" in CHOSEN.properties
    assert len(CHOSEN.properties) == len(set(CHOSEN.properties))
