"""``mailboxSettings.userPurpose``, one call per user in batches of 20, only where a rule needs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from trueup.connectors.entra.absence import BATCH
from trueup.connectors.entra.assembly import PURPOSES

if TYPE_CHECKING:
    from trueup.connectors.entra.graph import Graph
    from trueup.transforms.progress import Progress

IN_FLIGHT = 4


class NotReadable(Exception):
    """Graph does not let the app read mailbox settings."""


async def purposes(graph: Graph, keys: list[str], *, progress: Progress) -> pa.Table:
    """``id, purpose`` of each of ``keys`` that has a mailbox; nobody without one.

    Raises:
        NotReadable: the permission is missing, or somebody's settings get no clear answer.
    """
    found: dict[str, str] = {}
    groups = [keys[start : start + BATCH] for start in range(0, len(keys), BATCH)]
    for start in range(0, len(groups), IN_FLIGHT):
        some = groups[start : start + IN_FLIGHT]
        for group, answers in zip(some, await asyncio.gather(*(_ask(graph, group) for group in some)), strict=True):
            for key, answer in zip(group, answers, strict=True):
                if (purpose := _purpose(answer)) is not None:
                    found[key] = purpose
        progress("reading mailboxes", min(len(keys), (start + IN_FLIGHT) * BATCH), len(keys))
    return pa.Table.from_pydict({"id": list(found), "purpose": list(found.values())}, schema=PURPOSES)


async def _ask(graph: Graph, keys: list[str]) -> list[dict[str, Any]]:
    return await graph.batch([f"/users/{quote(key, safe='')}/mailboxSettings" for key in keys])


def _purpose(answer: dict[str, Any]) -> str | None:
    """The purpose as text; v1.0 sends it plain, beta wrapped it in ``value``. 404 is nobody's mailbox."""
    status, body = answer["status"], answer.get("body")
    if status == 404:
        return None
    if status != 200 or not isinstance(body, dict):
        raise NotReadable(f"Graph answers {status}")
    purpose = body.get("userPurpose")
    if isinstance(purpose, dict):
        purpose = purpose.get("value")
    return purpose if isinstance(purpose, str) else None
