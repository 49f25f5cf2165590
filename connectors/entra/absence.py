"""Proof of absence: people missing from a read are asked for by id before anything rests on it.

``GET /users/{id}`` in ``$batch``es, then ``/directory/deletedItems/microsoft.graph.user``; both need User.Read.All
only. A fault is never read as absence.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.connectors.entra.responses import GraphError
from trueup.connectors.entra.scope import forbidden
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from trueup.connectors.entra.graph import Graph

BATCH = 20
"""Requests Graph takes in one batch."""
_SKEW = timedelta(minutes=10)


@dataclass(slots=True)
class Whereabouts:
    """What became of the people asked for."""

    alive: dict[str, str] = field(default_factory=dict)
    """Key → ``createdDateTime`` as sent, or nothing."""
    deleted: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def as_record(self) -> dict[str, int]:
        """For the manifest: how many, no keys."""
        asked = len(self.alive) + len(self.deleted) + len(self.gone)
        return {"asked": asked, "alive": len(self.alive), "deleted": len(self.deleted), "gone": len(self.gone)}

    def alive_before(self, started: datetime) -> list[str]:
        """Those found alive that were not created while the read went on."""
        return sorted(key for key, created in self.alive.items() if not _is_new(created, started))


def _is_new(created: str, started: datetime) -> bool:
    try:
        return datetime.fromisoformat(created) >= started - _SKEW
    except (ValueError, TypeError):
        return False


async def whereabouts(graph: Graph, keys: list[str], *, witness: str | None) -> Whereabouts:
    """Where each of ``keys`` is: alive, in the bin, or gone for good.

    Args:
        graph: signed in.
        keys: ids to ask for.
        witness: somebody the read has just seen. Asked for in every batch: a Graph that does not find them either
            says nothing about the others. None where the read has nobody.

    Raises:
        Refused: Graph gives no clear answer about somebody, or does not find the witness. Failed: the app may not ask.
    """
    found = Whereabouts()
    missing: list[str] = []
    beside = [] if witness is None else [witness]
    size = BATCH - len(beside)
    groups = [[*beside, *keys[start : start + size]] for start in range(0, len(keys), size)]
    for start in range(0, len(groups), 4):
        for answers in await asyncio.gather(*(_ask(graph, group) for group in groups[start : start + 4])):
            for key, answer in answers:
                if key == witness:
                    _heard(answer)
                elif answer is None:
                    missing.append(key)
                else:
                    found.alive[key] = answer
    if missing:
        binned = await _bin(graph)
        found.deleted = sorted(key for key in missing if key in binned)
        found.gone = sorted(key for key in missing if key not in binned)
    return found


def _heard(answer: str | None) -> None:
    """Go on when the witness was found."""
    if answer is None:
        raise Refused(
            Refusal(
                "source_incomplete",
                "Graph did not find by id a user it had just listed, so it cannot show who is missing.",
                remedy="Run again later; nothing was changed.",
            )
        )


async def _ask(graph: Graph, keys: list[str]) -> list[tuple[str, str | None]]:
    requests = [f"/users/{quote(key, safe='')}?$select=id,createdDateTime" for key in keys]
    answers = await graph.batch(requests)
    return [(key, _created(key, answer)) for key, answer in zip(keys, answers, strict=True)]


def _created(key: str, answer: dict[str, Any]) -> str | None:
    """``createdDateTime`` of somebody alive (nothing if not told), None of somebody not found."""
    status = answer["status"]
    body = answer.get("body")
    if status == 200 and isinstance(body, dict):
        return str(body.get("createdDateTime") or "")
    if status == 404:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    if status in {401, 403}:
        raise forbidden(GraphError(status, code, ""), "single users", "User.Read.All")
    raise Refused(
        Refusal(
            "source_incomplete",
            f"{key} is missing from the read, and Graph gives no clear answer about it ({status} {code}).",
            remedy="Run again later; nothing was changed.",
        )
    )


async def _bin(graph: Graph) -> frozenset[str]:
    """Ids of the users in the bin."""
    try:
        rows = await graph.rows("directory/deletedItems/microsoft.graph.user?$select=id&$top=999")
    except GraphError as answer:
        raise forbidden(answer, "deleted users", "User.Read.All") from answer
    return frozenset(str(row.get("id")) for row in rows)


def found_alive(keys: list[str], *, why: str) -> Refused:
    """The refusal of a read that missed people who are there."""
    shown = ", ".join(keys[:5]) + (" …" if len(keys) > 5 else "")
    return Refused(
        Refusal(
            "people_found_alive",
            f"{len(keys)} {why} were missing from the read but exist in the tenant ({shown}): the read was wrong.",
            used=len(keys),
            limit=0,
            remedy="Run again later; nothing was changed. If it stays so, check the app's administrative units.",
        )
    )
