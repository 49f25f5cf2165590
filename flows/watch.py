"""What ``serve`` does beside starting what is due: it makes up missed nights, closes lost runs, and notices silence.

All it decides rests on the archive and on what Prefect tells of its runs, so a restart changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trueup.flows import configuration, flow_runs, screen
from trueup.flows.due import Step, has_been_silent, is_due, last_tick, meant_for, what_next
from trueup.flows.notify import remind, say, tell_again
from trueup.flows.prefect_settings import HEARTBEAT_SECONDS
from trueup.flows.runner import is_absence
from trueup.transforms.approval.judgement import goes_on_by_itself
from trueup.transforms.errors import TrueupError
from trueup.transforms.measures import is_good
from trueup.transforms.messages import Event

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import History
    from trueup.transforms.settings import Settings

LISTEN_SECONDS = 2 * HEARTBEAT_SECONDS
"""A run that lives has said so in the meantime."""
MOST_MISSED = 3
"""So often in a row, by our own clock and with the server there to be asked: then a run that says nothing is lost."""
KILLED = "Its process was killed: what it had locked is free."
SILENT = "Three times in a row it did not say that it is alive: its process is gone, or the host it ran on."


def keep_watch(
    config: Path, stop: threading.Event, *, first: float, every: float, alive: Callable[[], None] = lambda: None
) -> None:
    """Look after ``first`` seconds, then ``every`` so many until ``stop``; nothing that goes wrong ends it.

    ``alive`` is called before each look, so that one that hangs is noticed.
    """
    watch = Watch(since=datetime.now(UTC))
    pause = first
    while not stop.wait(pause):
        pause = every
        alive()
        try:
            watch.look(config)
        except TrueupError as error:
            screen.complain(error)
        except Exception as error:  # noqa: BLE001 - raised, it would end the watch, and nobody would see the next night fail; it is said and traced
            if not is_absence(error):
                screen.note(f"The watch met something unforeseen ({type(error).__name__}); it looks again in a minute.")
                screen.trace(error)


@dataclass(slots=True)
class Watch:
    """What is remembered between looks: only what nobody else keeps."""

    since: datetime
    settled: datetime | None = None
    """The tick that needs no more looking after: it passed while the schedule was paused, or was given up."""
    missed: dict[UUID, int] = field(default_factory=dict)
    """How often in a row a run had said nothing since it was last listened for."""
    listened: float | None = None
    """When that was, by the monotonic clock."""
    died: set[str] = field(default_factory=set)
    """Runs told of as died, should the archive not take the note of it."""

    def look(self, config: Path) -> None:
        """Close lost runs, begin a night that was missed or lost, and say when nothing has succeeded for too long."""
        from trueup.connectors.archive import open_archive

        settings = configuration.load(config)
        archive = open_archive(settings)
        now = datetime.now(UTC)
        history = archive.history(settings.target.url)
        tell_of_silence(settings, history, since=self.since, at=now)
        tell_again(settings, history, now)
        remind(settings, history, now)
        self._close_killed(settings, archive)
        self._close_silent(settings, now)
        self._see_to_the_night(settings, archive, now)
        self._tell_of_died(settings, archive)

    def _tell_of_died(self, settings: Settings, archive: Archive) -> None:
        """Each run that a process did not live to seal is told of once, over restarts too."""
        from trueup.connectors.archive.unfinished import died

        for one in died(archive.path):
            if one.run_id in self.died or one.was_told:
                continue
            self.died.add(one.run_id)
            screen.note(f"{one.text} {one.remedy}")
            say(settings, Event.DIED, f"{one.text} {one.remedy}", once=f"died:{one.run_id}", commands=("trueup plan",))
            one.remember_told()

    def _see_to_the_night(self, settings: Settings, archive: Archive, now: datetime) -> None:
        tick = last_tick(settings.schedule, now)
        if self.settled == tick:
            return
        deployment = deployed(settings)
        if deployment is None or is_paused(deployment):
            self.settled = tick  # a paused schedule wants nothing made up afterwards
            return
        history = archive.history(settings.target.url)
        left = any(goes_on_by_itself(run, settings, at=now) for run in history.runs if meant_for(run) >= tick)
        if not (left or is_due(settings.schedule, history.runs, now)):
            return
        runs = flow_runs.night_runs(deployment.id, tick, now)
        step = what_next(runs)
        if step in {Step.BEGIN, Step.AGAIN}:
            begin_night(deployment.id, tick, attempt=len(runs))
        night = f"The night of {tick:%Y-%m-%d %H:%M} UTC was broken off"
        words = {
            Step.AGAIN: f"{night}. It is begun once more.",
            Step.GIVE_UP: f"{night} a second time. It is not begun again; by hand: trueup plan",
        }
        if step in words:
            screen.note(words[step])
            told = " ".join([words[step], *self._died_with_it(archive)])
            say(
                settings,
                Event.BROKEN_OFF,
                told,
                once=f"broken off:{tick.isoformat()}:{step}",
                commands=("trueup runs",),
            )
        if step is Step.GIVE_UP:
            self.settled = tick

    def _close_killed(self, settings: Settings, archive: Archive) -> None:
        flow_runs.close_as_crashed(without_lock(settings, archive, flow_runs.unfinished(settings)), KILLED)

    def _close_silent(self, settings: Settings, now: datetime) -> None:
        if self.listened is not None and time.monotonic() - self.listened < LISTEN_SECONDS:
            return
        runs = flow_runs.unfinished(settings)
        said = flow_runs.last_heartbeats(runs, now - timedelta(seconds=LISTEN_SECONDS))
        first, self.listened = self.listened is None, time.monotonic()
        if first:
            return  # whether it was silent while nobody listened says nothing: the server may have been away
        self.missed = {run.id: 0 if run.id in said else self.missed.get(run.id, 0) + 1 for run in runs}
        lost = [run for run in runs if self.missed[run.id] >= MOST_MISSED]
        flow_runs.close_as_crashed(lost, SILENT)

    def _died_with_it(self, archive: Archive) -> list[str]:
        """What is to be said of runs that died, in the message about their night: one event is told once."""
        from trueup.connectors.archive.unfinished import died

        found = [one for one in died(archive.path) if one.run_id not in self.died and not one.was_told]
        for one in found:
            self.died.add(one.run_id)
            one.remember_told()
        return [one.text for one in found]


def tell_of_silence(settings: Settings, history: History, *, since: datetime, at: datetime, more: str = "") -> None:
    """Tell, once, that nothing has succeeded for 26 hours, counting from ``since`` where nothing ever did."""
    if has_been_silent(history.runs, since=since, at=at):
        good = next((run.run_id for run in history.runs if is_good(run)), "none")
        say(settings, Event.SILENCE, f"No run has succeeded in the last 26 hours.{more}", once=f"silence:{good}")


def without_lock(settings: Settings, archive: Archive, runs: list[FlowRun]) -> list[FlowRun]:
    """Those of ``runs`` that say they hold a lock of this host which in truth is free.

    A run takes its label off, or ends, before it lets go of the lock, so one that is at work with it on, with the lock
    found free in between two looks at Prefect, was killed.
    """
    from trueup.connectors.archive import apply_holder
    from trueup.connectors.archive.locks import lock_names, night_at_work

    names = lock_names(archive.path, settings.target.url)
    claimed = {run.labels.get(flow_runs.LABEL) for run in runs}
    free = set()
    if names["night"] in claimed and not night_at_work(archive.path, settings.target.url):
        free.add(names["night"])
    if names["apply"] in claimed and apply_holder(archive.path, settings.target.url) is None:
        free.add(names["apply"])
    if not free:
        return []
    before = {run.id for run in runs}
    return [
        run for run in flow_runs.unfinished(settings) if run.id in before and run.labels.get(flow_runs.LABEL) in free
    ]


def deployed(settings: Settings, flow: str = "nightly") -> DeploymentResponse | None:
    """The deployment of ``flow`` as Prefect has it; None when there is none."""
    from prefect.exceptions import ObjectNotFound

    with flow_runs.client() as api:
        try:
            return api.read_deployment_by_name(f"{flow}/{flow_runs.host_of(settings)}")
        except ObjectNotFound:
            return None


def is_paused(deployment: DeploymentResponse) -> bool:
    """Whether a person wants no nights: the deployment is paused, or every schedule of it."""
    return deployment.paused or not any(schedule.active for schedule in deployment.schedules)


def begin_night(deployment: UUID, tick: datetime, *, attempt: int) -> None:
    """Have Prefect begin the night of ``tick``; the same attempt twice is one run."""
    from prefect.deployments import run_deployment

    run_deployment(
        deployment,
        scheduled_time=tick,
        timeout=0,
        as_subflow=False,
        idempotency_key=f"{deployment}-{tick:%Y%m%dT%H%M%SZ}-{attempt}",  # one flow has the nights of all targets
    )
