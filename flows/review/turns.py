"""Turns at what is heavy: some at once, some waiting; beyond that a request is asked to come again."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trueup.flows.review.gone import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns:
    """Keeps threads for everybody else: who waits holds one of the forty that answer requests."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._at_once = threading.BoundedSemaphore(at_once)
        self._coming = threading.BoundedSemaphore(at_once + waiting)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Inside, it is one's turn.

        Raises:
            Gone: too many wait already.
        """
        if not self._coming.acquire(blocking=False):
            raise Gone("too_many", "Many pages are being made at the moment.")
        try:
            with self._at_once:
                yield
        finally:
            self._coming.release()
