"""``trueup serve``: the nightly schedule as Prefect deployments, for as long as nobody says to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.connectors.archive.heartbeat import living
from trueup.flows import configuration, flow_runs, screen
from trueup.flows.due import last_tick
from trueup.flows.orchestrator import orchestrator
from trueup.flows.review.beside_serve import review_beside
from trueup.flows.runs import check_before
from trueup.transforms.vocabulary import Exit, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.deployments.runner import RunnerDeployment

    from trueup.transforms.settings import Settings

FIRST_LOOK_SECONDS = 10.0
"""Until the watch begins: long enough for Prefect to begin by itself what is due."""
LOOK_SECONDS = 60.0


def serve_schedule(config: Path, *, review: str = "") -> int:
    """Serve until SIGINT or SIGTERM, with the team's review at ``review`` (HOST:PORT); returns the exit code."""
    settings = configuration.load(config)
    check_before(settings)
    last_tick(settings.schedule, datetime.now(UTC))
    # Whoever stops a service (systemd, a container) sends SIGTERM, at any moment: also while the server starts.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with review_beside(config, review):
            _serve_until_stopped(settings, config)
    except KeyboardInterrupt:
        screen.note("Stopped.")
    finally:
        signal.signal(signal.SIGTERM, before)
    return Exit.DONE


def _serve_until_stopped(settings: Settings, config: Path) -> None:
    place = settings.archive_root
    with living(place, settings.target.url) as heart, orchestrator(scheduling=True) as server:
        from trueup.flows.runner import Absence, run_until_stopped
        from trueup.flows.watch import keep_watch

        server.ready()
        deployments = _deployments(settings, config)
        stop = threading.Event()
        how = {"first": FIRST_LOOK_SECONDS, "every": LOOK_SECONDS, "alive": heart.beat}
        watcher = threading.Thread(target=keep_watch, args=(config, stop), kwargs=how, name="watch", daemon=True)

        def begun() -> None:
            server.keep_running()
            watcher.start()
            when = f"{settings.schedule.cron} ({settings.schedule.timezone})"
            screen.note(f"Planning at {when}; archive {settings.archive.path}. Stop with Ctrl-C.")

        try:
            run_until_stopped(deployments, Absence(), begun, at_once=2)
        finally:
            stop.set()


def _deployments(settings: Settings, config: Path) -> list[RunnerDeployment]:
    """Both deployments as they shall be: whatever an earlier one had, without a limit, and paused if it was paused.

    No limit of Prefect's: after a SIGKILL its slot stays taken, for ever if the server died too, and every later night
    is cancelled. Our own locks keep nights apart, and a killed process holds none.
    """
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from trueup.flows.apply import approve_and_apply
    from trueup.flows.nightly import nightly
    from trueup.flows.watch import deployed, is_paused

    name, place = flow_runs.host_of(settings), str(config.resolve())
    found = deployed(settings)
    paused = _is_held(found)
    active = is_active(found)
    if found is not None and is_paused(found) and (paused or not active):
        screen.note(f"In Prefect nightly/{name} is paused, and stays so: no night begins until it is resumed there.")
    deployments = (
        nightly.to_deployment(
            name=name,
            schedule=Cron(settings.schedule.cron, timezone=settings.schedule.timezone, active=active),
            paused=paused,
            parameters={"config": place},
            concurrency_limit=None,
            entrypoint_type=EntrypointType.MODULE_PATH,
            tags=flow_runs.tags_of(settings, Kind.RECONCILE),
            description="Plans the night that is due. Applies only under [approval.auto].",
        ),
        approve_and_apply.to_deployment(
            name=name,
            paused=_is_held(deployed(settings, "approve and apply")),
            parameters={"config": place},
            concurrency_limit=None,
            entrypoint_type=EntrypointType.MODULE_PATH,
            tags=flow_runs.tags_of(settings),
            description="Approves a reviewed run by its fingerprint and applies it.",
        ),
    )
    # Called from plain code they are deployments at once; only inside an event loop would they be awaitable.
    return [one for one in deployments if not isinstance(one, Coroutine)]


def is_active(found: DeploymentResponse | None) -> bool:
    """Whether its schedule shall run: it does, unless a person has paused it."""
    return found is None or not found.schedules or any(schedule.active for schedule in found.schedules)


def _is_held(deployment: DeploymentResponse | None) -> bool:
    """Whether a person has paused it. Version 0.1, known by its limit, paused what it served as it ended."""
    return deployment is not None and deployment.paused and deployment.global_concurrency_limit is None
