"""The report of each kind of night, word by word. A missing golden file fails; ``make golden`` writes them anew.

The grid is another project's and not kept here: in these pages a comment stands in its place.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.report_cases import CASES
from tests.support.report_runs import AT, history_of, write_run
from trueup.reports.assets import Assets, assets
from trueup.reports.html import render_html
from trueup.reports.markdown import render_markdown
from trueup.reports.terminal import plain_text
from trueup.reports.view import build_view
from trueup.transforms.history import History

if TYPE_CHECKING:
    from trueup.reports.model import ReportView

_HERE = Path(__file__).parent
_WRITE = os.environ.get("TRUEUP_WRITE_GOLDEN") == "1"


def _page(view: ReportView) -> str:
    own = assets()
    return render_html(view, parts=Assets("/* the grid */", "/* report.js */", "/* report.css */", own.licence[:0]))


_FORMS = {"report.html": _page, "report.md": render_markdown, "terminal.txt": plain_text}


@pytest.mark.parametrize("name", CASES)
def test_the_report_of_this_night_reads_as_agreed(name: str, tmp_path: Path) -> None:
    case = CASES[name]()
    files, manifest = write_run(tmp_path, case)
    history = history_of(tmp_path, held=(60, 61)) if case.history else History()
    view = build_view(files, manifest, history, at=AT + timedelta(hours=6))
    for file, render in _FORMS.items():
        golden = _HERE / name / file
        content = render(view)
        if _WRITE:
            golden.parent.mkdir(exist_ok=True)
            golden.write_bytes(content.encode())
        assert golden.exists(), f"{name}/{file} is missing: read it after make golden, then commit it"
        assert content == golden.read_bytes().decode()


def test_every_golden_directory_has_its_case() -> None:
    kept = {place.parent.name for place in _HERE.glob("*/report.md")}
    assert kept == set(CASES)
