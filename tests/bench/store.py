"""An archive in an object store beside the same in a folder: whole plans, an apply, and objects a night.

Plans are whole commands at 100,000 people, with moto's S3 in a process of its own, turn by turn with the folder. The
apply has 32 requests at once to a directory that answers after 20 ms; its store answers each PUT after 20 ms, and is
the sandbox's stand-in for Google, as moto takes some of that itself. ``TRUEUP_BENCH_STORE`` says how many people.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import uvicorn

from tests.bench._night_world import configuration, turn_to, world_served
from tests.bench.apply import elsewhere
from tests.bench.apply_slow import KNOWN, slow_answers
from tests.bench.night import Office
from tests.support.archive_runs import AT, manifest_of, settings_in
from tests.support.object_stores import ENVIRONMENT, Bucket, google_account, moto_served, new_bucket
from tests.support.scim_directory import TOKEN, Directory
from tests.support.scim_runs import plan
from trueup.connectors.archive import add_act, apply_lock, open_archive, seal
from trueup.connectors.archive.reaching import reached
from trueup.connectors.scim_writer.applying import apply_run
from trueup.connectors.scim_writer.rate_limit import Pace
from trueup.sandbox.google_storage import GoogleStorage, application
from trueup.transforms.vocabulary import Act, Kind
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from starlette.types import ASGIApp, Receive, Scope, Send

PEOPLE = int(os.environ.get("TRUEUP_BENCH_STORE", "100000"))
CHANGES = 3000
TURNS = 3
AT_ONCE = 32
AFTER_S = 0.02


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    os.environ |= ENVIRONMENT
    yield "load of the machine at the beginning (1, 5, 15 minutes)", ", ".join(f"{one:.1f}" for one in os.getloadavg())
    yield from _applies()
    yield from _plans()
    yield "load at the end", ", ".join(f"{one:.1f}" for one in os.getloadavg())


def _plans() -> Iterator[tuple[str, str]]:
    with world_served(PEOPLE) as base, moto_served() as endpoint, tempfile.TemporaryDirectory() as folder:
        bucket = new_bucket(endpoint)
        local, remote = Office(Path(folder, "local"), base), Office(Path(folder, "store"), base)
        place = f"[archive]\npath = {json.dumps(bucket.address)}\n"
        said = "".join(f"{name} = {json.dumps(value)}\n" for name, value in bucket.section()["options"].items())
        text = configuration(base).replace('[archive]\npath = "runs"\n', f"{place}\n[archive.options]\n{said}")
        (remote.folder / "trueup.toml").write_text(text, encoding="utf-8")
        seconds: dict[str, list[float]] = {"folder": [], "store": []}
        for night in range(1, TURNS + 2):  # the first is cold, and is not counted
            turn_to(base, night)
            for name, office in (("folder", local), ("store", remote)):
                seen = office.trueup("plan")
                seconds[name].append(seen.wall)
                yield f"{PEOPLE:,} people, night {night}: plan, archive in a {name}", str(seen)
        shares = [there / here for here, there in list(zip(seconds["folder"], seconds["store"], strict=True))[1:]]
        told = ", ".join(f"{share:.2f}" for share in shares)
        yield "   a store takes, of a folder (at most 1.25)", f"{median(shares):.2f} x ({told})"
        yield from _objects(remote, bucket)
        for office in (local, remote):
            office.trueup("server", "--stop")


def _objects(office: Office, bucket: Bucket) -> Iterator[tuple[str, str]]:
    """A whole night more, and the objects it adds."""
    store = reached(settings_in(office.folder, archive=bucket.section()))
    before = set(store.every())
    for words in (("plan",), ("approve", "latest", "--as", "bench"), ("apply", "latest"), ("verify", "latest")):
        yield f"   {words[0]}, archive in a store", str(office.trueup(*words))
    new = set(store.every()) - before
    journal = {name for name in new if name.startswith("journals/")}
    yield (
        "   objects of a night beside the journal (at most 40)",
        f"{len(new - journal)}; of the journal {len(journal)}",
    )


def _applies() -> Iterator[tuple[str, str]]:
    account, public = google_account()
    os.environ["STORE_ACCOUNT"] = account
    rates: dict[str, list[float]] = {"folder": [], "store": []}
    with slow_answers() as url, elsewhere(_serve_store, public) as endpoint, tempfile.TemporaryDirectory() as folder:
        bucket = Bucket(endpoint, "bench", "gs")
        sections: dict[str, dict[str, Any]] = {"folder": {}, "store": bucket.section()}
        for turn in range(TURNS + 1):  # the first imports, and is not counted
            for name, section in sections.items():
                place = Path(folder, f"{name}-{turn}")
                place.mkdir()
                rates[name].append(_applied(place, f"{url}/{turn}/{name}", section))
    shares = [there / here for here, there in list(zip(rates["folder"], rates["store"], strict=True))[1:]]
    for name, found in rates.items():
        yield (
            f"{CHANGES:,} changes, {AT_ONCE} at once, 20 ms an answer: apply, archive in a {name}",
            (f"{median(found[1:]):.0f} changes/s"),
        )
    told = ", ".join(f"{share:.0%}" for share in shares)
    yield "   with 20 ms a PUT a store has, of a folder (at least 60 %)", f"{median(shares):.0%} ({told})"


def _applied(folder: Path, url: str, section: dict[str, Any]) -> float:
    """Changes a second, from the lock to the closing act."""
    os.environ["TRUEUP_TEST_SCIM_TOKEN"] = TOKEN
    target = {
        "url": url,
        "token": "env:TRUEUP_TEST_SCIM_TOKEN",
        "concurrency": AT_ONCE,
        "requests_per_second": 100_000,
    }
    settings = settings_in(folder, target=target, **({"archive": section} if section else {}))
    archive = open_archive(settings)
    files = archive.new_run(Kind.RECONCILE, AT)
    plan(
        files.path,
        Directory(url=url),
        [(f"k{n:06}", "update", f"p{n:06}", {"title": (None, f"Title {n}")}) for n in range(CHANGES)],
    )
    seal(files, manifest_of(files, target=url))
    begun = time.perf_counter()
    with apply_lock(archive.path, url, f"apply {files.run_id}"):
        run = archive.load(files.run_id)
        work = plan_work(run.files)
        try:
            done = apply_run(settings, run.files, work, stop=threading.Event(), pace=Pace(1e9), learned=KNOWN)
        finally:
            work.close()
        added = (run.files.journal, run.files.outcome, run.files.target_after)
        add_act(run, Act.APPLIED, "bench", at=datetime.now(UTC), files=added)
    seconds = time.perf_counter() - begun
    if done.applied != CHANGES:
        raise RuntimeError(f"{done.applied} of {CHANGES} applied")
    return CHANGES / seconds


class _Slowly:
    """Each PUT is answered 20 ms after it came."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        due = time.monotonic() + (AFTER_S if scope["method"] == "PUT" else 0)

        async def later(message: Any) -> None:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await send(message)

        await self._application(scope, receive, later)


def _serve_store(port: Connection, public_key: bytes) -> None:
    storage = GoogleStorage(public_key, {"bench": {}})
    listener = socket.create_server(("127.0.0.1", 0))
    port.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    served = uvicorn.Config(_Slowly(application(storage)), log_level="critical", lifespan="off", ws="none")
    uvicorn.Server(served).run(sockets=[listener])
