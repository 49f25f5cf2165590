"""A view of every night the report meets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.report_cases import CASES
from tests.support.report_runs import AT, history_of, write_run
from trueup.reports.view import build_view
from trueup.transforms.history import History

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.reports.model import ReportView


@pytest.fixture
def view_of(tmp_path: Path) -> Callable[[str], ReportView]:
    """The view of a case by name."""

    def make(name: str) -> ReportView:
        case = CASES[name]()
        files, manifest = write_run(tmp_path, case)
        history = history_of(tmp_path, held=(60, 61)) if case.history else History()
        return build_view(files, manifest, history, at=AT + timedelta(hours=6))

    return make
