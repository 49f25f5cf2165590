"""So many requests a second, evenly spaced."""

from __future__ import annotations

import threading
import time


class Turns:
    """Gives out when the next request may leave; safe to use from several threads."""

    def __init__(self, per_second: float) -> None:
        self.rate = per_second
        """Requests per second at the moment; may be changed at any time."""
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self) -> float:
        """Seconds to wait before this request may leave; the turn is taken."""
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, now)
            self._next = turn + 1.0 / self.rate
        return turn - now

    def hold(self, seconds: float) -> None:
        """Nobody's turn comes before ``seconds`` have passed."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
