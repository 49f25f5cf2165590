"""What the review begins as a process of its own is the product, whatever lies in the folder it was started in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from trueup.flows.review.own_process import COMMAND

if TYPE_CHECKING:
    from pathlib import Path


def test_modules_in_the_folder_of_the_service_are_not_taken_for_ours(tmp_path: Path) -> None:
    for name in ("trueup", "cyclopts", "rich"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger')", encoding="utf-8")
    done = subprocess.run([*COMMAND, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "a stranger" in done.stderr) == (0, False), done.stderr
