"""What was worked out for one process alone, as the archive cannot be written, goes with what asked for it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import archive_in, sealed_run, settings_in
from trueup.connectors.analysis.archive import Archive
from trueup.connectors.analysis.checked import FOLDER
from trueup.connectors.analysis.views_file import write_views
from trueup.flows.review.building import JOBS
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An archive whose cache cannot be made."""
    archive = archive_in(tmp_path)
    sealed_run(archive)
    (archive.path / FOLDER).touch()
    return archive.path


def test_an_archive_that_is_opened_and_closed(root: Path, temporary: Path) -> None:
    with Archive(root) as archive:
        assert len(archive.runs().fetchall()) == 1
        assert [*temporary.iterdir()] != []
    assert [*temporary.iterdir()] == []


def test_an_archive_that_cannot_be_opened(root: Path, temporary: Path) -> None:
    with pytest.raises(Misused, match="time zone"):
        Archive(root, timezone="No/Where")
    assert [*temporary.iterdir()] == []


def test_views_that_would_read_what_goes(root: Path, temporary: Path) -> None:
    with pytest.raises(Failed, match="cannot be written"):
        write_views(root)
    assert [*temporary.iterdir()] == []


def test_the_people_of_a_review(root: Path, temporary: Path, tmp_path: Path) -> None:
    found = JOBS["people"](settings_in(tmp_path), [path.name for path in root.glob("2*Z-*")])
    assert found.newest == 1
    assert [*temporary.iterdir()] == []
