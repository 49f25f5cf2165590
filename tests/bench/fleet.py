"""Forty targets on one worker and on two: source and target answer each request after a second.

``TRUEUP_BENCH_TARGETS`` and ``TRUEUP_BENCH_PEOPLE`` say how many. The tenants and directories are one process of their
own. Whether more workers help is a matter of how much of a night is waiting: that is told beside, with the processor
seconds of a night. Prefect's server (SQLite) and the answers take their share of the same processors.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench._night_world import ENVIRONMENT, _Connection, _World, configuration
from tests.support.clock import PrefectServer, free_port, until
from tests.support.fleet import NEVER, POOL, Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGETS = int(os.environ.get("TRUEUP_BENCH_TARGETS", "40"))
PEOPLE = int(os.environ.get("TRUEUP_BENCH_PEOPLE", "1000"))
ANSWERS_AFTER_S = 1.0
_BY_ITSELF = "[approval]\nrequired = false\n[approval.auto]\nmax_changes = 1000\nmax_deactivations = 0\n"
_ENDS = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


class _Waiting:
    """How long somebody has waited for at least one answer of a world."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._answers = 0
        self._since = 0.0

    def begins(self) -> None:
        self._since = self._since if self._answers else time.monotonic()
        self._answers += 1

    def ends(self) -> None:
        self._answers -= 1
        self.seconds += 0 if self._answers else time.monotonic() - self._since


class _Later:
    """What is written goes out after a second."""

    def __init__(self, transport: Any, waiting: _Waiting) -> None:
        self._transport = transport
        self._waiting = waiting

    def write(self, content: bytes) -> None:
        self._waiting.begins()
        asyncio.get_running_loop().call_later(ANSWERS_AFTER_S, self._answer, content)

    def _answer(self, content: bytes) -> None:
        self._waiting.ends()
        self._transport.write(content)


class _Slowly(_Connection):
    def __init__(self, world: _World, waiting: _Waiting) -> None:
        super().__init__(world)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = _Later(transport, self._waiting)


def _serve(many: int, people: int, ours: Any) -> None:
    async def serve() -> None:
        servers, waiting = [], [_Waiting() for _ in range(many)]
        for one in waiting:
            world = _World(people)
            server = await asyncio.get_running_loop().create_server(partial(_Slowly, world, one), "127.0.0.1", 0)
            world.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ours.send(world.base)
            servers.append(server)
        asked = asyncio.Event()
        asyncio.get_running_loop().add_reader(ours.fileno(), asked.set)
        await asked.wait()
        ours.send([one.seconds for one in waiting])

    asyncio.run(serve())


@contextlib.contextmanager
def _worlds() -> Iterator[tuple[list[str], Any]]:
    """Where they are, and a pipe that answers, once it is asked, how long each was waited for."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(TARGETS, PEOPLE, theirs), daemon=True)
    process.start()
    try:
        yield [ours.recv() for _ in range(TARGETS)], ours
    finally:
        process.kill()
        process.join()


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    walls = {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder, _worlds() as (bases, worlds):
            wall, processor = _nights(Path(folder), bases, workers)
            worlds.send("how long?")
            waited = sum(worlds.recv()) / TARGETS
        walls[workers] = wall
        night = wall * workers / TARGETS
        yield f"{TARGETS} targets of {PEOPLE:,} people, {workers} worker(s): all nights", f"{wall:.0f} s"
        yield "  of a night: seconds of a worker", f"{night:.1f} s"
        yield "  waiting for answers (at least half)", f"{waited:.1f} s, {waited / night:.0%}"
        yield "  processor seconds, of the worker and the night", f"{processor:.1f} s"
    yield "two workers: of the time of one (at most 0.70)", f"{walls[2] / walls[1]:.2f}"


def _nights(folder: Path, bases: list[str], workers: int) -> tuple[float, float]:
    """Seconds until all have ended, from when all are due; processor seconds of one."""
    (folder / "server").mkdir()
    server = PrefectServer(folder / "server", free_port())
    fleet = Fleet(folder, server)
    try:
        server.start()
        fleet.pool()
        configs = []
        for number, base in enumerate(bases):
            (folder / f"t{number}").mkdir()
            configs.append(folder / f"t{number}" / "trueup.toml")
            text = f'{configuration(base)}[schedule]\ncron = "{NEVER}"\n{_BY_ITSELF}'
            configs[-1].write_text(text, encoding="utf-8")
        words = [str(config) for config in configs]
        done = fleet.trueup("deploy", *words, "--pool", POOL, "--single-host", socket.gethostname(), **ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        at_work = [fleet.worker(**ENVIRONMENT) for _ in range(workers)]
        until(lambda: all("started!" in worker.said for worker in at_work), "the workers", 120)
        ids = [fleet.api(f"/deployments/name/nightly/{base.removeprefix('http://')}", method="GET") for base in bases]
        begun = time.monotonic()
        state = {"state": {"type": "SCHEDULED", "name": "Scheduled"}}
        runs = [fleet.api(f"/deployments/{one['id']}/create_flow_run", state)["id"] for one in ids]
        wanted = {"flow_runs": {"id": {"any_": runs}}, "limit": 200}
        rows: list[dict[str, Any]] = []
        while len(rows) < len(runs):
            time.sleep(1)
            rows = [row for row in fleet.api("/flow_runs/filter", wanted) if row["state_type"] in _ENDS]
        wall = time.monotonic() - begun
        bad = [row["state"]["message"] for row in rows if row["state"]["message"] != "Applied"]
        assert not bad, bad[:3]
        spent = sum(_processor_seconds(worker.process.pid) for worker in at_work)
        return wall, spent / len(runs)
    finally:
        fleet.close()
        server.stop()


def _processor_seconds(pid: int) -> float:
    """Of a process and all it has waited for."""
    after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(int(ticks) for ticks in after[11:15]) / os.sysconf("SC_CLK_TCK")
