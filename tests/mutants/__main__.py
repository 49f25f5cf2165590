"""``make mutants``: does a test notice when one sign of the product is wrong? Outside CI, as it takes hours.

A sample of all small faults in the rooms below, chosen by the commit (or ``--seed``); for each, the tests that run
the line, until one fails. Prints what survived and the figures.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutants._operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "transforms/values",
    "transforms/planning",
    "transforms/approval",
    "transforms/rollback",
    "connectors/scim_writer",
)
TESTS = (
    "tests/unit/transforms",
    "tests/unit/connectors/journal",
    "tests/unit/reports",
    "tests/property/test_plan_properties.py",
    "tests/property/test_archive_left_out.py",
    "tests/connectors/scim",
    "tests/connectors/scim_writer",
)


def main() -> None:
    """Draw the sample, try it, and print the results."""
    wanted = _arguments()
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
    import pytest

    from tests.mutants._operators import faults
    from tests.mutants._running import Driver

    paths = sorted(
        str(path.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*") if _is_source(path)
    )
    every = [mutant for path in paths for mutant in faults(ROOT, path)]
    every = [mutant for mutant in every if re.search(wanted.only, mutant.name)]
    chosen = sorted(random.Random(wanted.seed).sample(every, min(wanted.sample, len(every))))  # noqa: S311 - a sample
    random.Random(wanted.seed).shuffle(chosen)  # noqa: S311 - so that what is stopped early is a sample too
    print(f"{len(chosen)} of {len(every)} mutants, seed {wanted.seed}", flush=True)  # noqa: T201 - its output
    figures: Counter[str] = Counter()

    def said(mutant: Mutant, result: str, seconds: float, test: str) -> None:
        figures[result] += 1
        line = f"{sum(figures.values()):5} {result:9} {seconds:5.1f} s  {mutant.name}  {test.rpartition('::')[2]}"
        print(line.rstrip(), flush=True)  # noqa: T201 - likewise

    driver = Driver(chosen, said, paths, wanted.jobs, wanted.limit)
    plain = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "240", "--hypothesis-seed", "0"]
    marks = ["-m", "not browser and not soak and not services"]
    tests = wanted.tests or TESTS
    code = pytest.main([*plain, *marks, *tests], plugins=[driver])
    noticed = figures["caught"] + figures["hung"]
    print(f"{dict(figures)}: {noticed} of {sum(figures.values())} caught")  # noqa: T201 - likewise
    sys.stdout.flush()
    os._exit(
        0 if code in {0, pytest.ExitCode.NO_TESTS_COLLECTED} else int(code)
    )  # unfrozen extensions complain at an end


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".sql"} and path.is_file()


def _arguments() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    reader.add_argument("--seed", help="chooses the sample; the commit, if not said")
    reader.add_argument("--sample", type=int, default=600, help="how many mutants (600)")
    reader.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    reader.add_argument("--limit", type=float, default=60, help="seconds of CPU for the tests of one mutant (60)")
    reader.add_argument("--only", default="", help="a regular expression for the names of mutants: path:line what")
    reader.add_argument("tests", nargs="*", help="tests to use instead of those that usually are")
    wanted = reader.parse_args()
    if wanted.seed is None:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
        wanted.seed = head.stdout.strip()
    return wanted


if __name__ == "__main__":
    main()
