from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trueup.flows.due import NightRun, Step, has_been_silent, is_due, last_tick, what_next
from trueup.transforms.errors import Misused
from trueup.transforms.history import PriorRun
from trueup.transforms.manifest import Manifest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.service_settings import ScheduleSettings
from trueup.transforms.vocabulary import Kind, Outcome

NIGHTLY = ScheduleSettings(cron="0 1 * * *", timezone="UTC")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(
    started: datetime,
    *,
    kind: Kind = Kind.RECONCILE,
    only: tuple[str, ...] = (),
    outcome: Outcome = Outcome.READY,
    expected: datetime | None = None,
) -> PriorRun:
    run_id = started.strftime("%Y%m%dT%H%M%SZ-0000")
    manifest = Manifest(
        run_id=run_id, kind=kind, outcome=outcome, started=started, expected=expected, sealed=started, only=only
    )
    return PriorRun(RunFiles(Path(run_id)), manifest, (), outcome)


def test_the_last_tick_is_the_latest_moment_not_after_now() -> None:
    assert last_tick(NIGHTLY, NOON) == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert last_tick(NIGHTLY, datetime(2026, 11, 23, 1, tzinfo=UTC)) == datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert last_tick(NIGHTLY, datetime(2026, 11, 23, 0, 59, 59, tzinfo=UTC)) == datetime(2026, 11, 22, 1, tzinfo=UTC)


def test_ticks_follow_the_time_zone_through_the_change_of_the_clock() -> None:
    berlin = ScheduleSettings(cron="0 1 * * *", timezone="Europe/Berlin")
    assert last_tick(berlin, datetime(2026, 7, 1, 12, tzinfo=UTC)).hour == 23
    assert last_tick(berlin, datetime(2026, 12, 1, 12, tzinfo=UTC)).hour == 0


@pytest.mark.parametrize(
    ("zone", "cron", "at", "tick"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-29T00:30:00", "2026-03-29T00:30:00"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29T00:29:59", "2026-03-28T01:30:00"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29T12:00:00", "2026-03-29T00:30:00"),
        ("Europe/Berlin", "0 2 * * *", "2026-03-29T12:00:00", "2026-03-29T00:00:00"),
        ("Europe/Berlin", "0 2 * * *", "2026-03-29T00:00:00", "2026-03-29T00:00:00"),
        ("Europe/Berlin", "0 3 * * *", "2026-03-29T12:00:00", "2026-03-29T01:00:00"),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25T12:00:00", "2026-10-25T00:30:00"),
        ("America/New_York", "30 2 * * *", "2026-03-08T12:00:00", "2026-03-08T06:30:00"),
        ("America/Santiago", "0 0 * * *", "2026-09-06T12:00:00", "2026-09-06T03:00:00"),
    ],
)
def test_where_the_clock_leaps_a_tick_is_when_prefect_begins_the_run(zone: str, cron: str, at: str, tick: str) -> None:
    schedule = ScheduleSettings(cron=cron, timezone=zone)
    found = last_tick(schedule, datetime.fromisoformat(at).replace(tzinfo=UTC))
    assert found.isoformat() == f"{tick}+00:00"


def test_a_night_without_a_run_is_due_and_one_run_is_enough() -> None:
    assert is_due(NIGHTLY, (), NOON)
    assert is_due(NIGHTLY, (run(NOON - timedelta(days=1)),), NOON)
    assert not is_due(NIGHTLY, (run(datetime(2026, 11, 23, 1, 0, 2, tzinfo=UTC)),), NOON)


def test_a_refused_or_failed_night_was_still_a_night() -> None:
    assert not is_due(NIGHTLY, (run(NOON, outcome=Outcome.REFUSED),), NOON)
    assert not is_due(NIGHTLY, (run(NOON, outcome=Outcome.FAILED),), NOON)


def test_a_trial_of_one_person_or_a_rollback_is_no_night() -> None:
    assert is_due(NIGHTLY, (run(NOON, only=("ada@contoso.example",)), run(NOON, kind=Kind.ROLLBACK)), NOON)


def test_a_night_is_known_by_the_moment_it_was_meant_for_not_by_the_moment_it_began() -> None:
    tick = datetime(2026, 11, 23, 1, tzinfo=UTC)
    assert is_due(NIGHTLY, (), tick)
    early = run(tick - timedelta(milliseconds=100), expected=tick)
    assert not is_due(NIGHTLY, (early,), tick + timedelta(seconds=5)), "Prefect may begin a run before its tick"
    late = run(tick + timedelta(seconds=1), expected=tick - timedelta(days=1))
    assert is_due(NIGHTLY, (late,), tick), "the night before, begun when this one was due, is not this one"


def seen(*states: str) -> list[NightRun]:
    """Runs of one night, each written as its state and, after a blank, its message."""
    return [NightRun(NOON, *one.split(" ", 1)) for one in states]


LIMIT = "CANCELLED Deployment concurrency limit reached."
SLOT = "CANCELLED Deployment concurrency slot lost during provisioning - no slots available to continue execution"
SKIPPED = "CANCELLED Skipped: another run of this target is in progress."
PERSON = "CANCELLED Flow run was cancelled."


@pytest.mark.parametrize(
    ("states", "step"),
    [
        ((), Step.BEGIN),
        (("SCHEDULED",), Step.NOTHING),
        (("PENDING",), Step.NOTHING),
        (("RUNNING",), Step.NOTHING),
        (("COMPLETED",), Step.NOTHING),
        (("FAILED",), Step.NOTHING),
        (("CRASHED",), Step.AGAIN),
        ((LIMIT,), Step.AGAIN),
        ((SLOT,), Step.AGAIN),
        ((SKIPPED,), Step.NOTHING),
        ((PERSON,), Step.NOTHING),
        (("CANCELLED",), Step.NOTHING),
        (("CRASHED", SKIPPED), Step.AGAIN),
        (("CRASHED", "RUNNING"), Step.NOTHING),
        (("CRASHED", PERSON), Step.NOTHING),
        (("CRASHED", "CRASHED"), Step.GIVE_UP),
        (("CRASHED", LIMIT), Step.GIVE_UP),
        (("CRASHED", "CRASHED", "CRASHED"), Step.GIVE_UP),
    ],
)
def test_a_night_is_begun_once_more_only_if_neither_it_nor_we_nor_a_person_ended_it(
    states: tuple[str, ...], step: Step
) -> None:
    assert what_next(seen(*states)) is step


def test_silence_begins_after_26_hours_without_success() -> None:
    good = run(NOON - timedelta(hours=25))
    assert not has_been_silent((good,), since=NOON - timedelta(days=9), at=NOON)
    assert has_been_silent((good,), since=NOON - timedelta(days=9), at=NOON + timedelta(hours=1, minutes=1))
    refused = run(NOON, outcome=Outcome.REFUSED)
    assert has_been_silent((refused,), since=NOON - timedelta(hours=27), at=NOON)
    assert not has_been_silent((), since=NOON - timedelta(hours=2), at=NOON)


@pytest.mark.parametrize(
    ("cron", "zone"), [("every night", "UTC"), ("0 1 * * *", "Mars/Olympus"), ("61 1 * * *", "UTC")]
)
def test_a_schedule_that_is_none_is_said(cron: str, zone: str) -> None:
    with pytest.raises(Misused, match="schedule"):
        last_tick(ScheduleSettings(cron=cron, timezone=zone), NOON)
