"""What an entry did not say although it was asked for is unreadable for that person, never empty: case by case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse

from tests.support.graph_server import SECRET, Tenant
from tests.support.lossy_tenants import key, tenant_of
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome, read
from trueup.connectors.source import SourceRequest, snapshot
from trueup.transforms.errors import Refused
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

EXTENSION = "extension_0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d_badge"
WANTED = SourceRequest(COLUMNS | {EXTENSION})


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_TEST_SECRET", SECRET)


def lists_without(tenant: Tenant, name: str, people: set[str] | None, *, of_page: int | None = None) -> None:
    """The list of users drops ``name`` from the entries of ``people`` (None: all), on one page or all of them."""

    def before(path: str, query: dict[str, str], _request: Request) -> Any:
        start = int(query.get("$skiptoken", "0"))
        if path != "users" or (of_page is not None and start // tenant.page != of_page):
            return None
        size = min(int(query["$top"]), tenant.page)
        chosen = set(query["$select"].split(","))
        rows = []
        for user in tenant.users[start : start + size]:
            row = {k: v for k, v in user.items() if k in chosen}
            if user.get("manager_id"):
                row["manager"] = {"id": user["manager_id"]}
            if people is None or user["id"] in people:
                row.pop(name, None)
            rows.append(row)
        page: dict[str, Any] = {"value": rows}
        if start + size < len(tenant.users):
            rest = "&".join(f"{k}={v}" for k, v in query.items() if k != "$skiptoken")
            page["@odata.nextLink"] = f"{tenant.base}/v1.0/users?{rest}&$skiptoken={start + size}"
        return JSONResponse(page)

    tenant.before = before


def unread(outcome: Outcome) -> dict[str, Any]:
    return {row["id"]: row["unreadable"] for row in outcome.rows if row.get("unreadable")}


def test_what_single_entries_lack_even_by_id_is_unreadable_for_these_people_only(tmp_path: Path) -> None:
    tenant = tenant_of(60)
    for user in tenant.users[:3]:
        del user["department"]
    del tenant.users[4]["onPremisesExtensionAttributes"]["extensionAttribute1"]
    outcome = read(tenant, tmp_path)
    assert outcome.snapshot.completeness["unreadable"] == {"department": 3, "extensionAttribute1": 1}
    assert outcome.snapshot.completeness["asked_again"] == 4
    assert unread(outcome) == {**{key(n): ["department"] for n in range(3)}, key(4): ["extensionAttribute1"]}
    assert any("department of 3" in note for note in outcome.snapshot.notes)


def test_whom_the_list_left_short_is_asked_for_by_id_before_anything_is_believed(tmp_path: Path) -> None:
    tenant = tenant_of(100)
    lists_without(tenant, "department", {key(n) for n in range(40)})
    outcome = read(tenant, tmp_path)
    assert {row["department"] for row in outcome.rows} == {"Research"}
    assert outcome.snapshot.completeness["asked_again"] == 40
    assert outcome.snapshot.completeness["unreadable"] == {}
    assert "unreadable" not in outcome.rows[0]


def test_what_an_answer_by_id_leaves_out_takes_nothing_from_what_the_list_said(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    for user in tenant.users:
        user[EXTENSION] = "B-1"
    lists_without(tenant, "department", {key(2)})
    tenant.users[2].pop("jobTitle")  # by id; the list is made of the same users, so it lacks it too
    answer = tenant.before
    tenant.users[2] = {**tenant.users[2]}
    shown = {**tenant.users[2], "jobTitle": "Engineer"}

    def before(path: str, query: dict[str, str], request: Request) -> Any:
        mine, tenant.users[2] = tenant.users[2], shown if path == "users" else tenant.users[2]
        try:
            return answer(path, query, request) if answer else None
        finally:
            tenant.users[2] = mine

    tenant.before = before
    row = read(tenant, tmp_path, request=WANTED).by_id[key(2)]
    assert (row["department"], row["jobTitle"], row[EXTENSION]) == ("Research", "Engineer", "B-1")


def test_a_read_that_leaves_much_out_is_refused_with_how_many_and_what(tmp_path: Path) -> None:
    tenant = tenant_of(100)
    for user in tenant.users[:30]:
        del user["department"]
    with pytest.raises(Refused) as caught:
        read(tenant, tmp_path)
    refusal = caught.value.refusals[0]
    assert refusal.code == "attributes_left_out"
    assert "of 30 people that it was asked for (department of 30)" in refusal.message
    assert (refusal.used, refusal.limit) == (30, 20)
    assert "between Trueup and Graph" in refusal.remedy


def test_null_and_what_the_whole_tenant_lacks_are_as_before(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    for user in tenant.users:
        user["department"] = None
        del user["mobilePhone"]
    outcome = read(tenant, tmp_path)
    assert {row["department"] for row in outcome.rows} == {None}
    assert "mobilePhone" in outcome.snapshot.unreadable
    assert outcome.snapshot.completeness["unreadable"] == {}


def test_an_extension_without_a_value_is_none_and_so_is_a_manager_who_was_removed(tmp_path: Path) -> None:
    tenant = tenant_of(60, page=20)
    for number, user in enumerate(tenant.users):
        if number % 2 and number < 40:
            user[EXTENSION] = f"B-{number}"
        user["manager_id"] = key(0) if 0 < number < 40 else None
    before = read(tenant, tmp_path, request=WANTED)
    assert before.by_id[key(2)]["manager"] == key(0)
    tenant.users[2]["manager_id"] = None
    outcome = read(tenant, tmp_path, request=WANTED, name="second")
    assert outcome.by_id[key(2)]["manager"] is None
    assert (outcome.by_id[key(1)][EXTENSION], outcome.by_id[key(2)][EXTENSION]) == ("B-1", None)
    # Nobody on the third page has either: one of them was asked for that, and Graph has none.
    assert unread(outcome) == {}


@pytest.mark.parametrize("name", ["manager", EXTENSION])
def test_a_page_without_what_others_have_is_asked_for_by_id(tmp_path: Path, name: str) -> None:
    tenant = tenant_of(60, page=20)
    for user in tenant.users[1:]:
        user |= {EXTENSION: "B-1", "manager_id": key(0)}
    lists_without(tenant, name, None, of_page=2)
    outcome = read(tenant, tmp_path, request=WANTED)
    assert {row[name] for row in outcome.rows[1:]} == {key(0) if name == "manager" else "B-1"}
    assert outcome.snapshot.completeness["asked_again"] == 20


def test_the_next_incremental_read_asks_again_and_carries_on_what_stays_unread(tmp_path: Path) -> None:
    tenant = tenant_of(60)
    del tenant.users[1]["department"], tenant.users[2]["department"]
    first = read(tenant, tmp_path, read="incremental")
    assert unread(first) == {key(1): ["department"], key(2): ["department"]}
    tenant.users[1]["department"] = "Sales"
    tenant.edit(3, jobTitle="Cook")  # a later round: what a change does not name is unchanged
    request = SourceRequest(COLUMNS, previous=prior_run(first))
    second = read(tenant, tmp_path, name="second", request=request, read="incremental")
    assert second.snapshot.completeness["read"] == "incremental", second.snapshot.notes
    assert unread(second) == {key(2): ["department"]}
    assert second.by_id[key(1)]["department"] == "Sales"
    assert (second.by_id[key(3)]["jobTitle"], second.by_id[key(3)]["department"]) == ("Cook", "Research")


def test_a_change_that_holds_part_of_an_object_takes_nothing_from_the_rest(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    first = read(tenant, tmp_path, read="incremental")
    tenant.tell({"id": key(1), "onPremisesExtensionAttributes": {"extensionAttribute2": "new"}})
    tenant.edit(2, department=None)
    second = read(
        tenant,
        tmp_path,
        name="second",
        request=SourceRequest(COLUMNS, previous=prior_run(first)),
        read="incremental",
    )
    assert second.snapshot.completeness["read"] == "incremental", second.snapshot.notes
    assert second.by_id[key(1)]["extensionAttribute1"] == "x1"
    assert second.by_id[key(2)]["department"] is None
    assert unread(second) == {}


def test_many_answers_by_id_that_lack_something_make_the_read_a_full_one(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    first = read(tenant, tmp_path, read="incremental")
    for number in range(100, 125):
        tenant.add({**tenant.users[0], "id": key(number)})
        del tenant.users[-1]["jobTitle"]
    request = SourceRequest(COLUMNS, previous=prior_run(first))
    with pytest.raises(Refused, match="jobTitle of 25"):
        read(tenant, tmp_path, name="second", request=request, read="incremental")


def of_file(tmp_path: Path, body: str, **source: Any) -> Outcome:
    (tmp_path / "users.json").write_text(body, encoding="utf-8")
    given = {"kind": "file", "path": str(tmp_path / "users.json"), "scope": "all", **source}
    files = RunFiles(tmp_path / "run")
    files.work.mkdir(parents=True, exist_ok=True)
    return Outcome(snapshot(Settings.model_validate({"source": given}), WANTED, files), files)


def rows_of(number: int) -> list[dict[str, Any]]:
    return [{**user, "manager": {"id": key(0)}, EXTENSION: "B-1"} for user in tenant_of(number).users]


def test_a_key_that_entries_of_a_file_lack_is_unreadable_or_null_as_configured(tmp_path: Path) -> None:
    rows = rows_of(30)
    del rows[1]["department"], rows[2]["manager"], rows[3][EXTENSION]
    rows[4]["department"] = None
    unknown = of_file(tmp_path, json.dumps(rows))
    assert unread(unknown) == {key(1): ["department"]}
    assert unknown.snapshot.completeness["unreadable"] == {"department": 1}
    assert any('absent = "null"' in note for note in unknown.snapshot.notes)
    null = of_file(tmp_path, json.dumps(rows), absent="null")
    assert unread(null) == {}
    assert null.snapshot.completeness["unreadable"] == {}


def test_a_page_of_a_file_that_lacks_what_others_have_is_unreadable(tmp_path: Path) -> None:
    rows = rows_of(30)
    for row in rows[20:]:
        del row["manager"], row["department"]
    pages = "\n".join(json.dumps({"value": part}) for part in (rows[:20], rows[20:]))
    outcome = of_file(tmp_path, pages)
    assert {tuple(sorted(names)) for names in unread(outcome).values()} == {("department", "manager")}
    assert len(unread(outcome)) == 10


def test_a_file_that_leaves_much_out_is_refused_with_what_to_set(tmp_path: Path) -> None:
    rows = rows_of(60)
    for row in rows[:25]:
        del row["department"]
    with pytest.raises(Refused) as caught:
        of_file(tmp_path, json.dumps(rows))
    refusal = caught.value.refusals[0]
    assert "25 of 60 people (department of 25)" in refusal.message
    assert '[source] absent = "null"' in refusal.remedy
    assert len(of_file(tmp_path, json.dumps(rows), absent="null").rows) == 60
