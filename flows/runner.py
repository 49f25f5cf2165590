"""The process that starts due runs: Prefect's own runner, which here ends on SIGTERM as it does on Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

from prefect.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefect.deployments.runner import RunnerDeployment


class QuietRunner(Runner):
    """Ends in order, whichever signal says so.

    Prefect leaves its loop from within the handler of SIGTERM: its own stop is then never awaited and a connection
    half closed, and both are complained of on stderr. Ctrl-C is taken by asyncio, which cancels and waits.
    """

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Do as on Ctrl-C."""
        signal.raise_signal(signal.SIGINT)


def run_until_stopped(deployments: Sequence[RunnerDeployment], *, at_once: int) -> None:
    """Start what is due of ``deployments``, at most ``at_once`` runs beside each other.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM said to stop; what was running is ended.
    """
    runner = QuietRunner(pause_on_shutdown=True, limit=at_once)
    for deployment in deployments:
        runner.add_deployment(deployment)
    asyncio.run(runner.start())
