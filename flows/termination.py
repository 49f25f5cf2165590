"""Being asked to end is not lost, wherever the process is when it is asked.

Python raises ``KeyboardInterrupt`` for Ctrl-C, and Prefect ``TerminationSignal`` for SIGTERM, between any two steps of
the main thread. That goes wrong

- where a destructor or a callback of a weak reference runs: Python prints what is raised and goes on;
- where a module is imported: its lock stays taken, and a thread that imports it later waits for ever;
- where DuckDB is at work: it hears of it when a query ends, and then as pydantic does raises an error of its own;
- where Prefect then waits for a thread that reads for another minute.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.flows import screen
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

_SOON = 0.05
"""Seconds until it is asked again: outside of whatever swallowed it."""
_PATIENCE = 5.0
"""Seconds in which a command that was asked to end does so by itself."""
_IMPORT = "<frozen importlib._bootstrap>"
_PRESSED = 0
"""Told to the watch: Ctrl-C counts."""
_AGAIN = 64
"""Told to the watch, with the number of a signal added: that is to be sent once more."""

_asked: list[int] = []
"""A Ctrl-C that was raised, and not swallowed."""
_said: list[str] = []
_watches: list[_Watch] = []


def heed() -> None:
    """From now on a signal whose exception was swallowed is sent once more, and nothing is printed of it."""
    if not _watches or not _watches[-1].is_alive():  # a forked process has none of its parent's threads
        _watches.append(_Watch())
        _watches[-1].start()
    if not isinstance(sys.unraisablehook, _Heeding):
        sys.unraisablehook = _Heeding(sys.unraisablehook)


@contextmanager
def prompt(*, is_gentle: bool = False) -> Iterator[None]:
    """Ctrl-C in the block ends the command: within five seconds whatever is at work, the second time at once.

    Where ``is_gentle``, a Ctrl-C counts when whoever handles it first hands it on to ``stop``.
    """
    from trueup.connectors.archive import unfinished

    heed()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored, as nohup leaves it
        yield
        return
    watch = _watches[-1]
    watch.at_the_end, watch.is_gentle = unfinished.end, is_gentle
    # Known at once, whatever the main thread does: its own handlers wait until it is back from DuckDB.
    known_before = signal.set_wakeup_fd(watch.ear, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(known_before)


def stop(number: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C: end what the main thread does, or its import first.

    Raises:
        KeyboardInterrupt: it ends now. The second time the process does, and nothing is raised.
    """
    watch = _watches[-1]
    if not _asked and _imports(frame):
        watch.tell(_AGAIN + number)
        return
    if watch.is_gentle:
        watch.tell(_PRESSED)
    if not _asked:
        _asked.append(number)
        raise KeyboardInterrupt


def go_on() -> None:
    """Return, unless Ctrl-C was pressed and whatever was at work made nothing of it, or an error of its own.

    Raises:
        KeyboardInterrupt: it was.
    """
    if _asked:
        raise KeyboardInterrupt


def is_ctrl_c(error: BaseException) -> bool:
    """Whether the error is a Ctrl-C: in the words of DuckDB 2, or whatever was made of it."""
    return bool(_asked) or (type(error) is RuntimeError and str(error) == "Query interrupted")


def say_stopped() -> Exit:
    """Say, once, that the command was stopped and what is left behind; returns its exit code."""
    if not _said:
        clearance = sys.modules.get("trueup.flows.clearance")  # nothing is cleared where nobody has loaded it
        run = clearance.broken_off() if clearance else None
        left = "Nothing was written to the target."
        if run is not None:
            left = f"What was written stands in the journal; finish with: trueup apply {run}"
        _said.append(f"Stopped. {left}\n")
        sys.stderr.write(_said[0])
        sys.stderr.flush()
    return Exit.FAILED


def _imports(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False


class _Watch(threading.Thread):
    """Sends a signal that was swallowed once more, and ends a process that was asked to end and does not."""

    def __init__(self) -> None:
        super().__init__(name="signals", daemon=True)
        self._hears, self.ear = os.pipe()
        os.set_blocking(self.ear, False)
        self.at_the_end: Callable[[], None] = lambda: None
        self.is_gentle = False

    def tell(self, what: int) -> None:
        """Say that Ctrl-C was pressed, or what is to be sent once more; allowed in a handler of a signal."""
        os.write(self.ear, bytes([what]))

    def run(self) -> None:
        pressed, due, ours = 0, 0.0, 0
        while pressed < 2:
            left = max(0.0, due - time.monotonic()) if due else None
            if not select.select([self._hears], [], [], left)[0]:
                break
            what = os.read(self._hears, 1)[0]
            if what > _AGAIN:
                ours += what == _AGAIN + signal.SIGINT
                time.sleep(_SOON)
                os.kill(os.getpid(), what - _AGAIN)
            elif what == signal.SIGINT and ours:
                ours -= 1
            elif what == (_PRESSED if self.is_gentle else signal.SIGINT):
                pressed, due = pressed + 1, due or time.monotonic() + _PATIENCE
        try:
            screen.end_bars()
            say_stopped()
            self.at_the_end()
        finally:
            os._exit(Exit.FAILED)


class _Heeding:
    """Python's hook for what cannot be raised."""

    def __init__(self, otherwise: Callable[[Any], object]) -> None:
        self._otherwise = otherwise

    def __call__(self, unraisable: Any) -> None:
        number = _signal_of(unraisable.exc_value)
        if number is None:
            self._otherwise(unraisable)
        else:
            _asked.clear()
            _watches[-1].tell(_AGAIN + number)


def _signal_of(error: BaseException | None) -> int | None:
    """The signal that ``error`` was raised for, if any."""
    if isinstance(error, KeyboardInterrupt):
        return signal.SIGINT
    prefect = sys.modules.get("prefect.exceptions")  # nothing of it is raised where nobody has loaded it
    if prefect is not None and isinstance(error, prefect.TerminationSignal):
        return int(error.signal)
    return None
