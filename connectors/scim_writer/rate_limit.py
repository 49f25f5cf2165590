"""How fast requests leave: a steady rate that gives way when the server asks, and recovers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from trueup.connectors.http.rate_limit import Turns
from trueup.connectors.http.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trueup.connectors.scim.responses import Answer

_SLOWEST = 1 / 64
_RECOVERY = 1 / 50
"""Share of the full rate regained with each good answer."""
_LONGEST_S = 30.0


class Pace:
    """One per target and apply; every request takes its turn here."""

    def __init__(
        self,
        per_second: float,
        *,
        unit: float = 0.5,
        grace: float = 2.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._full = per_second
        self._turns = Turns(per_second)
        self._backoff = Backoff(unit, _LONGEST_S)
        self.grace = grace
        """Seconds a request may still be on its way after its sender was killed."""
        self._sleep = sleep

    @property
    def rate(self) -> float:
        """Requests per second at the moment."""
        return self._turns.rate

    async def turn(self) -> None:
        """Returns when the next request may leave."""
        if (wait := self._turns.take()) > 0.001:
            await self._sleep(wait)

    def good(self) -> None:
        """The server answered without complaint: regain a little speed."""
        if self.rate < self._full:
            self._turns.rate = min(self._full, self.rate + self._full * _RECOVERY)

    def slow(self, answer: Answer, attempt: int) -> None:
        """The server asked for less (429, 503): everybody waits as long as it said, and half the rate is left."""
        self._turns.rate = max(self._full * _SLOWEST, self.rate / 2)
        self._turns.hold(self.pause_for(answer, attempt))

    def pause_for(self, answer: Answer, attempt: int) -> float:
        """Seconds before trying again: the server's word, else doubling with each attempt."""
        return self._backoff.wait(attempt, answer.pause)

    async def wait_out(self, since: float) -> None:
        """Wait until a request sent ``since`` seconds ago has surely arrived or been lost."""
        if since < self.grace:
            await self._sleep(self.grace - since)

    async def backoff(self, answer: Answer, attempt: int) -> None:
        """Wait before repeating one request whose answer was lost."""
        await self._sleep(self.pause_for(answer, attempt))


class Slots:
    """So many requests at once, and writes before looks: what was looked at is written while the look is fresh."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._writes: deque[asyncio.Future[None]] = deque()
        self._looks: deque[asyncio.Future[None]] = deque()

    async def take(self, *, write: bool) -> None:
        """A slot is held when this returns; give it back afterwards."""
        if self._free:
            self._free -= 1
            return
        queue = self._writes if write else self._looks
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """The slot goes to the next in line, a write before a look."""
        for queue in (self._writes, self._looks):
            while queue:
                turn = queue.popleft()
                if not turn.cancelled():
                    turn.set_result(None)
                    return
        self._free += 1
