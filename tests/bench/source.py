"""Users read per second from pre-made pages, beside a bare httpx + orjson loop over the same pages.

Full and incremental, over http and over TLS with gzip; the SDK's typed models; peak memory by tenant size.
Floor and read take turns, and the best of each counts; the seconds of processor time (of this process, not of the
one that serves) hold on a busy machine too. ``python -m tests.bench source`` prints; it asserts nothing.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import orjson

from tests.bench._graph_pages import PAGE, pages_served
from tests.support.graph_server import CLIENT, SECRET, TENANT
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome
from trueup.connectors.source import SourceRequest, snapshot
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

USERS = PAGE * 100
MEMORY = (PAGE * 10, PAGE * 100, PAGE * 500)
TURNS = 3


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    os.environ["TRUEUP_BENCH_SECRET"] = SECRET
    for tls in (False, True):
        how = "TLS + gzip" if tls else "http"
        with pages_served(USERS, tls=tls) as (url, ca), tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            first = _read(url, ca, where / "first", SourceRequest(COLUMNS))
            after = SourceRequest(COLUMNS, previous=prior_run(first))
            for what, address, request in (
                ("full read", "users", SourceRequest(COLUMNS)),
                ("everybody changed", "users/delta?$deltatoken=0", after),
            ):
                floor, ours = _in_turns(
                    partial(_loop, f"{url}/v1.0/{address}", ca), partial(_read, url, ca, where / "again", request)
                )
                yield f"{what}, {how}: bare httpx + orjson (the floor)", str(floor)
                yield (
                    f"{what}, {how}: snapshot, sorted and written",
                    f"{ours} = {ours.rate / floor.rate:.0%} of the floor",
                )
            if not tls:
                yield "full read, http: the SDK's typed models (one page)", f"{asyncio.run(_typed(url)):,.0f} users/s"
    for users in MEMORY:
        yield f"peak memory of a full read of {users:,} users", _memory(users)


@dataclass(slots=True)
class _Pace:
    """The best of some reads."""

    seconds: float = math.inf
    processor: float = math.inf

    @property
    def rate(self) -> float:
        return USERS / self.seconds

    def __str__(self) -> str:
        return f"{self.rate:,.0f} users/s, {self.processor:.2f} s of processor time"


def _in_turns(*reads: Callable[[], object]) -> tuple[_Pace, ...]:
    paces = tuple(_Pace() for _ in reads)
    for _ in range(TURNS):
        for pace, read in zip(paces, reads, strict=True):
            started, worked = time.perf_counter(), time.process_time()
            read()
            pace.processor = min(pace.processor, time.process_time() - worked)
            pace.seconds = min(pace.seconds, time.perf_counter() - started)
    return paces


def _loop(url: str, ca: str) -> int:
    return asyncio.run(_floor(url, ca))


async def _floor(url: str, ca: str) -> int:
    verify = ssl.create_default_context(cafile=ca) if ca else False
    count = 0
    async with httpx.AsyncClient(verify=verify, timeout=60) as client:
        link: str | None = url
        while link:
            page = orjson.loads((await client.get(link)).content)
            count += len(page["value"])
            link = page.get("@odata.nextLink")
    return count


def _read(url: str, ca: str, folder: Path, request: SourceRequest) -> Outcome:
    source = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": "env:TRUEUP_BENCH_SECRET", "scope": "all"}
    source |= {"graph_url": url, "login_url": url, "ca_bundle": ca, "read": "incremental"}
    files = RunFiles(folder)
    files.work.mkdir(parents=True, exist_ok=True)
    return Outcome(snapshot(Settings.model_validate({"source": source}), request, files), files)


async def _typed(url: str) -> float:
    from azure.core.credentials import AccessToken
    from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
    from msgraph.graph_request_adapter import GraphRequestAdapter
    from msgraph.graph_service_client import GraphServiceClient

    class Held:
        def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
            return AccessToken("x", int(time.time()) + 3600)

    provider = AzureIdentityAuthenticationProvider(Held(), scopes=["x/.default"])
    adapter = GraphRequestAdapter(provider)
    adapter.base_url = f"{url}/v1.0"
    started = time.perf_counter()
    page = await GraphServiceClient(request_adapter=adapter).users.get()
    return len(page.value or []) / (time.perf_counter() - started) if page else 0.0


def _memory(users: int) -> str:
    run_alone = "import tests.bench.source as s, sys; s.alone(sys.argv[1], int(sys.argv[2]))"
    with pages_served(users) as (url, _):
        done = subprocess.run(
            [sys.executable, "-c", run_alone, url, str(users)], check=True, capture_output=True, text=True
        )
    return done.stdout.strip()


def alone(url: str, users: int) -> None:
    """One read in a process of its own; prints its peak memory and pace."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        _read(url, "", Path(folder) / "run", SourceRequest(COLUMNS))
    seconds = time.perf_counter() - started
    sys.stdout.write(f"{_peak():,.0f} MB ({users / seconds:,.0f} users/s, start included)\n")


def _peak() -> float:
    """Megabytes; where the system says so of this program alone, for the other figure is inherited from its parent."""
    told = Path("/proc/self/status")
    if told.exists():
        return int(re.findall(r"VmHWM:\s+([0-9]+)", told.read_text(encoding="ascii"))[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
