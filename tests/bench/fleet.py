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
_ENDS = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


class _Later:
    """What is written goes out after a second."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, content: bytes) -> None:
        asyncio.get_running_loop().call_later(ANSWERS_AFTER_S, self._transport.write, content)


class _Slowly(_Connection):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = _Later(transport)


def _serve(many: int, people: int, ports: Any) -> None:
    async def serve() -> None:
        servers = []
        for _ in range(many):
            world = _World(people)
            server = await asyncio.get_running_loop().create_server(partial(_Slowly, world), "127.0.0.1", 0)
            world.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ports.send(world.base)
            servers.append(server)
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextlib.contextmanager
def _worlds() -> Iterator[list[str]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(TARGETS, PEOPLE, theirs), daemon=True)
    process.start()
    try:
        yield [ours.recv() for _ in range(TARGETS)]
    finally:
        process.kill()
        process.join()


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    walls = {}
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder, _worlds() as bases:
            wall, processor = _nights(Path(folder), bases, workers)
        walls[workers] = wall
        yield f"{TARGETS} targets of {PEOPLE:,} people, {workers} worker(s): all nights", f"{wall:.0f} s"
        yield "  of a night: seconds, and processor seconds", f"{wall * workers / TARGETS:.1f} s, {processor:.1f} s"
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
            text = f'{configuration(base)}[schedule]\ncron = "{NEVER}"\n'
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
        bad = [row["state"]["message"] for row in rows if row["state_type"] != "COMPLETED"]
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
