"""Writes per second of the apply engine beside a bare httpx loop, the journal's cost apart, and 10,000 changes."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from connectors.scim_writer.applying import apply_run
from connectors.scim_writer.pace import Pace
from tests.support.scim_directory import TOKEN, Directory
from tests.support.scim_runs import plan, settings_for
from transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from tests.support.scim_runs import Wish
    from transforms.run_files import RunFiles

ROUNDS = (1, 8, 32)
WRITES = 1500
SANDBOX = 300


class _FixedAnswers(asyncio.Protocol):
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
                self.titles[name] = json.dumps(json.loads(body)["Operations"][0]["value"]).encode()
            answer = b'{"id":"%s","userName":"u-%s","active":true,"title":%s}' % (
                name,
                name,
                self.titles.get(name, b"null"),
            )
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/scim+json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )


def _serve(port: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_FixedAnswers, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def fixed_answers() -> Iterator[str]:
    """The server in a process of its own; yields its root."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/scim/v2"
    finally:
        process.kill()
        process.join()


def prepared(folder: Path, url: str, count: int) -> tuple[Directory, RunFiles]:
    """A plan that gives ``count`` profiles a title."""
    directory = Directory(url=url)
    wishes: list[Wish] = [
        (f"k{number:06}", "update", f"p{number:06}", {"title": (None, f"Title {number}")}) for number in range(count)
    ]
    return directory, plan(folder, directory, wishes)


def apply_rate(
    url: str, concurrency: int, count: int, *, sync: bool = True, token: str = TOKEN
) -> tuple[float, dict[str, int]]:
    """Writes per second of a whole apply, and its requests."""
    with tempfile.TemporaryDirectory() as folder:
        directory, files = prepared(Path(folder) / "run", url, count)
        settings = settings_for(directory, concurrency=concurrency)
        os.environ["TRUEUP_TEST_SCIM_TOKEN"] = token
        work = plan_work(files)
        syncing = os.fdatasync
        if not sync:
            os.fdatasync = _unsynced
        started = time.perf_counter()
        try:
            result = apply_run(settings, files, work, stop=threading.Event(), pace=Pace(1e9))
        finally:
            os.fdatasync = syncing
            work.close()
        return result.applied / (time.perf_counter() - started), result.requests


def _unsynced(fd: Any) -> None:
    """Leave it to the system."""


def bare_rate(url: str, concurrency: int, count: int) -> tuple[float, float]:
    """Writes per second of a bare httpx loop: PATCH alone, and GET then PATCH as looking first demands."""

    async def run(*, look: bool) -> float:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits) as client:
            numbers = iter(range(count))

            async def worker() -> None:
                for number in numbers:
                    if look:
                        await client.get(f"/Users/q{number:06}")
                    operations = [{"op": "replace", "path": "title", "value": f"Title {number}"}]
                    await client.patch(f"/Users/q{number:06}", json={"Operations": operations})

            started = time.perf_counter()
            await asyncio.gather(*(worker() for _ in range(concurrency)))
            return count / (time.perf_counter() - started)

    return asyncio.run(run(look=False)), asyncio.run(run(look=True))


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``."""
    for concurrency in ROUNDS:
        with fixed_answers() as url:
            ours, _ = apply_rate(url, concurrency, WRITES)
        with fixed_answers() as url:
            unsynced, _ = apply_rate(url, concurrency, WRITES, sync=False)
            alone, looking = bare_rate(url, concurrency, WRITES)
        name = f"fixed answers, {concurrency} at once"
        yield f"{name}: apply (looks, journals, writes)", f"{ours:.0f} writes/s"
        yield f"{name}: the same without syncing the journal", f"{unsynced:.0f} writes/s"
        yield f"{name}: bare httpx, the same GET and PATCH", f"{looking:.0f} writes/s; apply is {ours / looking:.0%}"
        yield f"{name}: bare httpx, PATCH alone", f"{alone:.0f} writes/s; apply is {ours / alone:.0%}"
    with fixed_answers() as url:
        started = time.perf_counter()
        rate, _ = apply_rate(url, 8, 10_000)
        seconds = time.perf_counter() - started
        yield "10,000 changes, 8 at once, from plan to outcome", f"{seconds:.1f} s, {rate:.0f} writes/s"
    yield from _sandbox()


def _sandbox() -> Iterator[tuple[str, str]]:
    from connectors.sandbox import DirectoryData, running

    profiles = tuple({"id": f"p{n:06}", "userName": f"u{n}@x.example"} for n in range(SANDBOX))
    with running(users=1, directory=DirectoryData(profiles=profiles)) as sandbox:
        rate, _ = apply_rate(sandbox.scim_url, 8, SANDBOX, token=sandbox.scim_token)
    yield f"the sandbox directory, 8 at once, {SANDBOX} changes", f"{rate:.0f} writes/s"
