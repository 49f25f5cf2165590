"""A few people asked for by id, where all of them are leavers: disabled, or proven to be gone.

An explicit end at the source needs nobody else to be judged by: no scope, no findings, no shared values. Of anybody
else the whole tenant must be in view, so ``NotAlone`` says why, and the caller reads everything.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.connectors.entra import absence
from trueup.connectors.entra.assembly import Joined, write_absent, write_problems, write_source
from trueup.connectors.entra.graph import Graph, connected
from trueup.connectors.entra.pages import PageReader, user_table
from trueup.connectors.entra.queries import opened
from trueup.connectors.entra.responses import GraphError, Spoiled
from trueup.connectors.entra.scope import forbidden
from trueup.connectors.entra.selection import Selection, selection
from trueup.connectors.entra.users import UserWriter, narrower
from trueup.connectors.source_request import NotAlone, SourceRequest, SourceSnapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.connectors.entra.retry import RetryPolicy
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

NOT_LEAVERS = "only a full read can decide about people who stay"
BORNE_BY_ANOTHER = "a name given belongs to somebody else now"


async def read_leavers(
    settings: Settings,
    request: SourceRequest,
    files: RunFiles,
    named: Mapping[str, Sequence[str]],
    *,
    patience: RetryPolicy | None = None,
) -> SourceSnapshot:
    """``source.parquet`` with those of the people named who are disabled; the others are proven absent.

    Args:
        settings: the configuration.
        request: the columns wanted.
        files: of the run.
        named: each name given → the object ids it meant in the last whole read.
        patience: with Graph.

    Raises:
        NotAlone: they cannot be judged by themselves; everything must be read.
        Refused: Graph gives no clear answer about somebody. Failed: the app may not ask.
    """
    folder = files.work / "named"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        async with connected(settings, patience) as graph:
            return await _read(graph, request, files, named)
    except GraphError as answer:
        raise forbidden(answer, "users", "User.Read.All") from answer
    finally:
        await asyncio.get_running_loop().shutdown_default_executor()
        shutil.rmtree(folder, ignore_errors=True)


async def _read(
    graph: Graph, request: SourceRequest, files: RunFiles, named: Mapping[str, Sequence[str]]
) -> SourceSnapshot:
    keys = sorted({key for found in named.values() for key in found})
    chosen, entries = await _entries(graph, selection(request.columns, graph.granted), keys)
    if any(entry.get("accountEnabled") is not False for entry in entries.values()):
        raise NotAlone(NOT_LEAVERS)
    for name, found in named.items():
        if name not in found and not set(await _bearers(graph, name)) <= set(found):
            raise NotAlone(BORNE_BY_ANOTHER)
    gone = await _gone(graph, [key for key in keys if key not in entries])
    write_absent(files, gone.deleted, [])
    await asyncio.to_thread(_write, files, chosen, list(entries.values()))
    return SourceSnapshot(
        users=len(entries),
        completeness={"proof": "asked_by_id", "asked": len(keys), "users": len(entries), "absent": gone.as_record()},
        unreadable=dict(chosen.unreadable),
    )


async def _entries(graph: Graph, chosen: Selection, keys: Sequence[str]) -> tuple[Selection, dict[str, dict[str, Any]]]:
    """Id → entry of those who are there, and what could be asked for in the end."""
    entries: dict[str, dict[str, Any]] = {}
    for key in keys:
        while True:
            try:
                entry = await graph.json(f"users/{quote(key, safe='')}?{chosen.query}")
            except GraphError as answer:
                if answer.status == 404:
                    break
                chosen = narrower(answer, chosen)
                continue
            if entry.get("id") != key:
                raise NotAlone("the source answered for somebody else")
            entries[key] = entry
            break
    return chosen, entries


async def _bearers(graph: Graph, name: str) -> list[str]:
    """Ids of those who bear ``name`` now as user name or e-mail."""
    text = quote(name.replace("'", "''"), safe="")
    question = f"userPrincipalName%20eq%20'{text}'%20or%20mail%20eq%20'{text}'"
    try:
        rows = await graph.rows(f"users?$filter={question}&$select=id,userPrincipalName,mail")
    except GraphError as answer:
        if answer.status == 403:
            raise
        raise NotAlone("the source cannot be asked for a name") from answer
    bore = (str(row.get(field, "")).casefold() for row in rows for field in ("userPrincipalName", "mail"))
    if rows and name.casefold() not in set(bore):
        raise NotAlone("the source ignores filters")
    return [str(row.get("id")) for row in rows]


async def _gone(graph: Graph, keys: list[str]) -> absence.Whereabouts:
    """What became of those who are not there, each proven: asked for beside somebody Graph has just listed."""
    if not keys:
        return absence.Whereabouts()
    listed = await graph.json("users?$select=id&$top=1")
    rows = listed.get("value")
    witness = str(rows[0].get("id")) if isinstance(rows, list) and rows and isinstance(rows[0], dict) else None
    if witness is None or witness in keys:
        raise NotAlone("the source lists nobody else to check its answers by")
    found = await absence.whereabouts(graph, keys, witness=witness)
    if found.alive:
        raise NotAlone("the source contradicts itself about who is there")
    if found.gone:
        # Twice a 404 and nothing in the bin proves nothing where the list was not read: the whole of it must say so.
        raise NotAlone("the source finds somebody neither among its users nor among the deleted")
    return found


def _write(files: RunFiles, chosen: Selection, entries: list[dict[str, Any]]) -> None:
    """``source.parquet`` and ``.work/problems``; scope was not asked for, and counts for no leaver."""
    try:
        table, problems = user_table(entries, chosen)
    except Spoiled as error:
        raise NotAlone("an entry of the source is damaged") from error
    path = files.work / "named" / "users.parquet"
    writer = UserWriter(path, PageReader(chosen).schema)
    writer.add(table)
    writer.close()
    write_problems(files, problems)
    columns = [*(column.name for column in chosen.columns), "assigned", "assigned_by"]
    if any(row for row in table.column("unreadable").to_pylist()):
        columns.append("unreadable")
    with opened(files) as engine:
        write_source(engine, files, path, columns, Joined("all"), users=len(entries))
