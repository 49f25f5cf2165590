"""A process that dies without a manifest is told of; one that ends by itself, or is at work, is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, archive_in, settings_in
from trueup.connectors.archive import open_archive
from trueup.connectors.archive.doctor import examine
from trueup.connectors.archive.retention import prune
from trueup.connectors.archive.unfinished import died
from trueup.flows.watch import Watch
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from trueup.connectors.archive.archive import Archive
from trueup.transforms.vocabulary import Kind
"""
NEW = "Archive(Path(sys.argv[1])).new_run(Kind.RECONCILE, datetime.now(UTC))\n"


@pytest.mark.parametrize(
    ("end", "told", "stacks"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 1, True),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, False),
        ("os.kill(os.getpid(), signal.SIGINT)", 0, False),
        ("raise RuntimeError", 0, False),
        ("sys.exit(3)", 0, False),
    ],
)
def test_only_a_process_that_died_is_told_of(end: str, told: int, stacks: bool, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BEGIN + NEW + end, str(tmp_path)], check=False, capture_output=True)
    found = died(tmp_path)
    assert len(found) == told
    for one in found:
        assert one.run_id in one.text
        assert (one.stacks is not None) == stacks
        assert one.stacks is None or "Segmentation fault" in one.stacks.read_text(encoding="utf-8")


def test_a_run_at_work_did_not_die(tmp_path: Path) -> None:
    wait = "print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + NEW + wait, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert died(tmp_path) == ()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(died(tmp_path)) == 1


SEAL = """
import tests.support.archive_runs as runs
from trueup.connectors.archive import seals, store
archive = runs.archive_in(Path(sys.argv[1]))
files = archive.new_run(Kind.RECONCILE, runs.AT)
"""


def end_of(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGIN + code, str(folder)], check=False, capture_output=True, text=True
    )


def test_a_process_that_dies_between_its_last_stage_and_the_manifest_is_told_of(tmp_path: Path) -> None:
    killed = "store.write_new = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
    assert end_of(f"{SEAL}{killed}seals.seal(files, runs.manifest_of(files))", tmp_path).returncode == -signal.SIGKILL
    place = archive_in(tmp_path).path
    (one,) = died(place)
    assert not RunFiles(place / one.run_id).work.exists(), "the seal had begun"


def test_a_crash_after_the_seal_is_not_one_of_the_run_and_its_stacks_go_to_stderr(tmp_path: Path) -> None:
    seal = f"{SEAL}seals.seal(files, runs.manifest_of(files))\n"
    done = end_of(f"{seal}os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    assert "Segmentation fault" in done.stderr
    archive = archive_in(tmp_path)
    assert died(archive.path) == ()
    assert len(archive.runs()) == 1
    assert list((archive.path / ".locks").glob("begun-*")) == []


def test_stacks_go_to_the_run_under_way_when_an_earlier_one_of_the_process_is_discarded(tmp_path: Path) -> None:
    second = "second = archive.new_run(Kind.RECONCILE, runs.AT)\narchive.discard(files)\n"
    end_of(f"{SEAL}{second}os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    (one,) = died(archive_in(tmp_path).path)
    assert one.stacks is not None
    assert "Segmentation fault" in one.stacks.read_text(encoding="utf-8")


def test_what_is_left_of_a_pruned_draft_tells_nothing_and_goes_with_the_next_run(tmp_path: Path) -> None:
    end_of(f"{SEAL}os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
    archive = archive_in(tmp_path)
    (one,) = died(archive.path)
    prune(archive, keep_days=1, who="Reviewer", at=datetime.now(UTC) + timedelta(days=3))
    assert died(archive.path) == ()
    files = archive.new_run(Kind.RECONCILE, datetime.now(UTC))
    assert not one.mark.exists()
    archive.discard(files)


def test_serve_tells_somebody_once_of_each_run_that_died_and_over_restarts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told"
    (tmp_path / "tell.sh").write_text(f'echo "$TRUEUP_MESSAGE" >> {told}\n', encoding="utf-8")
    settings = settings_in(tmp_path, notify={"command": f"sh {tmp_path / 'tell.sh'}"})
    archive = open_archive(settings)
    for expected in (1, 2):
        end_of(f"{SEAL}os.kill(os.getpid(), signal.SIGKILL)", tmp_path)
        for watch in (Watch(since=AT), Watch(since=AT)):
            watch._tell_of_died(settings, archive)
            watch._tell_of_died(settings, archive)
        said = told.read_text(encoding="utf-8").splitlines()
        assert len(said) == expected
        assert all("was never sealed: its process was killed or crashed" in line for line in said)
        assert capsys.readouterr().err.count("was never sealed") == 1
    assert {one.run_id in " ".join(said) for one in died(archive.path)} == {True}


def test_doctor_names_a_run_that_died(tmp_path: Path) -> None:
    end_of(f"{SEAL}os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)
    settings = settings_in(tmp_path)
    (one,) = died(open_archive(settings).path)
    (line,) = [line for line in examine(settings) if line.subject == "unfinished run"]
    assert (line.status, line.text, line.remedy) == ("warning", one.text, one.remedy)
    assert str(one.stacks) in line.remedy
