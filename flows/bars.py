"""How far a run is, on a person's terminal: a row for each stage, and for each list that is read or written."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Task, TaskID

NAMES = {
    "sign_in": "signing in",
    "source": "reading users",
    "target": "reading profiles",
    "map": "mapping",
    "check": "checking people",
    "plan": "deciding",
    "check_plan": "checking the plan",
    "summary": "summing up",
    "fingerprint": "taking the fingerprint",
    "report": "writing the reports",
}
"""Stage, as the manifest knows it → what a person reads."""
_AT: ContextVar[str] = ContextVar("trueup_stage", default="")
"""The stage that reports, so that its rows end with it."""


class _Count(ProgressColumn):
    """How many, where something is counted."""

    def render(self, task: Task) -> Text:
        if not task.completed or task.total == 1 or task.fields.get("is_stage"):
            return Text("")
        total = f" of {task.total:,.0f}" if task.total else ""
        return Text(f"{task.completed:,.0f}{total}")


class Bars:
    """Rows that move; callable from any thread as a ``trueup.transforms.progress.Progress``."""

    def __init__(self, drawn: RichProgress) -> None:
        """Draw on ``drawn``."""
        self._drawn = drawn
        self._rows: dict[str, TaskID] = {}
        self._begun_at: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """``done`` of ``total`` rows of ``stage``."""
        with self._lock:
            row = self._row(stage)
            self._drawn.update(row, completed=done, total=total, is_stage=False)

    def _row(self, name: str) -> TaskID:
        if name not in self._rows:
            self._rows[name] = self._drawn.add_task(name, total=None, is_stage=True)
            self._begun_at[name] = _AT.get() or name
        return self._rows[name]

    @contextmanager
    def stage(self, stage: str) -> Iterator[None]:
        """Show ``stage`` at work for the length of the block; what it has counted ends with it."""
        name = NAMES.get(stage, stage)
        before = _AT.set(name)
        with self._lock:
            self._row(name)
        try:
            yield
        finally:
            _AT.reset(before)
            self._end(name)

    def end(self) -> None:
        """Draw nothing more, and leave the terminal as it was."""
        self._drawn.stop()

    def _end(self, name: str) -> None:
        with self._lock:
            for one, row in self._rows.items():
                if self._begun_at[one] == name:
                    task = self._drawn.tasks[row]
                    done = task.completed or 1
                    self._drawn.update(row, completed=done, total=done)


@contextmanager
def drawn_on(console: Console) -> Iterator[Bars]:
    """Rows on ``console`` for the block; nothing of them is left behind."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Count(), TimeElapsedColumn())
    # Each time all rows are drawn anew: at Rich's ten times a second that was a twentieth of a small company's plan.
    with RichProgress(*columns, console=console, transient=True, refresh_per_second=4) as drawn:
        yield Bars(drawn)
