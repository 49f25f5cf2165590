"""``trueup serve``: the nightly schedule as Prefect deployments, a missed night made up once, and silence noticed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flows import configuration, screen
from flows.nights import has_been_silent, is_due, last_tick
from flows.orchestrator import orchestrator
from flows.plan_command import check_before

if TYPE_CHECKING:
    from pathlib import Path

    from prefect.deployments.runner import RunnerDeployment

    from transforms.settings import Settings

FIRST_LOOK_SECONDS = 10
"""Long enough for the deployments to be known to the server."""
LOOK_SECONDS = 300


def serve_schedule(config: Path) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code."""
    settings = configuration.load(config)
    check_before(settings)
    last_tick(settings.schedule, datetime.now(UTC))
    # Whoever stops a service (systemd, a container) sends SIGTERM, at any moment: also while the server starts.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _serve_until_stopped(settings, config)
    except KeyboardInterrupt:
        screen.note("Stopped.")
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def _serve_until_stopped(settings: Settings, config: Path) -> None:
    with orchestrator(scheduling=True) as server:
        from flows.runner import run_until_stopped

        server.ready()
        stop = threading.Event()
        watcher = threading.Thread(target=_keep_watch, args=(config, stop), name="watch", daemon=True)
        watcher.start()
        screen.note(
            f"Planning at {settings.schedule.cron} ({settings.schedule.timezone}); archive {settings.archive.path}. "
            "Stop with Ctrl-C."
        )
        try:
            run_until_stopped(_deployments(settings, config), at_once=2)
        finally:
            stop.set()


def deployment_name(settings: Settings) -> str:
    """The target's host: services for several directories beside each other on one Prefect server stay apart."""
    place = urlsplit(settings.target.url)
    return f"{place.hostname}:{place.port}" if place.port else str(place.hostname)


def _deployments(settings: Settings, config: Path) -> list[RunnerDeployment]:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.apply import approve_and_apply
    from flows.nightly import nightly

    name = deployment_name(settings)
    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    place = str(config.resolve())
    deployments = (
        nightly.to_deployment(
            name=name,
            schedule=Cron(settings.schedule.cron, timezone=settings.schedule.timezone),
            parameters={"config": place},
            concurrency_limit=one,
            entrypoint_type=EntrypointType.MODULE_PATH,
            description="Plans the night that is due. Applies only under [approval.auto].",
        ),
        approve_and_apply.to_deployment(
            name=name,
            parameters={"config": place},
            concurrency_limit=one,
            entrypoint_type=EntrypointType.MODULE_PATH,
            description="Approves a reviewed run by its fingerprint and applies it.",
        ),
    )
    # Called from plain code they are deployments at once; only inside an event loop would they be awaitable.
    return [one for one in deployments if not isinstance(one, Coroutine)]


@dataclass(slots=True)
class _Watch:
    """What the watcher remembers between looks."""

    since: datetime
    begun: datetime | None = None
    """The tick for which a missed night was begun: once is enough."""
    told: bool = False
    """Whether somebody was told of this silence."""

    def look(self, config: Path) -> None:
        """Begin a night that was missed, and say when nothing has succeeded for too long."""
        from connectors.archive import open_archive
        from flows.notify import tell

        settings = configuration.load(config)
        runs = open_archive(settings).history(settings.target.url).runs
        now = datetime.now(UTC)
        tick = last_tick(settings.schedule, now)
        if self.begun != tick and is_due(settings.schedule, runs, now):
            self.begun = tick
            _begin_night(settings)
        silent = has_been_silent(runs, since=self.since, at=now)
        if silent and not self.told:
            tell(settings, "Trueup: no run has succeeded in the last 26 hours.", settings.archive.path)
        self.told = silent


def _keep_watch(config: Path, stop: threading.Event) -> None:
    from transforms.errors import TrueupError

    watch = _Watch(since=datetime.now(UTC))
    pause = FIRST_LOOK_SECONDS
    while not stop.wait(pause):
        pause = LOOK_SECONDS
        try:
            watch.look(config)
        except TrueupError as error:
            screen.complain(error)


def _begin_night(settings: Settings) -> None:
    from prefect.deployments import run_deployment

    run_deployment(f"nightly/{deployment_name(settings)}", timeout=0, as_subflow=False)
