"""How long the read of a tenant waits, and for what.

Microsoft Graph "throttling guidance": 429 with ``Retry-After`` is waited out; other passing faults back off. What a
``Retry-After`` says, and how waits double, is worked out in ``trueup.connectors.http`` as for the target; which answers
are worth another request, and for how long, is a matter of the source and stands here. The rate limiter there is not
used: Graph names no rate to keep to, only when to go on, and that holds back every request of the read, by the clock
that these bounds are measured with.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.http.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trueup.connectors.entra.prefetch import Ahead


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds in seconds. Clock and sleep are here so that a test can live through a night in a second."""

    reaching: float = 10.0
    """Without any answer at all, at the start: together with signing in it is said within 30 s."""
    answering: float = 60.0
    """Without a good answer to one request; stated waits not counted."""
    throttled: float = 300.0
    """The longest stated wait, and the longest sum of stated waits for one request."""
    throttles: int = 40
    """How often in a row one request may be told to wait."""
    signing_in: float = 12.0
    first_step: float = 0.4
    longest_step: float = 10.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def step(self, attempt: int) -> float:
        """The jittered wait before attempt ``attempt`` + 1."""
        return Backoff(self.first_step, self.longest_step, is_jittered=True).wait(attempt)


@dataclass(slots=True)
class ReadStats:
    """What the read cost, for the manifest."""

    requests: int = 0
    retries: int = 0
    throttles: int = 0
    waited_seconds: float = 0.0
    slowed: int = 0
    restarts: int = 0
    renewals: int = 0


@dataclass(slots=True)
class Attempts:
    """One request's bad luck so far."""

    started: float
    stated: float = 0.0
    throttles: int = 0
    attempts: int = 0
    renewed: bool = False
    last: str = ""
    ahead: Ahead | None = None
    """May hold the first answer already."""


def slowing(percentage: str | None) -> float:
    """Seconds to hold the next request back for ``x-ms-throttle-limit-percentage`` (0.8 to 1.8)."""
    try:
        share = float(percentage or "0")
    except ValueError:
        return 0.0
    return min(5.0, 0.25 + (share - 0.8) * 3) if 0.8 <= share < 100 else 0.0
