"""When a night is due, judged by the archive: pure of clocks, so that a restart changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from transforms.errors import Misused
from transforms.words import Kind, Outcome

if TYPE_CHECKING:
    from transforms.history import PriorRun
    from transforms.settings import ScheduleSettings

SILENCE = timedelta(hours=26)
"""After so long without a run that succeeded, somebody is told."""


def last_tick(schedule: ScheduleSettings, at: datetime) -> datetime:
    """The last moment at or before ``at`` when a plan was to begin.

    Raises:
        Misused: the expression or the time zone is none.
    """
    try:
        zone = ZoneInfo(schedule.timezone)
    except (KeyError, ValueError) as error:
        raise Misused(
            f"schedule.timezone: {schedule.timezone!r} is no time zone.", remedy='Write one like "Europe/Berlin".'
        ) from error
    try:
        ticks = CronSim(schedule.cron, at.astimezone(zone) + timedelta(minutes=1), reverse=True)
        return next(tick for tick in ticks if tick <= at).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        raise Misused(
            f"schedule.cron: {schedule.cron!r} is no schedule.", remedy='Five fields, e.g. "0 1 * * *".'
        ) from error


def is_due(schedule: ScheduleSettings, runs: tuple[PriorRun, ...], at: datetime) -> bool:
    """Whether no whole plan has been begun since the last tick; ``runs`` newest first."""
    tick = last_tick(schedule, at)
    return not any(run.manifest.started >= tick for run in runs if run.kind is Kind.RECONCILE and not run.manifest.only)


def has_been_silent(runs: tuple[PriorRun, ...], *, since: datetime, at: datetime) -> bool:
    """Whether no run has succeeded for 26 hours, counting from ``since`` where there is none at all."""
    good = [run.manifest.sealed for run in runs if run.manifest.outcome in {Outcome.READY, Outcome.NOTHING_TO_DO}]
    return at - max([since, *good]) > SILENCE
