"""When a read of users counts as complete: last page seen, and as many different ids as Graph counts.

A count that stays wrong is believed less than two consecutive reads that give the same ids, on the condition
that nobody known from the last run is missing from them, nor anybody named in Graph's changes who is there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.entra.delta_crosscheck import overlooked
from trueup.connectors.entra.queries import differing, missing, unique_users
from trueup.connectors.entra.users import UserRead, read_users
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.previous_read import Memory
    from trueup.connectors.entra.selection import Selection
    from trueup.transforms.progress import Progress

PAGE_SIZES = (999, 731, 997, 613)
"""Of consecutive reads: what is lost at the ends of pages is lost elsewhere the next time."""


@dataclass(slots=True)
class ProvenRead:
    """A read that counts as complete, and why."""

    read: UserRead
    users: int
    """Different ids."""
    count: int | None
    """As Graph stated it last; None where it offers none."""
    proof: str
    """``count``, ``two_reads``, ``delta_count``."""
    reads: int = 1
    notes: list[str] = field(default_factory=list)
    asked_again: int = 0
    """People asked for by id, since the list did not say all of them."""

    def as_record(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "pages": self.read.pages,
            "rows": self.read.rows,
            "repeats": self.read.rows - self.users,
            "users": self.users,
            "count": self.count,
            "proof": self.proof,
            "reads": self.reads,
            "asked_again": self.asked_again,
        }


async def count_users(graph: Graph) -> int | None:
    """How many users Graph counts, asked for separately from the read."""
    return await graph.count("users/$count")


async def proven_users(
    graph: Graph,
    chosen: Selection,
    folder: Path,
    *,
    engine: DuckDBPyConnection,
    known: Memory,
    progress: Progress,
) -> ProvenRead:
    """The users of the tenant, read as often as it takes to prove the read complete.

    Args:
        graph: signed in.
        chosen: what to read.
        folder: for the reads.
        engine: compares ids.
        known: the people of the last run.
        progress: told how many were read.

    Raises:
        Refused: ``source_incomplete`` or ``source_changed_while_reading``.
    """
    started = datetime.now(UTC)
    stated, before = await _first(graph, chosen, folder, progress)
    for number, top in enumerate(PAGE_SIZES, start=1):
        read = (
            before
            if number == 1
            else await read_users(graph, before.selection, folder, progress=progress, top=top, name=f"users-{number}")
        )
        users = await asyncio.to_thread(unique_users, engine, read.path)
        if stated is None or users != stated:
            stated = await count_users(graph)
        if stated is not None and users == stated:
            return ProvenRead(read, users, stated, "count", number)
        if number > 1 and await asyncio.to_thread(differing, engine, before.path, read.path) == 0:
            agreed = await _agreeing(ProvenRead(read, users, stated, "two_reads", number), engine, known)
            return await _witnessed(agreed, graph, engine, started)
        before = read
    raise Refused(
        Refusal(
            "source_changed_while_reading",
            f"The users could not be read completely: the last of {len(PAGE_SIZES)} reads holds {users}, "
            f"Graph counts {stated if stated is not None else 'nothing'}, and no two reads in a row agree.",
            used=users,
            limit=stated,
            remedy="Run again when fewer accounts are being created or deleted; nothing was changed.",
        )
    )


async def _first(graph: Graph, chosen: Selection, folder: Path, progress: Progress) -> tuple[int | None, UserRead]:
    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count_users(graph))
        reading = group.create_task(read_users(graph, chosen, folder, progress=progress, top=PAGE_SIZES[0]))
    return counting.result(), reading.result()


async def _agreeing(proven: ProvenRead, engine: DuckDBPyConnection, known: Memory) -> ProvenRead:
    if proven.count is None:
        return proven
    lost = await asyncio.to_thread(missing, engine, known.everybody(), proven.read.path)
    if lost:
        raise Refused(
            Refusal(
                "source_incomplete",
                f"Two reads give {proven.users} users, Graph counts {proven.count}, and {len(lost)} "
                f"known from the last run are missing ({', '.join(lost[:5])}).",
                used=proven.users,
                limit=proven.count,
                remedy="Run again later; nothing was changed.",
            )
        )
    proven.notes.append(
        f"Graph counts {proven.count} users, but {proven.reads} reads in a row gave the same {proven.users}; "
        "nobody known from the last run is missing from them."
    )
    return proven


async def _witnessed(proven: ProvenRead, graph: Graph, engine: DuckDBPyConnection, started: datetime) -> ProvenRead:
    """``proven``, held against Graph's list of changes where Graph counts more people than it lists."""
    if proven.count is None or proven.count <= proven.users:
        return proven
    lost = await overlooked(graph, proven.read.path, engine, started=started)
    if lost:
        raise Refused(
            Refusal(
                "source_incomplete",
                f"Two reads give {proven.users} users, Graph counts {proven.count}, and {len(lost)} whom its list of "
                f"changes names are missing but exist in the tenant ({', '.join(lost[:5])}).",
                used=proven.users,
                limit=proven.count,
                remedy="Run again later; nothing was changed.",
            )
        )
    if lost is not None:
        proven.notes.append("Its list of changes names nobody else who is there.")
    return proven
