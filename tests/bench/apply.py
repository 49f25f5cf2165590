"""Writes per second of the apply engine beside a bare httpx loop, the journal's cost apart, and 10,000 changes."""

from __future__ import annotations

import asyncio
import json
import logging
import multiprocessing
import os
import tempfile
import threading
import time
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.scim_directory import TOKEN, Directory
from tests.support.scim_runs import plan, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from tests.support.scim_runs import Wish
    from trueup.transforms.run_files import RunFiles

ROUNDS = (1, 8, 32)
WRITES = 1000
TURNS = 3
SANDBOX = 300


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast, and at what cost."""

    per_second: float
    busy: float
    """Microseconds of processor time of this process per write; the server has a process of its own."""


class FixedAnswers(asyncio.Protocol):
    """An HTTP server that parses next to nothing: GET shows what the last PATCH of that id said, PATCH says yes."""

    titles: dict[bytes, bytes] = {}  # noqa: RUF012 - one process, one store

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._rest) < end + 4 + length:
                return
            body = self._rest[end + 4 : end + 4 + length]
            self._rest = self._rest[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        name = path.rpartition(b"/")[2]
        if b"?" in path or name == b"Users":
            answer = b'{"totalResults":0,"Resources":[]}'
        else:
            if method == b"PATCH":
                self.titles[path] = json.dumps(json.loads(body)["Operations"][0]["value"]).encode()
            answer = b'{"id":"%s","userName":"u-%s","active":true,"title":%s}' % (
                name,
                name,
                self.titles.get(path, b"null"),
            )
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )


def _serve_sandbox(port: Connection, profiles: int) -> None:
    from trueup.sandbox import DirectoryData, running

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    people = tuple({"id": f"p{n:06}", "userName": f"u{n}@x.example"} for n in range(profiles))
    with running(users=1, directory=DirectoryData(profiles=people)) as started:
        port.send((started.scim_url, started.scim_token))
        threading.Event().wait()


def _serve(port: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(FixedAnswers, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def elsewhere(serve: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """``serve`` in a process of its own; yields what it says first."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


@contextmanager
def fixed_answers() -> Iterator[str]:
    """The server of fixed answers; yields its root."""
    with elsewhere(_serve) as port:
        yield f"http://127.0.0.1:{port}/scim/v2"


def sandbox(profiles: int) -> AbstractContextManager[tuple[str, str]]:
    """The sandbox directory; gives its root and token."""
    return elsewhere(_serve_sandbox, profiles)


def prepared(folder: Path, url: str, count: int) -> tuple[Directory, RunFiles]:
    """A plan that gives ``count`` profiles a title."""
    directory = Directory(url=url)
    wishes: list[Wish] = [
        (f"k{number:06}", "update", f"p{number:06}", {"title": (None, f"Title {number}")}) for number in range(count)
    ]
    return directory, plan(folder, directory, wishes)


def apply_rate(url: str, concurrency: int, count: int, *, sync: bool = True, token: str = TOKEN) -> Rate:
    """A whole apply, from the first request to the files it leaves."""
    with tempfile.TemporaryDirectory() as folder:
        directory, files = prepared(Path(folder) / "run", url, count)
        settings = settings_for(directory, concurrency=concurrency)
        os.environ["TRUEUP_TEST_SCIM_TOKEN"] = token
        work = plan_work(files)
        syncing = os.fdatasync
        if not sync:
            os.fdatasync = _unsynced
        try:
            with _stopwatch(count) as measured:
                result = apply_run(settings, files, work, stop=threading.Event(), pace=Pace(1e9))
        finally:
            os.fdatasync = syncing
            work.close()
        if result.applied != count:
            raise RuntimeError(f"{result.applied} of {count} applied")
        return measured[0]


def _unsynced(fd: Any) -> None:
    """Leave it to the system."""


