"""Managers of a Graph that takes no ``$expand``: asked for one by one, in batches; all of them or none.

Graph: ``GET /users/{id}/manager``; 404 where there is none.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from trueup.connectors.entra.absence import BATCH
from trueup.connectors.entra.id_ranges import AS_A_READ
from trueup.connectors.entra.managers import address, is_none, is_there
from trueup.connectors.entra.queries import SQL, unique_users
from trueup.connectors.entra.responses import GraphError
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import write_rows

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.users import UserRead
    from trueup.transforms.progress import Progress

IN_FLIGHT = 4
UNCLEAR = 5 * BATCH
"""More people without a clear answer than this, and no manager is believed."""
NOT_TAKEN = "Graph takes no $expand=manager, and does not say for everybody who it is"
_TOLD = pa.schema([("id", pa.string()), ("manager", pa.string())])


async def read_apart(graph: Graph, read: UserRead, engine: DuckDBPyConnection, progress: Progress) -> str | None:
    """Everybody in ``read`` has the manager Graph names by id; else why managers cannot be read, and nothing changed.

    Args:
        graph: signed in.
        read: a proven read without managers; afterwards its file holds them.
        engine: joins them.
        progress: told how many were asked for.
    """
    ids = await asyncio.to_thread(_ids, engine, read.path)
    told: list[pa.Table] = []
    unclear: list[str] = []
    step = BATCH * IN_FLIGHT
    for at in range(0, len(ids), step):
        keys = ids[at : at + step].to_pylist()
        try:
            answers = await _ask(graph, [address(key) for key in keys])
        except GraphError:
            return NOT_TAKEN
        unclear += [key for key, one in zip(keys, answers, strict=True) if not is_there(one) and not is_none(one)]
        if len(unclear) > min(UNCLEAR, at + len(keys) - 1):
            return NOT_TAKEN
        managers = [str(one["body"]["id"]) if is_there(one) else None for one in answers]
        told.append(pa.Table.from_pydict({"id": keys, "manager": managers}, schema=_TOLD))
        progress("reading managers", at + len(keys), len(ids))
    if not await _gone(graph, unclear):
        return NOT_TAKEN
    await asyncio.to_thread(_joined, engine, read, pa.concat_tables(told) if told else _TOLD.empty_table())
    return None


def _ids(engine: DuckDBPyConnection, path: Path) -> pa.ChunkedArray:
    unique_users(engine, path)
    found: pa.Table = engine.sql("SELECT DISTINCT id FROM users_read ORDER BY id").to_arrow_table()
    return found.column(0)


async def _ask(graph: Graph, requests: list[str]) -> list[dict[str, Any]]:
    parts = [requests[at : at + BATCH] for at in range(0, len(requests), BATCH)]
    return [answer for some in await asyncio.gather(*(graph.batch(part) for part in parts)) for answer in some]


async def _gone(graph: Graph, keys: list[str]) -> bool:
    """Whether all of ``keys`` are gone: somebody deleted meanwhile has no manager to name."""
    answers = await _ask(graph, [f"/users/{quote(key, safe='')}?$select=id" for key in keys])
    return all(answer["status"] == 404 for answer in answers)


def _joined(engine: DuckDBPyConnection, read: UserRead, told: pa.Table) -> None:
    path = read.path.with_name("with-managers.parquet")
    engine.register("managers_told", told)
    write_rows(engine, statement("managers_apart", SQL), path, options=AS_A_READ)
    engine.unregister("managers_told")
    read.path = path
