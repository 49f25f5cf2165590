"""Signing in to the shared review: who gets in, who does not, and what a forged or stale answer is worth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpcore2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.support.team_review import ADA, EVE, READERS, REVIEWERS, Team, query_of
from trueup.flows.review.signing_in import ON_THE_WAY, SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def team(shared_team: Team) -> Iterator[Team]:
    people = shared_team.sandbox.tenant.people
    shared_team.log.clear()
    yield shared_team
    people.bend, people.groups = (lambda claims: claims), "none"


def test_a_reviewer_and_a_reader_get_in_and_a_stranger_does_not(team: Team) -> None:
    ada, rea = team.browser("ada"), team.browser("rea")
    assert '"is_reviewer": true, "own_key": "' + ADA in ada.get("/").text
    assert '"is_reviewer": false' in rea.get("/").text
    eve = team.browser()
    answer = eve.sign_in("eve")
    assert (answer.status_code, SESSION in eve.cookies) == (403, False)
    assert eve.get("/").status_code == 303
    assert [line["subject"] for line in team.events("sign_in_refused")] == [EVE]
    assert {line["subject"] for line in team.events("signed_in")} == {ADA, rea_subject(team)}


def rea_subject(team: Team) -> str:
    return str(team.sandbox.tenant.user("rea@contoso.example")["id"])


def test_what_is_asked_of_the_provider_has_state_nonce_and_a_challenge_and_each_is_another_one(team: Team) -> None:
    first, second = (query_of(team.browser().to_provider()) for _ in range(2))
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    assert first["redirect_uri"] == f"{team.url}/signed-in"
    for part in ("state", "nonce", "code_challenge"):
        assert len(first[part]) >= 40
        assert first[part] != second[part]


BENT: dict[str, tuple[str, dict[str, Any]]] = {
    "issuer": ("issuer", {"iss": "https://login.microsoftonline.com/other/v2.0"}),
    "audience": ("audience", {"aud": "another-application"}),
    "two audiences": ("audience", {"aud": ["c1e47000-0000-4000-8000-7275657570cc", "another"], "azp": "another"}),
    "tenant": ("tenant", {"tid": "99999999-0000-4000-8000-000000000000"}),
    "no tenant": ("tenant", {"tid": None}),
    "nonce": ("nonce", {"nonce": "of somebody else"}),
    "no nonce": ("nonce", {"nonce": None}),
    "expired": ("expired", {"exp": -600, "iat": -1200, "nbf": -1200}),
    "early": ("early", {"nbf": 600, "iat": 600, "exp": 1200}),
    "no expiry": ("form", {"exp": None}),
    "no object id": ("form", {"oid": None}),
    "an object id that is a path": ("form", {"oid": "../../users"}),
}


@pytest.mark.parametrize("name", BENT)
def test_an_id_token_that_is_wrong_in_one_thing_signs_nobody_in(team: Team, name: str) -> None:
    code, other = BENT[name]
    now = int(time.time())

    def bend(claims: dict[str, Any]) -> dict[str, Any]:
        timed = {key: now + value if key in ("exp", "nbf", "iat") and value else value for key, value in other.items()}
        return {key: value for key, value in (claims | timed).items() if value is not None}

    team.sandbox.tenant.people.bend = bend
    browser = team.browser()
    answer = browser.sign_in("ada")
    assert (answer.status_code, SESSION in browser.cookies) == (400, False), answer.text
    assert [line["code"] for line in team.events("sign_in_refused")] == [code]


def test_a_clock_that_is_two_minutes_off_signs_in(team: Team) -> None:
    team.sandbox.tenant.people.bend = lambda claims: claims | {"iat": claims["iat"] + 120, "nbf": claims["nbf"] + 120}
    assert team.browser("ada").get("/").status_code == 200


def test_a_token_nobody_or_somebody_else_signed_signs_nobody_in(team: Team) -> None:
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    published = team.sandbox.tenant.people.keys.published("")["keys"][0]
    shared = OctKey.import_key(published["n"])

    def unsigned(claims: dict[str, Any]) -> str:
        whole = jwt.encode({"alg": "RS256", "kid": published["kid"]}, claims, stranger)
        return "eyJhbGciOiJub25lIn0." + whole.split(".")[1] + "."

    forged: dict[str, tuple[str, Any]] = {
        "unsigned": ("unsigned", unsigned),
        "another key under a known name": (
            "signature",
            lambda claims: jwt.encode({"alg": "RS256", "kid": published["kid"]}, claims, stranger),
        ),
        "a key nobody published": (
            "unknown_key",
            lambda claims: jwt.encode({"alg": "RS256", "kid": stranger.kid}, claims, stranger),
        ),
        "the public key as a shared secret": (
            "unsigned",
            lambda claims: jwt.encode({"alg": "HS256", "kid": published["kid"]}, claims, shared),
        ),
        "not a token": ("form", lambda _: "nothing"),
    }
    for name, (code, bend) in forged.items():
        team.log.clear()
        team.sandbox.tenant.people.bend = bend
        browser = team.browser()
        assert browser.sign_in("ada").status_code == 400, name
        assert SESSION not in browser.cookies, name
        assert [line["code"] for line in team.events("sign_in_refused")] == [code], name


def test_a_new_key_of_the_providers_is_fetched_once_and_made_up_ones_do_not_make_traffic(team: Team) -> None:
    keys, provider = team.sandbox.tenant.people.keys, team.service.provider
    team.browser("ada")
    provider._keys._fetched = float("-inf")
    team.browser("ada")
    provider._keys._fetched -= 61
    keys.rotate(forget=True)
    before = _fetches(team)
    team.browser("ada")
    assert _fetches(team) == before + 1
    stranger = RSAKey.generate_key(2048, auto_kid=True)
    team.sandbox.tenant.people.bend = lambda claims: jwt.encode({"alg": "RS256", "kid": "x"}, claims, stranger)
    for _ in range(3):
        assert team.browser().sign_in("ada").status_code == 400
    assert _fetches(team) == before + 1


def _fetches(team: Team) -> int:
    return sum(seen.path.endswith("/discovery/v2.0/keys") for seen in team.sandbox.tenant.requests)


def test_a_code_is_good_once_and_only_in_the_browser_that_asked_for_it(team: Team) -> None:
    ada, mallory = team.browser(), team.browser()
    back = ada.choose(ada.to_provider(), "ada").removeprefix(team.url)
    assert mallory.get(back).status_code == 400, "login of somebody else's browser"
    mallory.to_provider()
    assert mallory.get(back).status_code == 400, "another state than the one begun"
    cookies = dict(ada.cookies)
    assert ada.get(back).status_code == 200
    assert ADA in ada.get("/").text
    again = team.browser()
    again.cookies = cookies
    assert again.get(back).status_code == 400, "replayed"
    assert {line["code"] for line in team.events("sign_in_refused")} == {"state"}


def test_an_answer_in_the_name_of_another_provider_is_refused_before_its_code_is_sent_anywhere(team: Team) -> None:
    issuer = team.service.provider.registration.issuer
    for said, status in (("https://evil.example", 400), ("", 400), (issuer, 200)):
        browser = team.browser()
        back = browser.choose(browser.to_provider(), "ada").removeprefix(team.url)
        before = _redeemed(team)
        assert browser.get(f"{back}&iss={quote(said, safe='')}").status_code == status, said
        assert (_redeemed(team) > before) is (status == 200), said
    assert [line["code"] for line in team.events("sign_in_refused")] == ["issuer", "issuer"]


def _redeemed(team: Team) -> int:
    return sum(seen.path.endswith("/oauth2/v2.0/token") for seen in team.sandbox.tenant.requests)


def test_a_guest_whose_home_is_another_tenant_is_known_by_the_object_id_here_alone(team: Team) -> None:
    tenant, home = team.service.provider.registration.tenant_id, "99999999-0000-4000-8000-000000000000"
    elsewhere = {"iss": f"https://login.microsoftonline.com/{home}/v2.0", "tid": home, "oid": ADA}
    team.sandbox.tenant.people.bend = lambda claims: claims | elsewhere
    assert team.browser().sign_in("eve").status_code == 400, "a token of their own tenant, with an id of somebody here"
    guest = {"idp": f"https://sts.windows.net/{home}/", "preferred_username": "ada@contoso.example", "tid": tenant}
    team.sandbox.tenant.people.bend = lambda claims: claims | guest
    browser = team.browser()
    assert (browser.sign_in("eve").status_code, SESSION in browser.cookies) == (403, False), "a name let them in"


def test_a_provider_that_says_no_or_is_away_is_told_plainly(team: Team) -> None:
    browser = team.browser()
    state = query_of(browser.to_provider())["state"]
    answer = browser.get(f"/signed-in?error=access_denied&error_description=ann%40x.example&state={state}")
    assert answer.status_code == 400
    assert "ann@x.example" not in answer.text
    provider = team.service.provider
    known, place = provider._known, provider._known["token_endpoint"]
    way = browser.to_provider()
    provider._known = {**known, "token_endpoint": place.replace("127.0.0.1:", "127.0.0.1:1")[:20] + "/token"}
    try:
        assert browser.get(browser.choose(way, "ada").removeprefix(team.url)).status_code == 503
    finally:
        provider._known = known
    assert [line["code"] for line in team.events("sign_in_refused")] == ["provider_refused", "provider_away"]


@pytest.mark.parametrize("how", ["all", "overflow", "hasgroups"])
def test_groups_come_from_the_token_or_where_there_are_too_many_from_graph(team: Team, how: str) -> None:
    tenant = team.sandbox.tenant
    tenant.people.groups = how
    before = _asked_for_groups(team)
    assert '"is_reviewer": true' in team.browser("bo").get("/").text
    assert (_asked_for_groups(team) > before) is (how != "all")
    assert not any("getMemberObjects" in seen.path for seen in tenant.requests), "an address from a token was followed"


def _asked_for_groups(team: Team) -> int:
    return sum("checkMemberGroups" in seen.path for seen in team.sandbox.tenant.requests)


def test_signing_in_gives_a_new_session_and_signing_out_ends_it_here_and_at_the_provider(team: Team) -> None:
    planted = team.browser()
    planted.cookies[SESSION] = "chosen by somebody else"
    planted.sign_in("ada")
    first = planted.cookies[SESSION]
    assert first != "chosen by somebody else"
    planted.sign_in("ada")
    second = planted.cookies[SESSION]
    assert second != first
    old = team.browser()
    old.cookies[SESSION] = first
    assert old.get("/").status_code == 303, "the session from before lives on"
    own = {"Origin": team.url, "Sec-Fetch-Site": "same-origin"}
    assert planted.send("POST", "/sign-out", headers=own, data={"csrf": "guessed"}).status_code == 400
    out = planted.send("POST", "/sign-out", headers=own, data={"csrf": planted.csrf})
    assert out.status_code == 303
    assert query_of(out.headers["location"])["post_logout_redirect_uri"] == f"{team.url}/signed-out"
    assert "id_token_hint" not in out.headers["location"]
    old.cookies[SESSION] = second
    assert old.get("/").status_code == 303
    assert old.get("/signed-out").status_code == 200


def test_a_sign_in_reads_the_authorities_of_this_machine_no_second_time(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []
    made = httpcore2.default_ssl_context

    def noted(*words: Any, **more: Any) -> Any:
        read.append(words)
        return made(*words, **more)

    monkeypatch.setattr(httpcore2, "default_ssl_context", noted)
    team.sandbox.tenant.people.groups = "overflow"
    team.browser("ada")
    assert read == [], "2 MB for each question to the provider"


def test_cookies_are_bound_to_this_host_and_closed_to_scripts(team: Team) -> None:
    browser = team.browser()
    on_the_way = browser.get("/sign-in").headers["set-cookie"]
    back = browser.choose(browser.to_provider(), "ada").removeprefix(team.url)
    lines = browser.get(back).headers.get_list("set-cookie")
    session = next(line for line in lines if line.startswith(f"{SESSION}="))
    for line, site in ((on_the_way, "lax"), (session, "strict")):
        assert line.startswith("__Host-")
        parts = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "httponly", "path=/", f"samesite={site}"} <= parts
        assert not any(part.startswith("domain") for part in parts)
    assert "max-age" not in session.lower(), "it ends with the browser at the latest"


def test_a_sign_in_leads_to_pages_of_ours_only(team: Team) -> None:
    for wanted in (
        "//evil.example/",
        "https://evil.example",
        "/\\evil.example",
        "/runs/../../x",
        "javascript:alert(1)",
    ):
        answer = team.browser().sign_in("ada", wanted)
        assert 'url=/"' in answer.text, wanted
        assert "evil" not in answer.text
    run = "/runs/20261123T010000Z-0001"
    assert f'url={run}"' in team.browser().sign_in("ada", run).text


def test_people_on_their_way_are_bounded_in_number_and_time(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    from trueup.flows.review import sessions

    monkeypatch.setattr(sessions, "MOST_PENDING", 5)
    first = team.browser()
    way = first.to_provider()
    for _ in range(8):
        team.browser().to_provider()
    assert team.service.sessions.pending <= 5
    assert first.get(first.choose(way, "ada").removeprefix(team.url)).status_code == 400
    late = team.browser()
    way = late.to_provider()
    clock = team.service.sessions.clock
    monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 11 * 60)
    assert late.get(late.choose(way, "ada").removeprefix(team.url)).status_code == 400


def test_a_session_ends_when_it_is_idle_and_at_the_latest_after_ten_hours(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = team.service.sessions
    clock = sessions.clock
    idle, busy = team.browser("ada"), team.browser("rea")
    monkeypatch.setattr(sessions, "clock", lambda: clock() + 31 * 60)
    assert idle.get("/").status_code == 303
    busy = team.browser("rea")
    for minutes in range(31, 31 + 11 * 60, 20):
        monkeypatch.setattr(sessions, "clock", lambda minutes=minutes: clock() + minutes * 60)
        if busy.get("/").status_code == 303:
            break
    assert 9.5 * 60 < minutes - 31 <= 10.5 * 60


def test_somebody_has_eight_sessions_at_most(team: Team) -> None:
    browsers = [team.browser("ada") for _ in range(9)]
    assert browsers[0].get("/").status_code == 303
    assert browsers[-1].get("/").status_code == 200
    assert ON_THE_WAY not in browsers[-1].cookies


def test_a_name_in_the_configuration_is_looked_up_once_and_groups_of_any_company_are_refused(team: Team) -> None:
    from trueup.connectors.oidc.registration import registration_of
    from trueup.flows.review.rights import Rights
    from trueup.transforms.errors import Misused

    settings = team.service.settings
    review = settings.review.model_copy(update={"reviewers": ("upn:bo@contoso.example",), "readers": ()})
    rights = Rights(settings.model_copy(update={"review": review}).placed_in(settings.folder), team.service.provider)
    assert rights.now(str(team.sandbox.tenant.user("bo@contoso.example")["id"]), "").role == "reviewer"
    assert rights.now(ADA, "").role == ""
    for wrong in ({"tenant_id": "common"}, {"tenant_id": "contoso.onmicrosoft.com"}):
        other = settings.model_copy(update={"review": review.model_copy(update=wrong)})
        with pytest.raises(Misused, match="tenant's object id"):
            registration_of(other)
    nobody = review.model_copy(update={"reviewers": ("upn:nobody@contoso.example",)})
    with pytest.raises(Misused, match="entry 1: the tenant has no such user"):
        Rights(settings.model_copy(update={"review": nobody}), team.service.provider)
    assert {REVIEWERS, READERS}
