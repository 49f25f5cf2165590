"""Being asked to end is not lost, wherever the process is when it is asked.

Python raises ``KeyboardInterrupt`` for Ctrl-C, Prefect ``TerminationSignal`` from its handler of SIGTERM. Where a
destructor or a callback of a weak reference runs just then, Python prints what is raised and goes on as if nobody had
asked. Where DuckDB is at work, it takes Ctrl-C and raises an error of its own in its stead.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SOON = 0.05
"""Seconds until it is asked again: outside of whatever swallowed it."""


def heed() -> None:
    """From now on a signal whose exception was swallowed is sent once more, and nothing is printed of it."""
    if not isinstance(sys.unraisablehook, _Heeding):
        sys.unraisablehook = _Heeding(sys.unraisablehook)


def is_ctrl_c(error: BaseException) -> bool:
    """Whether the error is a Ctrl-C in the words of DuckDB 2."""
    return type(error) is RuntimeError and str(error) == "Query interrupted"


class _Heeding:
    """Python's hook for what cannot be raised."""

    def __init__(self, otherwise: Callable[[Any], object]) -> None:
        self._otherwise = otherwise

    def __call__(self, unraisable: Any) -> None:
        asked = _signal_of(unraisable.exc_value)
        if asked is None:
            self._otherwise(unraisable)
        else:
            threading.Timer(_SOON, os.kill, (os.getpid(), asked)).start()


def _signal_of(error: BaseException | None) -> int | None:
    """The signal that ``error`` was raised for, if any."""
    if isinstance(error, KeyboardInterrupt) or (error is not None and is_ctrl_c(error)):
        return signal.SIGINT
    prefect = sys.modules.get("prefect.exceptions")  # nothing of it is raised where nobody has loaded it
    if prefect is not None and isinstance(error, prefect.TerminationSignal):
        return int(error.signal)
    return None