def bare_rate(url: str, concurrency: int, count: int, *, look: bool, shared: bool) -> Rate:
    """A bare httpx loop: PATCH alone, or GET then PATCH as looking first demands.

    ``shared``: one client for everybody; else one each, since the pool of one client goes through all its connections,
    each time, for each of them: with 32 connections that costs more than the requests.
    """

    async def run() -> Rate:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        numbers = iter(range(count))

        async def worker(client: httpx.AsyncClient) -> None:
            for number in numbers:
                if look:
                    (await client.get(f"/Users/q{number:06}")).json()
                operations = [{"op": "replace", "path": "title", "value": f"Title {number}"}]
                (await client.patch(f"/Users/q{number:06}", json={"Operations": operations})).json()

        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, limits=limits))
                for _ in range(1 if shared else concurrency)
            ]
            with _stopwatch(count) as measured:
                await asyncio.gather(*(worker(clients[n % len(clients)]) for n in range(concurrency)))
            return measured[0]

    return asyncio.run(run())


@contextmanager
def _stopwatch(count: int) -> Iterator[list[Rate]]:
    measured: list[Rate] = []
    started, busy = time.perf_counter(), time.process_time()
    yield measured
    measured.append(Rate(count / (time.perf_counter() - started), (time.process_time() - busy) / count * 1e6))


def rounds(concurrency: int) -> dict[str, list[Rate]]:
    """Each way of writing in turn, several times over, so that whatever else the machine does falls on all alike."""
    ways: dict[str, Callable[[str], Rate]] = {
        "apply": lambda url: apply_rate(url, concurrency, WRITES),
        "unsynced": lambda url: apply_rate(url, concurrency, WRITES, sync=False),
        "look": lambda url: bare_rate(url, concurrency, WRITES, look=True, shared=False),
        "look, one client": lambda url: bare_rate(url, concurrency, WRITES, look=True, shared=True),
        "alone": lambda url: bare_rate(url, concurrency, WRITES, look=False, shared=False),
        "alone, one client": lambda url: bare_rate(url, concurrency, WRITES, look=False, shared=True),
    }
    found: dict[str, list[Rate]] = {name: [] for name in ways}
    with fixed_answers() as url:
        for turn in range(TURNS):
            for number, (name, way) in enumerate(ways.items()):
                found[name].append(way(f"{url}/{turn}/{number}"))
    return found


def _told(rates: list[Rate]) -> str:
    per_second, busy = median(r.per_second for r in rates), median(r.busy for r in rates)
    return f"{per_second:5.0f} writes/s, {busy:4.0f} µs of processor each"


def _share(found: dict[str, list[Rate]], name: str) -> str:
    """Apply beside the faster of the two floors of ``name``, turn by turn: elapsed, and processor time."""
    turns = list(zip(found["apply"], found[name], found[f"{name}, one client"], strict=True))
    elapsed = median(ours.per_second / max(a.per_second, b.per_second) for ours, a, b in turns)
    busy = median(min(a.busy, b.busy) / ours.busy for ours, a, b in turns)
    return f"apply is {elapsed:.0%} (by processor time {busy:.0%})"


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``."""
    for concurrency in ROUNDS:
        found = rounds(concurrency)
        name = f"fixed answers, {concurrency} at once"
        yield f"{name}: apply (looks, journals, writes)", _told(found["apply"])
        yield f"{name}: the same without syncing the journal", _told(found["unsynced"])
        for way, what in (("look", "the same GET and PATCH"), ("alone", "PATCH alone")):
            if concurrency > 1:
                yield f"{name}: bare httpx, {what}, one client for all", _told(found[f"{way}, one client"])
            yield f"{name}: bare httpx, {what}", f"{_told(found[way])}; {_share(found, way)}"
    with fixed_answers() as url:
        started = time.perf_counter()
        rate = apply_rate(url, 8, 10_000)
        seconds = time.perf_counter() - started
        yield "10,000 changes, 8 at once, from plan to outcome", f"{seconds:.1f} s; {_told([rate])}"
    with sandbox(SANDBOX) as (url, token):
        rate = apply_rate(url, 8, SANDBOX, token=token)
        yield f"the sandbox directory, 8 at once, {SANDBOX} changes", _told([rate])
