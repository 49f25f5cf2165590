"""One's own sessions, and signing in once more: before what has people's records written, and never unasked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.team_review import ADA, Browser, Team, patiently, query_of, team_review
from tests.unit.flows.review.test_deciding_together import after, asked, following
from trueup.flows.review.own_sessions import device
from trueup.flows.review.policy_reports import facts_of
from trueup.flows.review.signing_in import SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1"


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Whoever accepts has signed in within ten minutes."""
    with team_review(tmp_path_factory.mktemp("careful"), review="sign_in_again_minutes = 10\napply = true") as team:
        yield team


@pytest.fixture
def wary(careful: Team) -> Iterator[Team]:
    people = careful.sandbox.tenant.people
    careful.log.clear()
    yield careful
    people.bend = lambda claims: claims


def ending(browser: Browser, wanted: str) -> Any:
    form = {"csrf": browser.csrf, "session": wanted}
    return browser.send("POST", "/sessions", headers={"Origin": browser.url}, data=form)


def test_somebody_sees_where_they_are_signed_in_and_ends_what_is_not_theirs_any_more(team: Team) -> None:
    run, here = team.run(), team.browser("ada")
    ending(here, "others")  # those that other tests began
    team.log.clear()
    team.client.headers["User-Agent"] = SAFARI
    phone, other = team.browser("ada"), team.browser("bo")
    del team.client.headers["User-Agent"]
    page = here.get("/sessions").text
    assert ("Safari on an iPhone" in page, "127.0.0.1" in page) == (True, True)
    assert "Bo Example" not in page
    own, others = (team.service.sessions.find(one.cookies[SESSION], use=False) for one in (here, other))
    theirs = team.service.sessions.find(phone.cookies[SESSION], use=False)
    assert own is not None and others is not None and theirs is not None  # noqa: PT018 - all were just begun
    for secret in (own.secret, theirs.secret, phone.cookies[SESSION]):
        assert secret not in page
    with following(phone, run) as events:
        assert ending(here, others.id).status_code == 303, "nothing is said of sessions of other people"
        assert other.get("/").status_code == 200, "somebody ended another person's session"
        assert here.send("POST", "/sessions", headers={"Origin": here.url}, data={"csrf": "x"}).status_code == 400
        assert ending(here, theirs.id).headers["location"] == "/sessions"
        patiently(lambda: events[-1][0] == "closed", 10)
    assert phone.get("/").status_code == 303
    more = [team.browser("ada") for _ in range(3)]
    assert ending(here, "others").status_code == 303
    assert {one.get("/").status_code for one in more} == {303}
    assert here.get("/").status_code == 200
    assert [line["count"] for line in team.events("sessions_ended")] == [0, 1, 3]
    assert {line["subject"] for line in team.events("sessions_ended")} == {ADA}


def test_a_browser_is_told_in_words_and_says_nothing_else() -> None:
    assert device(FIREFOX) == "Firefox on Windows"
    assert device(FIREFOX.replace("Firefox", "<b>")) == "A browser on Windows"
    assert device("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36 Edg/140.0") == "Edge on Linux"
    assert device("") == "A browser"


def test_no_session_begins_that_nobody_asked_for(team: Team) -> None:
    browser, begun = team.browser(), team.service.sessions.pending
    for site, user in (("cross-site", "?1"), ("same-site", "?1"), ("same-origin", "")):
        headers = {"Sec-Fetch-Site": site} | ({"Sec-Fetch-User": user} if user else {})
        answer = browser.get("/sign-in?to=/health", **headers)
        assert answer.status_code == 200, site
        assert "<h1>sign_in</h1>" in answer.text
        assert "127.0.0.1" in answer.text, "where it leads is said"
    assert team.service.sessions.pending == begun
    clicked = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-User": "?1"}
    assert browser.get("/sign-in?to=/health", **clicked).status_code == 303
    assert team.browser().get("/sign-in").status_code == 303, "an address that was typed"


