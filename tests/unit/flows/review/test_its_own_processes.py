"""What the review begins as a process of its own is the product, whatever lies in the folder it was started in."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from trueup.flows.own_process import COMMAND
from trueup.transforms.duck.database import THREADS, connect

if TYPE_CHECKING:
    from pathlib import Path


def test_modules_in_the_folder_of_the_service_are_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("trueup", "cyclopts", "rich"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger')", encoding="utf-8")
    done = subprocess.run([*COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "a stranger" in done.stderr) == (0, False), done.stderr


LISTS = """
import sys
from trueup.flows.review.little_memory import do_without_pandas
do_without_pandas()
import duckdb, pyarrow as pa, pyarrow.compute as pc
names = pa.table({"name": pa.array(["Ann", None], pa.string()), "place": pa.array([1, 2])})
db = duckdb.connect()
db.register("names", names)
assert db.sql("SELECT name FROM names ORDER BY place").to_arrow_table()["name"].to_pylist() == ["Ann", None]
assert pc.is_in(names["name"], value_set=pa.array(["Ann"])).to_numpy().tolist() == [True, False]
print("pandas" in sys.modules)
"""


def test_a_process_of_the_review_that_turns_lists_into_arrow_loads_no_pandas() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", LISTS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_a_process_that_minds_its_memory_gives_back_what_a_query_has_freed() -> None:
    kept = "SELECT value FROM duckdb_settings() WHERE name = 'allocator_bulk_deallocation_flush_threshold'"
    known = THREADS.set(1)
    try:
        with connect() as db:
            assert db.sql(kept).fetchall() == [("976.5 KiB",)]
    finally:
        THREADS.reset(known)
    with connect() as db:
        assert db.sql(kept).fetchall() == [("512.0 MiB",)]
