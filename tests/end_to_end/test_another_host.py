"""The operator's guide, "Another host" and "Secrets change", as they stand there."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.warm_commands import PATIENCE, TRUEUP

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Office

THERE = 'import socket\n\nsocket.gethostname = lambda: "elsewhere"\n'
"""What Python reads first on a host of that name."""


@pytest.mark.services
def test_a_folder_that_was_copied_goes_on_at_another_host(office: Office, tmp_path: Path) -> None:
    office.configure(**{str(office.archive): "runs"})
    plan = office.plan()
    office.accept(plan)
    moved = tmp_path.parent / f"{tmp_path.name}-moved"
    shutil.copytree(office.folder, moved)
    shutil.rmtree(office.archive)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "sitecustomize.py").write_text(THERE, encoding="utf-8")

    def there(*words: str) -> str:
        done = subprocess.run(
            [TRUEUP, *words],
            cwd=moved,
            env={
                **os.environ,
                **office.sandbox.environment,
                **office.environment,
                "PYTHONPATH": str(tmp_path / "there"),
            },
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    assert "115 people applied" in there("apply", plan["run_id"])
    assert "nothing to do" in there("plan")
    assert "holds everything that was written" in there("verify", plan["run_id"])
    assert "2 runs whole" in there("verify", "--archive")


@pytest.mark.services
def test_a_new_token_is_read_where_the_old_one_stood(office: Office) -> None:
    variable = next(name for name, value in office.sandbox.environment.items() if value == office.sandbox.scim_token)
    token = office.folder / "token"
    token.touch(mode=0o600)
    office.configure(**{f"env:{variable}": f"file:{token}"})
    token.write_text("one-that-holds-no-more", encoding="utf-8")
    refused = office.trueup("plan")
    assert (refused.code, "refuses the token (401)" in refused.err) == (1, True)
    assert office.trueup("runs", "--json").json == []
    token.write_text(office.sandbox.scim_token, encoding="utf-8")
    assert office.trueup("doctor").code == 0
    assert office.plan()["outcome"] == "ready"
