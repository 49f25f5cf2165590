"""The next page, asked for while this one is being read."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    import httpx

_LINK = re.compile(rb'"@odata\.nextLink"\s*:\s*("https?:(?:[^"\\]|\\.)*")')
_ENDS = 4_096
"""Links stand before or behind the rows of a page; longer ones are waited for."""


class Ahead:
    """At most one answer on its way that nobody has asked for yet.

    The link is only glimpsed: what is on its way counts once the page, read whole, gives the same link.

    Args:
        send: asks once, without patience.
    """

    def __init__(self, send: Callable[[str], Coroutine[Any, Any, httpx.Response]]) -> None:
        self._send = send
        self._link = ""
        self._coming: asyncio.Task[httpx.Response] | None = None

    def look(self, body: bytes) -> None:
        """Ask for what ``body`` seems to be followed by, unless that is on its way."""
        link = glimpsed(body)
        if link == self._link and self._coming is not None:
            return
        self.drop()
        if link:
            self._link, self._coming = link, asyncio.create_task(self._send(link))
            self._coming.add_done_callback(_seen)

    def take(self, link: str) -> asyncio.Task[httpx.Response] | None:
        """The answer to ``link`` that is on its way, once; what else is on its way is dropped."""
        coming, self._coming = self._coming, None
        if coming is not None and link != self._link:
            coming.cancel()
            return None
        return coming

    def drop(self) -> None:
        """Wait for nothing any more."""
        if self._coming is not None:
            self._coming.cancel()
        self._coming = None


def glimpsed(body: bytes) -> str:
    """The link to the next page as far as the ends of ``body`` show one."""
    found = _LINK.search(body, 0, _ENDS) or _LINK.search(body, max(0, len(body) - _ENDS))
    try:
        return str(orjson.loads(found.group(1))) if found else ""
    except ValueError:
        return ""


def _seen(task: asyncio.Task[httpx.Response]) -> None:
    """Whoever takes the answer learns what went wrong; of one dropped nobody needs to."""
    if not task.cancelled():
        task.exception()
