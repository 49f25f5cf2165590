"""How the process of a command ends: with everything done that must be, with the right code, and at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.flows.test_deployed_configuration import SCHEMA

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


def trueup(*words: str, into: int) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, buffered as a shell's are."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    code = "import sys; from trueup.flows.commands.cli import main; sys.argv[0] = 'trueup'; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        stdout=into,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", [("mapping", "import", "schema.json"), ("--version",), ("--help",)])
def test_what_could_not_be_shown_is_no_success_and_a_reader_that_left_is_no_failure(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    with Path("/dev/full").open("wb") as full:
        done = trueup(*words, into=full.fileno())
    assert done.returncode == 1
    assert "The result could not be shown: No space left on device." in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = trueup(*words, into=pipe.fileno())
    assert (done.returncode, done.stderr) == (0, "")
