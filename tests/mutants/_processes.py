"""Children that run tests in silence, and what they saw."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Failures:
    """Remembers whether a test has failed."""

    def __init__(self) -> None:
        self.seen = False
        self.words = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest after each part of a test."""
        if report.failed:
            self.seen, self.words = True, report.longreprtext


def fork(work: Callable[[], int]) -> int:
    """Have ``work`` done in a child, whose exit code is what it returns; 4 when it could not be done."""
    child = os.fork()
    if child == 0:
        code = 4
        errors = os.fdopen(os.dup(2), "w")
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as the parent
            traceback.print_exc(file=errors)
            errors.flush()
        finally:
            os._exit(code)
    return child


def silent(config: pytest.Config) -> None:
    """Let nothing be said from here on."""
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    terminal._tw._file = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
