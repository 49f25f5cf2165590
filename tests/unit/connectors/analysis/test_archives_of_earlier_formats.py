"""Archives that earlier versions sealed, kept as they wrote them, read as data like those of today.

``without_expected``: format 1 before manifests said when a run was expected. ``with_expected``: format 1 of 0.2.0.
``people_in_acts``: format 2, whose manifests and acts name people themselves.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

import trueup
from trueup.connectors.archive import check_archive

KEPT = Path(__file__).resolve().parents[3] / "archives"


@pytest.mark.parametrize("name", sorted(path.name for path in KEPT.iterdir()))
def test_an_archive_of_an_earlier_format_answers_like_one_of_today(name: str, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(KEPT / name, root)
    assert check_archive(root) == []
    with trueup.open(root) as archive:
        sql = archive.connection().sql
        assert archive.left_out == ()
        days = tuple(date(2026, 11, day) for day in (23, 24, 25))
        assert archive.nights == days
        assert sql("SELECT state FROM nights ORDER BY night").fetchall() == [("applied",), ("applied",), ("ready",)]
        moves = sql("SELECT display_name, attribute, before, after, applied FROM moves ORDER BY night").fetchall()
        assert moves[0] == ("Ann", "title", "Title 0", "Title 1", True)
        assert moves[2] == ("Ann", "title", "Title 2", "Title 3", False)
        assert archive.people(at="2026-12-31").df().set_index("key").loc["k-ann", "title"] == "Title 2"
        assert sql("SELECT DISTINCT since FROM holds").fetchall() == [(days[0],)]
        assert sql("FROM headcount ORDER BY ALL").fetchall() == [(days[0], "Sales", 3), (days[1], "Sales", 3)]
        assert len(archive.history("ann@contoso.example").fetchall()) == 3
    assert check_archive(root) == []
