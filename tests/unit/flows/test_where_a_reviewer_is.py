"""Where a reviewer is in a plan is found again by the same person, in the same plan, and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.archive_runs import AT, archive_in, sealed_run
from trueup.connectors.archive import check_archive
from trueup.connectors.archive.atomic_files import REVIEWS
from trueup.connectors.archive.retention import prune
from trueup.flows.commands.review_wish import Progress
from trueup.flows.review_state import keep, kept

if TYPE_CHECKING:
    from pathlib import Path


def test_progress_is_kept_in_private_per_run_and_reviewer(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    first, second = sealed_run(archive), sealed_run(archive, days=1)
    here = Progress(("k-1",), {"k-1": "ask Bo"}, "half way")
    keep(archive.path, first, "ann", here)
    assert kept(archive.path, first, "ann") == here
    assert kept(archive.path, first, "../bo") == Progress()
    assert kept(archive.path, second, "ann") == Progress()
    folder = archive.path / REVIEWS
    assert {folder.stat().st_mode & 0o777, *(path.stat().st_mode & 0o777 for path in folder.iterdir())} == {
        0o700,
        0o600,
    }
    assert not check_archive(archive.path), "the archive takes it for damage"
    first.files.decisions.unlink()
    keep(archive.path, second, "../bo", here)
    assert [path.name.split(".")[0] for path in folder.iterdir()] == [second.run_id]
    next(folder.iterdir()).write_text("[", encoding="utf-8")
    assert kept(archive.path, second, "../bo") == Progress()


def test_it_goes_with_the_data_of_the_run(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    old, new = sealed_run(archive), sealed_run(archive, days=500)
    for run in (old, new):
        keep(archive.path, run, "ann", Progress(("k-1",), {}, ""))
    assert [one.files.run_id for one in prune(archive, keep_days=400, who="ann", at=AT + timedelta(days=501))] == [
        old.run_id
    ]
    assert [path.name.split(".")[0] for path in (archive.path / REVIEWS).iterdir()] == [new.run_id]
