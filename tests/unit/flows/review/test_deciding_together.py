"""Deciding on the shared page: who counts, what a decision is bound to, and what others see of it at once."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import Person
from tests.support.team_review import ADA, BO, REVIEWERS, Browser, Team, patiently, team_review
from trueup.connectors.archive import add_act, apply_lock, open_archive
from trueup.flows import clearance
from trueup.flows.approving import Wish, approve_one
from trueup.flows.review.archive_told import front
from trueup.flows.review.pages import _FIGURES
from trueup.flows.review.reading import Reading
from trueup.reports.nights import nights_view
from trueup.transforms.approval.judgement import effective_approval, write_what_is_left_out
from trueup.transforms.errors import Refused
from trueup.transforms.manifest import Identity
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.transforms.history import PriorRun


@pytest.fixture(scope="module")
def shared_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_review(tmp_path_factory.mktemp("team"), "[approval]\napprovers = 2") as team:
        yield team


@pytest.fixture
def lone(tmp_path: Path) -> Iterator[Team]:
    """One approver is enough; whoever begins an apply may do it from the page."""
    with team_review(tmp_path, review="apply = true") as team:
        yield team


def asked(run: PriorRun, acts: int = 0, **more: Any) -> dict[str, Any]:
    return {"fingerprint": run.manifest.fingerprint, "acts": acts, **more}


@contextmanager
def following(browser: Browser, run: PriorRun) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What the live state of a run tells this browser, as it comes."""
    events: list[tuple[str, dict[str, Any]]] = []
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = f"{browser.url}/runs/{run.run_id}/events"
    with browser.client.stream("GET", address, headers={"Cookie": cookie}, timeout=30) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

        def read() -> None:
            name = ""
            try:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        events.append((name, json.loads(line.removeprefix("data: "))))
            except Exception:  # noqa: BLE001 - the test has closed the answer
                return

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        patiently(lambda: events)
        yield events


