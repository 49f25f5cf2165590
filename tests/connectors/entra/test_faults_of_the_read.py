"""Whatever Graph does: the snapshot is exactly right, or the run refuses."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.support.graph_server import SECRET, Tenant, error, person, serving
from tests.support.reading import Clock, Outcome, read
from trueup.transforms.errors import Failed, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

USERS = 230
Answer = Response | None


def tenant_of(users: int = USERS, page: int = 25) -> Tenant:
    boss = person(0)["id"]
    return Tenant(users=[person(n, manager_id=boss if n else None) for n in range(users)], page=page)


def assert_exact(outcome: Outcome, tenant: Tenant) -> None:
    rows = outcome.rows
    assert [row["id"] for row in rows] == sorted(user["id"] for user in tenant.users)
    by_id = {user["id"]: user for user in tenant.users}
    for row in rows:
        user = by_id[row["id"]]
        for name in ("userPrincipalName", "displayName", "jobTitle", "accountEnabled", "businessPhones", "mobilePhone"):
            assert row[name] == user[name]
        assert row["manager"] == user["manager_id"]
        assert row["assignedLicensesCount"] == 1
        assert row["extensionAttribute1"] == user["onPremisesExtensionAttributes"]["extensionAttribute1"]
        assert row["division"] == "North"
    assert outcome.snapshot.users == len(tenant.users)


def on_pages(answers: dict[int, Callable[[], Response]], *, path: str = "users") -> Callable[..., Answer]:
    """Answers in stead of the n-th requests to ``path``, counted from 1, retries included."""
    seen = [0]

    def before(asked: str, _query: dict[str, str], _request: Request) -> Answer:
        if asked != path:
            return None
        seen[0] += 1
        answer = answers.get(seen[0])
        return answer() if answer else None

    return before


def cut_short() -> Response:
    return Response(b'{"value": [{"id": "1"', headers={"content-length": "5000"}, media_type="application/json")


PASSING = {
    "429 with seconds": lambda: error(429, "TooManyRequests", Retry_After="7"),
    "429 with a decimal": lambda: error(429, "TooManyRequests", Retry_After="1.5"),
    "429 with a date": lambda: error(429, "TooManyRequests", Retry_After=formatdate(time.time() + 20, usegmt=True)),
    "429 with a long wait": lambda: error(429, "TooManyRequests", Retry_After="140"),
    "429 with nothing": lambda: error(429, "TooManyRequests"),
    "429 with nonsense": lambda: error(429, "TooManyRequests", Retry_After="soon"),
    "429 with zero": lambda: error(429, "TooManyRequests", Retry_After="0"),
    "500": lambda: error(500, "InternalServerError"),
    "502 page": lambda: HTMLResponse("<html>bad gateway</html>", 502),
    "503": lambda: error(503, "ServiceUnavailable", Retry_After="2"),
    "504": lambda: error(504, "GatewayTimeout"),
    "an HTML page with 200": lambda: HTMLResponse("<html>sign in</html>"),
    "truncated JSON": lambda: Response(b'{"value": [{"id": "1"', media_type="application/json"),
    "a body cut short": cut_short,
    "an empty body": lambda: Response(b"", media_type="application/json"),
    "null": lambda: Response(b"null", media_type="application/json"),
    "an error with 200": lambda: JSONResponse({"error": {"code": "x"}}),
    "no list": lambda: JSONResponse({"value": {}}),
    "somebody without an id": lambda: JSONResponse({"value": [{"displayName": "x"}]}),
    "nobody at all": lambda: JSONResponse({"value": [None]}),
    "204": lambda: Response(status_code=204),
    "two documents": lambda: Response(b'{"value":[]}\n{"value":[]}', media_type="application/json"),
}


@pytest.mark.parametrize("fault", list(PASSING))
@pytest.mark.parametrize("place", [1, 4])
def test_a_passing_fault_on_any_page_leaves_the_snapshot_exactly_right(tmp_path: Path, fault: str, place: int) -> None:
    tenant = tenant_of(90)
    tenant.before = on_pages({place: PASSING[fault], place + 1: PASSING[fault]})
    outcome = read(tenant, tmp_path)
    assert_exact(outcome, tenant)
    assert outcome.snapshot.completeness["retries"] >= 2
    assert outcome.snapshot.completeness["proof"] == "count"


def test_a_stated_wait_is_waited_out_in_full(tmp_path: Path) -> None:
    clock = Clock()
    tenant = tenant_of(60)
    tenant.before = on_pages({2: lambda: error(429, "TooManyRequests", Retry_After="250")})
    outcome = read(tenant, tmp_path, clock=clock)
    assert_exact(outcome, tenant)
    assert sum(clock.slept) >= 249
    assert outcome.snapshot.completeness["throttles"] == 1


@pytest.mark.parametrize("header", ["301", "86400"])
def test_a_wait_longer_than_five_minutes_is_refused(tmp_path: Path, header: str) -> None:
    tenant = tenant_of(60)
    tenant.before = on_pages({2: lambda: error(429, "TooManyRequests", Retry_After=header)})
    with pytest.raises(Refused, match="throttling"):
        read(tenant, tmp_path)


@pytest.mark.parametrize("fault", ["429 with seconds", "429 with zero", "429 with nothing"])
def test_endless_throttling_ends(tmp_path: Path, fault: str) -> None:
    tenant = tenant_of(60)
    tenant.before = on_pages(dict.fromkeys(range(2, 2000), PASSING[fault]))
    with pytest.raises(Refused, match="throttling"):
        read(tenant, tmp_path)


@pytest.mark.parametrize("fault", ["500", "503", "an HTML page with 200", "truncated JSON", "a body cut short"])
def test_a_minute_without_a_good_answer_ends_the_read(tmp_path: Path, fault: str) -> None:
    tenant = tenant_of(60)
    tenant.before = on_pages(dict.fromkeys(range(3, 3000), PASSING[fault]))
    with pytest.raises(Refused) as refused:
        read(tenant, tmp_path)
    assert refused.value.refusals[0].code == "source_incomplete"
    assert not refused.value.refusals[0].overridable


def test_a_warning_of_throttling_slows_the_read_down(tmp_path: Path) -> None:
    clock = Clock()
    tenant = tenant_of(60)

    tenant.extra_headers = {"x-ms-throttle-limit-percentage": "1.1"}
    outcome = read(tenant, tmp_path, clock=clock)
    assert_exact(outcome, tenant)
    assert outcome.snapshot.completeness["slowed"] >= 1
    assert sum(clock.slept) > 0.5


def test_empty_pages_with_a_link_go_on(tmp_path: Path) -> None:
    tenant = tenant_of(60)

    def empty(path: str, query: dict[str, str], request: Request) -> Answer:
        if path != "users" or "$again" in query or "$skiptoken" not in query:
            return None
        return JSONResponse({"value": [], "@odata.nextLink": f"{request.url}&$again=1"})

    tenant.before = empty
    assert_exact(read(tenant, tmp_path), tenant)


def test_an_expired_link_starts_the_read_over(tmp_path: Path) -> None:
    tenant = tenant_of(90)
    tenant.before = on_pages({3: lambda: error(400, "Directory_ExpiredPageToken", "expired")})
    outcome = read(tenant, tmp_path)
    assert_exact(outcome, tenant)
    assert outcome.snapshot.completeness["restarts"] == 1


def test_links_that_always_expire_end_the_read(tmp_path: Path) -> None:
    tenant = tenant_of(90)

    def before(path: str, query: dict[str, str], _request: Request) -> Answer:
        return error(400, "Directory_ExpiredPageToken") if path == "users" and "$skiptoken" in query else None

    tenant.before = before
    with pytest.raises(Refused, match="expired"):
        read(tenant, tmp_path)


@pytest.mark.parametrize("back_to", ["itself", "an earlier page"])
def test_links_in_a_circle_end_the_read(tmp_path: Path, back_to: str) -> None:
    tenant = tenant_of(90)
    first: list[str] = []

    def before(path: str, query: dict[str, str], request: Request) -> Answer:
        if path != "users" or "$skiptoken" not in query:
            return None
        first.append(str(request.url))
        if back_to == "an earlier page" and len(first) < 2:
            return None
        link = first[0] if back_to == "an earlier page" else str(request.url)
        return JSONResponse({"value": [], "@odata.nextLink": link})

    tenant.before = before
    with pytest.raises(Refused, match="already read"):
        read(tenant, tmp_path)


@pytest.mark.parametrize("shape", ["host", "port", "userinfo", "scheme", "backslash", "relative"])
def test_a_link_that_leaves_the_host_is_refused_and_the_token_stays(tmp_path: Path, shape: str) -> None:
    tenant, elsewhere = tenant_of(90), Tenant()
    with serving(tenant) as url, serving(elsewhere) as foreign:
        port, far = url.rsplit(":", 1)[1], foreign.rsplit(":", 1)[1]
        link = {
            "host": f"http://localhost:{port}/v1.0/users?$skiptoken=1",
            "port": f"{foreign}/v1.0/users?$skiptoken=1",
            "userinfo": f"http://127.0.0.1:{port}@127.0.0.1:{far}/v1.0/users",
            "scheme": f"https://127.0.0.1:{port}/v1.0/users",
            "backslash": f"http://127.0.0.1:{port}\\@127.0.0.1:{far}/v1.0/users",
            "relative": f"//127.0.0.1:{far}/v1.0/users",
        }[shape]
        tenant.before = on_pages({2: lambda: JSONResponse({"value": [], "@odata.nextLink": link})})
        with pytest.raises(Refused, match="leaves the configured host"):
            read(tenant, tmp_path, url=url)
        assert elsewhere.log == []


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    tenant, elsewhere = tenant_of(90), Tenant()
    with serving(tenant) as url, serving(elsewhere) as foreign:
        target = f"{foreign}/v1.0/users"
        tenant.before = on_pages(dict.fromkeys(range(2, 500), lambda: RedirectResponse(target)))
        with pytest.raises(Refused):
            read(tenant, tmp_path, url=url)
        assert elsewhere.log == []


def test_repeated_users_collapse_to_the_last(tmp_path: Path) -> None:
    tenant = tenant_of(60)
    again = {**tenant.users[3], "jobTitle": "Promoted"}
    honest = list(tenant.users)
    tenant.users = [*honest, again]
    tenant.counts["users"] = 60
    outcome = read(tenant, tmp_path)
    tenant.users = [again if user["id"] == again["id"] else user for user in honest]
    assert_exact(outcome, tenant)
    assert outcome.snapshot.completeness["repeats"] == 1


WRONG: dict[str, Any] = {
    "jobTitle": 5,
    "accountEnabled": "true",
    "department": ["a"],
    "businessPhones": "+1 555",
    "assignedLicenses": "none",
    "displayName": {"x": 1},
    "onPremisesExtensionAttributes": "x",
    "mail": True,
}


@pytest.mark.parametrize("name", list(WRONG))
def test_a_value_of_a_wrong_type_is_a_problem_and_everybody_else_is_untouched(tmp_path: Path, name: str) -> None:
    tenant = tenant_of(60)
    tenant.users[7][name] = WRONG[name]
    outcome = read(tenant, tmp_path)
    column = {"assignedLicenses": "assignedLicensesCount", "onPremisesExtensionAttributes": "extensionAttribute1"}
    found = outcome.problems
    assert [(key, attribute) for key, attribute, _ in found] == [(tenant.users[7]["id"], column.get(name, name))]
    assert outcome.by_id[tenant.users[7]["id"]][column.get(name, name)] is None
    assert outcome.by_id[tenant.users[8]["id"]]["jobTitle"] == "Engineer"


def test_text_that_is_no_unicode_is_one_persons_problem(tmp_path: Path) -> None:
    tenant = tenant_of(10, page=999)
    rows = [{k: v for k, v in u.items() if k != "manager_id"} for u in tenant.users]
    body = json.dumps({"value": rows}).replace("Number4", "\\ud83d").encode()
    tenant.before = on_pages({1: lambda: Response(body, media_type="application/json")})
    outcome = read(tenant, tmp_path)
    assert [(key, name) for key, name, _ in outcome.problems] == [(tenant.users[4]["id"], "surname")]


def test_hostile_values_arrive_unchanged(tmp_path: Path) -> None:
    tenant = tenant_of(12, page=5)
    hostile = [
        "<script>",
        "' OR 1=1 --",
        'a"b\\',
        "nul\0byte",
        "\u202eevil",
        "  ",
        "",
        "=cmd()",
        "\u0130",
        "e\u0301",
        "😀",
        "\u2028",
    ]
    for user, value in zip(tenant.users, hostile, strict=True):
        user["jobTitle"] = value
    assert_exact(read(tenant, tmp_path), tenant)


def test_a_property_this_cloud_does_not_know_is_unreadable_not_empty(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    tenant.known_properties = {*tenant.users[0]} - {"employeeOrgData", "manager_id"}
    outcome = read(tenant, tmp_path)
    assert "division" not in outcome.rows[0]
    assert "division" in outcome.snapshot.unreadable


def test_a_property_nobody_was_sent_is_unreadable_not_empty(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    for user in tenant.users:
        del user["department"]
    outcome = read(tenant, tmp_path)
    assert "department" not in outcome.rows[0]
    assert "department" in outcome.snapshot.unreadable


def test_users_without_their_state_are_a_missing_permission(tmp_path: Path) -> None:
    tenant = tenant_of(30)
    for user in tenant.users:
        del user["accountEnabled"]
    with pytest.raises(Failed, match=r"accountEnabled") as failed:
        read(tenant, tmp_path)
    assert "User.Read.All" in failed.value.remedy


def test_an_empty_tenant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(Tenant(), tmp_path)
    assert refused.value.refusals[0].code == "source_empty"


def test_a_token_that_runs_out_mid_read_is_renewed(tmp_path: Path) -> None:
    tenant = tenant_of()
    revoked = on_pages({4: lambda: error(401, "InvalidAuthenticationToken"), 7: lambda: error(401, "x")})
    tenant.before = revoked
    outcome = read(tenant, tmp_path)
    assert_exact(outcome, tenant)
    assert len(tenant.tokens) == 3


def test_short_lived_tokens_are_renewed_before_they_are_turned_down(tmp_path: Path) -> None:
    tenant = tenant_of()
    tenant.token_lifetime = 0
    assert_exact(read(tenant, tmp_path), tenant)
    assert len(tenant.tokens) > 5


def test_no_error_tells_secret_or_token(tmp_path: Path) -> None:
    tenant = tenant_of(60)
    tenant.before = on_pages(dict.fromkeys(range(2, 3000), lambda: error(500, "x", f"leak {SECRET}")))
    with pytest.raises(Refused) as refused:
        read(tenant, tmp_path)
    assert SECRET not in str(refused.value)
    assert not any(token in str(refused.value) for token in tenant.tokens)
