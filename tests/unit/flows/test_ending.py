"""How the process of a command ends: with everything done that must be, with the right code, and at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BEGINS = """
import atexit, sys, tempfile, threading, time
from trueup.flows.commands.ending import end_quickly

class Freed:
    def __del__(self):
        print("freed")

told = end_quickly()
kept = [Freed()]
kept.append(kept)
atexit.register(print, "an exit handler")
folder = tempfile.TemporaryDirectory()
threading.Timer(0.2, print, ["a thread"]).start()
print(folder.name)
"""


def ended(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BEGINS + code], capture_output=True, text=True, timeout=60, check=False
    )


def test_what_was_left_to_the_end_is_done_and_nothing_is_taken_apart() -> None:
    done = ended("told(3)\nsys.exit(3)\n")
    folder, *said = done.stdout.splitlines()
    assert done.returncode == 3
    assert said == ["a thread", "an exit handler"], "threads first, then handlers, and no object is freed"
    assert not Path(folder).exists()


def test_a_command_that_breaks_off_has_failed() -> None:
    done = ended("raise ValueError('broken off')\n")
    assert done.returncode == 1
    assert "ValueError: broken off" in done.stderr
