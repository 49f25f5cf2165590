"""Throttling as in the identity service: a bucket of resource units per ten seconds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_SECONDS = 10.0
WARNING_SHARE = 0.8


def units_for(users: int) -> int:
    """Units per ten seconds of a tenant of that size: S, M or L."""
    if users < 50:
        return 3_500
    return 5_000 if users <= 500 else 8_000


@dataclass
class Throttle:
    """How much the caller has used in the running window."""

    units: int | None = None
    """Units per ten seconds; none leaves throttling off."""
    used: float = 0.0
    began: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def charge(self, units: int) -> tuple[float, float]:
        """Take the units; returns the share of the window used and the seconds to wait (0: go on).

        A request that is turned away counts all the same, as in Graph.
        """
        if self.units is None:
            return 0.0, 0.0
        now = self.clock()
        if now - self.began >= WINDOW_SECONDS:
            self.began, self.used = now, 0.0
        self.used += units
        share = self.used / self.units
        wait = max(1, math.ceil(self.began + WINDOW_SECONDS - now)) if share > 1 else 0
        return min(share, 1.8), wait

    def headers(self, share: float, scope: str) -> dict[str, str]:
        """What an answer says of it: the share only from 0.8 on."""
        if share < WARNING_SHARE:
            return {}
        return {"x-ms-throttle-limit-percentage": f"{share:.2f}", "x-ms-throttle-scope": scope}
