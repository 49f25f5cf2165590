"""The first-run guide, walked on the sandbox: every command it shows, as it stands there and in its order."""

from __future__ import annotations

import re
import shlex
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.warm_commands import PATIENCE

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Office

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "first-run.md"
ENDLESS = {"serve"}
"""What goes on until it is stopped."""


def commands() -> list[list[str]]:
    """The words after ``trueup`` of each command the guide shows."""
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ trueup ")]
    return [words[1:] for line in lines if (words := shlex.split(line, comments=True))[1] not in ENDLESS]


@pytest.mark.services
def test_the_guide_works_word_for_word_on_the_sandbox(office: Office) -> None:
    office.config.unlink()
    walked: list[str] = []
    for words in commands():
        done = office.trueup(*words)
        if words[0] == "init":
            assert office.config.exists()
            office.configure()  # what the guide does with $EDITOR
        assert done.code == 0, (walked, words, done.out[-2000:], done.err)
        assert "Traceback" not in done.err
        walked.append(words[0])
    assert walked[:3] == ["init", "doctor", "plan"]
    assert {"show", "approve", "apply", "verify", "rollback", "release"} <= set(walked)
    runs = office.trueup("runs", "--json").json
    assert runs[0]["state"] == "verified"


@pytest.mark.services
def test_ctrl_c_in_the_middle_of_a_plan_says_that_nothing_was_written(office: Office) -> None:
    before = office.everything()
    deadline = time.monotonic() + PATIENCE
    office.sandbox.tenant.requests.clear()
    with office.begun("plan") as process:
        while not any("users" in seen.path for seen in office.sandbox.tenant.requests) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, (out, err)
    assert "Stopped. Nothing was written to the target." in err
    assert "Traceback" not in err
    assert office.everything() == before
