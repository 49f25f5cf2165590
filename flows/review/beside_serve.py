"""``trueup serve --review HOST:PORT``: the review in a process of its own beside the schedule, begun again if it ends.

The schedule's process can write to the target; the review's cannot, and keeps being one that cannot.
"""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.flows import screen
from trueup.flows.own_process import COMMAND, begin
from trueup.transforms.errors import Failed
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAUSES = (1.0, 5.0, 30.0)
"""Seconds before it is begun again; the last for every further time."""
_LEAVING_S = 10.0
_AT_ONCE_S = 3.0
"""Who ends within this time of the first start was told something wrong: that is said and not tried again."""


@contextmanager
def review_beside(config: Path, listen: str) -> Iterator[None]:
    """The review answers at ``listen`` for the length of the block.

    Raises:
        Failed: it does not even start; it has said why on stderr.
    """
    if not listen:
        yield
        return
    keeper = _Keeper(config, listen)
    keeper.begin()
    try:
        yield
    finally:
        keeper.end()


class _Keeper:
    """Keeps one process going."""

    def __init__(self, config: Path, listen: str) -> None:
        options = ["review", "--listen", listen, "--config", str(config.resolve())]
        self._words = [*COMMAND, *options]
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="review", daemon=True)

    def begin(self) -> None:
        self._process = self._started()
        try:
            code = self._process.wait(_AT_ONCE_S)
        except subprocess.TimeoutExpired:
            self._thread.start()
            return
        if code != Exit.DONE:
            raise Failed("The review beside the schedule does not start.", remedy="What it said stands above.")

    def end(self) -> None:
        self._ending.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_LEAVING_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _keep(self) -> None:
        times = 0
        while self._process is not None:
            self._process.wait()
            if self._ending.wait(_PAUSES[min(times, len(_PAUSES) - 1)]):
                return
            times += 1
            screen.note("The review has ended by itself; it is begun again.")
            self._process = self._started()
            if self._ending.is_set():
                self._process.terminate()
                return

    def _started(self) -> subprocess.Popen[bytes]:
        return begin(self._words, stdin=subprocess.DEVNULL)
