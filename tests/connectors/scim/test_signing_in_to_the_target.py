"""Signing in to the target: each way over real HTTP, tokens that end, endpoints that misbehave."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tests.support.scim_directory import Directory, serving
from tests.support.scim_runs import brisk, plan, settings_for
from trueup.connectors.scim import examine
from trueup.connectors.scim.session import open_session
from trueup.connectors.scim.sign_in import SignIn
from trueup.connectors.scim_writer.applying import apply_run
from trueup.sandbox.token_endpoint import TokenEndpoint, issuing
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.scim_writer.result import ApplyResult

SECRET = "mark+secret/of=the client?&%"
PASSWORD = "mark-password-of-the-user"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUEUP_TEST_SECRET", SECRET)
    monkeypatch.setenv("TRUEUP_TEST_PASSWORD", PASSWORD)


@pytest.fixture
def endpoint() -> Iterator[TokenEndpoint]:
    with issuing(TokenEndpoint("trueup client", SECRET)) as running:
        yield running


@pytest.fixture
def directory(endpoint: TokenEndpoint) -> Iterator[Directory]:
    """Takes the newest token only."""
    made = Directory(trusts=lambda headers: headers.get("Authorization") == f"Bearer {newest(endpoint)}")
    with serving(made) as running:
        yield running


def newest(endpoint: TokenEndpoint) -> str:
    return endpoint.issued[-1] if endpoint.issued else "nobody was given one"


def oauth(endpoint: TokenEndpoint, **more: Any) -> dict[str, Any]:
    return {
        "auth": "oauth2",
        "token": "",
        "token_url": endpoint.url,
        "client_id": "trueup client",
        "client_secret": "env:TRUEUP_TEST_SECRET",
    } | more


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_token_is_asked_for_once_and_serves_reading_doctor_and_the_first_try(
    endpoint: TokenEndpoint, directory: Directory, way: str
) -> None:
    more = {"token_auth": way, "scopes": ["users.read", "users.write"], "token_parameters": {"audience": "people"}}
    settings = settings_for(directory, **oauth(endpoint, **more))
    with open_session(settings) as session:
        session.try_token()
        assert session.get("/Users").is_ok
    asked = endpoint.asked[0]
    assert (asked["auth"], asked["scope"], asked["audience"]) == (way, "users.read users.write", "people")
    assert len(endpoint.asked) == 1
    assert all(line.status != "fix" for line in examine(settings))


def test_a_token_that_ends_is_renewed_before_it_does_and_one_refused_once(
    endpoint: TokenEndpoint, directory: Directory
) -> None:
    now = [0.0]
    sign_in = SignIn(settings_for(directory, **oauth(endpoint)), clock=lambda: now[0])
    first = sign_in.headers()
    now[0] = 3500.0
    assert sign_in.headers() == first
    now[0] = 3541.0
    endpoint.answers = [(503, {}, "")] * 3
    assert sign_in.headers() == first, "the old one still lives while no new one is to be had"
    second = sign_in.headers()
    assert second != first
    assert sign_in.renewed(first)
    assert sign_in.headers() == second, "somebody else has renewed it already"
    assert sign_in.renewed(second)
    assert sign_in.headers() != second


def wishes(directory: Directory, people: int) -> list[Any]:
    changes: list[Any] = []
    for number in range(people):
        directory.add({"id": f"p{number}", "userName": f"u{number}@x.example", "title": "Clerk"})
        changes.append((f"k{number}", "update", f"p{number}", {"title": ("Clerk", "Chief")}))
    changes += [
        (f"n{number}", "create", None, {"userName": (None, f"n{number}@x.example"), "active": (None, True)})
        for number in range(people)
    ]
    return changes


def applied(directory: Directory, files: Any, target: dict[str, Any]) -> ApplyResult:
    work = plan_work(files)
    try:
        return apply_run(settings_for(directory, **target), files, work, stop=threading.Event(), pace=brisk())
    finally:
        work.close()


def test_a_token_that_ends_in_the_middle_of_an_apply_loses_and_doubles_no_write(
    tmp_path: Path, endpoint: TokenEndpoint, directory: Directory
) -> None:
    """Each token is good for nine requests; several are under way when it ends."""
    used: dict[str, int] = {}

    def trusts(headers: Any) -> bool:
        shown = str(headers.get("Authorization"))
        used[shown] = used.get(shown, 0) + 1
        return shown == f"Bearer {newest(endpoint)}" and used[shown] <= 9

    directory.trusts = trusts
    files = plan(tmp_path / "run", directory, wishes(directory, 15))
    result = applied(directory, files, oauth(endpoint))
    assert (result.applied, result.failed, result.skipped) == (30, 0, 0)
    names = sorted(str(user["userName"]) for user in directory.users.values())
    assert names == sorted([f"u{n}@x.example" for n in range(15)] + [f"n{n}@x.example" for n in range(15)])
    assert {user["title"] for user in directory.users.values() if "title" in user} == {"Chief"}
    assert len(endpoint.issued) >= 5
    kept = files.journal.read_bytes() + str(pq.read_table(files.outcome).to_pylist()).encode()
    assert not any(token.encode() in kept for token in (*endpoint.issued, SECRET))


def test_a_wrong_secret_stops_before_the_first_write_and_says_what_is_wrong_without_saying_it(
    tmp_path: Path, endpoint: TokenEndpoint, directory: Directory
) -> None:
    files = plan(tmp_path / "run", directory, wishes(directory, 2))
    endpoint.client_secret = "another one"
    with pytest.raises(Failed, match="invalid_client") as caught:
        applied(directory, files, oauth(endpoint))
    assert SECRET not in f"{caught.value} {caught.value.remedy} {caught.value.__cause__} {caught.value.__context__}"
    assert directory.log == []


def test_a_token_that_is_never_taken_stops_before_the_first_write(
    tmp_path: Path, endpoint: TokenEndpoint, directory: Directory
) -> None:
    directory.trusts = lambda _: False
    files = plan(tmp_path / "run", directory, wishes(directory, 2))
    with pytest.raises(Failed, match="refuses the token"):
        applied(directory, files, oauth(endpoint))
    assert directory.wrote() == []
    assert len(endpoint.issued) == 2
    with open_session(settings_for(directory, **oauth(endpoint))) as session, pytest.raises(Failed, match="refuses"):
        session.try_token()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((302, {"Location": "http://127.0.0.1:9/token"}, ""), "sends us elsewhere"),
        ((200, {"Content-Type": "text/html"}, "<h1>Sign in</h1>"), "does not answer as OAuth"),
        ((200, {}, {"token_type": "Bearer"}), "without a usable token"),
        ((200, {}, ["no", "object"]), "does not answer as OAuth"),
        ((200, {}, {"access_token": "two words", "token_type": "Bearer"}), "without a usable token"),
        ((200, {}, {"access_token": "a-token", "token_type": "mac"}), "of another kind"),
        ((400, {}, {"error": "invalid_scope", "error_description": SECRET}), "invalid_scope"),
        ((403, {}, f"<p>{SECRET}</p>"), "403"),
        ((200, {}, {"error": SECRET}), "refuses to give a token"),
    ],
)
def test_an_endpoint_that_gives_no_token_is_told_in_a_sentence_without_secrets(
    endpoint: TokenEndpoint, directory: Directory, answer: Any, says: str
) -> None:
    endpoint.answers = [answer]
    with pytest.raises(Failed, match=says) as caught:
        SignIn(settings_for(directory, **oauth(endpoint))).headers()
    assert SECRET not in f"{caught.value} {caught.value.remedy} {caught.value.__cause__} {caught.value.__context__}"


def test_an_endpoint_that_is_busy_is_asked_again_and_one_that_is_away_is_said(
    endpoint: TokenEndpoint, directory: Directory
) -> None:
    endpoint.answers = [(503, {}, ""), (429, {}, "")]
    assert SignIn(settings_for(directory, **oauth(endpoint))).headers()["Authorization"].startswith("Bearer ")
    nowhere = oauth(endpoint, token_url="http://127.0.0.1:9/token")
    with pytest.raises(Failed, match=r"token endpoint gives no token: ConnectError"):
        SignIn(settings_for(directory, **nowhere)).headers()


def test_a_token_of_unknown_life_is_kept_until_it_is_refused(endpoint: TokenEndpoint, directory: Directory) -> None:
    endpoint.lifetime = None
    sign_in = SignIn(settings_for(directory, **oauth(endpoint)), clock=lambda: 1e9)
    assert sign_in.headers() == sign_in.headers()
    assert not sign_in.is_due


def test_basic_header_and_further_headers_are_sent_by_reading_and_by_writing(tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def trusts(headers: Any) -> bool:
        seen.append(dict(headers.items()))
        return True

    more = {"headers": {"X-Tenant": "north", "X-Key": "env:TRUEUP_TEST_SECRET", "accept": "application/json"}}
    with serving(Directory(trusts=trusts)) as directory:
        files = plan(tmp_path / "run", directory, wishes(directory, 1))
        basic = {"auth": "basic", "user": "zoë", "password": "env:TRUEUP_TEST_PASSWORD", "token": ""} | more
        assert applied(directory, files, basic).applied == 2
        header = {"auth": "header", "header": "X-Api-Key", "token": "env:TRUEUP_TEST_PASSWORD"} | more
        assert examine(settings_for(directory, **header))
    for headers in seen:
        said = {name.lower(): value for name, value in headers.items()}
        assert (said["x-tenant"], said["x-key"]) == ("north", SECRET)
        assert said["accept"] == "application/json"
        if "x-api-key" in said:
            assert said["x-api-key"] == PASSWORD
            assert "authorization" not in said
        else:
            assert said["authorization"] == "Basic em/DqzptYXJrLXBhc3N3b3JkLW9mLXRoZS11c2Vy"


@pytest.mark.parametrize("name", ["Authorization", "host", "Content-Length", "Transfer-Encoding", "two words", ""])
def test_headers_that_are_not_ours_to_set_are_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        settings_for(Directory(url="https://x.example"), headers={name: "value"})


@pytest.mark.parametrize(
    "target",
    [
        {"user": "a:b"},
        {"token_url": "http://tokens.example/token"},
        {"client_secret": "the secret itself"},
        {"password": "the password itself"},
        {"auth": "digest"},
        {"headers": {"X-A": "1", "x-a": "2"}},
        {"header": "Host"},
    ],
)
def test_sign_in_that_cannot_be_meant_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings_for(Directory(url="https://x.example"), **target)


def test_a_reference_that_leads_nowhere_names_its_key() -> None:
    url = "https://x.example"
    with pytest.raises(Misused, match=r"target\.headers\.X-Key"):
        SignIn(settings_for(Directory(url=url), headers={"X-Key": "env:NOT_THERE"}))
    with pytest.raises(Misused, match=r"target\.client_secret"):
        SignIn(settings_for(Directory(url=url), auth="oauth2", client_secret="env:NOT_THERE"))
