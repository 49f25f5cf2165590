"""Being asked to end is not lost, wherever the process is when it is asked.

Python raises ``KeyboardInterrupt`` for Ctrl-C, and Prefect ``TerminationSignal`` for SIGTERM, between any two steps of
the main thread. That goes wrong

- where a destructor or a callback of a weak reference runs: Python prints what is raised and goes on;
- where a module is imported: its lock stays taken, and a thread that imports it later waits for ever;
- where DuckDB is at work: it hears of it when a query ends, and then, as pydantic also does, it raises an error of its
  own;
- where Prefect then waits for a thread that reads for another minute.
"""

from __future__ import annotations

import math
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
"""Seconds until it is asked again: outside of whatever swallowed it, or when an import has ended."""
_PATIENCE = 5.0
"""Seconds in which a command that was asked to end does so by itself."""
_IMPORT = "<frozen importlib._bootstrap>"
_ONCE_MORE = signal.SIGURG
"""Stands for a Ctrl-C that was pressed before, so that it is not counted twice; nobody else sends it."""
_PRESSED = 0
"""Told to the watch: Ctrl-C counts."""
_DONE = 127
"""Told to the watch: the block has ended, and there is nothing to wait for."""
_LATER = 64
"""Told to the watch, with the number of a signal added: that is to be sent soon."""

_asked: list[int] = []
"""A Ctrl-C that was raised, and that no destructor is known to have swallowed."""
_said: list[str] = []
_watches: list[_Watch] = []


def heed() -> None:
    """From now on a signal whose exception was swallowed is sent once more, and nothing is printed of it."""
    if not _watches or not _watches[-1].is_alive():  # a forked process has none of its parent's threads
        _watches.append(_Watch())
        _watches[-1].start()
    if not isinstance(sys.unraisablehook, _Heeding):
        sys.unraisablehook = _Heeding(sys.unraisablehook)
    if threading.current_thread() is threading.main_thread():  # no other one handles signals
        signal.signal(_ONCE_MORE, _end)


@contextmanager
def prompt(*, is_gentle: bool = False) -> Iterator[None]:
    """Ctrl-C in the block ends the command: within five seconds whatever is at work, the second time at once.

    Where ``is_gentle``, a Ctrl-C counts when whoever handles it first hands it on to ``stop``.

    Raises:
        KeyboardInterrupt: also at the end of the block, where one was pressed and lost on the way.
    """
    from trueup.connectors.archive import unfinished

    heed()
    watch = _watches[-1]
    watch.at_the_end, watch.is_gentle = unfinished.end, is_gentle
    with _known_at_once(watch):
        yield
        go_on()
        watch.tell(_DONE)


@contextmanager
def _known_at_once(watch: _Watch) -> Iterator[None]:
    """The watch hears of Ctrl-C whatever the main thread does: its own handlers wait until it is back from DuckDB."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # ignored, as a script's shell has it for what is begun with "&"
        yield
        return
    known_before = signal.set_wakeup_fd(watch.ear, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.set_wakeup_fd(known_before)


def stop(number: int, frame: FrameType | None) -> None:
    """Handle Ctrl-C: end what the main thread does; an import ends first, for at most as long as the watch waits.

    Raises:
        KeyboardInterrupt: it ends now. Where it was asked before, the watch ends the process and nothing is raised.
    """
    watch = _watches[-1]
    if watch.is_gentle:
        watch.tell(_PRESSED)
    _end(number, frame)


def _end(_number: int, frame: FrameType | None) -> None:
    if _asked:
        return
    if _imports(frame):
        _watches[-1].tell(_LATER + _ONCE_MORE)
        return
    _asked.append(_ONCE_MORE)
    raise KeyboardInterrupt


def go_on(error: BaseException | None = None) -> None:
    """Return, unless somebody asked for the end and whatever was at work made nothing of it, or ``error``.

    Raises:
        KeyboardInterrupt: somebody did.
    """
    if _asked or (error is not None and is_ctrl_c(error)):
        raise KeyboardInterrupt from None


def is_ctrl_c(error: BaseException) -> bool:
    """Whether the error is a Ctrl-C: Python's, in the words of DuckDB 2, or whatever else was made of it."""
    said_by_duckdb = type(error) is RuntimeError and str(error) == "Query interrupted"
    return isinstance(error, KeyboardInterrupt) or bool(_asked) or said_by_duckdb


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
        """Say what has happened, or what is to be sent; allowed in a handler of a signal."""
        os.write(self.ear, bytes([what]))

    def run(self) -> None:
        pressed, due, later = 0, math.inf, dict[int, float]()
        while pressed < 2 and (now := time.monotonic()) < due:
            for number in [number for number, at in later.items() if at <= now]:
                del later[number]
                os.kill(os.getpid(), number)
            until = min([due, *later.values()])
            if not select.select([self._hears], [], [], None if until == math.inf else until - now)[0]:
                continue
            for what in os.read(self._hears, select.PIPE_BUF):
                if what == _DONE:
                    pressed, due = 0, math.inf
                elif what > _LATER:
                    later.setdefault(what - _LATER, time.monotonic() + _SOON)
                elif what == (_PRESSED if self.is_gentle else signal.SIGINT):
                    pressed, due = pressed + 1, min(due, time.monotonic() + _PATIENCE)
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
            _watches[-1].tell(_LATER + number)


def _signal_of(error: BaseException | None) -> int | None:
    """The signal by which ``error`` is raised once more; None where it was raised for none."""
    if isinstance(error, KeyboardInterrupt):
        return _ONCE_MORE
    prefect = sys.modules.get("prefect.exceptions")  # nothing of it is raised where nobody has loaded it
    if prefect is not None and isinstance(error, prefect.TerminationSignal):
        return int(error.signal)
    return None
