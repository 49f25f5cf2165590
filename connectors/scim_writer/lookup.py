"""Finding a profile by user name or externalId on servers whose filters may lie."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.paging import list_of, stated_total
from trueup.transforms.errors import Failed
from trueup.transforms.values.equality import is_same_text
from trueup.transforms.values.paths import member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.scim_writer.sender import Sender

_COUNTS = (200, 20, None)
"""Sizes of a page worth asking for: the last leaves it to the server."""
_PATIENCE = 3
_REFUSED = 400
_SURE = 2


class Lookup:
    """Looks people up by filter, checks what comes back, and falls back to the whole list where filters lie."""

    def __init__(self, sender: Sender, samples: list[tuple[str, str]]) -> None:
        self._sender = sender
        self._samples = samples
        """``(profile id, user name)`` of a few profiles that exist, to try the filter on."""
        self._trusted: bool | None = None
        self._index: dict[str, list[dict[str, Any]]] | None = None
        self._count: int | None = None
        self._has_size = False
        """Whether ``_count`` is what the server takes, which may be none."""
        self._useless: Counter[str] = Counter()
        self._lock = asyncio.Lock()

    async def find(self, user_name: str | None, external_id: str | None, *, sure: bool) -> list[dict[str, Any]]:
        """Profiles with that user name (case aside) or that externalId.

        Args:
            sure: absence must be certain, since a request may have been carried out: with filters that were not seen
                to work the whole list is read.
        """
        found: dict[str, dict[str, Any]] = {}
        trusted = await self._is_trusted()
        if trusted or sure:
            for attribute, value in (("userName", user_name), ("externalId", external_id)):
                if value:
                    for row in await self._filtered(attribute, value):
                        found[str(row["id"])] = row
        if not found and not trusted:
            for row in await self._listed(user_name, external_id, fresh=sure):
                found[str(row["id"])] = row
        return list(found.values())

    def note(self, row: dict[str, Any]) -> None:
        """A profile that was just created: it belongs into the list, and the filter can be tried on it."""
        if self._index is not None:
            _file(self._index, row)
        if self._trusted is None and member(row, "userName"):
            self._samples.append((str(row["id"]), str(member(row, "userName"))))

    async def _is_trusted(self) -> bool:
        """Whether ``userName eq`` finds profiles that exist, written in another case too, and nobody else."""
        async with self._lock:
            if self._trusted is None and self._samples:
                samples = self._samples[-_SURE:]
                good = 0
                for profile_id, user_name in samples:
                    for text in (user_name, user_name.swapcase()):
                        rows = await self._raw("userName", text)
                        good += rows is not None and [str(row.get("id")) for row in rows] == [profile_id]
                self._trusted = good == 2 * len(samples)
        return self._trusted is True

    async def _filtered(self, attribute: str, value: str) -> list[dict[str, Any]]:
        rows = await self._raw(attribute, value) or []
        exact = attribute == "externalId"
        return [row for row in rows if is_same_text(member(row, attribute), value, case_exact=exact) and row.get("id")]

    async def _raw(self, attribute: str, value: str) -> list[dict[str, Any]] | None:
        if self._useless[attribute] >= _SURE:
            return None
        answer = await self._sender.find(f"{attribute} eq {json.dumps(value, ensure_ascii=False)}")
        document = list_of(answer)
        if document is None:
            self._useless[attribute] += 1
            return None
        rows = member(document, "Resources")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    async def _listed(self, user_name: str | None, external_id: str | None, *, fresh: bool) -> list[dict[str, Any]]:
        async with self._lock:
            if self._index is None or fresh:
                index: dict[str, list[dict[str, Any]]] = {}
                async for row in self._everybody():
                    _file(index, row)
                self._index = index
        names = [f"u:{user_name.casefold()}"] if user_name else []
        names += [f"e:{external_id}"] if external_id else []
        return [row for name in names for row in self._index.get(name, [])]

    async def _everybody(self) -> Any:
        """Every profile, page by page, to the real end.

        Raises:
            Failed: the list, or a page in the middle of it, cannot be read.
        """
        document, start, total, seen = await self._first_page(), 1, 0, set[str]()
        while document is not None:
            total = max(total, stated_total(document) or 0)
            rows = [row for row in _rows(document) if str(row["id"]) not in seen]
            if not rows:
                return
            for row in rows:
                seen.add(str(row["id"]))
                yield row
            start += len(member(document, "Resources"))
            answer = await self._sender.page(start, self._count)
            document = list_of(answer)
            if document is None and start > total and answer.status >= _REFUSED and not answer.is_lost:
                return
        raise Failed(
            "The target's list cannot be read, so it cannot be ruled out that a profile exists already.",
            remedy="Apply the same run again when the target is well.",
        )

    async def _first_page(self) -> dict[str, Any] | None:
        """The first page, in the largest size the server takes; some take none but their own."""
        for count in (self._count,) if self._has_size else _COUNTS:
            answer = await self._sender.page(1, count, patience=_PATIENCE if count == _COUNTS[-1] else 1)
            document = list_of(answer)
            if document is not None:
                self._count, self._has_size = count, True
                return document
        return None


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    rows = member(document, "Resources")
    return [row for row in rows if isinstance(row, dict) and row.get("id")] if isinstance(rows, list) else []


def _file(index: dict[str, list[dict[str, Any]]], row: dict[str, Any]) -> None:
    small = {name: member(row, name) for name in ("id", "userName", "externalId")}
    for name in _names(small):
        index.setdefault(name, []).append(small)


def _names(row: dict[str, Any]) -> Iterator[str]:
    if row.get("userName"):
        yield f"u:{str(row['userName']).casefold()}"
    if row.get("externalId"):
        yield f"e:{row['externalId']}"
