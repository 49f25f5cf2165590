"""A view of every night the report meets."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
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


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder that the run of a case lies in, which is only read."""
    return cache(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def view_of(case_folder: Callable[[str], Path]) -> Callable[[str], ReportView]:
    """The view of a case by name: frozen, so made once."""

    @cache
    def make(name: str) -> ReportView:
        case, folder = CASES[name](), case_folder(name)
        files, manifest = write_run(folder, case)
        history = history_of(folder, held=(60, 61)) if case.history else History()
        return build_view(files, manifest, history, at=AT + timedelta(hours=6))

    return make
