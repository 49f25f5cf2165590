"""``trueup serve``: the nightly schedule as Prefect deployments, a missed night made up once, and silence noticed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows import configuration, screen
from flows.nights import has_been_silent, is_due, last_tick
from flows.orchestrator import orchestrator
from flows.plan_command import check_before

if TYPE_CHECKING:
    from pathlib import Path

    from transforms.settings import Settings

FIRST_LOOK_SECONDS = 10
"""Long enough for the deployments to be known to the server."""
LOOK_SECONDS = 300


def serve_schedule(config: Path) -> int:
    """Serve until stopped; returns the exit code."""
    settings = configuration.load(config)
    check_before(settings)
    last_tick(settings.schedule, datetime.now(UTC))
    with orchestrator(scheduling=True) as server:
        from prefect import serve

        server.ready()
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(config, stop), name="watch", daemon=True)
        watcher.start()
        screen.note(
            f"Planning at {settings.schedule.cron} ({settings.schedule.timezone}); archive {settings.archive.path}. "
            "Stop with Ctrl-C."
        )
        try:
            serve(*_deployments(settings, config), print_starting_message=False, limit=2)
        except KeyboardInterrupt:
            screen.note("Stopped.")
        finally:
            stop.set()
    return 0


def _deployments(settings: Settings, config: Path) -> tuple[object, ...]:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.deployments.runner import EntrypointType
    from prefect.schedules import Cron

    from flows.apply import approve_and_apply
    from flows.nightly import nightly

    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    place = str(config.resolve())
    return (
        nightly.to_deployment(
            name="nightly",
            schedule=Cron(settings.schedule.cron, timezone=settings.schedule.timezone),
            parameters={"config": place},
            concurrency_limit=one,
            entrypoint_type=EntrypointType.MODULE_PATH,
            description="Plans the night that is due. Applies only under [approval.auto].",
        ),
        approve_and_apply.to_deployment(
            name="apply",
            parameters={"config": place},
            concurrency_limit=one,
            entrypoint_type=EntrypointType.MODULE_PATH,
            description="Approves a reviewed run by its fingerprint and applies it.",
        ),
    )


def _watch(config: Path, stop: threading.Event) -> None:
    """Begin a night that was missed, and say when nothing has succeeded for too long."""
    since = datetime.now(UTC)
    told = False
    pause = FIRST_LOOK_SECONDS
    while not stop.wait(pause):
        told = _look(config, since, told=told)
        pause = LOOK_SECONDS


def _look(config: Path, since: datetime, *, told: bool) -> bool:
    from connectors.archive import open_archive
    from flows.notify import tell
    from transforms.errors import TrueupError

    try:
        settings = configuration.load(config)
        runs = open_archive(settings).history(settings.target.url).runs
        now = datetime.now(UTC)
        if is_due(settings.schedule, runs, now):
            _begin_missed_night()
        silent = has_been_silent(runs, since=since, at=now)
        if silent and not told:
            tell(settings, "Trueup: no run has succeeded in the last 26 hours.", settings.archive.path)
    except TrueupError as error:
        screen.complain(error)
        return told
    return silent


def _begin_missed_night() -> None:
    from prefect.deployments import run_deployment

    run_deployment("nightly/nightly", timeout=0, as_subflow=False)
