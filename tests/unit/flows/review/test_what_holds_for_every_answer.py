"""What holds for every request to the shared review, as a browser in hostile surroundings needs it (ASVS 5.0)."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.team_review import Team, team_review
from trueup.flows import configuration
from trueup.flows.review import serving
from trueup.flows.review.sessions import is_masked, masked
from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = "/runs/20261123T010000Z-0001"


@pytest.fixture(scope="module")
def shared_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_review(tmp_path_factory.mktemp("team")) as team:
        yield team


@pytest.fixture
def team(shared_team: Team) -> Team:
    shared_team.log.clear()
    return shared_team


def test_every_answer_says_what_a_browser_must_not_do_with_it(team: Team) -> None:
    ada = team.browser("ada")
    answers = [ada.get(path) for path in ("/", "/people", "/health", "/limits", "/nothing", "/signed-out", RUN)]
    answers += [team.browser().get("/"), ada.get("/static/team.css"), ada.get("/static/../trueup.toml")]
    nonces = set()
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"):
            assert part in policy
        nonces |= set(re.findall(r"script-src 'nonce-([^']+)'", policy))
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        if "/static/team" not in str(answer.url):
            assert answer.headers["cache-control"] == "no-store", answer.url
        assert "server" not in answer.headers
    assert len(nonces) == len(answers), "a nonce came twice"
    assert "immutable" in ada.get("/static/team.css").headers["cache-control"]


def test_only_our_own_name_is_answered(team: Team) -> None:
    ada = team.browser("ada")
    for host in ("evil.example", "127.0.0.1", f"localhost:{team.url.rpartition(':')[2]}", "127.0.0.1:1"):
        assert ada.get("/", Host=host).status_code == 421, host
    port = int(team.url.rpartition(":")[2])
    own = f"127.0.0.1:{port}"
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(f"GET /alive HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n".encode())
        assert raw.recv(64).split()[1] in (b"400", b"421")
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"):
        assert ada.get("/sign-in", **{name: "evil.example"}).headers["location"].count("evil") == 0


def test_a_write_from_anywhere_but_our_own_page_is_refused(team: Team) -> None:
    run, ada, rea = team.run(), team.browser("ada"), team.browser("rea")
    place, said = f"/runs/{run.run_id}/note", {"key": "", "text": "hm"}
    assert ada.post(place, said).status_code == 200
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-CSRF": ""},
        {"X-CSRF": rea.csrf},
        {"X-CSRF": "not base64"},
        {"X-CSRF": masked("another")},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ]
    for headers in foreign:
        assert ada.post(place, said, **headers).status_code == 403, headers
    without = {"Sec-Fetch-Site": "same-origin", "X-CSRF": ada.csrf}
    assert ada.send("POST", place, headers=without, json=said).status_code == 403, "no origin"
    assert ada.send("DELETE", place, headers={"Origin": ada.url}).status_code == 405
    assert ada.get(place).status_code == 404
    own = {"Origin": ada.url}
    assert ada.send("POST", "/people", headers=own, data={"csrf": "x", "q": "ann"}).status_code == 400
    assert '"words": ["ann"]' in ada.send("POST", "/people", headers=own, data={"csrf": ada.csrf, "q": "ann"}).text
    assert ada.get("/", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status_code == 403


def test_a_link_from_elsewhere_leads_in_without_the_strict_cookie(team: Team) -> None:
    stranger = team.browser()
    answer = stranger.get("/health", **{"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, 'url=/health"' in answer.text) == (200, True)
    assert stranger.get("/health", **{"Sec-Fetch-Site": "same-origin"}).headers["location"] == "/sign-in?to=/health"
    assert stranger.get("/people/%3Cscript%3E").headers["location"] == "/sign-in?to=/"


def test_an_address_holds_nobody_and_names_no_path(team: Team) -> None:
    ada = team.browser("ada")
    for path in (
        "/runs/..%2f..%2fetc",
        "/runs/20261123T010000Z-0001%00",
        "/runs/latest",
        "/people/ann@x.example",
        "/people/profile:12",
        "/people/../x",
    ):
        assert ada.get(path).status_code == 404, path
    found = ada.get("/people/5A4D1C6E-0000-4000-8000-7275657570AA")
    assert '"words": ["5a4d1c6e-0000-4000-8000-7275657570aa"]' in found.text
    own = {"Origin": ada.url}
    shown = ada.send("POST", "/people", headers=own, data={"csrf": ada.csrf, "key": "profile:ann@x.example"})
    assert '"words": ["profile:ann@x.example"]' in shown.text


def test_what_breaks_is_told_without_detail_and_logged_without_words(
    team: Team, capfd: pytest.CaptureFixture[str]
) -> None:
    ada = team.browser("ada")
    own = {"Origin": ada.url}
    answer = ada.send("POST", "/people", headers=own, data={"csrf": ada.csrf, "key": "broken"})
    assert (answer.status_code, "secret" in answer.text, "Traceback" in answer.text) == (500, False, False)
    assert answer.headers["cache-control"] == "no-store"
    assert [(line["code"], line["place"].split(":")[0]) for line in team.events("broke")] == [
        ("RuntimeError", "team_review.py")
    ]
    told = capfd.readouterr()
    assert "ann@x.example" not in told.err + told.out + json.dumps(team.log)


def test_bodies_have_a_length_and_a_bound(team: Team) -> None:
    ada = team.browser("ada")
    port = int(team.url.rpartition(":")[2])
    head = f"POST {RUN}/note HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {team.url}\r\n"
    for length, status in (
        (b"Content-Length: 99999999\r\n\r\n", b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"411"),
    ):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(head.encode() + length)
            assert raw.recv(64).split()[1] == status
    for body in (b"[", b"[]", b'"x"', b"\xff", b'{"key":' + b"[" * 100_000):
        headers = {"Origin": ada.url, "X-CSRF": ada.csrf, "Content-Type": "application/json"}
        assert ada.send("POST", f"{RUN}/note", headers=headers, content=body).status_code == 400, body[:9]


def test_who_is_signed_in_can_sign_out_from_a_page_that_is_not_there(team: Team) -> None:
    """Its page is drawn for them (ASVS 7.4.4); a stranger is told that there is nothing, no more."""
    for browser, who in ((team.browser("ada"), "Ada Example"), (team.browser(), "nobody")):
        answer = browser.get("/nothing")
        assert (answer.status_code, f"<i>{who}</i>" in answer.text) == (404, True)


def test_the_secret_of_a_page_is_another_text_each_time(team: Team) -> None:
    ada = team.browser("ada")
    texts = {re.findall(r'content="([^"]+)"', ada.get("/").text)[0] for _ in range(3)}
    assert len(texts) == 3
    secret = "s" * 43
    assert all(is_masked(masked(secret), secret) for _ in range(3))
    assert not is_masked(masked("t" * 43), secret)
    assert not is_masked("%%%", secret)


def test_addresses_of_callers_come_from_headers_of_configured_proxies_only(team: Team) -> None:
    team.browser().get("/signed-in?state=x", **{"X-Forwarded-For": "203.0.113.7"})
    assert team.events("sign_in_refused")[-1]["address"] == "127.0.0.1"
    team.service.proxies = frozenset({"127.0.0.1"})
    try:
        team.browser().get("/signed-in?state=x", **{"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
    finally:
        team.service.proxies = frozenset()
    assert team.events("sign_in_refused")[-1]["address"] == "203.0.113.7"


def test_an_old_browser_is_known_by_what_it_does_not_say(team: Team) -> None:
    ada = team.browser("ada")
    assert '"is_old": false' in ada.get("/").text
    assert '"is_old": true' in ada.send("GET", "/", headers={}).text


def test_without_tls_only_loopback_is_listened_on(team: Team, tmp_path: Path) -> None:
    settings = team.service.settings
    say = team.service.log
    for host in ("127.0.0.1", "::1", "localhost"):
        assert serving.certificate_of(settings, host, say) is None
    for host in ("::", "192.0.2.1", "review.example"):
        with pytest.raises(Misused, match="on loopback only"):
            serving.certificate_of(settings, host, say)
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).write_text("-", encoding="utf-8")
    review = settings.review.model_copy(update={"certificate": "a.pem", "key": "b.pem"})
    with_tls = settings.model_copy(update={"review": review}).placed_in(tmp_path)
    with pytest.raises(Misused, match="url is http"):
        serving.certificate_of(with_tls, "127.0.0.1", say)
    for wrong in ("8650", "host:", ":8650", "host:99999", "host:x"):
        with pytest.raises(Misused, match="is not HOST:PORT"):
            serving.address_of(wrong)
    assert serving.address_of("[::1]:8650") == ("::1", 8650)


WRONG: dict[str, Any] = {
    'url = "http://review.example"': "plain http is allowed on loopback only",
    'url = "https://review.example/trueup"': "scheme, host and port only",
    'authority = "https://login.microsoftonline.com/common/v2.0"': "any company",
    'authority = "https://login.microsoftonline.com/organizations/v2.0"': "any company",
    'reviewers = ["Ada"]': "is none of",
    'reviewers = ["group:"]': "is none of",
    'certificate = "a.pem"': "belong together",
    'client_secret = "plain"': "a secret is a reference",
    "recheck_minutes = 0": "greater than 0",
    'strict_transport = "preload"': "begins with https",
    'proxies = ["everybody"]': "IPv4 or IPv6",
    "log = true": "unknown key",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_configuration_that_would_let_in_more_than_meant_is_refused(tmp_path: Path, line: str) -> None:
    config = tmp_path / "trueup.toml"
    config.write_text(f"[review]\n{line}\n", encoding="utf-8")
    with pytest.raises(Misused, match=WRONG[line]):
        configuration.load(config)


def test_strict_transport_security_is_said_where_the_address_is_encrypted() -> None:
    from starlette.testclient import TestClient

    from trueup.flows.review.guard import Guard
    from trueup.transforms.service_settings import ReviewSettings

    async def app(scope: Any, receive: Any, send: Any) -> None:
        from starlette.responses import PlainTextResponse

        await PlainTextResponse("x")(scope, receive, send)

    url = "https://review.example"
    client = TestClient(Guard(app, review=ReviewSettings(url=url)), base_url=url)
    assert client.get("/").headers["strict-transport-security"] == "max-age=31536000"
    assert client.get("/", headers={"Host": "review.example:443"}).status_code == 200
    told = "max-age=31536000; includeSubDomains", "max-age=63072000; includeSubDomains; preload"
    for wanted, said in zip(("subdomains", "preload"), told, strict=True):
        review = ReviewSettings.model_validate({"url": url, "strict_transport": wanted})
        answer = TestClient(Guard(app, review=review), base_url=url).post("/", headers={"Host": "evil.example"})
        assert (answer.status_code, answer.headers["strict-transport-security"]) == (421, said)
    plain = TestClient(Guard(app, review=ReviewSettings(url="http://127.0.0.1")), base_url="http://127.0.0.1")
    assert "strict-transport-security" not in plain.get("/").headers
