from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, TARGET, archive_in, sealed_run
from trueup.connectors.archive import add_act, apply_holder, apply_lock, check_archive, check_run
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.archive import Archive

_ROOT = Path(__file__).parents[4]
_HEAD = """
import sys
from pathlib import Path
from trueup.connectors.archive import *
from tests.support.archive_runs import *
archive = archive_in(Path(sys.argv[1]))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def start(folder: Path, script: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, str(folder)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@contextmanager
def holding(folder: Path, what: str) -> Iterator[subprocess.Popen[str]]:
    """Another process inside ``apply_lock``, until it is told to go on."""
    script = f"""
with apply_lock(archive.path, TARGET, {what!r}):
    print("held", flush=True)
    sys.stdin.readline()
"""
    process = start(folder, script)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.communicate("go\n" if process.poll() is None else None)


@pytest.mark.parametrize("end", [Act.REJECTED, Act.SUPERSEDED])
def test_who_approves_what_somebody_has_just_ended_is_told_so_and_no_approval_is_kept(
    archive: Archive, end: Act
) -> None:
    run = sealed_run(archive)
    judged_before = archive.load(run.run_id)
    add_act(run, end, "the quicker one", at=AT)
    with pytest.raises(Refused, match=f"{end} while it was being approved"):
        add_act(judged_before, Act.APPROVED, "the slower one", at=AT, fingerprint="f")
    assert [act.act for act in archive.load(run.run_id).acts] == [end]


def test_racing_processes_write_acts_with_different_numbers_in_one_chain(archive: Archive, tmp_path: Path) -> None:
    run = sealed_run(archive)
    script = """
run = archive.load("latest")
sys.stdin.readline()
for number in range(8):
    add_act(run, Act.RELEASED, f"who-{number}", at=AT)
"""
    racers = [start(tmp_path, script) for _ in range(3)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert [racer.communicate()[1] or racer.returncode for racer in racers] == [0, 0, 0]
    again = archive.load(run.run_id)
    assert [act.number for act in again.acts] == list(range(1, 25))
    assert check_run(again) == []


def test_racing_processes_begin_and_seal_different_runs_in_one_chain(archive: Archive, tmp_path: Path) -> None:
    script = """
sys.stdin.readline()
for number in range(4):
    sealed_run(archive)
"""
    racers = [start(tmp_path, script) for _ in range(3)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert [racer.communicate()[1] or racer.returncode for racer in racers] == [0, 0, 0]
    assert len(archive.runs()) == 12
    assert check_archive(archive.path) == []


def test_a_second_apply_is_told_who_is_at_it(archive: Archive, tmp_path: Path) -> None:
    with holding(tmp_path, "apply 20261123T010000Z-0001") as process:
        with pytest.raises(Refused, match=f"20261123T010000Z-0001.*process {process.pid}") as refused:
            next(_lock(archive))
        assert refused.value.exit_code == 3
        holder = apply_holder(archive.path, TARGET)
        assert holder is not None
        assert holder.pid == process.pid
        with apply_lock(archive.path, "https://other.example", "another target"):
            pass
    assert apply_holder(archive.path, TARGET) is None
    next(_lock(archive))


def test_the_same_process_cannot_apply_twice_at_once(archive: Archive) -> None:
    with apply_lock(archive.path, TARGET, "first"), pytest.raises(Refused, match="first"):
        next(_lock(archive))


def test_a_killed_apply_holds_no_lock(archive: Archive, tmp_path: Path) -> None:
    with holding(tmp_path, "apply") as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with apply_lock(archive.path, TARGET, "the next"):
            holder = apply_holder(archive.path, TARGET)
            assert holder is not None
            assert holder.what == "the next"
    assert apply_holder(archive.path, TARGET) is None


def test_a_child_that_outlives_a_killed_apply_holds_no_lock(archive: Archive, tmp_path: Path) -> None:
    script = """
import os, subprocess
with apply_lock(archive.path, TARGET, "apply"):
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    child = subprocess.Popen(["sleep", "60"], start_new_session=True, **quiet)
    print(child.pid, flush=True)
    os.kill(os.getpid(), 9)
"""
    process = start(tmp_path, script)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.communicate()
    try:
        os.kill(child, 0)
        next(_lock(archive))
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_killed_seal_leaves_a_run_or_none_and_never_half_of_one(archive: Archive, tmp_path: Path) -> None:
    script = """
print("begun", flush=True)
while True:
    sealed_run(archive)
"""
    for _ in range(4):
        process = start(tmp_path, script)
        assert process.stdout is not None
        process.stdout.readline()
        while len(archive.runs()) % 4 != 3:
            pass
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert check_archive(archive.path) == []
        sealed_run(archive)
    assert check_archive(archive.path) == []


@pytest.mark.soak
def test_a_hundred_kills_of_everything_an_archive_does_leave_it_whole(archive: Archive, tmp_path: Path) -> None:
    import random

    script = """
from datetime import timedelta
from trueup.connectors.archive.retention import prune
print("begun", flush=True)
while True:
    for number in range(3):
        applied(archive, approved(archive, sealed_run(archive)))
    prune(archive, keep_days=1, who="ann", at=AT + timedelta(days=9))
"""
    chance = random.Random(7)  # noqa: S311 - when to kill, no secret
    for _ in range(100):
        process = start(tmp_path, script)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(chance.random())
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert check_archive(archive.path) == []
    assert any(run.is_pruned for run in archive.runs())


def _lock(archive: Archive) -> Iterator[None]:
    with apply_lock(archive.path, TARGET, "mine"):
        yield
