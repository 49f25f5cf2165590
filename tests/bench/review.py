"""A shared review under readers: 50 of them, 25 requests a second, on a run of 10,000 changes among 100,000 people.

The service is a process of its own as ``trueup review --listen`` starts it, sign-in and all; so is the tenant people
sign in to. A response is complete when its last byte is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp
import httpx

from tests.end_to_end.conftest import TRUEUP
from tests.support.many_nights import TARGET, many_nights
from tests.support.team_review import READERS, REVIEWERS, Browser
from trueup.sandbox import running
from trueup.sandbox.tenant.data import Group, TenantData, object_id

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEOPLE = int(os.environ.get("TRUEUP_BENCH_REVIEW_PEOPLE", "100000"))
_SECONDS = int(os.environ.get("TRUEUP_BENCH_REVIEW_SECONDS", "60"))
_READERS, _RATE = 50, 25
_KINDS = ("run page", "filter", "person search")
_QUESTIONS: tuple[dict[str, Any], ...] = (
    {"filters": [["decision", "writes"]]},
    {"filters": [["attribute", "title"]]},
    {"filters": [["decision", "hold"]]},
    {"filters": [["cause", "source_changed"]], "order": [[0, False]]},
    {"order": [[2, True]]},
)


@dataclass(frozen=True)
class Reader:
    """Somebody who is signed in."""

    cookies: str
    csrf: str


@dataclass(frozen=True)
class Measured:
    """One answer."""

    kind: str
    seconds: float
    bytes: int
    status: int


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``."""
    with tempfile.TemporaryDirectory() as folder, running(tenant=_tenant()) as sandbox:
        place = Path(folder)
        archive = many_nights(place, nights=3, people=_PEOPLE, changing=20)
        run_id = max(one.name for one in archive.path.iterdir() if one.name.startswith("2"))
        port = _free()
        url = f"http://127.0.0.1:{port}"
        review = f"""[review]
url = "{url}"
client_id = "{sandbox.client_id}"
client_secret = "env:TRUEUP_CLIENT_SECRET"
reviewers = ["group:{REVIEWERS}"]
readers = ["group:{READERS}"]
"""
        config = sandbox.configuration(archive.path, more=review).replace(sandbox.scim_url, TARGET)
        (place / "trueup.toml").write_text(config, encoding="utf-8")
        environment = {**os.environ, **sandbox.environment}
        with subprocess.Popen(
            [TRUEUP, "review", "--listen", f"127.0.0.1:{port}"], cwd=place, env=environment, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield from _measured(url, run_id, process.pid)
            finally:
                process.terminate()


def _measured(url: str, run_id: str, pid: int) -> Iterator[tuple[str, str]]:
    what = f"{_PEOPLE:,} people, {_PEOPLE // 10:,} changes"
    helpers = _Helpers(pid)
    helpers.start()
    with httpx.Client(trust_env=False, timeout=120) as client:
        begun = time.perf_counter()
        _wait(client, url)
        yield f"{what}: from start to the first answer", f"{time.perf_counter() - begun:.1f} s"
        readers = [_signed_in(client, url, f"reader{n}") for n in range(_READERS)]
        begun = time.perf_counter()
        answer = client.get(f"{url}/runs/{run_id}", headers={"Cookie": readers[0].cookies})
        answer.raise_for_status()
        yield f"{what}: the first reader of a run that was not made ready", f"{time.perf_counter() - begun:.1f} s"
        begun = time.perf_counter()
        own = {"Cookie": readers[0].cookies, "Origin": url, "Sec-Fetch-Site": "same-origin"}
        form = {"csrf": readers[0].csrf, "q": "person 1"}
        client.post(f"{url}/people", headers=own, data=form).raise_for_status()
        yield (
            f"{what}: the first search, while names are still being made ready",
            f"{time.perf_counter() - begun:.1f} s",
        )
    helpers.over.set()
    helpers.join()
    yield "a short-lived process that makes a page ready: most memory (limit 300 MB)", f"{helpers.most / 1024:.0f} MB"
    used = _processor(pid)
    measured, peak, with_children = asyncio.run(_load(url, run_id, readers, pid))
    used = _processor(pid) - used
    bad = [one for one in measured if one.status != 200]
    yield (
        f"{_READERS} readers, {_RATE} requests a second, {_SECONDS} s: answers, not as wanted",
        (f"{len(measured):,}, {len(bad)}"),
    )
    for kind in _KINDS:
        yield from _row(kind, [one for one in measured if one.kind == kind])
    yield from _row("all", measured)
    each = 1000 * used / max(1, len(measured))
    yield (
        "processor time of the review's process: an answer; of one core at this rate",
        (f"{each:.0f} ms, {each * _RATE / 10:.0f} %"),
    )
    yield "the review's process: most memory (limit 300 MB)", f"{peak / 1024:.0f} MB"
    yield "with the short-lived processes it starts", f"{with_children / 1024:.0f} MB"


def _row(kind: str, measured: list[Measured]) -> Iterator[tuple[str, str]]:
    seconds = sorted(one.seconds * 1000 for one in measured)
    if seconds:
        p95 = seconds[int(len(seconds) * 0.95)]
        size = statistics.mean(one.bytes for one in measured) / 1000
        yield (
            f"{kind}: median, p95 (limit 300 ms), most; KB on the wire",
            (f"{statistics.median(seconds):.0f}, {p95:.0f}, {seconds[-1]:.0f} ms; {size:.0f} KB"),
        )


async def _load(url: str, run_id: str, readers: list[Reader], pid: int) -> tuple[list[Measured], int, int]:
    chance = random.Random(7)  # noqa: S311 - a mix of requests, the same each time
    connector = aiohttp.TCPConnector(limit=0)
    most = [0, 0]
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        following = [asyncio.create_task(_follow(session, url, run_id, reader)) for reader in readers]
        watching = asyncio.create_task(_watch(pid, most))
        begun, tasks = time.perf_counter(), []
        for number in range(_RATE * _SECONDS):
            await asyncio.sleep(max(0.0, begun + number / _RATE - time.perf_counter()))
            reader, kind = chance.choice(readers), _KINDS[number % len(_KINDS)]
            tasks.append(asyncio.create_task(_ask(session, url, run_id, reader, kind, chance.random())))
        measured = await asyncio.gather(*tasks)
        for task in (*following, watching):
            task.cancel()
        await asyncio.gather(*following, watching, return_exceptions=True)
    return list(measured), most[0], most[1]


async def _ask(
    session: aiohttp.ClientSession, url: str, run_id: str, reader: Reader, kind: str, chance: float
) -> Measured:
    headers = {"Cookie": reader.cookies, "Accept-Encoding": "gzip"}
    own = {**headers, "Origin": url, "Sec-Fetch-Site": "same-origin", "X-CSRF": reader.csrf}
    begun = time.perf_counter()
    if kind == "run page":
        asked = session.get(f"{url}/runs/{run_id}", headers={**headers, "Sec-Fetch-Site": "none"})
    elif kind == "filter":
        question = dict(_QUESTIONS[int(chance * len(_QUESTIONS))])
        if chance > 0.5:
            question["search"] = f"person {int(chance * 99991)}"
        asked = session.post(f"{url}/runs/{run_id}/people", headers=own, json={"ask": "list", **question})
    else:
        form = urlencode({"csrf": reader.csrf, "q": f"person {int(chance * 99991)}"})
        kinds = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate"}
        asked = session.post(f"{url}/people", headers={**own, **kinds}, data=form)
    async with asked as answer:
        body = await answer.read()
        return Measured(kind, time.perf_counter() - begun, len(body), answer.status)


async def _follow(session: aiohttp.ClientSession, url: str, run_id: str, reader: Reader) -> None:
    headers = {"Cookie": reader.cookies, "Sec-Fetch-Site": "same-origin"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(f"{url}/runs/{run_id}/events", headers=headers, timeout=timeout) as answer:
        async for _ in answer.content:
            pass


async def _watch(pid: int, most: list[int]) -> None:
    while True:
        own = _rss(pid)
        most[0], most[1] = max(most[0], own), max(most[1], own + sum(map(_rss, _children(pid))))
        await asyncio.sleep(0.2)


class _Helpers(threading.Thread):
    """Watches what the review starts until it is told to end: the most memory any one of them ever had."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self.most, self.over = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.most = max([self.most, *(_kilobytes(child, "VmHWM") for child in _children(self._pid))])


def _processor(pid: int) -> float:
    """Seconds the process has used; not those of processes it started."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss(pid: int) -> int:
    return _kilobytes(pid, "VmRSS")


def _kilobytes(pid: int, which: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(which)), 0)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(one) for one in task.read_text(encoding="ascii").split()]
    return found


def _signed_in(client: httpx.Client, url: str, user: str) -> Reader:
    browser = Browser(url, client)
    browser.sign_in(user)
    front = browser.get("/")
    csrf = front.text.partition('name="csrf" value="')[2].partition('"')[0]
    return Reader("; ".join(f"{name}={value}" for name, value in browser.cookies.items()), csrf)


def _wait(client: httpx.Client, url: str) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            client.get(f"{url}/alive").raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _tenant() -> TenantData:
    """As many people as there are readers: one person may not have many sessions. Every second one reviews."""
    people = {object_id("user", f"reader{n}"): f"reader{n}" for n in range(_READERS)}
    users = [
        {"id": key, "userPrincipalName": f"{name}@contoso.example", "displayName": name, "accountEnabled": True}
        for key, name in people.items()
    ]
    keys = tuple(people)
    groups = (Group(REVIEWERS, "Reviewers", keys[::2]), Group(READERS, "Readers", keys[1::2]))
    return TenantData(users=users, groups=groups)


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
