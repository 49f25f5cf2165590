"""Signing in, permissions, batches, deleted users, throttling and faults of the sandbox tenant."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.sandbox import EVENTUAL, Caller, calling, small_company, uid
from trueup.sandbox import Fault, statuses
from trueup.sandbox.tenant import graph
from trueup.sandbox.tenant.questions import Request
from trueup.sandbox.tenant.throttle import Throttle, units_for

if TYPE_CHECKING:
    from collections.abc import Mapping

APP_PATH = "servicePrincipals?$filter=displayName eq 'App'"


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_a_token_says_its_roles_tenant_and_end(caller: Caller) -> None:
    document = caller.sign_in().json()
    claims = _claims(document["access_token"])
    assert "User.Read.All" in claims["roles"]
    assert claims["tid"] == caller.sandbox.tenant_id
    assert claims["exp"] - claims["iat"] == document["expires_in"] == 3599


def test_without_consent_the_token_is_issued_without_roles_and_graph_refuses(own: Caller) -> None:
    own.sandbox.tenant.granted = set()
    assert own.sign_in().status_code == 200
    assert "roles" not in _claims(own.token)
    assert own.refusal("users") == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    ("form", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"client_id": uid(1)}, 400, "unauthorized_client", 700016),
        ({"tenant": "fabrikam.example"}, 400, "invalid_request", 90002),
        ({"scope": "https://graph.microsoft.com/User.Read.All"}, 400, "invalid_scope", 1002012),
        ({"scope": "https://graph.microsoft.us/.default"}, 400, "invalid_resource", 500011),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ],
)
def test_a_wrong_sign_in_is_refused_with_its_code(
    caller: Caller, form: dict[str, str], status: int, error: str, code: int
) -> None:
    answer = caller.sign_in(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_codes"] == [code]
    assert f"AADSTS{code}" in answer.json()["error_description"]


def test_a_secret_can_run_out(own: Caller) -> None:
    own.sandbox.tenant.expired_clients.add(own.sandbox.client_id)
    assert own.sign_in().json()["error_codes"] == [7000222]


def test_the_tenant_is_found_by_its_domain_too(caller: Caller) -> None:
    assert caller.sign_in(tenant="contoso.example").status_code == 200


def test_a_missing_foreign_or_expired_token_is_401(own: Caller) -> None:
    for token in ("abc", "a.b.c"):
        own.token = token
        assert own.refusal("users") == (401, "InvalidAuthenticationToken")
    own.sandbox.tenant.token_seconds = -1
    own.sign_in()
    assert own.refusal("users") == (401, "InvalidAuthenticationToken")
    own.sandbox.tenant.token_seconds = 60
    own.sign_in()
    assert own.get("users").status_code == 200
    own.sandbox.tenant.revoke_tokens()
    assert own.refusal("users") == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("users", "User.Read.All"),
        (f"users/{uid(1)}", "User.Read.All"),
        ("users/delta?$select=id", "User.Read.All"),
        ("users?$select=id,signInActivity", "AuditLog.Read.All"),
        (f"users/{uid(1)}/mailboxSettings", "MailboxSettings.Read"),
        (APP_PATH, "Application.Read.All"),
        ("groups", "GroupMember.Read.All"),
        ("domains", "Domain.Read.All"),
        ("organization", "User.Read.All"),
    ],
)
def test_each_resource_needs_its_role(path: str, role: str) -> None:
    with calling() as caller:
        caller.sandbox.tenant.granted = {
            "User.Read.All",
            "Application.Read.All",
            "GroupMember.Read.All",
            "MailboxSettings.Read",
            "AuditLog.Read.All",
            "Domain.Read.All",
        } - {role}
        caller.sign_in()
        assert caller.refusal(path) == (403, "Authorization_RequestDenied")
        caller.sandbox.tenant.granted.add(role)
        caller.sandbox.tenant.set(uid(1), mailboxSettings={"userPurpose": "user"})
        caller.sign_in()
        assert caller.get(path).status_code == 200


def test_errors_carry_a_request_id_and_the_callers_own(caller: Caller) -> None:
    answer = caller.get("users?$top=0", {"client-request-id": "mine"})
    inner = answer.json()["error"]["innerError"]
    assert inner["client-request-id"] == "mine"
    assert inner["request-id"]
    assert answer.headers["request-id"]


def test_a_mailbox_says_what_it_is_for_and_its_absence_is_404(own: Caller) -> None:
    own.sandbox.tenant.set(uid(1), mailboxSettings={"userPurpose": "shared"})
    assert own.get(f"users/{uid(1)}/mailboxSettings").json()["userPurpose"] == "shared"
    assert own.get(f"users/{uid(1)}/mailboxSettings/userPurpose").json()["value"] == "shared"
    assert own.refusal(f"users/{uid(2)}/mailboxSettings") == (404, "MailboxNotEnabledForRESTAPI")


def test_a_batch_answers_each_part_by_itself_and_in_another_order(own: Caller) -> None:
    own.sandbox.tenant.granted.discard("GroupMember.Read.All")
    own.sign_in()
    answer = own.batch(
        {"id": "1", "method": "GET", "url": f"/users/{uid(1)}?$select=id"},
        {"id": "2", "method": "GET", "url": f"/users/{uid(77)}"},
        {"id": "3", "method": "GET", "url": "/groups"},
        {"id": "4", "method": "GET", "url": "/users/$count", "headers": EVENTUAL},
    )
    assert answer.status_code == 200
    responses = answer.json()["responses"]
    assert [part["id"] for part in responses] != ["1", "2", "3", "4"]
    found = {part["id"]: part for part in responses}
    assert {key: part["status"] for key, part in found.items()} == {"1": 200, "2": 404, "3": 403, "4": 200}
    assert found["1"]["body"]["id"] == uid(1)


def test_a_batch_has_at_most_20_parts_and_ids_once(caller: Caller) -> None:
    parts = [{"id": str(n), "method": "GET", "url": "/users"} for n in range(21)]
    assert caller.batch(*parts).status_code == 400
    assert caller.batch(*parts[:20]).status_code == 200
    assert caller.batch(parts[0], parts[0]).status_code == 400
    assert caller.batch({"id": "1"}).status_code == 400


def test_in_a_batch_a_failed_dependency_is_424(caller: Caller) -> None:
    answer = caller.batch(
        {"id": "1", "method": "GET", "url": f"/users/{uid(77)}"},
        {"id": "2", "method": "GET", "url": "/users", "dependsOn": ["1"]},
    )
    assert {part["id"]: part["status"] for part in answer.json()["responses"]} == {"1": 404, "2": 424}


def test_parts_of_a_batch_are_throttled_one_by_one() -> None:
    fault = Fault("status", uid(1), status=429, headers={"Retry-After": "1"}, within_batch=True)
    with calling(faults=(fault,)) as caller:
        parts = [{"id": str(n), "method": "GET", "url": f"/users/{uid(n)}"} for n in range(3)]
        first = {part["id"]: part for part in caller.batch(*parts).json()["responses"]}
        assert {key: part["status"] for key, part in first.items()} == {"0": 200, "1": 429, "2": 200}
        assert first["1"]["headers"]["Retry-After"] == "1"
        assert {part["status"] for part in caller.batch(*parts).json()["responses"]} == {200}


def test_a_deleted_user_moves_to_the_deleted_items_under_a_mangled_name(own: Caller) -> None:
    own.sandbox.tenant.delete("person3@contoso.example")
    assert own.refusal(f"users/{uid(3)}") == (404, "Request_ResourceNotFound")
    rows = own.all("directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime")
    assert [row["id"] for row in rows] == [uid(3)]
    assert rows[0]["userPrincipalName"] == uid(3).replace("-", "") + "person3@contoso.example"
    assert rows[0]["deletedDateTime"]
    assert own.get(f"directory/deletedItems/{uid(3)}").json()["@odata.type"] == "#microsoft.graph.user"
    own.sandbox.tenant.restore(uid(3))
    assert own.get(f"users/{uid(3)}").json()["userPrincipalName"] == "person3@contoso.example"
    own.sandbox.tenant.purge(uid(3))
    assert own.all("directory/deletedItems/microsoft.graph.user") == []
    assert own.refusal(f"directory/deletedItems/{uid(3)}") == (404, "Request_ResourceNotFound")


def test_deleted_items_are_filtered_by_id_and_need_a_type(own: Caller) -> None:
    own.sandbox.tenant.delete(uid(3))
    own.sandbox.tenant.delete(uid(4))
    rows = own.all(f"directory/deletedItems/microsoft.graph.user?$filter=id in ('{uid(3)}','{uid(9)}')")
    assert [row["id"] for row in rows] == [uid(3)]
    assert own.refusal("directory/deletedItems")[0] == 400


def test_throttled_requests_get_429_with_retry_after_and_count_all_the_same(own: Caller) -> None:
    own.sandbox.tenant.throttle.units = 6
    own.sandbox.tenant.throttle.clock = lambda: 100.0  # all within one window, however slow this machine is
    answers = [own.get("users") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 10
    assert answers[3].headers["x-ms-throttle-information"] == "ResourceUnitLimitExceeded"
    assert own.sandbox.tenant.throttle.used == 10


def test_the_share_used_is_told_from_eight_tenths_on(own: Caller) -> None:
    own.sandbox.tenant.throttle.units = 10
    shares = [own.get("users").headers.get("x-ms-throttle-limit-percentage") for _ in range(6)]
    assert shares == [None, None, None, "0.80", "1.00", "1.20"]
    assert own.get("users").headers["x-ms-throttle-scope"].startswith("Tenant_Application/ReadWrite/")


def test_the_window_is_ten_seconds_long() -> None:
    now = [0.0]
    throttle = Throttle(units=2, clock=lambda: now[0])
    assert [throttle.charge(1)[1] for _ in range(3)] == [0, 0, 10]
    now[0] = 9.5
    assert throttle.charge(1)[1] == 1
    now[0] = 10.0
    assert throttle.charge(1) == (0.5, 0)


@pytest.mark.parametrize(("users", "units"), [(49, 3500), (50, 5000), (500, 5000), (501, 8000)])
def test_a_tenant_has_units_by_its_size(users: int, units: int) -> None:
    assert units_for(users) == units


@pytest.mark.parametrize(
    ("path", "query", "units"),
    [
        ("users", "", 2),
        ("users", "$select=id", 1),
        ("users", "$select=id&$expand=manager", 2),
        ("users", "$expand=manager", 3),
        ("users", "$top=19", 1),
        ("groups/x/members", "", 3),
        ("groups/x/transitiveMembers", "", 5),
        ("groups/x/transitiveMembers", "$select=id&$top=1", 3),
        ("servicePrincipals", "", 1),
        ("servicePrincipals", "$select=id&$top=1", 1),
    ],
)
def test_a_call_costs_what_it_costs(path: str, query: str, units: int) -> None:
    assert graph.units(Request("GET", path, query, {})) == units


def test_every_answer_says_what_it_cost(caller: Caller) -> None:
    assert caller.get("users?$expand=manager").headers["x-ms-resource-unit"] == "3"


def test_statuses_come_in_the_order_given_and_then_no_more() -> None:
    faults = statuses("/users", (429, {"Retry-After": "0.5"}), 503, 200, 500)
    with calling(faults=faults) as caller:
        answers = [caller.get("users") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [429, 503, 200, 500, 200]
        assert answers[0].headers["Retry-After"] == "0.5"


def test_a_truncated_body_is_not_json_and_a_closed_one_ends_early() -> None:
    with calling(faults=(Fault("truncate"), Fault("close"), Fault("html"), Fault("empty_body"))) as caller:
        with pytest.raises(json.JSONDecodeError):
            caller.get("users").json()
        with pytest.raises(httpx.RemoteProtocolError):
            caller.get("users")
        assert caller.get("users").headers["content-type"].startswith("text/html")
        assert caller.get("users").content == b""
        assert caller.get("users").status_code == 200


def test_counts_can_be_wrong_by_any_amount() -> None:
    with calling(faults=(Fault("wrong_count", "count", amount=-3, times=2),)) as caller:
        assert caller.get("users/$count", EVENTUAL).text == "9"
        assert caller.get("users?$count=true", EVENTUAL).json()["@odata.count"] == 9
        assert caller.get("users?$count=true", EVENTUAL).json()["@odata.count"] == 12


def test_links_can_lead_nowhere_good() -> None:
    with calling(faults=(Fault("self_link"), Fault("foreign_link"), Fault("expired_skiptoken"))) as caller:
        own = caller.get("users?$top=2").json()["@odata.nextLink"]
        assert own == f"{caller.sandbox.graph_url}/v1.0/users?$top=2"
        foreign = caller.get("users?$top=2").json()["@odata.nextLink"]
        assert foreign.startswith("http://localhost:")
        assert caller.refusal(own) == (400, "Directory_ExpiredPageToken")
        httpx.get(foreign, trust_env=False)
        assert [(seen.host.split(":")[0], seen.authorized) for seen in caller.sandbox.tenant.requests][-1] == (
            "localhost",
            False,
        )


def test_values_can_have_the_wrong_type() -> None:
    with calling(faults=(Fault("wrong_types"),)) as caller:
        row = caller.get("users?$select=id,displayName").json()["value"][0]
        assert row["displayName"] == 42
        assert isinstance(row["id"], str)


def test_a_token_can_expire_in_the_middle_of_a_read() -> None:
    with calling(faults=(Fault("expired_token", after=1),)) as caller:
        assert caller.get("users").status_code == 200
        assert caller.refusal("users") == (401, "InvalidAuthenticationToken")


def test_the_sign_in_can_be_out_of_order_for_a_moment() -> None:
    with calling(faults=(Fault("status", "oauth2", status=503),)) as caller:
        assert caller.token == ""
        assert caller.sign_in().status_code == 200


@pytest.mark.parametrize("document", [{"kind": "earthquake"}, {"kind": "html", "colour": "red"}])
def test_an_unknown_fault_is_an_error(document: Mapping[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Fault.from_json(document)


def test_requests_are_remembered(own: Caller) -> None:
    own.get("users?$top=2")
    seen = own.sandbox.tenant.requests[-1]
    assert (seen.method, seen.path, seen.query, seen.status) == ("GET", "/v1.0/users", "$top=2", 200)


def test_the_tenant_speaks_tls_with_a_given_certificate(tmp_path: Any) -> None:
    import ssl

    import trustme

    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    certificate.private_key_pem.write_to_path(str(key))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with (
        calling_over_tls(chain, key) as url,
        httpx.Client(verify=context, trust_env=False) as client,
    ):
        assert url.startswith("https://")
        found = client.get(f"{url}/{small_company().tenant_id}/v2.0/.well-known/openid-configuration").json()
        assert found["token_endpoint"].startswith(url)


def calling_over_tls(chain: Any, key: Any) -> Any:
    from contextlib import contextmanager

    from trueup.sandbox import running

    @contextmanager
    def served() -> Any:
        with running(tenant=small_company(), certificate=(chain, key)) as sandbox:
            yield sandbox.graph_url

    return served()
