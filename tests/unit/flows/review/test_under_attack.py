"""What people do to a shared review who mean harm, or have bad luck: nothing is decided, kept or lost by it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import Person
from tests.support.object_stores import ENVIRONMENT, KEYS, moto_served, new_bucket
from tests.support.team_review import ADA, REVIEWERS, Team, patiently, team_review
from tests.unit.flows.review.test_deciding_together import after, asked, following
from trueup.connectors.archive import add_act
from trueup.connectors.oidc.id_token import Claims
from trueup.connectors.oidc.provider import Provider, SignedIn
from trueup.flows.approving import reject_one
from trueup.flows.review.archive_told import health
from trueup.flows.review.gone import Gone
from trueup.flows.review.reading import Reading
from trueup.flows.review.rights import Rights
from trueup.flows.review.sessions import Person as Reviewer
from trueup.flows.review.sessions import Session, Sessions
from trueup.flows.review.turns import Turns
from trueup.transforms.approval.judgement import selection_of
from trueup.transforms.manifest import Identity
from trueup.transforms.service_settings import ReviewSettings
from trueup.transforms.setting_values import own_address
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from trueup.transforms.history import PriorRun


def test_strangers_who_wait_for_a_silent_provider_keep_nobody_from_reading(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, provider = team.browser("ada"), team.service.provider
    with socket.socket() as silent, ThreadPoolExecutor(60) as strangers:
        silent.bind(("127.0.0.1", 0))
        silent.listen(100)
        elsewhere = f"http://127.0.0.1:{silent.getsockname()[1]}/nobody"
        monkeypatch.setattr(provider, "registration", replace(provider.registration, issuer=elsewhere))
        monkeypatch.setattr(provider, "_known", {})
        monkeypatch.setattr("trueup.connectors.oidc.provider.TIMEOUT_S", 1.0)
        answers = [strangers.submit(team.browser().get, "/sign-in") for _ in range(60)]
        time.sleep(0.5)
        begun = time.monotonic()
        assert ada.get("/").status_code == 200
        assert time.monotonic() - begun < 2, "a reader waited for the strangers"
        assert {answer.result().status_code for answer in answers} == {503}


def test_a_group_named_ten_thousand_times_is_looked_up_once(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    run, ada = team.run(), team.browser("ada")
    told: list[str] = []

    def selectors(_: str, selector: str) -> tuple[str, ...]:
        told.append(selector)
        return ("k-1",)

    monkeypatch.setattr(team.service.pages, "selectors", selectors)
    said = asked(run, exclude=["group:0"] * 10_000 + ["k-1"])
    assert ada.post(f"/runs/{run.run_id}/approve", said).status_code == 200
    assert told == ["group:0", "k-1"]
    assert team.load(run).acts[0].details["exclude"] == ["k-1"]


def test_whoever_lost_the_right_sees_nothing_more_of_a_page_that_stayed_open(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ada = team.run(), team.browser("ada")
    clock = team.service.sessions.clock
    with following(ada, run) as events:
        team.sandbox.tenant.remove_member(REVIEWERS, ADA)
        monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 16 * 60)
        patiently(lambda: events[-1][0] == "closed", 10)
    assert team.events("right_changed")[0]["subject"] == ADA


def test_signing_out_closes_what_is_open_in_other_tabs(team: Team) -> None:
    run, ada = team.run(), team.browser("ada")
    with following(ada, run) as events:
        ada.send("POST", "/sign-out", headers={"Origin": ada.url}, data={"csrf": ada.csrf})
        patiently(lambda: events[-1][0] == "closed", 10)


def test_a_stranger_cannot_make_the_server_hold_a_large_body(team: Team) -> None:
    port = int(team.url.rpartition(":")[2])
    head = (
        f"POST /sign-out HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {team.url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4000000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        raw.sendall(head.encode())
        assert raw.recv(64).split()[1] in (b"303", b"413"), "it waited for the body"


def test_two_tabs_that_sign_in_at_once_both_get_in(team: Team) -> None:
    browser = team.browser()
    first, second = browser.to_provider("/health"), browser.to_provider("/limits")
    for way, leads in ((second, "/limits"), (first, "/health")):
        answer = browser.get(browser.choose(way, "ada").removeprefix(browser.url))
        assert (answer.status_code, f"url={leads}" in answer.text) == (200, True), answer.text
        again = browser.get(browser.choose(way, "ada").removeprefix(browser.url))
        assert again.status_code == 400, "a state is good once"


def test_what_is_left_out_is_in_the_run(team: Team) -> None:
    run, ada = team.run(), team.browser("ada")
    place = f"/runs/{run.run_id}/leave-out"
    for wrong in ("somebody-erased", "ann.secret@x.example", "somebody-erased/title", "group:99", "x" * 500):
        answer = ada.post(place, {"selectors": ["k-1", wrong], "on": True})
        assert answer.status_code == 400, wrong
    with following(ada, run) as events:
        assert after(events)["left_out"] == {}
        for right in ("k-1", "k-2/title", "update", "title"):
            assert ada.post(place, {"selectors": [right], "on": True}).status_code == 200, right


def test_nothing_is_noted_of_a_run_that_was_pruned_while_the_page_was_open(team: Team) -> None:
    run, ada = team.run(), team.browser("ada")
    base = f"/runs/{run.run_id}"
    with following(ada, run):
        add_act(run, Act.PRUNED, "prune", at=datetime.now(UTC), details={"files": ["decisions.parquet"], "bytes": 1})
        for what, said in {
            "note": {"key": "", "text": "Ann was ill"},
            "leave-out": {"selectors": ["k-1"], "on": True},
            "look": {"key": "k-1", "on": True},
        }.items():
            assert ada.post(f"{base}/{what}", said).status_code in (404, 409, 410), what
        assert ada.post(f"{base}/approve", asked(run, 1)).status_code == 409
    assert not (team.folder / "runs" / ".review" / f"{run.run_id}.team.json").exists()


def test_who_left_out_their_own_row_on_purpose_stays_left_out_whatever_it_was_called(team: Team) -> None:
    people = [
        Person(ADA, changes={"title": ("Clerk", "Chief")}, user_name="ada@contoso.example"),
        Person("k-2", changes={"title": ("Clerk", "Chief")}, user_name="ben@x.example"),
    ]
    for day, word in enumerate((ADA, "ADA@contoso.example", ADA.upper())):
        run, ada, bo = team.run(people, days=day), team.browser("ada"), team.browser("bo")
        assert ada.post(f"/runs/{run.run_id}/approve", asked(run, exclude=[word])).json()["own"]
        assert bo.post(f"/runs/{run.run_id}/approve", asked(run, 1)).status_code == 200
        acts = team.load(run).acts
        assert ADA in selection_of(acts[0], acts).exclude, word


def test_a_shared_review_of_an_archive_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with moto_served() as endpoint:
        bucket = new_bucket(endpoint)
        options = "\n".join(f'{key} = "{value}"' for key, value in {"endpoint": endpoint, **KEYS}.items())
        more = f"[approval]\napprovers = 2\n[archive.options]\n{options}"
        with team_review(tmp_path, more, archive=bucket.address) as team:
            run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
            with following(bo, run) as events:
                assert ada.post(f"/runs/{run.run_id}/note", {"key": "k-1", "text": "ask HR"}).status_code == 200
                patiently(lambda: after(events)["notes"].get("k-1"))
                assert ada.post(f"/runs/{run.run_id}/approve", asked(run, exclude=["k-1"])).status_code == 200
                patiently(lambda: after(events)["acts"] == 1)
            assert bo.post(f"/runs/{run.run_id}/approve", asked(run)).json()["code"] == "decided_meanwhile"
            pages, archive = Reading(team.service.settings), team.service.settings.archive
            assert len(pages.seen().good[0].acts) == 1
            elsewhere = archive.model_copy(update={"cache": str(tmp_path / "another host")})
            other = team.service.settings.model_copy(update={"archive": elsewhere}).placed_in(tmp_path)
            reject_one(other, run.run_id, who="Bo Example", reason="seen on another machine")
            patiently(lambda: pages.seen().good[0].state == Act.REJECTED)
            patiently(lambda: ada.post(f"/runs/{run.run_id}/approve", asked(run, 2)).json()["code"] == "run_rejected")
            told = health(pages.seen(), pages.root, team.service.settings).runs[0]
            assert told.files > 3, "what is not in the cache was not counted"
            assert team.load(run).acts[0].details["notes"] == [{"key": "k-1", "note": "Ada Example: ask HR"}]
        beside = {path.name for path in tmp_path.iterdir()}
        assert not {name for name in beside if name.startswith("s3")}, beside


def test_an_apply_is_begun_once_however_often_it_is_clicked_and_its_death_is_told(tmp_path: Path) -> None:
    with team_review(tmp_path, review="apply = true") as team:
        run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
        place = f"/runs/{run.run_id}"
        assert ada.post(f"{place}/approve", asked(run)).status_code == 200
        with following(bo, run) as events, ThreadPoolExecutor(4) as clicks:
            answers = list(clicks.map(lambda one: one.post(f"{place}/apply", asked(run, 1)).json(), [ada, bo] * 2))
            assert sorted(answer.get("code", "begun") for answer in answers) == ["apply_running"] * 3 + ["begun"]
            patiently(lambda: _applying(run))  # between fork and exec it is called as its parent
            (child,) = _applying(run)
            os.kill(child, signal.SIGKILL)
            patiently(lambda: (after(events).get("apply") or {}).get("ended"), 20)
            assert after(events)["apply"]["ended"] == "failed"
        assert team.events("apply_ended")[-1]["code"] == -9
        assert Act.APPROVED in {act.act for act in team.load(run).acts}
        assert ada.post(f"{place}/apply", asked(run, 1)).json()["ok"], "it can be begun again"
        patiently(lambda: _applying(run))
        for child in _applying(run):
            os.kill(child, signal.SIGKILL)
        patiently(lambda: len(team.events("apply_ended")) == 2)


def _applying(run: PriorRun) -> list[int]:
    """Processes of this one's that apply the run."""
    own = {pid for told in Path("/proc/self/task").glob("*/children") for pid in told.read_text().split()}
    return [int(pid) for pid in own if run.run_id in Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")]


def test_a_token_is_believed_of_the_providers_own_kind_of_signature_only(team: Team) -> None:
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    from trueup.connectors.oidc.errors import SignInRefused
    from trueup.connectors.oidc.id_token import checked_claims
    from trueup.connectors.oidc.keys import Keys

    key = RSAKey.generate_key(2048, parameters={"kid": "1", "use": "sig"})
    registration = team.service.provider.registration
    now = int(time.time())
    said = {
        "iss": registration.issuer, "aud": registration.client_id, "exp": now + 600, "iat": now, "nbf": now,
        "nonce": "n", "tid": registration.tenant_id, "oid": ADA, "sub": "x",
    }  # fmt: skip
    keys = Keys(lambda: {"keys": [key.as_dict(private=False)]})

    def read(token: str) -> Any:
        return checked_claims(token, registration, keys, nonce="n")

    assert read(jwt.encode({"alg": "RS256", "kid": "1"}, said, key)).subject == ADA
    own = RSAKey.generate_key(2048)
    wrong = {
        "another's key": jwt.encode({"alg": "RS256", "kid": "1"}, said, own),
        "a key of its own": jwt.encode(
            {"alg": "RS256", "kid": "1", "jwk": own.as_dict(private=False), "jku": "http://127.0.0.1:1/"}, said, own
        ),
        "the public key as a secret": _with_the_public_key(said, key.as_pem(private=False)),
        "part of an extension": jwt.encode({"alg": "RS256", "kid": "1"}, said, key).replace(".", "..", 1),
        "a list of audiences": jwt.encode(
            {"alg": "RS256", "kid": "1"}, {**said, "aud": [registration.client_id, "x"]}, key
        ),
        "no time": jwt.encode({"alg": "RS256", "kid": "1"}, {**said, "exp": "never"}, key),
        "an endless time": jwt.encode({"alg": "RS256", "kid": "1"}, {**said, "exp": 1e400}, key),
        "a list of people": jwt.encode({"alg": "RS256", "kid": "1"}, {**said, "oid": [ADA]}, key),
        "a list of tenants": jwt.encode({"alg": "RS256", "kid": "1"}, {**said, "tid": [registration.tenant_id]}, key),
        "a nonce that is a list": jwt.encode({"alg": "RS256", "kid": "1"}, {**said, "nonce": ["n"]}, key),
        "nothing": "",
        "dots": "...",
        "no object": jwt.encode({"alg": "RS256", "kid": "1"}, said, key).split(".")[0] + ".W10.AAAA",
        "not ascii": "é.é.é",
    }
    for what, token in wrong.items():
        believed = None
        with contextlib.suppress(SignInRefused):
            believed = read(token)
        assert believed is None, what


def test_half_a_letter_is_not_a_text(team: Team) -> None:
    run, ada = team.run(), team.browser("ada")
    own = {"Origin": ada.url, "X-CSRF": ada.csrf, "Content-Type": "application/json"}
    said = {"fingerprint": run.manifest.fingerprint, "acts": 0, "key": "", "text": "_", "note": "_", "reason": "_"}
    plain = json.dumps(said).encode()
    for body in (
        plain.replace(b"_", b"\\ud83d"),
        plain.replace(b"_", b"\\uDE00 x"),
        plain.replace(b"_", b"\xed\xa0\xbd"),
        plain.decode().encode("utf-16"),
    ):
        for what in ("note", "approve", "reject"):
            answer = ada.send("POST", f"/runs/{run.run_id}/{what}", headers=own, content=body)
            assert answer.status_code == 400, (what, body)
    assert team.load(run).acts == ()
    body = plain.replace(b"_", b"\\ud83d\\ude00")
    assert ada.send("POST", f"/runs/{run.run_id}/approve", headers=own, content=body).status_code == 200
    assert team.load(run).acts[0].reason == "\U0001f600"


def test_ones_own_row_waits_too_where_fewer_must_accept_than_when_it_was_accepted(tmp_path: Path) -> None:
    with team_review(tmp_path, "[approval]\napprovers = 2") as team:
        own = Person(ADA, changes={"title": ("Clerk", "Chief")}, user_name="ada@contoso.example")
        other = Person("k-2", changes={"title": ("Clerk", "Chief")}, user_name="ben@x.example")
        run, ada = team.run([own, other]), team.browser("ada")
        said = ada.post(f"/runs/{run.run_id}/approve", asked(run)).json()
        assert (said["ok"], said["own"], said["still_needed"]) == (True, False, 1)
        config = tmp_path / "trueup.toml"
        config.write_text(
            config.read_text(encoding="utf-8").replace("approvers = 2", "approvers = 1"), encoding="utf-8"
        )
        acts = team.load(run).acts
        assert ADA in selection_of(acts[0], acts).exclude
        alone = team.run([own], days=1)
        assert ada.post(f"/runs/{alone.run_id}/approve", asked(alone)).status_code == 400


def test_groups_that_a_provider_leaves_out_of_an_answer_take_no_right_away(team: Team) -> None:
    settings = team.service.settings
    somewhere = ReviewSettings(authority="https://id.example", reviewers=("group:hr",))
    registration = replace(team.service.provider.registration, tenant_id="")

    class Somewhere(Provider):
        groups: frozenset[str] | None = None

        def refreshed(self, refresh_token: str) -> SignedIn:
            return SignedIn(Claims("https://id.example", "", "ada", "Ada", "", self.groups), f"{refresh_token}+")

    provider = Somewhere(registration)
    rights = Rights(settings.model_copy(update={"review": somewhere}), provider)
    session = Session(
        Reviewer(Identity(issuer="https://id.example", tenant="", subject="ada"), "Ada", ""), "reviewer", 0.0
    )
    session.refresh_token = "r"
    service = replace(team.service, rights=rights, sessions=Sessions(lambda: 10_000.0))
    service.confirm(session)
    assert (session.role, session.checked, session.refresh_token) == ("reviewer", 0.0, "r+"), "the new one is kept"
    assert not service.may_decide(session)
    provider.groups = frozenset({"sales"})
    session.tried = 0.0
    service.confirm(session)
    assert session.role == ""


def test_who_opens_many_runs_at_once_keeps_nobody_else_from_reading() -> None:
    turns, going = Turns(at_once=1, waiting=2), threading.Event()

    def take() -> str:
        try:
            with turns.turn():
                going.wait(10)
                return "made"
        except Gone as gone:
            return gone.kind

    with ThreadPoolExecutor(6) as readers:
        answers = [readers.submit(take) for _ in range(6)]
        patiently(lambda: sum(one.done() for one in answers) == 3)
        going.set()
        assert sorted(one.result() for one in answers) == ["made"] * 3 + ["too_many"] * 3
    assert take() == "made"


def _with_the_public_key(said: dict[str, Any], pem: bytes) -> str:
    """Signed by HMAC with what everybody knows (RFC 8725 §2.1)."""
    parts = [json.dumps({"alg": "HS256", "kid": "1"}).encode(), json.dumps(said).encode()]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mark = hmac.new(pem, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")).decode()


def test_an_address_is_what_a_browser_makes_of_it() -> None:
    assert own_address("https://Review.Example:443/") == "https://review.example"
    assert own_address("http://127.0.0.1:80") == "http://127.0.0.1"
    assert own_address("https://review.example:8443") == "https://review.example:8443"
    assert own_address("https://[::1]:443") == "https://[::1]"
    with pytest.raises(ValueError, match="xn--"):
        own_address("https://büro.example")
