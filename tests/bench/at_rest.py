"""Nights with a key beside the same nights without, through the command line, in turns: what encryption at rest costs.

Each archive has a tenant and a directory of its own that say the same. ``TRUEUP_BENCH_NIGHTS`` says the sizes, as for
``night``. Of nights that are alike the cheapest counts on either side: other work on the machine only ever adds.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench._night_world import turn_to, world_served
from tests.bench.night import Office

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench._watched import Seen

SIZES = tuple(int(size) for size in os.environ.get("TRUEUP_BENCH_NIGHTS", "1000,50000").split(","))
NIGHTS = 4
"""The first is one of its own kind; from the second on they are alike."""
COMMANDS = (("plan",), ("approve", "latest", "--as", "bench"), ("apply", "latest"))


def run() -> Iterator[tuple[str, str]]:
    """Each figure as it comes."""
    for people in SIZES:
        with world_served(people) as one, world_served(people) as other, tempfile.TemporaryDirectory() as folder:
            offices = Office(Path(folder, "plain"), one), _with_a_key(Office(Path(folder, "key"), other))
            yield from _nights(people, offices)
            for office in offices:
                office.trueup("server", "--stop")


def _with_a_key(office: Office) -> Office:
    (office.folder / "key").write_bytes(base64.b64encode(os.urandom(32)))
    config = office.folder / "trueup.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("[archive]\n", '[archive]\nencryption_key = "file:key"\n'), encoding="utf-8")
    return office


def _nights(people: int, offices: tuple[Office, Office]) -> Iterator[tuple[str, str]]:
    best: dict[tuple[str, str], tuple[Seen, Seen]] = {}
    for night in range(1, NIGHTS + 1):
        for office in offices:
            turn_to(office.base, night)
        for words in COMMANDS:
            turn = offices if night % 2 else offices[::-1]
            seen = {office.folder.name: office.trueup(*words) for office in turn}
            of = ("first night" if night == 1 else "a later night", words[0])
            both = seen["plain"], seen["key"]
            before = best.get(of, both)
            best[of] = _cheaper(before[0], both[0]), _cheaper(before[1], both[1])
    for kind in ("first night", "a later night"):
        own = {word: both for (one, word), both in best.items() if one == kind}
        for word, both in own.items():
            yield f"{people:,} people, {kind}: {word}", f"{both[0]}; with a key {both[1]} = {_ratio([both])}"
        chosen = [own["plan"], own["apply"]]
        yield f"{people:,} people, {kind}: plan and apply, with a key", f"{_ratio(chosen)} the processor time"


def _cheaper(one: Seen, other: Seen) -> Seen:
    return min(one, other, key=lambda seen: seen.processor)


def _ratio(pairs: list[tuple[Seen, Seen]]) -> str:
    return f"{sum(pair[1].processor for pair in pairs) / sum(pair[0].processor for pair in pairs):.2f} x"
