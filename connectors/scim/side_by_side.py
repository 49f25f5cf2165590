"""Pages of a long list read several at a time, each proven to follow the one before it.

Every page begins with the last row of the page before: where that row is another one, the list moved between the two
requests, or the server counts in its own way. Then nothing more is read like this, and the caller reads one page
after another.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trueup.connectors.scim.responses import Answer

_WORTH_IT = 8
"""Shorter lists than so many pages are read one page after another."""
_AHEAD = 2
"""Pages under way or waiting, per request that may be under way."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Rows ``start`` … of a list, as asked for."""

    start: int
    rows: int
    """How many there must be, with the one that came before."""


def stretches(page: int, total: int) -> list[Stretch]:
    """What is left of a list of ``total`` rows after its first ``page``; empty where it is not worth the trouble."""
    if page <= 1 or total < _WORTH_IT * page:
        return []
    return [Stretch(start, min(page, total - start + 1)) for start in range(page, total, page - 1)]


def read(ask: Callable[[Stretch], Answer], wanted: list[Stretch], *, at_once: int) -> Iterator[tuple[Stretch, Answer]]:
    """The answers in order, ``at_once`` requests under way at most; what was asked ahead is dropped when closed.

    Raises:
        Failed: as ``ask`` does.
    """
    waiting = iter(wanted)
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="reading pages")
    under_way = deque((one, pool.submit(ask, one)) for one in islice(waiting, at_once * _AHEAD))
    try:
        while under_way:
            one, answer = under_way.popleft()
            yield one, answer.result()
            following = next(waiting, None)
            if following is not None:
                under_way.append((following, pool.submit(ask, following)))
    finally:
        pool.shutdown(cancel_futures=True)
