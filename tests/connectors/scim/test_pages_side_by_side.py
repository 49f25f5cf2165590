"""Several pages of a long list at a time: everybody once, a moving list noticed, a server's own way of counting too."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_runs import settings_for
from trueup.connectors.scim import side_by_side, snapshot
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.scim.profiles import TargetSnapshot


def filled(manners: Manners, people: int) -> Directory:
    directory = Directory(manners)
    for number in range(people):
        directory.add({"id": f"p{number:05d}", "userName": f"u{number}@x.example"})
    return directory


def taken(directory: Directory, folder: Path) -> TargetSnapshot:
    folder.mkdir(parents=True, exist_ok=True)
    return snapshot(settings_for(directory), [ManagedAttribute("title")], [], RunFiles(folder), known=None)


@pytest.mark.parametrize(("page", "total"), [(2, 16), (7, 56), (7, 57), (7, 60), (7, 61), (7, 62), (100, 1001)])
def test_the_stretches_hold_every_row_and_each_begins_with_the_last_of_the_one_before(page: int, total: int) -> None:
    held = list(range(1, page + 1))
    for stretch in side_by_side.stretches(page, total):
        rows = list(range(stretch.start, stretch.start + stretch.rows))
        assert (rows[0], len(rows) <= page) == (held[-1], True)
        held += rows[1:]
    assert held == list(range(1, total + 1))


def test_pages_are_under_way_together_and_everybody_is_read_once(tmp_path: Path) -> None:
    at_once, most, lock = 0, 0, threading.Lock()
    directory = filled(Manners(page=10, latency=0.02), 400)

    def trusts(headers: object) -> bool:
        nonlocal at_once
        with lock:
            at_once -= 1
        return True

    def fault(method: str, path: str, number: int) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)

    directory.trusts, directory.fault = trusts, fault
    with serving(directory):
        read = taken(directory, tmp_path)
    assert (read.profiles, read.completeness["readings"], read.completeness["repeats"]) == (400, 1, 0)
    assert read.completeness["proof"] == "counts_agree"
    assert most > 2


def test_somebody_who_leaves_while_another_comes_is_noticed_and_the_list_read_again(tmp_path: Path) -> None:
    """The total stays the same, and so does the number of people read: only the order gives it away."""
    moved = threading.Event()

    def shift(directory: Directory, start: int) -> None:
        if start > 150 and not moved.is_set():
            moved.set()
            del directory.users["p00003"]
            directory.add({"id": "p99999", "userName": "new@x.example"})

    directory = filled(Manners(page=10, shift=shift), 400)
    with serving(directory):
        read = taken(directory, tmp_path)
    assert (read.profiles, read.completeness["proof"]) == (400, "counts_agree")
    assert read.completeness["readings"] == 2
    assert set(pq.read_table(RunFiles(tmp_path).target)["id"].to_pylist()) == set(directory.users)


@pytest.mark.parametrize("total", [390, 410])
def test_a_total_that_is_not_true_is_read_again_and_proven_otherwise(tmp_path: Path, total: int) -> None:
    with serving(filled(Manners(page=10, total=total), 400)) as directory:
        read = taken(directory, tmp_path)
    assert (read.profiles, read.completeness["proof"]) == (400, "two_readings_agree")


def test_a_larger_page_is_asked_for_where_the_list_is_long_and_the_server_gives_it(tmp_path: Path) -> None:
    with serving(filled(Manners(page=500), 1200)) as directory:
        read = taken(directory, tmp_path)
    assert (read.profiles, read.state["page_size"]) == (1200, 500)
    assert read.completeness["requests"] < 12
