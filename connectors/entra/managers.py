"""Tell a tenant without managers from a response that ignored ``$expand=manager``.

A server that passes over ``$expand=manager`` answers exactly like a tenant in which nobody has a manager, on every
page or on some. So people who had a manager in the last run and come without one are asked for by id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.connectors.entra.absence import BATCH
from trueup.connectors.entra.queries import SQL, number
from trueup.connectors.entra.responses import GraphError
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of, schema_of

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.users import UserRead

ASKED = 5 * BATCH
"""At most so many are asked for."""
AT_FIRST = 10
"""So many on a first run."""
NOT_EXPANDED = "Graph did not expand it"
NOT_SENT = "Graph sent it for nobody, though it did before"
_BEFORE = "SELECT id, manager FROM {}"
_NOBODY = "SELECT id, id AS manager FROM users_read"
_BY_ID = "SELECT id, id AS manager FROM asked"


async def doubted(graph: Graph, read: UserRead, before: Path | None, engine: DuckDBPyConnection) -> str | None:
    """Why the managers of ``read`` cannot be relied on; None if they can.

    Args:
        graph: signed in.
        read: a whole read of users.
        before: ``source.parquet`` of the last applied run, if there is one.
        engine: compares the two.
    """
    if not any(column.name == "manager" for column in read.selection.columns):
        return None
    told = before is not None and "manager" in schema_of(before).names
    some = await asyncio.to_thread(_any_manager, engine, read.path)
    if some and not told:
        return None
    query = _BEFORE.format(rows_of(before)) if told and before is not None else _NOBODY
    keys = await asyncio.to_thread(_without, engine, query)
    if before is None:
        return await _asked_at_first(graph, keys)
    return await _asked(graph, keys, strict=not some)


async def unexpanded(graph: Graph, engine: DuckDBPyConnection) -> bool:
    """Whether Graph knows a manager of somebody who came without one when asked for by id.

    Args:
        graph: signed in.
        engine: holds ``asked`` (id) and ``users_read`` (id, manager).
    """
    keys = await asyncio.to_thread(_without, engine, _BY_ID)
    return await _asked(graph, keys, strict=False) is not None


def _any_manager(engine: DuckDBPyConnection, path: Path) -> bool:
    engine.execute(f"CREATE OR REPLACE VIEW users_read AS FROM {rows_of(path)}")
    return number(engine, "SELECT count(manager) FROM users_read") > 0


def _without(engine: DuckDBPyConnection, query: str) -> list[str]:
    """Ids to ask for, the same ones each time: had a manager (as ``query`` says) and came without."""
    engine.execute(f"CREATE OR REPLACE VIEW managers_before AS {query}")
    rows = engine.execute(statement("managers_lost", SQL), {"most": ASKED}).fetchall()
    return [row[0] for row in rows]


async def _asked(graph: Graph, keys: list[str], *, strict: bool) -> str | None:
    """Why not, after asking for the managers of ``keys``; ``strict`` asks for a plain "there is none"."""
    for at in range(0, len(keys), BATCH):
        try:
            answers = await graph.batch([address(key) for key in keys[at : at + BATCH]])
        except GraphError:
            return NOT_SENT if strict else None
        if any(is_there(answer) for answer in answers):
            return NOT_EXPANDED
        if strict and not all(is_none(answer) for answer in answers):
            return NOT_SENT
    return None


async def _asked_at_first(graph: Graph, keys: list[str]) -> str | None:
    """Why not, where nothing is known of earlier managers: some people are asked for, one by one."""
    there = await asyncio.gather(*(_has_one(graph, key) for key in keys[:AT_FIRST]))
    return NOT_EXPANDED if any(there) else None


async def _has_one(graph: Graph, key: str) -> bool:
    try:
        return bool((await graph.json(address(key).lstrip("/"))).get("id"))
    except GraphError:
        return False


def address(key: str) -> str:
    """Where somebody's manager is asked for."""
    return f"/users/{quote(key, safe='')}/manager?$select=id"


def is_there(answer: dict[str, Any]) -> bool:
    """Whether Graph names a manager."""
    body = answer.get("body")
    return answer["status"] == 200 and isinstance(body, dict) and bool(body.get("id"))


def is_none(answer: dict[str, Any]) -> bool:
    """Whether Graph says that this person has no manager, rather than that it knows no such address."""
    body = answer.get("body")
    error = body.get("error") if isinstance(body, dict) else None
    if answer["status"] != 404 or not isinstance(error, dict):
        return bool(answer["status"] == 204)
    told = str(error.get("message", "")).casefold()
    return error.get("code") == "Request_ResourceNotFound" and "manager" in told
