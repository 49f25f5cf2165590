"""The process that starts due runs: Prefect's own runner, which ends in order and waits for a server that is away."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runner import Runner

from trueup.flows import screen
from trueup.flows.prefect_settings import POLL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from prefect.deployments.runner import RunnerDeployment

GRACE_SECONDS = 4.0
"""For a run that is told to stop: long enough to say so, short enough for a service manager."""
REST_SECONDS = 2.0
"""For everything else that is told to stop."""
LAST_RESORT_SECONDS = 8.5
"""After so long, whatever still hangs is left behind."""
START_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts to begin."""
_LEAST_FAILURES = 3
"""One failed request does not prove that the server is gone."""
_ASKING = {
    "_scheduled_run_poller": "_get_and_submit_flow_runs",
    "_cancelling_observer": "_check_for_cancelled_flow_runs",
}
"""Parts of Prefect's runner, and what each does again and again until it fails three times running."""
_TOLD_OF_ITS_END = "_handle_polling_task_done"
"""What the second of them calls when its asking has ended."""


def is_absence(error: BaseException) -> bool:
    """Whether ``error`` says that the Prefect server is away or not itself, and may be back soon."""
    if isinstance(error, (PrefectHTTPStatusError, httpx.HTTPStatusError)):
        return error.response.status_code >= 500
    return isinstance(error, (httpx.TransportError, OSError))


class Absence:
    """Whether the Prefect server is away: said once when it goes, and once when it is back."""

    def __init__(self) -> None:
        """Take the server to be there."""
        self._failures = 0

    @property
    def lasts(self) -> bool:
        """Whether it is away now."""
        return self._failures >= _LEAST_FAILURES

    def forgiving(
        self, ask: Callable[[], Awaitable[None]], *, ending: Callable[[], bool] = lambda: False
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """``ask``, which fails no more for an absence: Prefect's runner would end after three such failures.

        While the service is ``ending`` it does not fail at all: Prefect closes the client first and asks once more with
        it, and what it then begins for the failure is complained of on stderr as never awaited.
        """

        async def ask_patiently() -> None:
            try:
                await ask()
            except Exception as error:
                if ending():
                    return
                if not is_absence(error):
                    raise
                self.failed()
            else:
                self._answered()

        return ask_patiently

    def failed(self) -> None:
        """Count a request that the server did not answer."""
        self._failures += 1
        if self._failures == _LEAST_FAILURES:
            screen.note("The Prefect server cannot be reached. Waiting for it; nights it misses are made up.")

    def _answered(self) -> None:
        if self.lasts:
            screen.note("The Prefect server is back.")
        self._failures = 0


class QuietRunner(Runner):
    """Ends in order, whichever signal says so, and not because the Prefect server is away.

    Prefect leaves its loop from within the handler of SIGTERM: its own stop is then never awaited and a connection
    half closed, and both are complained of on stderr. So SIGTERM only says that it is time. It never pauses a
    deployment as it ends: a pause is a person's wish, and would not be told apart from one.
    """

    def __init__(self, absence: Absence, *, limit: int) -> None:
        """Run at most ``limit`` runs beside each other; ``absence`` is told whether the server answers."""
        self._absence = absence
        self.is_told = False
        """A signal has said to end, perhaps before the loop runs that ``stop_soon`` wakes."""
        super().__init__(pause_on_shutdown=False, limit=limit, query_seconds=POLL_SECONDS)
        self.stop_soon: Callable[[], object] = lambda: None

    def handle_sigterm(self, *_args: Any, **_kwargs: Any) -> None:
        """Do as on Ctrl-C, from within a signal's handler."""
        self.is_told = True
        self.stop_soon()

    async def __aenter__(self) -> Self:
        """Begin; begin anew where the Prefect server went away in the midst of it, which Prefect takes for the end."""
        for pause in START_PAUSES:
            try:
                return await super().__aenter__()
            except RuntimeError:
                self._absence.failed()
                await self._exit_stack.aclose()  # what had begun
                await asyncio.sleep(pause)
        return await super().__aenter__()

    def __setattr__(self, name: str, value: Any) -> None:
        """Give whatever asks the server again and again its patience, before it is begun."""
        asks = _ASKING.get(name)
        if asks and value is not None and asks not in vars(value):
            patient = self._absence.forgiving(getattr(value, asks), ending=lambda: self.is_told)
            setattr(value, asks, patient)
            if told := getattr(value, _TOLD_OF_ITS_END, None):
                setattr(value, _TOLD_OF_ITS_END, self._unless_ending(told))
        super().__setattr__(name, value)

    def _unless_ending(self, tell: Callable[[asyncio.Task[None]], None]) -> Callable[[asyncio.Task[None]], None]:
        """``tell`` of a task's end, but not of one that we have cancelled: Prefect takes that for a fault in itself."""
        return lambda task: None if task.cancelled() or self.is_told else tell(task)

    async def end_runs(self) -> None:
        """End what is running: first asked, then by force; Prefect is told of either as a crash."""
        if not self.started:
            return
        self._scheduled_run_poller.stopping = True
        for number, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, REST_SECONDS)):
            self.signal_runs(number)
            for _ in range(int(seconds / 0.1)):
                if not self._process_manager.flow_run_ids():
                    return
                await asyncio.sleep(0.1)

    def signal_runs(self, number: signal.Signals) -> None:
        """Send a signal to every run's process that is still there."""
        for run in self._process_manager.flow_run_ids():
            handle = self._process_manager.get(run)
            if handle is not None and handle.pid is not None and handle.returncode is None:
                try:
                    os.kill(handle.pid, number)
                except ProcessLookupError:
                    continue


def run_until_stopped(
    deployments: Sequence[RunnerDeployment], absence: Absence, begun: Callable[[], None], *, at_once: int
) -> None:
    """Start what is due of ``deployments``, at most ``at_once`` runs beside each other.

    ``begun`` is called once Prefect knows them.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM said to stop; what was running is ended.
    """
    runner = QuietRunner(absence, limit=at_once)
    for deployment in deployments:
        runner.add_deployment(deployment)
    # Prefect sets it too, once it has imported the rest of itself.
    signal.signal(signal.SIGTERM, runner.handle_sigterm)
    begun()
    asyncio.run(_run(runner))
    raise KeyboardInterrupt


async def _run(runner: QuietRunner) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    runner.stop_soon = lambda: loop.call_soon_threadsafe(told.set)
    if runner.is_told:
        return
    work = asyncio.create_task(runner.start())
    wish = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({work, wish}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        told.set()  # Ctrl-C, which asyncio makes a cancellation of
    if not told.is_set():
        wish.cancel()
        await work  # it ended by itself: say why
    runner.is_told = True
    _leave_at_last(runner)
    await runner.end_runs()
    work.cancel()
    await asyncio.wait({work}, timeout=REST_SECONDS)


def _leave_at_last(runner: QuietRunner) -> None:
    """Whatever hangs (a server that does not answer, say): be gone in time, with nobody left behind."""

    def leave() -> None:
        runner.signal_runs(signal.SIGKILL)
        screen.note("Stopped.")
        os._exit(0)

    timer = threading.Timer(LAST_RESORT_SECONDS, leave)
    timer.daemon = True
    timer.start()
