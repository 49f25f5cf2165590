"""Previous snapshot + changes = what a full read gives, row for row; whatever is unclear is read in full."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.responses import Response

from tests.support.graph_server import SECRET, Tenant, error, person, serving
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome, links, read
from tests.support.sandbox import EDIT, calling, edit, small_company
from trueup.connectors.archive.held_to_hashes import held_to_hashes
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import Refused
from trueup.transforms.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request


def tenant_of(users: int = 40) -> Tenant:
    boss = person(0)["id"]
    return Tenant(users=[person(n, manager_id=boss if n else None) for n in range(users)], page=7)


def key(number: int) -> str:
    return str(person(number)["id"])


def again(tenant: Tenant, folder: Path, before: Outcome, name: str, **other: Any) -> Outcome:
    request = SourceRequest(COLUMNS, previous=prior_run(before), known=other.pop("known", None))
    return read(tenant, folder, name=name, request=request, read="incremental", **other)


def same(one: Outcome, other: Outcome) -> bool:
    return bool(pq.read_table(one.files.source).to_pylist() == pq.read_table(other.files.source).to_pylist())


CHANGES: dict[str, Callable[[int, str], dict[str, Any]]] = {
    "title": lambda number, _other: {"jobTitle": f"Title {number}", "mobilePhone": f"+1 {number}"},
    "clear": lambda _number, _other: {"department": None, "mobilePhone": None, "businessPhones": []},
    "disable": lambda number, _other: {"accountEnabled": number % 2 == 0},
    "manager": lambda _number, other: {"manager_id": other},
    "no manager": lambda _number, _other: {"manager_id": None},
    "nested": lambda number, _other: {"onPremisesExtensionAttributes": {"extensionAttribute1": f"e{number}"}},
}
EDITS = st.lists(
    st.tuples(
        st.sampled_from([*CHANGES, "remove", "restore", "hire"]),
        st.integers(0, 1000),
    ),
    max_size=14,
)


def play(tenant: Tenant, edits: list[tuple[str, int]], shuffle: int) -> None:
    start = len(tenant.changes)
    for what, number in edits:
        place = number % len(tenant.users)
        if what in CHANGES:
            other = tenant.users[(number * 7) % len(tenant.users)]["id"]
            tenant.edit(place, **CHANGES[what](number, other))
        elif what == "remove" and place:
            leave(tenant, place)
        elif what == "restore" and tenant.deleted:
            tenant.add(tenant.deleted[number % len(tenant.deleted)])
        elif what == "hire":
            boss = tenant.users[place]["id"]
            tenant.add(person(5000 + number + 1001 * len(tenant.changes), manager_id=boss, jobTitle=None))
    fresh = tenant.changes[start:]
    replays = fresh[: len(fresh) // 3]
    items = [item for _, item in [*fresh, *replays]]
    random.Random(shuffle).shuffle(items)  # noqa: S311 - order is not promised, and replays happen
    tenant.changes = tenant.changes[:start]
    tenant.clock = start
    for item in items:
        tenant.tell(item)


def leave(tenant: Tenant, place: int) -> None:
    gone = tenant.remove(place)["id"]
    for number, user in enumerate(tenant.users):
        if user.get("manager_id") == gone:
            tenant.edit(number, manager_id=None)


Nights = list[tuple[list[tuple[str, int]], int]]
NIGHTS = st.lists(st.tuples(EDITS, st.integers(0, 99)), min_size=1, max_size=3)
QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(nights=NIGHTS)
def test_an_incremental_read_equals_a_full_one(monkeypatch: pytest.MonkeyPatch, nights: Nights) -> None:
    play_nights(monkeypatch, nights)


@pytest.mark.soak
@settings(QUICK, max_examples=150)
@given(nights=NIGHTS)
def test_an_incremental_read_equals_a_full_one_for_long(monkeypatch: pytest.MonkeyPatch, nights: Nights) -> None:
    play_nights(monkeypatch, nights)


def play_nights(monkeypatch: pytest.MonkeyPatch, nights: Nights) -> None:
    monkeypatch.setenv("TRUEUP_TEST_SECRET", SECRET)
    tenant = tenant_of()
    with tempfile.TemporaryDirectory() as name, serving(tenant) as url:
        folder = Path(name)
        before = read(tenant, folder, url=url, name="first", read="incremental")
        assert before.snapshot.completeness["read"] == "full"
        for night, (edits, shuffle) in enumerate(nights):
            play(tenant, edits, shuffle)
            now = again(tenant, folder, before, f"night-{night}", url=url)
            assert now.snapshot.completeness["read"] == "incremental", now.snapshot.notes
            assert same(now, read(tenant, folder, url=url, name=f"full-{night}"))
            before = now


Rounds = list[list[tuple[int, int, int]]]
ROUNDS = st.lists(st.lists(EDIT, max_size=12), min_size=1, max_size=3)


@settings(QUICK, max_examples=2)
@given(rounds=ROUNDS)
@example(rounds=[[(1, 0, 3), (0, 0, 6), (1, 0, 3)]]).via("a report deleted and restored, its manager purged")
@example(rounds=[[(1, 0, 3), (0, 0, 3), (1, 0, 3)], [(0, 0, 3)]]).via("the same, and the manager comes back")
def test_the_sandboxs_changes_lead_to_what_it_lists(monkeypatch: pytest.MonkeyPatch, rounds: Rounds) -> None:
    play_rounds(monkeypatch, rounds)


@pytest.mark.soak
@settings(QUICK, max_examples=300)
@given(rounds=ROUNDS)
def test_the_sandboxs_changes_lead_to_what_it_lists_for_long(monkeypatch: pytest.MonkeyPatch, rounds: Rounds) -> None:
    play_rounds(monkeypatch, rounds)


def play_rounds(monkeypatch: pytest.MonkeyPatch, rounds: Rounds) -> None:
    with tempfile.TemporaryDirectory() as name, calling(tenant=small_company(10)) as caller:
        sandbox, folder = caller.sandbox, Path(name)
        monkeypatch.setenv("TRUEUP_TEST_SECRET", sandbox.client_secret)
        keys: dict[str, Any] = {
            "tenant_id": sandbox.tenant_id,
            "client_id": sandbox.client_id,
            "url": sandbox.graph_url,
        }
        before = read(Tenant(), folder, name="first", read="incremental", **keys)
        for night, edits in enumerate(rounds):
            for one in edits:
                edit(sandbox.tenant, *one)
            if not sandbox.tenant.users():
                return
            now = again(Tenant(), folder, before, f"night-{night}", **keys)
            assert same(now, read(Tenant(), folder, name=f"full-{night}", **keys)), now.snapshot.notes
            before = now


def test_the_reports_of_a_manager_who_vanishes_untold_keep_nobody(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.edit(0, jobTitle="New")
    tenant.tell({"id": key(0), "jobTitle": "New"})
    tenant.users.pop(0)  # after the changes were told
    after = again(tenant, tmp_path, before, "after")
    assert "not found by id" in after.snapshot.completeness["why_full"]
    assert {row["manager"] for row in after.rows} == {None}


def test_a_graph_that_leaves_out_managers_of_single_users_is_read_in_full(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.add(person(500, manager_id=key(0)))
    tenant.expands_single = False
    after = again(tenant, tmp_path, before, "after")
    assert "managers of single users" in after.snapshot.completeness["why_full"]
    assert after.by_id[key(500)]["manager"] == key(0)


def test_a_quiet_night_reads_no_users(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.log.clear()
    after = again(tenant, tmp_path, before, "after")
    assert same(before, after)
    assert after.snapshot.completeness["proof"] == "delta_count"
    assert not any(line.startswith("GET users?") for line in tenant.log)


@pytest.mark.parametrize(
    "refusal",
    [
        lambda: error(400, "syncStateNotFound", "delta token is expired"),
        lambda: error(410, "resyncRequired", Location="https://elsewhere.example/users/delta?$deltatoken="),
    ],
)
def test_an_expired_link_is_a_full_read_that_says_so(tmp_path: Path, refusal: Any) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.edit(3, jobTitle="New")
    told = [0]

    def expired(path: str, query: dict[str, str], _request: Request) -> Response | None:
        if path == "users/delta" and query.get("$deltatoken") != "latest":
            told[0] += 1
            return Response(**_copied(refusal()))
        return None

    tenant.before = expired
    after = again(tenant, tmp_path, before, "after")
    assert told[0] == 1
    assert after.snapshot.completeness["read"] == "full"
    assert after.by_id[key(3)]["jobTitle"] == "New"
    assert any("Read in full" in note for note in after.snapshot.notes)


def _copied(answer: Response) -> dict[str, Any]:
    return {"content": answer.body, "status_code": answer.status_code, "headers": dict(answer.headers)}


def test_a_link_that_expires_between_pages_is_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    for number in range(20):
        tenant.edit(number, jobTitle=f"T{number}")
    tenant.before = lambda path, query, _r: error(400, "x") if path == "users/delta" and "$skiptoken" in query else None
    after = again(tenant, tmp_path, before, "after")
    assert after.snapshot.completeness["read"] == "full"
    assert after.by_id[key(19)]["jobTitle"] == "T19"


def test_changes_that_contradict_the_count_are_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.users.append(person(900, manager_id=None))  # a change delta never tells
    after = again(tenant, tmp_path, before, "after")
    assert after.snapshot.completeness["read"] == "full"
    assert len(after.rows) == 41


def test_a_managed_person_removed_by_mistake_is_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    tenant.tell({"id": key(7), "@removed": {"reason": "changed"}})
    tenant.counts["users"] = 39
    after = again(tenant, tmp_path, before, "after", known=links(tmp_path, [key(7)]))
    assert after.snapshot.completeness["read"] == "full"
    assert key(7) in after.by_id


def test_another_selection_is_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    request = SourceRequest(COLUMNS | {"city"}, previous=prior_run(before))
    after = read(tenant, tmp_path, name="after", request=request, read="incremental")
    assert after.snapshot.completeness["why_full"] == "the selected attributes have changed"


def test_a_changed_snapshot_file_is_refused_by_name(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    [prior] = held_to_hashes(History((prior_run(before),))).runs
    pq.write_table(pq.read_table(before.files.source).slice(1), before.files.source)
    request = SourceRequest(COLUMNS, previous=prior)
    with pytest.raises(Refused, match="source.parquet is not what was written"):
        read(tenant, tmp_path, name="after", request=request, read="incremental")


def test_a_week_old_full_read_is_done_again(tmp_path: Path) -> None:
    tenant = tenant_of()
    before = read(tenant, tmp_path, read="incremental")
    before.snapshot.delta["full_at"] = "2020-01-01T00:00:00+00:00"
    after = again(tenant, tmp_path, before, "after")
    assert "7 days" in after.snapshot.completeness["why_full"]


def test_a_graph_without_delta_is_read_in_full_each_night(tmp_path: Path) -> None:
    tenant = tenant_of()
    tenant.delta_is_offered = False
    before = read(tenant, tmp_path, read="incremental")
    assert before.snapshot.delta == {}
    assert len(again(tenant, tmp_path, before, "after").rows) == 40


def test_another_graph_address_is_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    with serving(tenant) as first:
        before = read(tenant, tmp_path, read="incremental", url=first)
        with serving(tenant) as second:
            after = again(tenant, tmp_path, before, "after", url=second)
    assert "another Graph address" in after.snapshot.completeness["why_full"]


def test_a_problem_stays_a_problem_until_it_is_put_right(tmp_path: Path) -> None:
    tenant = tenant_of()
    tenant.users[4]["jobTitle"] = 5
    before = read(tenant, tmp_path, read="incremental")
    after = again(tenant, tmp_path, before, "after")
    assert after.snapshot.completeness["read"] == "incremental"
    assert [problem[:2] for problem in after.problems] == [(key(4), "jobTitle")]
    tenant.users[4]["jobTitle"] = "Right"
    last = again(tenant, tmp_path, after, "last")
    assert last.problems == []
    assert last.by_id[key(4)]["jobTitle"] == "Right"


def test_a_property_that_comes_for_the_first_time_is_a_full_read(tmp_path: Path) -> None:
    tenant = tenant_of()
    for user in tenant.users:
        del user["department"]
    before = read(tenant, tmp_path, read="incremental")
    assert "department" in before.snapshot.unreadable
    for user in tenant.users:
        user["department"] = None  # said by everybody from now on; what few said of many would refuse the read
    tenant.edit(2, department="Sales")
    after = again(tenant, tmp_path, before, "after")
    assert after.snapshot.completeness["read"] == "full"
    assert after.by_id[key(2)]["department"] == "Sales"


def test_what_delta_does_not_follow_is_read_afresh(tmp_path: Path) -> None:
    tenant = tenant_of()
    tenant.roles = (*tenant.roles, "AuditLog.Read.All")
    for user in tenant.users:
        user["signInActivity"] = {"lastSignInDateTime": "2026-01-01T00:00:00Z"}
    columns = COLUMNS | {"lastSignInDateTime"}
    before = read(tenant, tmp_path, read="incremental", request=SourceRequest(columns))
    tenant.users[3]["signInActivity"] = {"lastSignInDateTime": "2026-02-02T00:00:00Z"}
    request = SourceRequest(columns, previous=prior_run(before))
    after = read(tenant, tmp_path, name="after", read="incremental", request=request)
    assert after.snapshot.completeness["read"] == "incremental"
    assert after.by_id[key(3)]["lastSignInDateTime"] == "2026-02-02T00:00:00Z"
    assert same(after, read(tenant, tmp_path, name="full", request=SourceRequest(columns)))
