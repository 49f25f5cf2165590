"""The process that starts due runs: Prefect's own runner, which here ends on SIGTERM as it does on Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from prefect.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.deployments.runner import RunnerDeployment


class QuietRunner(Runner):
    """Ends in order, whichever signal says so.

    Prefect leaves its loop from within the handler of SIGTERM: its own stop is then never awaited and a connection
    half closed, and both are complained of on stderr. So SIGTERM does what asyncio makes of Ctrl-C: cancel and wait.
    Handing on SIGINT would not do: a shell that starts a service in the background has it ignore that signal.
    """

    stop_soon: Any = None
    """Cancels what ``run_until_stopped`` awaits, from within a signal's handler."""

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Do as on Ctrl-C."""
        self.stop_soon()


def run_until_stopped(deployments: Sequence[RunnerDeployment], *, at_once: int) -> None:
    """Start what is due of ``deployments``, at most ``at_once`` runs beside each other.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM said to stop; what was running is ended.
    """
    runner = QuietRunner(pause_on_shutdown=True, limit=at_once)
    for deployment in deployments:
        runner.add_deployment(deployment)
    try:
        asyncio.run(_run(runner))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _run(runner: QuietRunner) -> None:
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    if this is not None:
        runner.stop_soon = lambda: loop.call_soon_threadsafe(this.cancel)
    await runner.start()
