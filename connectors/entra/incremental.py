"""An incremental read: previous snapshot + changes → the same rows a full read would give."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from trueup.connectors.entra.absence import BATCH
from trueup.connectors.entra.asked_again import unsettled
from trueup.connectors.entra.assembly import people_unread
from trueup.connectors.entra.change_pages import BARE, NULL
from trueup.connectors.entra.delta import UNTRACKED, Changes, ReadInFull, Start, read_changes
from trueup.connectors.entra.id_ranges import AS_A_READ
from trueup.connectors.entra.managers import unexpanded
from trueup.connectors.entra.pages import Problem, user_table
from trueup.connectors.entra.proof import ProvenRead, count_users
from trueup.connectors.entra.queries import SQL, differing, number, unique_users
from trueup.connectors.entra.responses import Spoiled
from trueup.connectors.entra.selection import Selection
from trueup.connectors.entra.unsaid import UNREADABLE, allowed, may_be_left_out, said
from trueup.connectors.entra.users import UserRead, read_users
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of, write_rows
from trueup.transforms.duck.quoting import identifier, literal

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph
    from trueup.transforms.progress import Progress

_IDS = pa.schema([("id", pa.string())])
IN_FLIGHT = 4
_NO_SUCH_ADDRESS = frozenset({400, 404, 405, 501})


@dataclass(frozen=True, slots=True)
class Round:
    """What an incremental read came to."""

    proven: ProvenRead
    link: str
    told: dict[str, int]
    """For the manifest: changes, removals, people asked for by id."""


async def read_incrementally(
    graph: Graph,
    begin: Start,
    chosen: Selection,
    folder: Path,
    *,
    engine: DuckDBPyConnection,
    progress: Progress,
) -> Round:
    """The users of the tenant as the previous snapshot and everything that changed since make them.

    Raises:
        ReadInFull: the changes cannot be had, contradict the count, or a full read would be cheaper.
    """
    kept = replace(
        chosen,
        columns=tuple(c for c in chosen.columns if c.name in begin.columns),
        unreadable=tuple({**dict(chosen.unreadable), **begin.unreadable}.items()),
        expand=begin.expand,
    )
    changes = await read_changes(graph, begin, chosen)
    if changes.surfaced:
        raise ReadInFull(f"{', '.join(sorted(changes.surfaced))} came for the first time")
    progress("reading changes", changes.table.num_rows)
    _relations(engine, begin, changes)
    returned = await _below_the_returned(graph, engine, has_managers="manager" in {c.name for c in kept.columns})
    keys = sorted({*returned, *(row[0] for row in engine.execute(statement("fresh", SQL)).fetchall())})
    _worth_it(engine, len(keys))
    rows, problems = await _asked(graph, kept, keys)
    path = folder / "users.parquet"
    await asyncio.to_thread(_merge, engine, kept, rows, keys, path)
    users = unique_users(engine, path)
    _nothing_lost(engine, kept, path, users)
    await _managers_hold(graph, kept, engine)
    await _counted(graph, users)
    await _untracked(graph, kept, folder, engine=engine, progress=progress)
    read = UserRead(path, kept, changes.pages, users, problems)
    removed = number(engine, "SELECT count(DISTINCT id) FROM changes WHERE is_removed")
    told = {
        "changes": changes.table.num_rows,
        "removed": removed,
        "asked": len(keys),
    }
    return Round(ProvenRead(read, users, users, "delta_count"), changes.link, told)


def _relations(engine: DuckDBPyConnection, begin: Start, changes: Changes) -> None:
    engine.execute(f"CREATE OR REPLACE VIEW previous AS FROM {rows_of(begin.source)}")
    engine.register("changes", changes.table)
    manager = "manager" if "manager" in begin.columns else "NULL"
    engine.execute(f"CREATE OR REPLACE VIEW below AS SELECT id, {manager} AS manager FROM previous")
    again = set(begin.recheck)
    if UNREADABLE in {str(row[0]) for row in engine.execute("DESCRIBE previous").fetchall()}:
        unread = engine.execute(f"SELECT id FROM previous WHERE {UNREADABLE} IS NOT NULL").fetchall()
        again |= {str(row[0]) for row in unread}
    engine.register("recheck", pa.Table.from_arrays([pa.array(sorted(again), pa.string())], schema=_IDS))


async def _below_the_returned(graph: Graph, engine: DuckDBPyConnection, *, has_managers: bool) -> list[str]:
    """Known people whose manager came (back): a restored manager need not be told of those below."""
    if not has_managers:
        return []
    keys = [row[0] for row in engine.execute(statement("arrived", SQL)).fetchall()]
    found: set[str] = set()
    for at in range(0, len(keys), BATCH):
        group = keys[at : at + BATCH]
        for answer in await graph.batch([f"/users/{quote(key, safe='')}/directReports?$select=id" for key in group]):
            body = answer.get("body")
            if answer["status"] in _NO_SUCH_ADDRESS:
                continue
            if answer["status"] != 200 or not isinstance(body, dict) or body.get("@odata.nextLink"):
                raise ReadInFull("the people below somebody who came back could not be listed")
            found.update(str(row.get("id")) for row in body.get("value") or [] if isinstance(row, dict))
    engine.register("named", pa.Table.from_arrays([pa.array(sorted(found), pa.string())], schema=_IDS))
    rows = engine.execute("SELECT id FROM previous SEMI JOIN named USING (id)").fetchall()
    engine.unregister("named")
    gone = {row[0] for row in engine.execute("SELECT id FROM changes WHERE is_removed").fetchall()}
    return [row[0] for row in rows if row[0] not in gone]


def _worth_it(engine: DuckDBPyConnection, asked: int) -> None:
    if asked / BATCH > number(engine, "SELECT count(*) FROM previous") / 999 + 50:
        raise ReadInFull(f"{asked} people would have to be asked for one by one")


async def _asked(graph: Graph, kept: Selection, keys: list[str]) -> tuple[pa.Table, set[Problem]]:
    """Fresh rows of those of ``keys`` that are there, and what is wrong with them."""
    tables: list[pa.Table] = [user_table([], kept)[0]]
    problems: set[Problem] = set()
    groups = [keys[at : at + BATCH] for at in range(0, len(keys), BATCH)]
    for at in range(0, len(groups), IN_FLIGHT):
        for answers in await asyncio.gather(*(_batch(graph, kept, group) for group in groups[at : at + IN_FLIGHT])):
            found = [answer["body"] for answer in answers if answer["status"] == 200]
            try:
                table, wrong = user_table(found, kept)
            except Spoiled as error:
                raise ReadInFull("Graph answered for a single user without an id") from error
            tables.append(table)
            problems.update(wrong)
    return pa.concat_tables(tables), problems


async def _batch(graph: Graph, kept: Selection, keys: list[str]) -> list[dict[str, Any]]:
    answers = await graph.batch([f"/users/{quote(key, safe='')}?{kept.query}" for key in keys])
    for key, answer in zip(keys, answers, strict=True):
        status = answer["status"]
        if status not in {200, 404} or (status == 200 and answer["body"].get("id") != key):
            raise ReadInFull(f"Graph does not answer for single users ({status})")
    return answers


def _merge(engine: DuckDBPyConnection, kept: Selection, rows: pa.Table, keys: list[str], path: Path) -> None:
    engine.register("asked", pa.Table.from_arrays([pa.array(keys, pa.string())], schema=_IDS))
    engine.register("fresh", rows)
    columns = []
    for column in kept.columns:
        name = identifier(column.name)
        if column.name == "id" or column.select in UNTRACKED:
            columns.append(f"previous.{name}")
        elif column.type in BARE:
            columns.append(f"nullif(coalesce(changes.{name}, previous.{name}), {literal(NULL)}) AS {name}")
        else:
            columns.append(
                f"CASE WHEN changes.{name}.sent THEN changes.{name}.value ELSE previous.{name} END AS {name}"
            )
    # Whom the last run could not read something of is asked for again: those carried over lack nothing.
    columns.append(f"NULL::VARCHAR[] AS {UNREADABLE}")
    names = ", ".join([*(identifier(column.name) for column in kept.columns), UNREADABLE])
    write_rows(
        engine,
        f"SELECT {', '.join(columns)}, 0::BIGINT AS seq "
        "FROM previous LEFT JOIN changes ON changes.id = previous.id "
        "WHERE changes.is_removed IS NOT TRUE AND previous.id NOT IN (SELECT id FROM asked) "
        f"UNION ALL SELECT {names}, 0::BIGINT FROM fresh",
        path,
        options=AS_A_READ,
    )


def _nothing_lost(engine: DuckDBPyConnection, kept: Selection, path: Path, users: int) -> None:
    """Few lack what they were asked for by id, and nobody loses an extension that only an answer by id left out."""
    lacked = people_unread(engine, path, [column.name for column in kept.columns])
    if max(lacked.values(), default=0) > allowed(users):
        raise ReadInFull(f"Graph left out what it was asked for of single users ({said(lacked)})")
    for column in kept.columns:
        if column.name == "manager" or column.select in UNTRACKED or not may_be_left_out(column):
            continue
        name = identifier(column.name)
        told = f"changes.{name} IS NOT NULL" if column.type in BARE else f"changes.{name}.sent"
        if number(
            engine,
            f"SELECT count(*) FROM fresh JOIN previous ON previous.id = fresh.id AND previous.{name} IS NOT NULL "
            f"WHERE fresh.{name} IS NULL AND fresh.id NOT IN (SELECT id FROM changes WHERE {told})",
        ):
            raise ReadInFull(f"Graph leaves out {column.name} of single users")


async def _managers_hold(graph: Graph, kept: Selection, engine: DuckDBPyConnection) -> None:
    """Nobody keeps a manager who is gone, and nobody asked for by id loses one who is there."""
    if not kept.wants_manager:
        return
    if number(engine, statement("vanished", SQL)):
        raise ReadInFull("a manager the changes tell of is not found by id")
    if await unexpanded(graph, engine):
        raise ReadInFull("Graph leaves out the managers of single users")


async def _counted(graph: Graph, users: int) -> None:
    for _ in range(2):
        stated = await count_users(graph)
        if stated == users:
            return
    raise ReadInFull(f"the changes lead to {users} users, Graph counts {stated if stated is not None else 'nothing'}")


async def _untracked(
    graph: Graph, kept: Selection, folder: Path, *, engine: DuckDBPyConnection, progress: Progress
) -> None:
    """Replace what delta does not follow by what a read of only that says now."""
    fresh = tuple(c for c in kept.columns if c.name == "id" or c.select in UNTRACKED)
    if len(fresh) == 1:
        return
    light = await read_users(graph, Selection(fresh), folder, progress=progress, name="untracked")
    merged, path = folder / "merged.parquet", folder / "users.parquet"
    if (await unsettled(graph, light)).num_rows:
        raise ReadInFull("Graph left out what delta does not follow")
    if len(light.selection.columns) != len(fresh) or light.problems or differing(engine, path, light.path):
        raise ReadInFull("what delta does not follow could not be read for everybody")
    path.rename(merged)
    names = ", ".join(identifier(c.name) for c in fresh if c.name != "id")
    engine.execute(
        "CREATE OR REPLACE VIEW light AS "
        f"SELECT DISTINCT ON (id) id, {names} "
        f"FROM {rows_of(light.path)} ORDER BY id, seq DESC"
    )
    write_rows(
        engine,
        f"SELECT merged.* EXCLUDE ({names}), light.* EXCLUDE (id) "
        f"FROM {rows_of(merged)} AS merged JOIN light ON light.id = merged.id",
        path,
        options=AS_A_READ,
    )
