"""A process that dies without a manifest is told of; one that ends by itself, or is at work, is not."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trueup.connectors.archive.unfinished import died

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from trueup.connectors.archive.archive import Archive
from trueup.transforms.vocabulary import Kind
Archive(Path(sys.argv[1])).new_run(Kind.RECONCILE, datetime.now(UTC))
"""


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
    subprocess.run([sys.executable, "-c", BEGIN + end, str(tmp_path)], check=False, capture_output=True)
    found = died(tmp_path)
    assert len(found) == told
    for one in found:
        assert one.run_id in one.text
        assert (one.stacks is not None) == stacks
        assert one.stacks is None or "Segmentation fault" in one.stacks.read_text(encoding="utf-8")


def test_a_run_at_work_did_not_die(tmp_path: Path) -> None:
    wait = "print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + wait, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert died(tmp_path) == ()
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(died(tmp_path)) == 1
