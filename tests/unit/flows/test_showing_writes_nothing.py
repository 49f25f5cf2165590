"""Whoever only looks at a run needs no right to write: an archive's group reads, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.archive_runs import archive_in, sealed_run
from trueup.flows.commands.show import show_run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_run_is_shown_without_a_trace_in_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = archive_in(tmp_path)
    run = sealed_run(archive)
    locks = archive.path / ".locks"
    for one in locks.iterdir():
        one.unlink()
    locks.rmdir()
    config = tmp_path / "trueup.toml"
    config.write_text(f'[target]\nurl = "https://d.example/scim"\n[archive]\npath = "{archive.path}"\n', "utf-8")
    show_run(config, run.run_id, form="md", output=None, data_docs=None)
    assert run.run_id in capsys.readouterr().out
    assert not locks.exists()
