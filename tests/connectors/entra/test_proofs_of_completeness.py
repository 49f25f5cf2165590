"""Nothing rests on absence unless the read was proven complete and the missing were asked for by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from starlette.responses import JSONResponse

from tests.support.graph_server import error, person
from tests.support.lossy_tenants import key, losing, tenant_of
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, links, read
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response


def test_rows_lost_in_one_read_are_found_in_the_next(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.before = losing(tenant, 40, times=1)
    outcome = read(tenant, tmp_path)
    assert len(outcome.rows) == 90
    assert outcome.snapshot.completeness["reads"] == 2
    assert outcome.snapshot.completeness["proof"] == "count"


def test_rows_always_lost_at_page_ends_are_refused_even_on_a_first_run(tmp_path: Path) -> None:
    tenant = tenant_of(400)
    tenant.before = losing(tenant, 0, times=99, by_page=True)
    with pytest.raises(Refused) as refused:
        read(tenant, tmp_path)
    assert refused.value.refusals[0].code == "source_changed_while_reading"


def test_a_known_person_always_lost_is_refused(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.before = losing(tenant, 40, times=99)
    with pytest.raises(Refused, match="known from the last run are missing") as refused:
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [key(40), key(3)])))
    assert not refused.value.refusals[0].overridable


def test_a_user_of_the_last_snapshot_always_lost_is_refused(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    before = read(tenant, tmp_path, name="before")
    tenant.before = losing(tenant, 40, times=99)
    with pytest.raises(Refused, match="known from the last run are missing"):
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, previous=prior_run(before)))


@pytest.mark.parametrize("has_changes", [True, False])
def test_somebody_always_lost_on_a_first_run_is_found_through_the_changes(tmp_path: Path, *, has_changes: bool) -> None:
    tenant = tenant_of(90)
    for user in [*tenant.users, person(800)]:
        tenant.tell({"id": user["id"]})
    tenant.tell({"id": key(801), "@removed": {"reason": "changed"}})
    tenant.delta_is_offered = has_changes
    tenant.before = losing(tenant, 40, times=99)
    if has_changes:
        with pytest.raises(Refused, match=f"whom its list of changes names are missing .*{key(40)}"):
            read(tenant, tmp_path)
    else:
        assert any("Graph counts 90" in note for note in read(tenant, tmp_path).snapshot.notes)


def test_a_count_that_is_too_high_is_reported_with_what_the_changes_say(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    for user in [*tenant.users, person(800)]:
        tenant.tell({"id": user["id"]})
    tenant.counts["users"] = 95
    outcome = read(tenant, tmp_path)
    assert len(outcome.rows) == 90
    assert "Its list of changes names nobody else who is there." in outcome.snapshot.notes


@pytest.mark.parametrize("stated", [0, 80, 89, 91, 500])
def test_a_count_that_stays_wrong_is_reported_when_two_reads_agree(tmp_path: Path, stated: int) -> None:
    tenant = tenant_of(90)
    tenant.counts["users"] = stated
    outcome = read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [key(3)])))
    assert len(outcome.rows) == 90
    assert outcome.snapshot.completeness["proof"] == "two_reads"
    assert outcome.snapshot.completeness["count"] == stated
    assert any(str(stated) in note for note in outcome.snapshot.notes)


def test_a_tenant_without_count_is_read_twice(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.before = lambda path, _q, _r: error(400, "Request_UnsupportedQuery") if path == "users/$count" else None
    outcome = read(tenant, tmp_path)
    assert outcome.snapshot.completeness["proof"] == "two_reads"
    assert len(outcome.rows) == 90


def test_missing_people_are_proven_deleted_or_gone(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    gone = tenant.users.pop(50)
    deleted = tenant.remove(20)
    request = SourceRequest(COLUMNS, known=links(tmp_path, [deleted["id"], gone["id"], key(3)]))
    outcome = read(tenant, tmp_path, request=request)
    assert outcome.absent == {deleted["id"]: "deleted", gone["id"]: "gone"}
    assert outcome.snapshot.completeness["absent"] == {"asked": 2, "alive": 0, "deleted": 1, "gone": 1}


def test_a_missing_person_found_alive_refuses_though_the_count_agrees(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.before = losing(tenant, 40, times=99)
    tenant.counts["users"] = 89
    with pytest.raises(Refused) as refused:
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [key(40)])))
    assert refused.value.refusals[0].code == "people_found_alive"
    assert key(40) in refused.value.message


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_fault_inside_a_batch_is_never_read_as_gone(tmp_path: Path, status: int) -> None:
    tenant = tenant_of(40)
    lost = [tenant.remove(30)["id"] for _ in range(3)]
    answered = [0]

    def before(path: str, _query: dict[str, str], _request: Request) -> Response | None:
        if path != "$batch":
            return None
        answered[0] += 1
        if answered[0] > 2:
            return None
        parts = [{"id": str(n), "status": status, "headers": {"Retry-After": "3"}, "body": {}} for n in range(3)]
        return JSONResponse({"responses": parts[: 3 - answered[0]]})

    tenant.before = before
    outcome = read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, lost)))
    assert outcome.absent == dict.fromkeys(lost, "deleted")


def test_a_batch_that_never_answers_for_somebody_refuses(tmp_path: Path) -> None:
    tenant = tenant_of(40)
    lost = tenant.remove(30)["id"]
    tenant.before = lambda path, _q, _r: (
        JSONResponse({"responses": [{"id": "0", "status": 503}]}) if path == "$batch" else None
    )
    with pytest.raises(Refused):
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [lost])))


def test_a_graph_that_finds_nobody_by_id_proves_nobodys_absence(tmp_path: Path) -> None:
    tenant = tenant_of(40)
    lost = tenant.remove(30)["id"]

    def before(path: str, _query: dict[str, str], request: Request) -> Response | None:
        del request
        if path != "$batch":
            return None
        parts = [{"id": str(n), "status": 404, "headers": {}, "body": {}} for n in range(20)]
        return JSONResponse({"responses": parts})

    tenant.before = before
    with pytest.raises(Refused, match="just listed"):
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [lost])))


def test_an_unclear_answer_about_somebody_refuses(tmp_path: Path) -> None:
    tenant = tenant_of(40)
    lost = tenant.remove(30)["id"]
    body = {"error": {"code": "Request_BadRequest"}}
    parts = [{"id": str(n), "status": 400, "body": body} for n in range(2)]
    tenant.before = lambda path, _q, _r: JSONResponse({"responses": parts}) if path == "$batch" else None
    with pytest.raises(Refused, match="no clear answer"):
        read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, [lost])))


def test_more_than_twenty_missing_people_are_asked_for_in_batches(tmp_path: Path) -> None:
    tenant = tenant_of(120)
    lost = [tenant.remove(10)["id"] for _ in range(45)]
    outcome = read(tenant, tmp_path, request=SourceRequest(COLUMNS, known=links(tmp_path, lost)))
    assert set(outcome.absent) == set(lost)
    assert sum(line.startswith("POST $batch") for line in tenant.log) == 3


def test_mailbox_purposes_are_read_where_a_rule_needs_them(tmp_path: Path) -> None:
    tenant = tenant_of(45)
    tenant.roles = (*tenant.roles, "MailboxSettings.Read")
    tenant.users[5]["userType"] = "Guest"
    tenant.mailboxes = {user["id"]: "user" for user in tenant.users[:20]} | {key(7): {"value": "room"}}
    outcome = read(tenant, tmp_path, request=SourceRequest(COLUMNS | {"userPurpose"}))
    purposes = {row["id"]: row["userPurpose"] for row in outcome.rows}
    assert purposes[key(7)] == "room"
    assert purposes[key(1)] == "user"
    assert purposes[key(5)] is None
    assert purposes[key(30)] is None


def test_mailbox_purposes_without_the_permission_are_unreadable(tmp_path: Path) -> None:
    outcome = read(tenant_of(10), tmp_path, request=SourceRequest(COLUMNS | {"userPurpose", "lastSignInDateTime"}))
    assert set(outcome.snapshot.unreadable) == {"userPurpose", "lastSignInDateTime"}
    assert not {"userPurpose", "lastSignInDateTime"} & set(outcome.rows[0])


def test_the_snapshot_is_sorted_and_leaves_nothing_behind(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.users.reverse()
    outcome = read(tenant, tmp_path)
    ids = pq.read_table(outcome.files.source, columns=["id"]).column("id").to_pylist()
    assert ids == sorted(ids)
    assert sorted(path.name for path in outcome.files.work.iterdir()) == ["absent.parquet", "problems.parquet"]
