"""How long to wait before a request is sent again: what the server says, else a wait that doubles."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_CHANCE = random.SystemRandom()
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds, doubling with each attempt; which answers are worth another is the caller's to say."""

    first: float
    longest: float
    is_jittered: bool = False
    """Whether many that were refused at once spread out: a wait is then between half and the whole of its bound."""

    def wait(self, attempt: int, stated: float | None = None) -> float:
        """Seconds before attempt ``attempt`` + 1, counted from 0; what the server ``stated`` counts as it is."""
        if stated is not None:
            return stated
        bound = min(self.longest, self.first * float(2 ** min(attempt, _MOST_DOUBLINGS)))
        return bound * _CHANCE.uniform(0.5, 1.0) if self.is_jittered else bound


def stated_wait(header: str | None, at: datetime | None = None) -> float | None:
    """Seconds a ``Retry-After`` (RFC 9110 §10.2.3) asks for: whole, decimal, or a date; none where it says nothing.

    Never below 0; how long is too long is the caller's to say.

    Args:
        header: as it came. Of a header that was sent twice the first value counts.
        at: what a date is counted from; now by default.
    """
    if not header:
        return None
    first = header.split(",")[0].strip() if header.count(",") == 1 and header[:1].isdigit() else header.strip()
    try:
        seconds = float(first)
    except ValueError:
        try:
            until = parsedate_to_datetime(first)
        except (ValueError, TypeError, IndexError):
            return None
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - (at or datetime.now(UTC))).total_seconds()
    return None if math.isnan(seconds) else max(0.0, seconds)
