"""The swift and the careful way of reading changes give the same: not sent, sent as null, sent with a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.connectors.entra.change_pages import ChangeReader, bare_page, change_table
from trueup.connectors.entra.credentials import Granted
from trueup.connectors.entra.responses import Spoiled
from trueup.connectors.entra.selection import selection

COLUMNS = selection(
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
    },
    Granted(),
).columns
HIDDEN = tuple(
    column
    for column in selection({"department", "onPremisesSyncEnabled"}, Granted()).columns
    if column.name in {"department", "onPremisesSyncEnabled"}
)
LINK = "https://x/delta?$deltatoken=1"

NASTY = st.sampled_from(['a":null', ": null", ":null", '"jobTitle":null', "\u202enull", "é\n null", ' "x": null, '])
TEXT = st.none() | st.text(max_size=6) | NASTY
KEY = st.text("abcdef0123456789-", min_size=1, max_size=8)
TOLD = st.fixed_dictionaries({"@odata.type": st.just("u"), "id": KEY | st.sampled_from(["", "é"])}) | st.just(
    {"@removed": {"reason": "changed"}, "id": "b"}
)
CHANGE = st.fixed_dictionaries(
    {"id": KEY},
    optional={
        "@removed": st.fixed_dictionaries({"reason": st.sampled_from(["changed", "deleted"])}),
        "accountEnabled": st.none() | st.booleans(),
        "jobTitle": TEXT,
        "businessPhones": st.none() | st.lists(st.text(max_size=5), max_size=3),
        "manager@delta": st.lists(TOLD, max_size=2),
        "onPremisesExtensionAttributes": st.none()
        | st.fixed_dictionaries({"extensionAttribute1": TEXT}, optional={"extensionAttribute2": TEXT}),
        "employeeOrgData": st.none() | st.fixed_dictionaries({}, optional={"division": TEXT}),
        "assignedLicenses": st.none() | st.lists(st.fixed_dictionaries({"skuId": TEXT}), max_size=3),
        "showInAddressList": st.none() | st.booleans(),
        "createdDateTime": st.sampled_from(["2020-01-01T00:00:00Z", "never", None]),
        "unasked": TEXT | st.fixed_dictionaries({"jobTitle": TEXT}),
        "department": st.none(),
    },
)
ODD = st.none() | st.integers(-5, 5) | st.booleans() | st.text(max_size=3) | st.lists(st.none(), max_size=2)
ODDLY = st.sampled_from(
    ["manager@delta", "manager", "@removed", "jobTitle", "employeeOrgData", "businessPhones", "showInAddressList"]
)
APART = st.sampled_from([(",", ":"), (", ", ": "), (",\n", " :\t")])


def page(changes: list[dict[str, Any]], apart: tuple[str, str] = (",", ":"), *, raw: bool = False) -> bytes:
    whole = {"@odata.context": "x", "@odata.nextLink": None, "@odata.deltaLink": LINK, "value": changes}
    return json.dumps(whole, separators=apart, ensure_ascii=raw).encode()


@settings(max_examples=120, deadline=None)
@given(st.lists(CHANGE, max_size=6), APART, st.booleans())
def test_both_ways_of_reading_changes_agree(changes: list[dict[str, Any]], apart: tuple[str, str], raw: bool) -> None:
    got, following = ChangeReader(COLUMNS, HIDDEN)(page(changes, apart, raw=raw))
    assert got.table.equals(change_table(changes, COLUMNS))
    assert (got.end, following, got.surfaced) == (LINK, None, frozenset())


@settings(max_examples=100, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=4), ODDLY, ODD)
def test_what_is_of_a_wrong_type_reads_the_same_either_way(
    changes: list[dict[str, Any]], name: str, value: object
) -> None:
    changes[0][name] = value
    got, _ = ChangeReader(COLUMNS, HIDDEN)(page(changes))
    assert got.table.equals(change_table(changes, COLUMNS))


def test_plain_changes_are_read_swiftly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("trueup.connectors.entra.change_pages.ChangeReader._read_strict")
    changes: list[dict[str, Any]] = [
        {"id": "a", "jobTitle": None, "showInAddressList": None, "employeeOrgData": None, "businessPhones": None},
        {"id": "b", "jobTitle": "é", "manager@delta": [{"id": "a"}]},
        {"id": "c", "@removed": {"reason": "changed"}},
        {"id": "d", "manager@delta": [{"id": "a", "@removed": {"reason": "deleted"}}]},
    ]
    for apart in ((",", ":"), (", ", ": ")):
        got, _ = ChangeReader(COLUMNS, HIDDEN)(page(changes, apart))
        assert got.table.equals(change_table(changes, COLUMNS))
    assert got.table.column("is_unclear").to_pylist() == [False, False, False, True]


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"a","jobTitle":null,"jobTitle":"x"}',
        b'{"id":"a","jobTitle":"x","jobTitle":null}',
        b'{"id":"a","showInAddressList":null,"showInAddressList":true}',
        b'{"id":"a","showInAddressList":true,"showInAddressList":null}',
        b'{"id":"a","job\\u0054itle":null}',
        b'{"id":"a","show\\u0049nAddressList":null}',
        b'{"id":"a","jobTitle":null,"unasked":"\\"jobTitle\\":null"}',
        b'{"id":"a","x\\"showInAddressList":null}',
    ],
)
def test_twisted_names_read_the_same_either_way(body: bytes) -> None:
    whole = b'{"@odata.deltaLink":"%s","value":[%s]}' % (LINK.encode(), body)
    got, _ = ChangeReader(COLUMNS, HIDDEN)(whole)
    assert got.table.equals(change_table(bare_page(whole)[0][0], COLUMNS))


@pytest.mark.parametrize("value", ['"department":"Sales"', '"onPremisesSyncEnabled":false', '"department@delta":["x"]'])
def test_what_nobody_had_and_comes_now_is_told(value: str) -> None:
    body = f'{{"@odata.deltaLink":"x","value":[{{"id":"a",{value}}}]}}'.encode()
    got, _ = ChangeReader(COLUMNS, HIDDEN)(body)
    assert got.surfaced == {value.split('"')[1].removesuffix("@delta")}


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"value":[]}',
        b'{"value":[],"@odata.deltaLink":""}',
        b'{"value":[],"@odata.deltaLink":null}',
        b'{"value":[],"@odata.deltaLink":5}',
        b'{"value":[],"@odata.deltaLink":"x","@odata.nextLink":""}',
        b'{"value":null,"@odata.deltaLink":"x"}',
        b'{"value":[null],"@odata.deltaLink":"x"}',
        b'{"value":[{"id":null}],"@odata.deltaLink":"x"}',
        b'{"value":[{"id":""}],"@odata.deltaLink":"x"}',
        b'{"value":[{"id":"\xc3\xa9"}],"@odata.deltaLink":"x"}',
        b'{"value":[{"id":"\xff"}],"@odata.deltaLink":"x"}',
        b'{"value":[{"jobTitle":"x"}],"@odata.deltaLink":"x"}',
        b'{"error":{"code":"x"}}',
        b'{"value":[],"@odata.deltaLink":"x"} {}',
    ],
)
def test_what_is_no_page_of_changes_is_spoiled(body: bytes) -> None:
    with pytest.raises(Spoiled):
        ChangeReader(COLUMNS, HIDDEN)(body)


def test_a_page_with_both_links_goes_on() -> None:
    got, following = ChangeReader(COLUMNS)(b'{"@odata.nextLink":"y","@odata.deltaLink":"x","value":[]}')
    assert (got.end, following, got.table.num_rows) == (None, "y", 0)


WHOLE = page([{"id": str(n), "jobTitle": None, "manager@delta": [{"id": "a"}]} for n in range(3)])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_changes_cut_off_anywhere_are_spoiled(end: int) -> None:
    with pytest.raises(Spoiled):
        ChangeReader(COLUMNS, HIDDEN)(WHOLE[:end])
