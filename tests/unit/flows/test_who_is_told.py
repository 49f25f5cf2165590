"""Who is told of what, and when: once, also over restarts, and again where a plan is forgotten."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import AT, applied, approved, archive_in, manifest_of, sealed_run, settings_in
from tests.support.mailbox import Hook, webhook
from trueup.connectors.archive import add_act, seal
from trueup.connectors.notify import Ledger
from trueup.connectors.notify.ledger import TRIES
from trueup.flows import notify
from trueup.flows.commands.doctor import look
from trueup.flows.commands.notify import notify_command
from trueup.flows.watch import tell_of_silence
from trueup.transforms.errors import Failed, Misused, Refusal
from trueup.transforms.messages import Event
from trueup.transforms.vocabulary import Act, Kind, Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings

KEY = "5eed0000-0000-4000-8000-000000000001"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("HOOK", hook.url.replace("http", "json"))
    link = {"link": "https://reports.example/{run_id}"}
    return settings_in(tmp_path, notify={"urls": ["env:HOOK"]}, report=link, archive={"path": "data/runs"})


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def told(hook: Hook) -> list[str]:
    """Title and text of what arrived since it was last asked."""
    found = [f"{body['title']}\n{body['message']}" for _path, body in hook.posts]
    hook.posts.clear()
    return found


def history(archive: Archive, settings: Settings) -> History:
    return archive.history(settings.target.url)


def without_plan(archive: Archive, day: float, outcome: Outcome, **facts: Any) -> PriorRun:
    at = AT + timedelta(days=day)
    files = archive.new_run(Kind.RECONCILE, at)
    files.report_md.write_text("# it", encoding="utf-8")
    seal(files, manifest_of(files, **{"outcome": outcome, "started": at, "sealed": at, "fingerprint": "", **facts}))
    return archive.load(files.run_id)


def test_a_sealed_run_is_told_once_with_its_verdict_the_next_command_and_the_link(
    archive: Archive, settings: Settings, hook: Hook
) -> None:
    run = sealed_run(archive, counts={"update": 1, "hold": 2})
    ways = [
        threading.Thread(target=notify.tell_of_plan, args=(settings, run, history(archive, settings))) for _ in range(3)
    ]
    for way in ways:
        way.start()
    for way in ways:
        way.join()
    notify.tell_of_plan(settings, run, history(archive, settings))
    [said] = told(hook)
    assert said.startswith("Trueup, directory.example: ready for review\n")
    assert "You are asked to accept 1 update." in said
    assert f"trueup approve {run.run_id} --as NAME" in said
    assert said.endswith(f"Report: https://reports.example/{run.run_id}")
    assert "ann@x.example" not in said


def test_a_failed_and_a_refused_run_say_why_and_name_nobody(archive: Archive, settings: Settings, hook: Hook) -> None:
    error = f"The source could not be read; {KEY} came twice."
    failed = without_plan(archive, 0, Outcome.FAILED, error=error)
    notify.tell_of_plan(settings, failed, history(archive, settings))
    limit = Refusal(
        "limit_deactivate", f"The plan deactivates 212 of 3,104 profiles, {KEY} too.", 212, 155, overridable=True
    )
    refused = sealed_run(archive, days=1, refusals=(limit,))
    notify.tell_of_plan(settings, refused, history(archive, settings))
    notify.tell_of_error(settings, Failed("No disk."), once="night:1", doing="Tonight's plan could not be made.")
    first, second, third = told(hook)
    assert "The source could not be read" in first
    assert "deactivates 212 of 3,104 profiles" in second
    assert "--allow deactivate" in second
    assert "Tonight's plan could not be made. No disk." in third
    assert KEY not in first + second + third


def test_the_end_of_trouble_is_told_once_and_a_quiet_night_is_not(
    archive: Archive, settings: Settings, hook: Hook
) -> None:
    quiet = without_plan(archive, 0, Outcome.NOTHING_TO_DO, profiles=3, users=3)
    notify.tell_of_plan(settings, quiet, history(archive, settings))
    assert told(hook) == []
    failed = without_plan(archive, 1, Outcome.FAILED, error="The source could not be read.")
    notify.tell_of_plan(settings, failed, history(archive, settings))
    for day in (2, 3):
        quiet = without_plan(archive, day, Outcome.NOTHING_TO_DO, profiles=3, users=3)
        notify.tell_of_plan(settings, quiet, history(archive, settings))
    trouble, end = told(hook)
    assert ": failed\n" in trouble
    assert ": recovered\n" in end
    assert "Recovered: this run succeeded, after “failed”." in end


def test_an_apply_is_told_once_and_what_falls_short_says_how_to_go_on(
    archive: Archive, settings: Settings, hook: Hook
) -> None:
    run = applied(archive, approved(archive, sealed_run(archive, counts={"update": 1})))
    counts = dict.fromkeys(Result, 0) | {Result.APPLIED: 1}
    for _ in range(2):
        notify.tell_of_apply(settings, run, counts, partly=False)
    add_act(run, Act.INTERRUPTED, "trueup", at=AT)
    run = archive.load(run.run_id)
    notify.tell_of_apply(settings, run, dict.fromkeys(Result, 0), partly=True)
    notify.tell_of_apply(settings, run, dict.fromkeys(Result, 0), partly=False)
    whole, part = told(hook)
    assert f"Run {run.run_id} was applied: 1 applied, 0 skipped, 0 failed." in whole
    assert f"trueup verify {run.run_id}" in whole
    assert f"Next: trueup apply {run.run_id}" in part


def test_a_plan_that_still_waits_is_told_of_again_until_somebody_decides(
    archive: Archive, settings: Settings, hook: Hook
) -> None:
    first = sealed_run(archive, counts={"update": 1})

    def remind(hours: float) -> list[str]:
        notify.remind(settings, history(archive, settings), AT + timedelta(hours=hours))
        return told(hook)

    assert remind(9.9) == []
    [said] = remind(10)
    assert "a plan still waits" in said
    assert f"Run {first.run_id} waits for somebody to accept or reject it, since 2026-11-23 01:00 UTC." in said
    assert remind(33) == []
    second = sealed_run(archive, days=1, counts={"update": 1})
    notify.tell_of_plan(settings, second, history(archive, settings))
    [said] = told(hook)
    assert "Plans have waited since 2026-11-23 01:00 UTC: nobody accepted or rejected the last one" in said
    [said] = remind(34)
    assert second.run_id in said
    assert first.run_id not in said
    assert "Plans have waited since 2026-11-23 01:00 UTC." in said
    [daily] = remind(58)
    assert second.run_id in daily
    approved(archive, second, still_needed=1)
    [said] = remind(82)
    assert "waits for 1 more to accept it" in said
    approved(archive, archive.load(second.run_id), "bo")
    [said] = remind(106)
    assert "is approved and waits to be applied" in said
    add_act(archive.load(second.run_id), Act.EXPIRED, "trueup", at=AT + timedelta(hours=120))
    [said] = remind(130)
    assert "waits for somebody to accept or reject it again, as its approval has expired" in said
    approved(archive, archive.load(second.run_id))
    applied(archive, archive.load(second.run_id))
    assert remind(200) == []
    never = settings.model_copy(update={"notify": settings.notify.model_copy(update={"remind_hours": 0})})
    sealed_run(archive, days=9, counts={"update": 1})
    notify.remind(never, history(archive, never), AT + timedelta(days=90))
    assert told(hook) == []


def test_silence_is_told_once_though_the_service_is_restarted(archive: Archive, settings: Settings, hook: Hook) -> None:
    sealed_run(archive)
    for _restart in range(2):
        for hours in (20, 27, 28):
            tell_of_silence(settings, history(archive, settings), since=AT, at=AT + timedelta(hours=hours))
    [said] = told(hook)
    assert "No run has succeeded in the last 26 hours." in said


def test_a_channel_that_fails_is_said_by_doctor_the_command_and_the_next_report(
    archive: Archive, settings: Settings, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    for number in range(2):
        notify.say(settings, Event.DIED, "Run 1 died.", once=f"died:{number}")
    assert capsys.readouterr().err.count('The notification to notify.urls "env:HOOK" did not arrive: ') == 2
    [note] = notify.not_arriving(settings)
    assert 'The last message to notify.urls "env:HOOK" did not arrive, 2 messages in a row since 20' in note
    assert "500" in note
    [line] = [one for one in look(settings) if one.subject == "notify"]
    assert line.status == "warning"
    assert "500" in line.text
    config = settings.folder / "trueup.toml"
    config.write_text(f'[target]\nurl = "{settings.target.url}"\n[notify]\nurls = ["env:HOOK"]\n', encoding="utf-8")
    assert notify_command(config, test=True, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)[0]["ok"] is False
    hook.status = 204
    assert notify_command(config, test=True) == 0
    assert "The message was taken." in capsys.readouterr().out
    assert notify.not_arriving(settings) == ()
    config.write_text(f'[target]\nurl = "{settings.target.url}"\n', encoding="utf-8")
    with pytest.raises(Misused, match="names no channel"):
        notify_command(config, test=True)


def test_what_reached_nobody_is_told_again_by_the_service_but_not_for_ever(
    archive: Archive, settings: Settings, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    run = sealed_run(archive, counts={"update": 1})
    hook.status = 503
    notify.tell_of_plan(settings, run, history(archive, settings))
    assert len(told(hook)) == 1
    notify.tell_again(settings, history(archive, settings), AT)
    hook.status = 204
    notify.tell_again(settings, history(archive, settings), AT)
    assert len(told(hook)) == 2
    notify.tell_again(settings, history(archive, settings), AT)
    assert told(hook) == []
    hook.status = 503
    sealed_run(archive, days=1, counts={"update": 1})
    for _ in range(TRIES + 3):
        notify.remind(settings, history(archive, settings), AT + timedelta(days=1, hours=11))
    assert len(told(hook)) == TRIES
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("ended", ["before it began", "in the middle"])
def test_a_plan_whose_process_was_ended_before_it_told_of_it_is_told_by_the_service(
    archive: Archive, settings: Settings, hook: Hook, ended: str
) -> None:
    sealed_run(archive, days=-1, counts={"update": 1})
    run = sealed_run(archive, counts={"update": 1})
    if ended == "in the middle":
        with pytest.raises(KeyboardInterrupt), notify.ledger_of(settings).telling(f"plan:{run.run_id}"):
            raise KeyboardInterrupt
    for minutes in (1, 4):  # its own process may be about to
        notify.tell_again(settings, history(archive, settings), run.manifest.sealed + timedelta(minutes=minutes))
    assert told(hook) == []
    for minutes in (6, 7):
        notify.tell_again(settings, history(archive, settings), run.manifest.sealed + timedelta(minutes=minutes))
    [said] = told(hook)
    assert run.run_id in said


def test_a_plan_that_somebody_has_decided_on_or_that_is_old_is_told_of_no_more(
    archive: Archive, settings: Settings, hook: Hook
) -> None:
    run = sealed_run(archive, counts={"update": 1})
    notify.tell_again(settings, history(archive, settings), run.manifest.sealed + timedelta(days=2))
    add_act(run, Act.REJECTED, "somebody", at=AT + timedelta(minutes=1))
    notify.tell_again(settings, history(archive, settings), run.manifest.sealed + timedelta(minutes=6))
    assert told(hook) == []


def test_a_message_that_cannot_be_written_fails_nothing(
    archive: Archive, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sealed_run(archive, counts={"update": 1})
    run.files.decisions.write_bytes(b"no Parquet")
    notify.tell_of_plan(settings, run, history(archive, settings))
    assert "The notification could not be written (" in capsys.readouterr().err
    monkeypatch.delenv("HOOK")
    notify.say(settings, Event.DIED, "Run 1 died.", once="died:1")
    assert "the environment variable HOOK is not set" in capsys.readouterr().err


def test_a_process_that_dies_while_it_tells_leaves_the_event_untold(archive: Archive) -> None:
    ledger = Ledger(archive.path, "https://directory.example/scim/v2")

    def broken_off() -> None:
        with ledger.telling("plan:1") as first:
            assert first
            with Ledger(archive.path, "https://directory.example/scim/v2").telling("plan:1") as at_a_time:
                assert not at_a_time
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with ledger.telling("plan:1") as again:
        assert again
    with ledger.telling("plan:1") as third:
        assert not third
    assert {path.stat().st_mode & 0o777 for path in (archive.path / ".locks").glob("told-*")} == {0o600}
    with Ledger(archive.path, "https://another.example/scim/v2").telling("plan:1") as other:
        assert other
