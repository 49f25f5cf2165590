"""Users read per second from pre-made pages, beside a bare httpx + orjson loop over the same pages.

Full and incremental, over http and over TLS with gzip; the SDK's typed models; peak memory by tenant size.
``python -m tests.bench source`` prints; it asserts nothing.
"""

from __future__ import annotations

import asyncio
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import orjson

from connectors.source import SourceRequest, snapshot
from tests.bench._graph_pages import PAGE, pages_served
from tests.support.graph_server import CLIENT, SECRET, TENANT
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, Outcome
from transforms.run_files import RunFiles
from transforms.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

USERS = PAGE * 100
MEMORY = (PAGE * 10, PAGE * 500)


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    os.environ["TRUEUP_BENCH_SECRET"] = SECRET
    for tls in (False, True):
        how = "TLS + gzip" if tls else "http"
        with pages_served(USERS, tls=tls) as (url, ca), tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            asyncio.run(_floor(f"{url}/v1.0/users", ca))
            floor = _rate(lambda url=url, ca=ca: asyncio.run(_floor(f"{url}/v1.0/users", ca)))
            yield f"full read, {how}: bare httpx + orjson (the floor)", f"{floor:,.0f} users/s"
            first = _read(url, ca, where / "first", SourceRequest(COLUMNS))
            rate = _rate(lambda url=url, ca=ca, where=where: _read(url, ca, where / "again", SourceRequest(COLUMNS)))
            yield f"full read, {how}: snapshot, sorted and written", f"{rate:,.0f} users/s = {rate / floor:.0%}"
            floor = _rate(lambda url=url, ca=ca: asyncio.run(_floor(f"{url}/v1.0/users/delta?$deltatoken=0", ca)))
            yield f"everybody changed, {how}: bare httpx + orjson (the floor)", f"{floor:,.0f} users/s"
            request = SourceRequest(COLUMNS, previous=prior_run(first))
            rate = _rate(lambda url=url, ca=ca, where=where, r=request: _read(url, ca, where / "delta", r))
            yield f"everybody changed, {how}: incremental snapshot", f"{rate:,.0f} users/s = {rate / floor:.0%}"
            if not tls:
                yield "full read, http: the SDK's typed models (one page)", f"{asyncio.run(_typed(url)):,.0f} users/s"
    for users in MEMORY:
        yield f"peak memory of a full read of {users:,} users", _memory(users)


def _rate(read: object) -> float:
    started = time.perf_counter()
    read()  # type: ignore[operator] # a thunk
    return USERS / (time.perf_counter() - started)


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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{peak:,.0f} MB ({users / seconds:,.0f} users/s, start included)\n")
