"""Delta queries of the sandbox tenant (§2): whoever merges them has what a full read gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.sandbox import EDIT, Caller, calling, edit, small_company, uid
from trueup.sandbox import Fault

SELECT = "id,displayName,department,mobilePhone,manager"
State = dict[str, dict[str, Any]]


def _round(caller: Caller, link: str, state: State, headers: dict[str, str] | None = None) -> str:
    """Merge one round into the state; returns the deltaLink."""
    while True:
        page = caller.get(link, headers).json()
        for row in page["value"]:
            _merge(state, row)
        if "@odata.deltaLink" in page:
            return str(page["@odata.deltaLink"])
        link = page["@odata.nextLink"]


def _merge(state: State, row: dict[str, Any]) -> None:
    if "@removed" in row:
        state.pop(row["id"], None)
        return
    user = state.setdefault(row["id"], {})
    user.update({name: value for name, value in row.items() if name != "manager@delta"})
    for entry in row.get("manager@delta", ()):
        if "@removed" not in entry:
            user["manager"] = entry["id"]
        elif user.get("manager") == entry["id"]:
            del user["manager"]


def _full(caller: Caller) -> State:
    rows = caller.all("users?$select=id,displayName,department,mobilePhone&$expand=manager($select=id)")
    return {
        row["id"]: {
            **{k: v for k, v in row.items() if v is not None and k != "manager"},
            **({"manager": row["manager"]["id"]} if "manager" in row else {}),
        }
        for row in rows
    }


def _without_nulls(state: State) -> State:
    return {key: {k: v for k, v in user.items() if v is not None} for key, user in state.items()}


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(rounds=st.lists(st.lists(EDIT, max_size=12), max_size=4), page=st.integers(1, 7))
@example(rounds=[[(1, 0, 3), (0, 0, 6), (1, 0, 3)]], page=3).via("a report deleted and restored, its manager purged")
@example(rounds=[[(1, 0, 3), (0, 0, 3), (1, 0, 3)]], page=3).via("the same with a manager in the bin")
@example(rounds=[[(1, 0, 3)], [(0, 0, 6)], [(1, 0, 3)]], page=3).via("the same in three rounds")
@example(rounds=[[(1, 0, 3), (0, 0, 3)], [(0, 0, 3), (1, 0, 3)]], page=3).via("both away, then both back")
@example(
    rounds=[
        [(2, 1, 5), (1, 8, 0), (2, 3, 4), (3, 1, 0), (5, 9, 5), (6, 4, 8), (5, 9, 4), (4, 3, 0)],
        [(1, 1, 3), (9, 6, 8), (0, 9, 6), (2, 8, 8), (1, 2, 5), (8, 6, 4), (5, 6, 7), (9, 2, 2), (3, 6, 2)],
    ],
    page=3,
)
def test_merged_deltas_equal_a_full_read_whatever_was_edited(rounds: list[list[tuple[int, ...]]], page: int) -> None:
    with calling(tenant=small_company(10)) as caller:
        headers = {"Prefer": f"odata.maxpagesize={page}"}
        state: State = {}
        link = _round(caller, f"users/delta?$select={SELECT}", state, headers)
        assert _without_nulls(state) == _full(caller)
        for edits in rounds:
            for who, other, kind in edits:
                edit(caller.sandbox.tenant, who, other, kind)
            link = _round(caller, link, state, headers)
            assert _without_nulls(state) == _full(caller)


def test_edits_during_the_first_round_are_told_in_the_next(own: Caller) -> None:
    state: State = {}
    page = own.get(f"users/delta?$select={SELECT}", {"Prefer": "odata.maxpagesize=4"}).json()
    for row in page["value"]:
        _merge(state, row)
    own.sandbox.tenant.set(uid(0), department="Moved")
    own.sandbox.tenant.delete(uid(11))
    link = _round(own, page["@odata.nextLink"], state)
    _round(own, link, state)
    assert _without_nulls(state) == _full(own)


def test_a_property_never_set_is_missing_and_one_set_to_null_is_null(own: Caller) -> None:
    state: State = {}
    link = _round(own, f"users/delta?$select={SELECT}", state)
    assert "mobilePhone" not in state[uid(1)]
    own.sandbox.tenant.set(uid(1), mobilePhone=None)
    _round(own, link, state)
    assert state[uid(1)]["mobilePhone"] is None


def test_changes_of_what_is_not_selected_do_not_show(own: Caller) -> None:
    link = _round(own, "users/delta?$select=id,department", {})
    own.sandbox.tenant.set(uid(1), displayName="Other")
    changed: State = {}
    link = _round(own, link, changed)
    assert changed == {}
    own.sandbox.tenant.set(uid(1), signInActivity={})
    _round(own, link, changed)
    assert changed == {}


def test_return_minimal_gives_only_what_changed(own: Caller) -> None:
    link = _round(own, f"users/delta?$select={SELECT}", {})
    own.sandbox.tenant.set(uid(1), department="New")
    changed: State = {}
    _round(own, link, changed, {"Prefer": "return=minimal"})
    assert changed == {uid(1): {"id": uid(1), "department": "New"}}


def test_removed_says_whether_the_user_can_come_back(own: Caller) -> None:
    link = _round(own, "users/delta?$select=id", {})
    own.sandbox.tenant.delete(uid(1))
    own.sandbox.tenant.purge(uid(2))
    rows = own.get(link).json()["value"]
    assert {row["id"]: row["@removed"]["reason"] for row in rows} == {uid(1): "changed", uid(2): "deleted"}


def test_past_deletions_show_in_the_very_first_round_too(own: Caller) -> None:
    own.sandbox.tenant.delete(uid(1))
    rows = own.get("users/delta?$select=id").json()["value"]
    assert {"id": uid(1), "@removed": {"reason": "changed"}} in rows


def test_a_manager_taken_away_is_told_with_a_mark(own: Caller) -> None:
    link = _round(own, "users/delta?$select=id,manager", {})
    own.sandbox.tenant.set(uid(1), manager=None)
    row = own.get(link).json()["value"][0]
    expected = {"@odata.type": "#microsoft.graph.user", "id": uid(0), "@removed": {"reason": "deleted"}}
    assert row["manager@delta"] == [expected]


def test_latest_gives_a_link_without_data(own: Caller) -> None:
    page = own.get("users/delta?$select=id,department&$deltatoken=latest").json()
    assert page["value"] == []
    own.sandbox.tenant.set(uid(1), department="New")
    assert own.get(page["@odata.deltaLink"]).json()["value"] == [{"id": uid(1), "department": "New"}]


@pytest.mark.parametrize("option", ["$expand=manager", "$top=5", "$orderby=displayName", "$count=true", "$skip=1"])
def test_options_delta_does_not_know_are_refused(caller: Caller, option: str) -> None:
    assert caller.refusal(f"users/delta?{option}") == (400, "Request_BadRequest")


def test_a_filter_takes_up_to_fifty_ids_and_nothing_else(caller: Caller) -> None:
    condition = " or ".join(f"id eq '{uid(n)}'" for n in (1, 2))
    rows = caller.get(f"users/delta?$select=id&$filter={condition}").json()["value"]
    assert {row["id"] for row in rows} == {uid(1), uid(2)}
    many = " or ".join(f"id eq '{uid(n)}'" for n in range(51))
    assert caller.refusal(f"users/delta?$filter={many}")[0] == 400
    assert caller.refusal("users/delta?$filter=department eq 'Sales'")[0] == 400


def test_an_old_link_is_expired_with_its_code(own: Caller) -> None:
    link = _round(own, "users/delta?$select=id", {})
    own.sandbox.tenant.expire_deltas()
    assert own.refusal(link) == (400, "syncStateNotFound")
    fresh = _round(own, "users/delta?$select=id", {})
    assert own.get(fresh).status_code == 200


def test_a_reset_service_answers_410_and_says_where_to_start() -> None:
    with calling(faults=(Fault("delta_gone", "delta"), Fault("delta_expired", "delta"))) as caller:
        answer = caller.get("users/delta?$select=id")
        assert answer.status_code == 410
        assert answer.headers["Location"].endswith("/users/delta?$deltatoken=")
        assert caller.refusal("users/delta?$select=id") == (400, "syncStateNotFound")
        assert caller.get(answer.headers["Location"]).status_code == 200
