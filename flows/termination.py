"""Being asked to end is not lost, wherever the process is when it is asked.

Prefect raises ``TerminationSignal`` from its handler of SIGTERM. Where Python runs a destructor or a callback of a weak
reference just then, it prints what is raised and goes on as if nobody had asked.
"""

from __future__ import annotations

import os
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


class _Heeding:
    """Python's hook for what cannot be raised."""

    def __init__(self, otherwise: Callable[[Any], object]) -> None:
        self._otherwise = otherwise

    def __call__(self, unraisable: Any) -> None:
        from prefect.exceptions import TerminationSignal

        if isinstance(unraisable.exc_value, TerminationSignal):
            threading.Timer(_SOON, os.kill, (os.getpid(), unraisable.exc_value.signal)).start()
        else:
            self._otherwise(unraisable)
