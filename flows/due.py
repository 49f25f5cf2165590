"""When a night is due, judged by the archive and Prefect's runs: pure of clocks, so that a restart changes nothing.

A night is known by its *tick*, the moment the schedule means it to begin, and never by the moment it really began:
Prefect may begin a run a tenth of a second before its tick, or hours after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from trueup.transforms.errors import Misused
from trueup.transforms.measures import is_good
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.transforms.history import PriorRun
    from trueup.transforms.service_settings import ScheduleSettings

SILENCE = timedelta(hours=26)
"""After so long without a run that succeeded, somebody is told."""
SKIPPED = "Skipped:"
"""How the message of a flow run begins that was ended because there was nothing for it to do."""
_LONGEST_GAP = timedelta(hours=3)
"""A clock never leaps as far."""
_ENDED_BY_PREFECT = ("Deployment concurrency",)
"""How Prefect's own messages begin where it cancelled a run that nobody asked it to cancel."""
_ON_ITS_WAY = frozenset({"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"})


class Step(StrEnum):
    """What is to be done about a night that is due."""

    NOTHING = "nothing"
    """It is on its way, it came to an end of its own, or a person cancelled it."""
    BEGIN = "begin"
    """Nothing was ever begun for it."""
    AGAIN = "again"
    """What was begun for it is lost: once more, and somebody is told."""
    GIVE_UP = "give up"
    """Lost a second time: somebody is told, and nothing is begun."""


@dataclass(frozen=True, slots=True)
class NightRun:
    """One flow run of a night, as Prefect tells of it."""

    expected: datetime
    """When it was meant to begin."""
    state: str
    """Prefect's state type, such as ``RUNNING``."""
    message: str = ""

    @property
    def was_skipped(self) -> bool:
        """Whether we ended it because there was nothing for it to do."""
        return self.state == "CANCELLED" and self.message.startswith(SKIPPED)

    @property
    def is_lost(self) -> bool:
        """Whether it ended although neither it, nor we, nor a person meant it to."""
        if self.state == "CANCELLED":
            return self.message.startswith(_ENDED_BY_PREFECT)
        return self.state == "CRASHED"


def last_tick(schedule: ScheduleSettings, at: datetime) -> datetime:
    """The last moment at or before ``at`` when a plan was to begin.

    Raises:
        Misused: the expression or the time zone is none.
    """
    try:
        zone = ZoneInfo(schedule.timezone)
    except (KeyError, ValueError) as error:
        raise Misused(
            f"schedule.timezone: {schedule.timezone!r} is not a time zone.", remedy='Write one like "Europe/Berlin".'
        ) from error
    try:
        ticks = CronSim(schedule.cron, (at + _LONGEST_GAP).astimezone(zone), reverse=True)
        return next(tick for tick in (_as_prefect_has_it(schedule.cron, tick) for tick in ticks) if tick <= at)
    except (CronSimError, StopIteration) as error:
        raise Misused(
            f"schedule.cron: {schedule.cron!r} is not a schedule.", remedy='Five fields, e.g. "0 1 * * *".'
        ) from error


def _as_prefect_has_it(cron: str, tick: datetime) -> datetime:
    """``tick`` in UTC, as Prefect schedules it where the clock leaps over the moment that was meant.

    Of 02:30, on the day when 02:00 becomes 03:00, CronSim makes 03:00 and Prefect 01:30, both by that zone's clock.
    """
    moment = tick.astimezone(UTC)
    if (moment - timedelta(seconds=1)).astimezone(tick.tzinfo).utcoffset() == tick.utcoffset():
        return moment
    wall = tick.replace(tzinfo=None)
    meant = next(CronSim(cron, wall + timedelta(minutes=1), reverse=True))
    leapt = meant.replace(tzinfo=tick.tzinfo, fold=1).astimezone(UTC)
    return leapt if leapt.astimezone(tick.tzinfo).replace(tzinfo=None) != meant else moment


def is_due(schedule: ScheduleSettings, runs: tuple[PriorRun, ...], at: datetime) -> bool:
    """Whether no whole plan belongs to the last tick or a later one; ``runs`` newest first."""
    tick = last_tick(schedule, at)
    return not any(meant_for(run) >= tick for run in runs if run.kind is Kind.RECONCILE and not run.manifest.only)


def meant_for(run: PriorRun) -> datetime:
    """The moment a run was meant to begin; of one that was begun by hand, the moment it began."""
    return run.manifest.expected or run.manifest.started


def what_next(runs: Sequence[NightRun]) -> Step:
    """What to do about a night that is due, from all flow runs there have been of it."""
    if not runs:
        return Step.BEGIN
    if any(run.state in _ON_ITS_WAY for run in runs):
        return Step.NOTHING
    lost = sum(run.is_lost for run in runs)
    if not lost or any(not run.is_lost and not run.was_skipped for run in runs):
        return Step.NOTHING
    return Step.AGAIN if lost == 1 else Step.GIVE_UP


def has_been_silent(runs: tuple[PriorRun, ...], *, since: datetime, at: datetime) -> bool:
    """Whether no run has succeeded for 26 hours, counting from ``since`` where there is none at all."""
    return at - max([since, *(run.manifest.sealed for run in runs if is_good(run))]) > SILENCE
