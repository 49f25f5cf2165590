"""A sealed ordinary night to render, and what a terminal shows of a rendering."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from tests.support.report_cases import ordinary
from tests.support.report_runs import history_of, write_run
from trueup.transforms.history import History, PriorRun

if TYPE_CHECKING:
    from pathlib import Path


def run_of(folder: Path) -> tuple[PriorRun, History]:
    """An ordinary night that was applied, and what was before."""
    files, manifest = write_run(folder, ordinary())
    history = history_of(folder)
    return PriorRun(files, manifest, history.runs[0].acts, "applied"), history


def printed(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()
