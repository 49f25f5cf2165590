"""Whole nights through the command line, from the first request to the seal, beside a floor and a peer of the same run.

The floor reads both lists side by side by two threads of one bare httpx + orjson process, in pages of the product's
sizes, and keeps nothing. The peer is datacompy on Polars over the files of the second night, for its comparison alone.
``TRUEUP_BENCH_NIGHTS`` says the sizes (``1000`` is a minute); the tenant and the directory are one process of their own
that all readers share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from tests.bench._night_world import ENVIRONMENT, GRAPH_PAGE, SCIM_PAGE, TOKEN, configuration, turn_to, world_served
from tests.bench._watched import Seen, watched
from tests.bench.peer import COMPARISON
from tests.bench.peer import PYTHON as PEER

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = tuple(int(size) for size in os.environ.get("TRUEUP_BENCH_NIGHTS", "1000,100000,1000000").split(","))
STAGES = ("map", "check", "plan", "check_plan", "summary", "report", "fingerprint")
_NEVER_SECONDS = 5400


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    for people in SIZES:
        with world_served(people) as base, tempfile.TemporaryDirectory() as folder:
            office = Office(Path(folder), base)
            yield from _nights(people, office)
            office.trueup("server", "--stop")


@dataclass(frozen=True, slots=True)
class Office:
    """A folder with a configuration, and the environment its commands run in."""

    folder: Path
    base: str

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "trueup.toml").write_text(configuration(self.base), encoding="utf-8")
        (self.folder / "home").mkdir()

    def trueup(self, *words: str) -> Seen:
        """One command on a terminal; what it says is shown where it does not end as it should."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        environment |= {**ENVIRONMENT, "HOME": str(self.folder / "home"), "TERM": "xterm", "COLUMNS": "120"}
        trueup = str(Path(sys.executable).with_name("trueup"))
        said = subprocess.run([trueup, "server", "--json"], env=environment, capture_output=True, text=True, check=True)
        kept = [number for number in map(json.loads(said.stdout).get, ("pid", "warm")) if number]
        seen = watched([trueup, *words], self.folder, environment, beside=kept)
        if seen.code:
            sys.stderr.write(f"trueup {' '.join(words)} ended with {seen.code}:\n{seen.said[-3000:]}\n")
            raise SystemExit(1)
        return seen

    @property
    def newest(self) -> Path:
        """The newest run's directory."""
        return max(one for one in (self.folder / "runs").iterdir() if (one / "manifest.json").exists())

    def seconds(self) -> dict[str, float]:
        """Seconds of each stage of the newest run."""
        manifest: dict[str, Any] = json.loads((self.newest / "manifest.json").read_text(encoding="utf-8"))
        return dict(manifest["stage_seconds"])


def _nights(people: int, office: Office) -> Iterator[tuple[str, str]]:
    size = f"{people:,} people"
    floor = _floor(people, office.base)
    yield (
        f"{size}: floor, both lists by two threads of one bare process",
        f"{floor[0]:.1f} s, {floor[1]:.1f} s of processor time",
    )
    for night, what in ((1, "first night"), (2, "second night"), (3, "third night")):
        turn_to(office.base, night)
        seen, stages = office.trueup("plan"), office.seconds()
        server = "cold" if night == 1 else "Prefect's server kept"
        yield f"{size}, {what} ({server}): plan", f"{seen} = {seen.wall / floor[0]:.2f} x the floor"
        reads = max(stages["source"], stages["target"])
        yield (
            "   both reads (source, target)",
            (f"{reads:.1f} s ({stages['source']:.1f}, {stages['target']:.1f}) = {reads / floor[0]:.2f} x the floor"),
        )
        yield "   " + ", ".join(STAGES), ", ".join(f"{stages.get(one, 0):.1f}" for one in STAGES) + " s"
        if night == 2:
            yield from _peer(office, sum(stages.get(one, 0.0) for one in STAGES))
        for words in (("approve", "latest", "--as", "bench"), ("apply", "latest"), ("verify", "latest")):
            yield f"   {words[0]}, 1 % of them", str(office.trueup(*words))


def _peer(office: Office, stages: float) -> Iterator[tuple[str, str]]:
    if not PEER.exists():
        yield "   datacompy on Polars", "not set up; make bench does"
        return
    paths = [str(office.newest / f"{name}.parquet") for name in ("desired", "actual")]
    done = subprocess.run([PEER, "-c", COMPARISON, *paths], capture_output=True, text=True, check=True)
    seconds, memory, unequal = (float(word) for word in done.stdout.split())
    yield (
        f"   peer: datacompy on Polars, comparison alone ({unequal:,.0f} unequal)",
        f"{seconds:.2f} s, {memory:,.0f} MB",
    )
    yield "   from both snapshots to the seal", f"{stages:.1f} s = {stages / seconds:.1f} x the peer"


def _floor(people: int, base: str) -> tuple[float, float]:
    """Wall and processor seconds of the bare reads, in a process of their own."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.night", base, str(people)], stdout=subprocess.PIPE, text=True
    ) as child:
        wall, processor = child.communicate(timeout=_NEVER_SECONDS)[0].split()
    return float(wall), float(processor)


def _read_users(base: str, people: int) -> None:
    found, link = 0, f"{base}/v1.0/users?$top={GRAPH_PAGE}"
    with httpx.Client(timeout=60, trust_env=False) as client:
        while link:
            page = orjson.loads(client.get(link).content)
            found += len(page["value"])
            link = page.get("@odata.nextLink", "")
    assert found == people


def _read_profiles(base: str, people: int) -> None:
    found = 0
    with httpx.Client(timeout=60, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        while found < people:
            page = orjson.loads(client.get(f"{base}/scim/v2/Users?startIndex={found + 1}&count={SCIM_PAGE}").content)
            found += len(page["Resources"])


def _bare(base: str, people: int) -> None:
    begun, used = time.perf_counter(), time.process_time()
    reading = [threading.Thread(target=read, args=(base, people)) for read in (_read_users, _read_profiles)]
    for one in reading:
        one.start()
    for one in reading:
        one.join()
    sys.stdout.write(f"{time.perf_counter() - begun} {time.process_time() - used}\n")


if __name__ == "__main__":
    _bare(sys.argv[1], int(sys.argv[2]))
