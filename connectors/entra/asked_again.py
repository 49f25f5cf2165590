"""Who was listed without something that was asked for is asked for again by id before anything is believed.

Of what Graph leaves out where there is none (extensions, the manager), a page on which nobody has it proves nothing:
one of the people on it is asked for that alone. Only what the list lacked is taken from answers by id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from trueup.connectors.entra.absence import BATCH
from trueup.connectors.entra.assembly import lacks_anything, people_unread
from trueup.connectors.entra.id_ranges import AS_A_READ
from trueup.connectors.entra.managers import address, is_none
from trueup.connectors.entra.pages import Problem, user_table
from trueup.connectors.entra.queries import SQL
from trueup.connectors.entra.responses import GraphError, Spoiled
from trueup.connectors.entra.unsaid import UNREADABLE, allowed, may_be_left_out, said
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of, write_rows
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.users import UserRead

IN_FLIGHT = 4
ASKED = 5_000
"""More people than this are not asked for one by one: such a read is refused."""


async def asked_again(graph: Graph, read: UserRead, engine: DuckDBPyConnection, *, users: int) -> int:
    """Let ``read`` hold for everybody what Graph says by id where its list did not; returns how many were asked for.

    Raises:
        Refused: too many people lack something, at first or after all.
    """
    columns = [column.name for column in read.selection.columns]
    blank = await unsettled(graph, read)
    if blank.num_rows:
        read.path = await asyncio.to_thread(with_blanks, engine, read.path, blank)
    keys = await asyncio.to_thread(_lacking, engine, read, columns)
    if not keys:
        return 0
    if len(keys) > ASKED:
        raise _too_many(await asyncio.to_thread(people_unread, engine, read.path, columns), len(keys), ASKED)
    rows, problems = await _by_id(graph, read, keys)
    await asyncio.to_thread(_filled, engine, read, rows)
    read.problems |= problems
    lacked = await asyncio.to_thread(people_unread, engine, read.path, columns)
    most = max(lacked.values(), default=0)
    if most > allowed(users):
        raise _too_many(lacked, most, allowed(users))
    return len(keys)


def _too_many(lacked: dict[str, int], people: int, limit: int) -> Refused:
    return Refused(
        Refusal(
            "attributes_left_out",
            f"Graph left out properties of {people} people that it was asked for ({said(lacked)}); at most {limit} "
            "such people can be left alone. The read was wrong.",
            used=people,
            limit=limit,
            remedy="Run again later; nothing was changed. If it stays so, check what stands between Trueup and Graph.",
        )
    )


async def unsettled(graph: Graph, read: UserRead) -> pa.Table:
    """Whose page nobody came with an extension or a manager on, and Graph does not say by id that there is none.

    One of each such page is asked for that alone. Rows: id, name.
    """
    shown = {
        name: await _answer(graph, name, read.carriers[name])
        for name in sorted({name for name, _ in read.blank} - {"manager"})
    }
    left: list[tuple[str, pa.Array]] = []
    for at in range(0, len(read.blank), IN_FLIGHT):
        pages = read.blank[at : at + IN_FLIGHT]
        answers = await asyncio.gather(*(_answer(graph, name, ids[0].as_py()) for name, ids in pages))
        for (name, ids), answer in zip(pages, answers, strict=True):
            if not _is_none(name, answer, shown.get(name)):
                left.append((name, ids))
    return blank_table(left)


def blank_table(blank: list[tuple[str, pa.Array]]) -> pa.Table:
    """Names with the ids of a page each, as rows: id, name."""
    schema = pa.schema([("id", pa.string()), ("name", pa.string())])
    rows = [pa.Table.from_arrays([ids, pa.array([name] * len(ids), pa.string())], schema=schema) for name, ids in blank]
    return pa.concat_tables([schema.empty_table(), *rows])


async def _answer(graph: Graph, name: str, key: str) -> dict[str, Any]:
    """What Graph says of one property of one person, as the part of a batch would."""
    link = address(key) if name == "manager" else f"/users/{quote(key, safe='')}?$select=id,{_property(name)}"
    try:
        return {"status": 200, "body": await graph.json(link.lstrip("/")), "id": key}
    except GraphError as answer:
        return {"status": answer.status, "body": {"error": {"code": answer.code, "message": answer.message}}}


def _property(name: str) -> str:
    return name if name.startswith("extension_") else "signInActivity"


def _is_none(name: str, answer: dict[str, Any], shown: dict[str, Any] | None) -> bool:
    """Whether Graph says there is none: as null, or by leaving out what it sends of somebody who has it."""
    if name == "manager":
        return is_none(answer)
    body = answer["body"]
    if answer["status"] != 200 or body.get("id") != answer["id"]:
        return False
    if _property(name) in body:
        return body[_property(name)] is None
    return shown is not None and shown["status"] == 200 and shown["body"].get(_property(name)) is not None


def with_blanks(engine: DuckDBPyConnection, path: Path, blank: pa.Table) -> Path:
    """The read at ``path`` where the names in ``blank`` (id, name) are unreadable for these people too; its place."""
    _view(engine, path)
    engine.register("blank", blank)
    written = _written(engine, path.with_name("with-blanks.parquet"), statement("blanks", SQL))
    engine.unregister("blank")
    return written


def _lacking(engine: DuckDBPyConnection, read: UserRead, columns: list[str]) -> list[str]:
    """Ids of who lacks one of ``columns``, sorted."""
    if not lacks_anything(read.path):
        return []
    _view(engine, read.path)
    engine.register("asked_for", pa.table({"name": pa.array(columns, pa.string())}))
    found = [str(row[0]) for row in engine.execute(statement("lacking", SQL)).fetchall()]
    engine.unregister("asked_for")
    return found


async def _by_id(graph: Graph, read: UserRead, keys: list[str]) -> tuple[pa.Table, set[Problem]]:
    tables, problems = [user_table([], read.selection)[0]], set[Problem]()
    groups = [keys[at : at + BATCH] for at in range(0, len(keys), BATCH)]
    for at in range(0, len(groups), IN_FLIGHT):
        for found in await asyncio.gather(*(_batch(graph, read, group) for group in groups[at : at + IN_FLIGHT])):
            table, wrong = user_table(found, read.selection)
            tables.append(table)
            problems.update(wrong)
    return pa.concat_tables(tables), problems


async def _batch(graph: Graph, read: UserRead, keys: list[str]) -> list[dict[str, Any]]:
    """Entries of those who are there and answered for as themselves; the others stay as they were listed."""
    try:
        answers = await graph.batch([f"/users/{quote(key, safe='')}?{read.selection.query}" for key in keys])
        found = [answer["body"] for answer in answers if answer["status"] == 200]
        user_table(found, read.selection)
    except (GraphError, Spoiled):
        return []
    return [body for body in found if body["id"] in keys]


def _filled(engine: DuckDBPyConnection, read: UserRead, rows: pa.Table) -> None:
    """Put what answers by id say where an entry of the list said nothing; the rest of the entry stays."""
    columns = read.selection.columns
    fills = ", ".join(
        f"CASE WHEN list_contains(users_read.unreadable, {literal(one.name)}) THEN fresh.{identifier(one.name)} "
        f"ELSE users_read.{identifier(one.name)} END AS {identifier(one.name)}"
        for one in columns
        if one.name != "id"
    )
    # What may be left out proves nothing here either: only where it came is it said.
    unclear = ", ".join(
        f"CASE WHEN fresh.{identifier(one.name)} IS NULL THEN {literal(one.name)} END"
        for one in columns
        if may_be_left_out(one)
    )
    left = f"list_concat(coalesce(fresh.unreadable, []), [{unclear}]::VARCHAR[])"
    still = f"fresh.id IS NULL OR list_contains({left}, name)"
    _view(engine, read.path)
    engine.register("fresh", rows)
    read.path = _written(
        engine,
        read.path.with_name("asked-again.parquet"),
        f"SELECT users_read.* REPLACE ({fills}, "
        f"nullif(list_filter(users_read.unreadable, lambda name: {still}), []) AS unreadable) "
        "FROM users_read LEFT JOIN (SELECT DISTINCT ON (id) * FROM fresh) AS fresh ON fresh.id = users_read.id",
    )
    engine.unregister("fresh")


def _view(engine: DuckDBPyConnection, path: Path) -> None:
    """``users_read`` is the read at ``path``, with the column ``unreadable`` whether or not the file has it."""
    unsaid = "" if lacks_anything(path) else f", NULL::VARCHAR[] AS {UNREADABLE}"
    engine.execute(f"CREATE OR REPLACE VIEW users_read AS SELECT *{unsaid} FROM {rows_of(path)}")


def _written(engine: DuckDBPyConnection, path: Path, query: str) -> Path:
    write_rows(engine, query, path, options=AS_A_READ)
    return path