def test_accepting_asks_for_a_sign_in_from_just_now_where_that_is_configured(
    wary: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ada = wary.run(), wary.browser("ada")
    place, sessions = f"/runs/{run.run_id}", wary.service.sessions
    assert query_of(wary.browser().to_provider())["max_age"] == "36000"
    clock = sessions.clock
    monkeypatch.setattr(sessions, "clock", lambda: clock() + 11 * 60)
    assert ada.post(f"{place}/note", {"key": "k-1", "text": "reading and noting go on"}).status_code == 200
    for what in ("approve", "apply"):
        answer = ada.post(f"{place}/{what}", asked(run))
        assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_again"), what
    assert wary.load(run).acts == ()
    answer = ending(ada, "others")
    assert answer.headers["location"] == "/sign-in?again=1&to=/sessions"
    way = ada.get(f"/sign-in?again=1&to={place}").headers["location"]
    assert {name: query_of(way)[name] for name in ("prompt", "max_age")} == {"prompt": "login", "max_age": "600"}
    moved = int(time.time()) + 11 * 60
    monkeypatch.setattr(wary.service.provider, "registration", _later(wary, 11 * 60))
    wary.sandbox.tenant.people.bend = lambda claims: claims | {"auth_time": moved, "iat": moved, "exp": moved + 600}
    answer = ada.get(ada.choose(way, "ada").removeprefix(wary.url))
    assert (answer.status_code, f"url={place}" in answer.text) == (200, True)
    ada.get("/")
    assert ada.post(f"{place}/approve", asked(run)).status_code == 200
    with following(ada, run) as events:
        assert after(events)["notes"]["k-1"], "what was noted is kept"
    assert ada.post(f"{place}/reject", asked(run, 1, reason="on second thoughts")).status_code == 200


def _later(team: Team, seconds: float) -> Any:
    from dataclasses import replace

    return replace(team.service.provider.registration, now=lambda: time.time() + seconds)


def test_a_provider_that_did_not_ask_again_is_not_believed_to_have(wary: Team) -> None:
    old = int(time.time()) - 1_000
    wrong = {"long ago": old, "not said": None, "a truth value": True}
    for name, said in wrong.items():
        wary.log.clear()

        def bent(claims: dict[str, Any], said: object = said) -> dict[str, Any]:
            return {key: value for key, value in (claims | {"auth_time": said}).items() if value is not None}

        wary.sandbox.tenant.people.bend = bent
        browser = wary.browser()
        way = browser.get("/sign-in?again=1").headers["location"]
        answer = browser.get(browser.choose(way, "ada").removeprefix(wary.url))
        assert (answer.status_code, SESSION in browser.cookies) == (400, False), name
        assert "auth_time" in answer.text
        assert [line["code"] for line in wary.events("sign_in_refused")] == ["not_anew"], name
        plain = wary.browser("ada")
        run = wary.run()
        answer = plain.post(f"/runs/{run.run_id}/approve", asked(run))
        assert answer.json()["code"] == "sign_in_again", "who signed in long ago reads, and is asked before deciding"


def test_where_it_is_not_configured_nobody_is_asked_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for = query_of(team.browser().to_provider())
    assert {"prompt", "max_age"}.isdisjoint(asked_for)
    bent = lambda claims: {key: claims[key] for key in claims if key != "auth_time"}  # noqa: E731 - what a tenant says
    monkeypatch.setattr(team.sandbox.tenant.people, "bend", bent)
    run, ada = team.run(), team.browser("ada")
    assert ada.post(f"/runs/{run.run_id}/approve", asked(run)).status_code == 200


def test_a_broken_content_policy_is_reported_in_words_of_ours_and_not_more_often_than_bearable(team: Team) -> None:
    secret = "ann@x.example"
    csp3 = {
        "type": "csp-violation",
        "body": {
            "effectiveDirective": "script-src-elem",
            "blockedURL": f"https://evil.example/{secret}",
            "documentURL": f"{team.url}/people/{secret}?q={secret}",
            "sample": secret,
        },
    }
    browser = team.browser()
    answer = browser.get("/signed-out")
    assert "report-uri /policy-reports; report-to policy" in answer.headers["content-security-policy"]
    assert answer.headers["reporting-endpoints"] == 'policy="/policy-reports"'
    kind = {"Content-Type": "application/reports+json"}
    sent = browser.send("POST", "/policy-reports", headers=kind, json=[csp3])
    assert sent.status_code == 204
    (line,) = team.events("policy_broken")
    assert (line["part"], line["blocked"], line["page"]) == ("script-src-elem", "elsewhere", "/people")
    assert secret not in str(team.log)
    for body in (b"", b"[", b"[" * 19_000, b"null", b'{"csp-report": 7}', b'[{"body": []}, 3]'):
        assert browser.send("POST", "/policy-reports", headers=kind, content=body).status_code == 204
    for _ in range(5):
        browser.send("POST", "/policy-reports", headers=kind, json=[csp3] * 50)
    assert len(team.events("policy_broken")) == 10
    for foreign in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.send("POST", "/policy-reports", headers=kind | foreign, json=[csp3]).status_code == 403
    assert browser.send("POST", "/policy-reports", headers=kind, content=b"x" * 20_001).status_code == 413


def test_an_older_browsers_report_is_read_too() -> None:
    old = {
        "csp-report": {"effective-directive": "img-src", "blocked-uri": "data", "document-uri": "https://r.example/"}
    }
    assert facts_of(old) == {"part": "img-src", "blocked": "data", "page": "/"}
    odd = {"csp-report": {"effective-directive": "ann", "blocked-uri": 7, "document-uri": "https://r.example/ann/x"}}
    assert facts_of(odd) == {"part": "other", "blocked": "elsewhere", "page": "other"}