def after(events: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The state a page has once it has taken in everything (RFC 7396)."""
    state: dict[str, Any] = {}
    for name, content in list(events):
        state = content if name == "state" else patched(state, content) if name == "change" else state
    return state


def patched(before: Any, patch: dict[str, Any]) -> dict[str, Any]:
    whole = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            whole.pop(key, None)
        else:
            whole[key] = patched(whole.get(key), value) if isinstance(value, dict) else value
    return whole


def test_two_people_accept_and_then_it_counts(team: Team) -> None:
    run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
    first = ada.post(f"/runs/{run.run_id}/approve", asked(run, exclude=["k-1"], note="Looks right"))
    assert (first.status_code, first.json()["still_needed"]) == (200, 1)
    again = ada.post(f"/runs/{run.run_id}/approve", asked(run, 1))
    assert again.json()["still_needed"] == 1, "the same person twice"
    team.sandbox.tenant.set(BO, displayName="Ada Example")
    namesake = team.browser("bo")
    second = namesake.post(f"/runs/{run.run_id}/approve", asked(run, 2))
    assert (second.status_code, second.json()["still_needed"]) == (200, 0), second.text
    acts = team.load(run).acts
    assert [(act.who, act.via, act.identity and act.identity.subject) for act in acts] == [
        ("Ada Example", Via.SIGN_IN, ADA),
        ("Ada Example", Via.SIGN_IN, ADA),
        ("Ada Example", Via.SIGN_IN, BO),
    ]
    assert acts[0].details["exclude"] == ["k-1"]
    assert acts[0].reason == "Looks right"
    assert [line["subject"] for line in team.events("approved")] == [ADA, ADA, BO]
    assert "Ada Example" not in json.dumps(team.log)
    bo.post(f"/runs/{run.run_id}/reject", asked(run, 3, reason="On second thoughts"))
    assert team.load(run).state == Act.REJECTED


def test_an_approval_is_bound_to_the_plan_and_to_what_the_page_knew(team: Team) -> None:
    run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
    place = f"/runs/{run.run_id}/approve"
    other = {"fingerprint": "0" * 64, "acts": 0}
    assert ada.post(place, other).json()["code"] == "fingerprint_not_reviewed"
    for wrong in ({"acts": 0}, asked(run, -1), asked(run, exclude=["nobody"]), asked(run, exclude=["@/etc/passwd"])):
        answer = ada.post(place, wrong)
        assert (answer.status_code, answer.json()["ok"]) == (400, False), wrong
    assert ada.post(place, asked(run)).status_code == 200
    late = bo.post(place, asked(run))
    assert (late.status_code, late.json()["code"]) == (409, "decided_meanwhile")
    assert "approved by Ada Example" in late.json()["message"]
    assert len(team.load(run).acts) == 1


def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told_by_whom(team: Team) -> None:
    run, browsers = team.run(), [team.browser("ada"), team.browser("bo")]
    with ThreadPoolExecutor(2) as both:
        place = f"/runs/{run.run_id}/approve"
        answers = list(both.map(lambda browser: browser.post(place, asked(run)).json(), browsers))
    won = [answer for answer in answers if answer["ok"]]
    lost = [answer for answer in answers if not answer["ok"]]
    assert len(won) == len(lost) == 1
    assert lost[0]["code"] == "decided_meanwhile"
    acts = team.load(run).acts
    assert len(acts) == 1
    assert acts[0].who in lost[0]["message"]


def test_a_reader_reads_and_decides_nothing(team: Team) -> None:
    run, rea = team.run(), team.browser("rea")
    for what, said in {
        "approve": asked(run),
        "reject": asked(run, reason="no"),
        "apply": asked(run),
        "note": {"key": "k-1", "text": "hm"},
        "look": {"key": "k-1", "on": True},
        "leave-out": {"selectors": ["k-1"], "on": True},
    }.items():
        answer = rea.post(f"/runs/{run.run_id}/{what}", said)
        assert (answer.status_code, answer.json()["code"]) == (403, "no_right"), what
    assert rea.post(f"/runs/{run.run_id}/people", {"ask": "list"}).status_code == 200
    with following(rea, run) as events:
        assert (after(events)["may_approve"], after(events)["why_not"]) == (False, "You may read and not decide.")
    assert team.load(run).acts == ()
    assert {line["code"] for line in team.events("refused")} == {"no_right"}


def test_a_reviewer_who_lost_the_group_or_the_account_decides_nothing_more(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
    clock, tenant = team.service.sessions.clock, team.sandbox.tenant
    tenant.remove_member(REVIEWERS, ADA)
    tenant.disable(BO)
    monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 31)
    for browser in (ada, bo):
        assert browser.post(f"/runs/{run.run_id}/approve", asked(run)).status_code == 403
        assert browser.get("/").status_code == 303, "the session goes on"
    assert team.load(run).acts == ()
    assert len(team.events("right_changed")) == 2


def test_where_a_right_cannot_be_checked_reading_stays_and_deciding_is_closed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ada = team.run(), team.browser("ada")
    clock, tenant = team.service.sessions.clock, team.sandbox.tenant
    granted = set(tenant.granted)
    tenant.granted.discard("User.Read.All")
    team.service.rights._membership._ends = 0.0  # type: ignore[union-attr] # with Entra ID it is there
    monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 60)
    assert ada.get("/").status_code == 200
    assert ada.post(f"/runs/{run.run_id}/note", {"key": "", "text": "fresh enough"}).status_code == 200
    monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 16 * 60)
    page = ada.get("/")
    assert page.status_code == 200
    assert '"may_decide": false' in page.text
    assert "cannot be found out" in page.text
    answer = ada.post(f"/runs/{run.run_id}/approve", asked(run))
    assert (answer.status_code, answer.json()["code"]) == (403, "right_unknown")
    tenant.granted.update(granted)
    team.service.rights._membership._ends = 0.0  # type: ignore[union-attr] # likewise
    monkeypatch.setattr(team.service.sessions, "clock", lambda: clock() + 17 * 60)
    assert ada.post(f"/runs/{run.run_id}/approve", asked(run)).status_code == 200
    assert all("Read.All" in line["why"] for line in team.events("right_unknown"))


def test_other_peoples_ways_of_approving_do_not_count(team: Team) -> None:
    run, settings = team.run(), team.service.settings_now()
    with pytest.raises(Refused) as refused:
        approve_one(settings, run.run_id, Wish(who="Ada Example"))
    assert refused.value.refusals[0].code == "signed_in_only"
    assert f"{team.url}/runs/{run.run_id}" in refused.value.remedy
    expires = "2099-01-01T00:00:00+00:00"
    for who in ("Ada Example", "Bo Example"):
        details = {"expires": expires, "only": [], "exclude": [], "allowed": {}, "via": "shell"}
        add_act(run, Act.APPROVED, who, at=datetime.now(UTC), fingerprint=run.manifest.fingerprint, details=details)
    with pytest.raises(Refused) as refused, clearance.cleared_to_apply(settings, run.run_id):
        raise AssertionError("it was cleared")
    assert refused.value.refusals[0].code == "approval_missing"
    assert "2 approvals that are there do not count" in refused.value.message
    open_to_all = settings.approval.model_copy(update={"signed_in_only": False})
    with clearance.cleared_to_apply(
        settings.model_copy(update={"approval": open_to_all}).placed_in(settings.folder), run.run_id
    ) as ready:
        assert ready.approval is not None


def test_what_somebody_notes_or_looks_at_is_seen_by_the_others_at_once_and_kept(team: Team) -> None:
    run, ada, bo = team.run(), team.browser("ada"), team.browser("bo")
    base = f"/runs/{run.run_id}"
    with following(bo, run) as events:
        assert ada.post(f"{base}/look", {"key": "k-1", "on": True}).status_code == 200
        assert ada.post(f"{base}/note", {"key": "k-1", "text": "ask HR"}).status_code == 200
        assert ada.post(f"{base}/note", {"key": "", "text": "half way"}).status_code == 200
        assert ada.post(f"{base}/leave-out", {"selectors": ["k-1", "k-2/title"], "on": True}).status_code == 200
        patiently(lambda: after(events)["left_out"])
        state = after(events)
        me, you = next(iter(state["left_out"])), state["you"]
        assert me != you
        assert state["looked"] == {"k-1": {me: "Ada Example"}}
        assert state["notes"]["k-1"][me]["text"] == "ask HR"
        assert state["left_out"][me] == {"who": "Ada Example", "selectors": ["k-1", "k-2/title"]}
        assert ada.post(f"{base}/leave-out", {"selectors": ["k-1", "k-2/title"], "on": False}).status_code == 200
        assert ada.post(f"{base}/look", {"key": "k-1", "on": False}).status_code == 200
        patiently(lambda: not after(events)["looked"])
        assert after(events)["left_out"] == {}
        assert ada.post(f"{base}/look", {"key": "not in the run", "on": True}).status_code == 400
        assert ada.post(f"{base}/note", {"key": "k-1", "text": "x" * 2_001}).status_code == 400
        assert ada.post(f"{base}/approve", asked(run)).status_code == 200
        patiently(lambda: after(events)["acts"] == 1)
        assert after(events)["decisions"]["1"]["who"] == "Ada Example"
        assert after(events)["still_needed"] == 1
        add_act(run, Act.SUPERSEDED, "trueup", at=datetime.now(UTC), details={"by": "20261124T010000Z-0000"})
        patiently(lambda: not after(events)["may_approve"])
        assert "superseded" in after(events)["why_not"] or "newer" in after(events)["why_not"]
        name, content = events[-1]
        assert (name, "closed" in [one for one, _ in events]) == ("change", False), content
        bo.send("POST", "/sign-out", headers={"Origin": bo.url}, data={"csrf": bo.csrf})
        patiently(lambda: events[-1][0] == "closed")
    notes = team.load(run).acts[0].details["notes"]
    assert notes == [{"key": "k-1", "note": "Ada Example: ask HR"}]
    kept = team.folder / "runs" / ".review" / f"{run.run_id}.team.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    answer = ada.post(f"{base}/approve", asked(run, 2))
    assert (answer.status_code, answer.json()["code"]) == (409, "run_superseded")


def test_ones_own_row_waits_until_somebody_else_who_signed_in_accepts_too(lone: Team) -> None:
    run = lone.run(
        [
            Person(ADA, changes={"title": ("Clerk", "Chief")}, user_name="ada@contoso.example"),
            Person("k-2", changes={"title": ("Clerk", "Chief")}, user_name="ben@x.example"),
        ]
    )
    ada, bo = lone.browser("ada"), lone.browser("bo")
    answer = ada.post(f"/runs/{run.run_id}/approve", asked(run)).json()
    assert (answer["ok"], answer["own"], answer["still_needed"]) == (True, True, 0)
    assert "Your own row is left out" in answer["message"]
    assert _left_out(lone, run) == {ADA}
    again = bo.post(f"/runs/{run.run_id}/approve", asked(run, 1)).json()
    assert (again["ok"], again["own"]) == (True, False)
    assert _left_out(lone, run) == set()
    alone = lone.run([Person(ADA, changes={"title": ("Clerk", "Chief")}, user_name="ada@contoso.example")], days=1)
    nothing = ada.post(f"/runs/{alone.run_id}/approve", asked(alone))
    assert (nothing.status_code, nothing.json()["message"]) == (400, "Nothing would be left to apply.")


def _left_out(team: Team, run: PriorRun) -> set[str]:
    now, fresh, settings = datetime.now(UTC), team.load(run), team.service.settings_now()
    approval = effective_approval(fresh, settings, fingerprint=run.manifest.fingerprint, at=now)
    into = team.folder / "left_out.parquet"
    write_what_is_left_out(fresh, approval, settings, into)
    return set(pq.read_table(into)["key"].to_pylist())


def test_an_apply_begun_on_the_page_is_a_process_of_its_own_that_checks_for_itself(lone: Team) -> None:
    run, ada = lone.run(), lone.browser("ada")
    with following(ada, run) as events:
        place = f"/runs/{run.run_id}/apply"
        assert ada.post(place, {"fingerprint": "0" * 64}).status_code == 400
        begun = ada.post(place, asked(run))
        assert begun.status_code == 200, begun.text
        assert ada.post(place, asked(run)).json()["code"] == "apply_running"
        patiently(lambda: (after(events).get("apply") or {}).get("ended"), 60)
        assert after(events)["apply"]["ended"] == "refused"
        assert "is not approved" in after(events)["apply"]["text"]
    assert [line["code"] for line in lone.events("apply_ended")] == [3]
    assert lone.events("apply_begun")[0]["subject"] == ADA


def test_an_apply_that_somebody_else_began_is_told_and_no_second_one_gets_past_it(lone: Team) -> None:
    run, ada = lone.run(), lone.browser("ada")
    root, target = lone.service.settings.archive_root, run.manifest.target
    nights = nights_view({name: [] for name in _FIGURES}, left_out=())

    def told() -> list[str]:
        (page,) = front(Reading(lone.service.settings).seen(), nights, lone.service.settings).targets
        return [line.came for line in page.waiting]

    assert ada.post(f"/runs/{run.run_id}/approve", asked(run)).status_code == 200
    with following(ada, run) as events:
        assert after(events)["at_work"] is False
        with apply_lock(root, target, f"apply {run.run_id}"):  # as the command holds it
            patiently(lambda: after(events)["at_work"])
            assert told()[0].startswith("Being applied now")
            assert ada.post(f"/runs/{run.run_id}/apply", asked(run)).status_code == 200
            patiently(lambda: (after(events).get("apply") or {}).get("ended"), 120)
            assert after(events)["apply"]["ended"] == "refused"
            assert ada.post(f"/runs/{run.run_id}/reject", asked(run, 1, reason="no")).json()["code"] == "apply_running"
        patiently(lambda: not after(events)["at_work"])
        assert not told()[0].startswith("Being applied now")
        with apply_lock(root, target, "prune"):
            time.sleep(1.5)
            assert not after(events)["at_work"], "only an apply of this run is one"
    assert [str(act.act) for act in lone.load(run).acts] == ["approved"]


def test_apply_is_closed_where_the_configuration_does_not_open_it(team: Team) -> None:
    run = team.run()
    answer = team.browser("ada").post(f"/runs/{run.run_id}/apply", asked(run))
    assert (answer.status_code, answer.json()["code"]) == (409, "apply_not_here")


def test_a_run_that_is_gone_or_damaged_is_told_and_nothing_is_decided(team: Team) -> None:
    run, ada = team.run(), team.browser("ada")
    with following(ada, run) as events:
        run.files.decisions.write_bytes(b"changed")
        answer = ada.post(f"/runs/{run.run_id}/approve", asked(run))
        assert (answer.status_code, answer.json()["ok"]) == (409, False)
        assert after(events)["state"] == "ready"
    missing = "20200101T000000Z-0000"
    assert ada.post(f"/runs/{missing}/approve", asked(run)).status_code == 400
    assert ada.get(f"/runs/{missing}/events").status_code == 400
    archive = open_archive(team.service.settings)
    assert archive.load(run.run_id).acts == ()


def test_identities_are_two_where_issuer_or_subject_differ() -> None:
    from trueup.transforms.approval.validity import voice_of

    first = Identity(issuer="https://a.example", tenant="t", subject="s")
    assert voice_of("Ann", first) == voice_of("Somebody", first)
    for other in (first.model_copy(update={"issuer": "https://b.example"}), first.model_copy(update={"subject": "S"})):
        assert voice_of("Ann", other) != voice_of("Ann", first)
    assert voice_of("ann", None) == voice_of(" ANN ", None) != voice_of("ann", first)
