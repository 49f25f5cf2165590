"""A second witness where Graph's count contradicts its list of users: its list of changes, from the start.

It comes from another place than the list of users. Only people Graph also finds by id count as overlooked, so a list
that is short, or holds people of the past, takes nothing for granted; a Graph without one just has no second witness.
Facts: Microsoft Graph "user: delta".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pyarrow as pa

from trueup.connectors.entra.absence import whereabouts
from trueup.connectors.entra.loop_detection import ids
from trueup.connectors.entra.queries import anybody, missing
from trueup.connectors.entra.responses import GraphError, LinkExpired, objects
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph

ASKED = 400
"""At most so many are asked for by id: one who is there is enough."""
_IDS = pa.schema([("id", pa.string())])


async def overlooked(graph: Graph, read: Path, engine: DuckDBPyConnection, *, started: datetime) -> list[str] | None:
    """Who is missing from ``read`` though Graph's changes name them and they are there; None without a witness.

    Args:
        graph: signed in.
        read: users as read, with ``id``.
        engine: compares.
        started: people created since are new, not overlooked.
    """
    try:
        told = [
            ids([row for row in rows if "@removed" not in row])
            async for rows in graph.pages("users/delta?$select=id", objects, ids)
        ]
        named = pa.Table.from_arrays([pa.chunked_array(told, pa.string()).drop_null()], schema=_IDS)
        lost = await asyncio.to_thread(missing, engine, named, read)
        witness = await asyncio.to_thread(anybody, engine, read)
        found = await whereabouts(graph, lost[:ASKED], witness=witness)
    except (GraphError, LinkExpired, TrueupError):
        return None
    return found.alive_before(started)
