"""What anybody tries first: the version, -h, and completion by the shell."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

TRUEUP = Path(sys.executable).with_name("trueup")


def test_the_version_is_said() -> None:
    done = subprocess.run([TRUEUP, "--version"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"trueup {version('trueup')}\n"


def test_commands_and_their_subcommands_understand_dash_h() -> None:
    for line in (["plan", "-h"], ["mapping", "check", "-h"]):
        done = subprocess.run([TRUEUP, *line], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.startswith("Usage: trueup")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_completes_commands(shell: str) -> None:
    around = os.environ | {"_TRUEUP_COMPLETE": f"source_{shell}"}
    script = subprocess.run([TRUEUP], capture_output=True, text=True, check=True, timeout=60, env=around).stdout
    assert "_trueup_completion" in script
    asked = {"bash": {"COMP_WORDS": "trueup ro", "COMP_CWORD": "1"}, "zsh": {"_TYPER_COMPLETE_ARGS": "trueup ro"}}[
        shell
    ]
    around = os.environ | asked | {"_TRUEUP_COMPLETE": f"complete_{shell}"}
    told = subprocess.run([TRUEUP], capture_output=True, text=True, check=True, timeout=60, env=around).stdout
    assert "rollback" in told
