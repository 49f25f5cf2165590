"""What people do to a shared review who mean harm, or have bad luck: nothing is decided, kept or lost by it."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import Person
from tests.support.object_stores import ENVIRONMENT, KEYS, moto_served, new_bucket
from tests.support.team_review import ADA, REVIEWERS, Team, patiently, team_review
from tests.unit.flows.review.test_deciding_together import after, asked, following
from trueup.connectors.archive import add_act
from trueup.flows.approving import reject_one
from trueup.flows.review.archive_told import health
from trueup.flows.review.reading import Reading
from trueup.transforms.approval.judgement import selection_of
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def shared_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_review(tmp_path_factory.mktemp("team")) as team:
        yield team


@pytest.fixture
def team(shared_team: Team) -> Iterator[Team]:
    shared_team.log.clear()
    with shared_team.sandbox.tenant.undone_afterwards():
        yield shared_team


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
