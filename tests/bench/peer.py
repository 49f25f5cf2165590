"""datacompy on Polars over the same two files, in an environment of its own: the comparison alone, no decisions."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import plan

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = Path(".venv-peer/bin/python")
COMPARISON = """
import resource, sys, time
import polars
import datacompy
begun = time.perf_counter()
before, after = (polars.read_parquet(path).drop("left_alone") for path in sys.argv[1:])
compared = datacompy.PolarsCompare(before, after, join_columns="key")
unequal = sum(column["unequal_cnt"] for column in compared.column_stats)
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, unequal)
"""


def run() -> Iterator[tuple[str, str]]:
    """Seconds and MB of the comparison alone, beside the floor of the same run."""
    if not PYTHON.exists():
        yield "datacompy on Polars", "not set up; make bench does"
        return
    with tempfile.TemporaryDirectory() as folder:
        plan.build(Path(folder))
        floor = min(plan.floor(Path(folder)) for _ in range(3))
        paths = [str(plan.now(Path(folder)).desired), str(Path(folder) / "actual.parquet")]
        done = subprocess.run([PYTHON, "-c", COMPARISON, *paths], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.stderr.write(done.stderr)
            yield "datacompy on Polars", "failed"
            return
        seconds, memory, unequal = (float(word) for word in done.stdout.split())
        yield (
            f"datacompy on Polars, {plan.PEOPLE:,} people, comparison alone ({unequal:,.0f} unequal)",
            f"{seconds:.2f} s",
        )
        yield "   beside the floor", f"{seconds / floor:.1f} x"
        yield "   peak memory", f"{memory:.0f} MB"
