"""The archive as data: what opening, asking and exporting cost beside bare DuckDB over the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import duckdb

import trueup
from tests.support.many_nights import many_nights
from trueup.connectors.analysis.export import export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")
_BARE = """
SELECT count(*), count(o.key) FROM read_parquet('{root}/*/changes.parquet', filename = true) AS c
LEFT JOIN (
    SELECT *, split_part(filename, '/', -2) AS r FROM read_parquet('{root}/*/outcome.parquet', filename = true)
) AS o
    ON o.key = c.key AND o.r = split_part(c.filename, '/', -2)
"""

_OPEN = """
import sys, time
begun = time.perf_counter()
import trueup
trueup.open(sys.argv[1])
print(time.perf_counter() - begun)
"""


def run() -> Iterator[tuple[str, str]]:
    """Rows for ``make bench``; TRUEUP_BENCH_NIGHTS and TRUEUP_BENCH_PEOPLE make it smaller."""
    nights = int(os.environ.get("TRUEUP_BENCH_NIGHTS", "400"))
    people = int(os.environ.get("TRUEUP_BENCH_PEOPLE", "100000"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        root = many_nights(place, nights=nights - 1, people=people, changing=100).path
        yield from _measured(root, f"{nights} nights × {people:,}", place)


def _measured(root: Path, what: str, place: Path) -> Iterator[tuple[str, str]]:
    with trueup.open(root) as archive:
        _, first = _timed(lambda: archive.connection().sql("SELECT count(*) FROM moves").fetchall())
    yield f"{what}: moves with the first check of its files", f"{first:.2f} s"
    yield f"{what}: open in a new process, with what it imports", _in_a_new_process(root)
    archive, opened = _timed(lambda: trueup.open(root))
    yield f"{what}: open (limit 0.3 s)", f"{opened:.2f} s"
    with archive:
        sql = archive.connection().sql
        _, moves = _timed(
            lambda: sql("SELECT count(*), count(*) FILTER (WHERE applied), min(display_name) FROM moves").fetchall()
        )
        with duckdb.connect() as bare:
            _, floor = _timed(lambda: bare.execute(_BARE.format(root=root)).fetchall())
        yield f"{what}: moves (limit 2 s)", f"{moves:.2f} s; bare DuckDB {floor:.2f} s; {moves / floor:.1f} times"
        day = archive.nights[len(archive.nights) // 2]
        archive.people(at=day).fetchall()
        _, asked = _timed(lambda: archive.people(at=day).arrow())
        yield f"{what}: people of a day (limit 1 s)", f"{asked:.2f} s"
        _, counted = _timed(lambda: sql(f"SELECT count(*) FROM people WHERE night = DATE '{day}'").fetchall())
        yield f"{what}: people of a day in SQL, files not checked before", f"{counted:.2f} s"
        _, counted = _timed(lambda: sql(f"SELECT count(*) FROM people WHERE night = DATE '{day}'").fetchall())
        yield f"{what}: people of a day in SQL", f"{counted:.2f} s"
        _, heads = _timed(lambda: sql("SELECT count(*) FROM headcount").fetchall())
        yield f"{what}: headcount of all nights", f"{heads:.2f} s"
        _, exported = _timed(lambda: export(archive, place / "exported", to="parquet"))
        yield f"{what}: export of all nights", f"{exported:.2f} s"
    state = place / "exported" / "trueup-export.json"
    known = json.loads(state.read_text(encoding="utf-8"))
    known["nights"].pop(max(known["nights"]))
    state.write_text(json.dumps(known), encoding="utf-8")
    with trueup.open(root) as again:
        _, more = _timed(lambda: export(again, place / "exported", to="parquet"))
        yield f"{what}: export of one more night (limit 1 s beyond its data)", f"{more:.2f} s"


def _in_a_new_process(root: Path) -> str:
    told = [subprocess.run([sys.executable, "-c", _OPEN, root], capture_output=True, check=True) for _ in range(3)]
    return f"{min(float(one.stdout) for one in told):.2f} s"


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    begun = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begun
