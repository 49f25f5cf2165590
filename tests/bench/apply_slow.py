"""Apply at a directory that answers after 20 ms, beside a bare aiohttp loop that sends the same requests."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.bench.apply import FixedAnswers, elsewhere, prepared
from tests.support.scim_directory import TOKEN
from tests.support.scim_runs import settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

_AT_ONCE = 8
_PEOPLE = 1000
_TURNS = 3
_ANSWERS_AFTER_S = 0.02


class _Slowly(FixedAnswers):
    """The same answers, each after 20 ms; a connection's requests come one after the other."""

    def _answer(self, head: bytes, body: bytes) -> None:
        asyncio.get_running_loop().call_later(_ANSWERS_AFTER_S, super()._answer, head, body)


def _serve(port: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Slowly, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def slow_answers() -> Iterator[str]:
    """The server of fixed answers, each after 20 ms; yields its root."""
    with elsewhere(_serve) as port:
        yield f"http://127.0.0.1:{port}/scim/v2"


def _applied(url: str, people: int = _PEOPLE) -> tuple[float, dict[str, int]]:
    """Seconds of a whole apply of a known target, from the first request to the files it leaves; its requests."""
    with tempfile.TemporaryDirectory() as folder:
        directory, files = prepared(Path(folder) / "run", url, people)
        settings = settings_for(directory, concurrency=_AT_ONCE)
        work = plan_work(files)
        begun = time.perf_counter()
        try:
            result = apply_run(settings, files, work, stop=threading.Event(), pace=Pace(1e9), learned=KNOWN)
        finally:
            work.close()
        seconds = time.perf_counter() - begun
        if result.applied != people:
            raise RuntimeError(f"{result.applied} of {people} applied")
        return seconds, result.requests


KNOWN: dict[str, Any] = {
    "dialect": "patch_path",
    "forms": {"title": "patch_path"},
    "harmless": {"patch_path": ["title"]},
    "answers_true": ["title"],
}
"""What an earlier apply learnt of this server."""


def _bare(url: str, requests: dict[str, int]) -> float:
    """Seconds of a loop that sends as many GETs and PATCHes of the same size, at once as many."""

    async def run() -> float:
        numbers = iter(range(max(requests.values())))
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:

            async def worker() -> None:
                for number in numbers:
                    place = f"{url}/Users/q{number:06}"
                    async with session.get(place) as answer:
                        await answer.json(content_type=None)
                    if number < requests["PATCH"]:
                        operations = [{"op": "replace", "path": "title", "value": f"Title {number}"}]
                        async with session.patch(place, json={"Operations": operations}) as answer:
                            await answer.json(content_type=None)

            begun = time.perf_counter()
            await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
            return time.perf_counter() - begun

    return asyncio.run(run())


def run() -> Iterator[tuple[str, str]]:
    """Seconds each way, and their ratio, turn by turn."""
    ours: list[float] = []
    shares: list[float] = []
    with slow_answers() as url:
        _applied(f"{url}/imports", 20)
        for turn in range(_TURNS):
            seconds, requests = _applied(f"{url}/{turn}/a")
            floor = _bare(f"{url}/{turn}/b", requests)
            ours.append(seconds)
            shares.append(floor / seconds)
    yield f"{_PEOPLE:,} changes, 20 ms an answer, {_AT_ONCE} at once: apply", f"{median(ours):.1f} s; {requests}"
    yield "bare aiohttp, the same GETs and PATCHes", f"{median(ours) * median(shares):.1f} s"
    yield (
        "apply is, of the bare loop (must be ≥ 90 %)",
        f"{median(shares):.0%} ({', '.join(f'{s:.0%}' for s in shares)})",
    )
