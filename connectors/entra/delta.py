"""What changed since the last run: ``/users/delta`` as a list of changes to the previous snapshot.

Properties a change carries are taken over. Where delta alone does not settle a person (somebody new, somebody told
of more than once, several managers, a wrongly typed value), that person is asked for by id, so that order and
replays do not matter. Facts: Microsoft Graph "delta query overview", "user: delta".
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from connectors.entra.answers import Answer, LinkExpired, Spoiled, json_object, next_link
from connectors.entra.endless import Endless, ids
from connectors.entra.pages import value_at
from connectors.entra.selection import ARROW
from transforms.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.entra.endless import Keys
    from connectors.entra.graph import Graph
    from connectors.entra.selection import Selection
    from connectors.source_request import SourceRequest
    from transforms.attributes import SourceAttribute
    from transforms.settings import SourceSettings

UNTRACKED = frozenset({"signInActivity"})
"""Properties delta does not follow; read afresh."""
RECHECKED = 1_000
"""More people with problems than this, and the next read is full."""


class ReadInFull(Exception):
    """An incremental read is not possible; the message says why."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where an incremental read starts."""

    link: str
    source: Path
    columns: tuple[str, ...]
    unreadable: dict[str, str]
    recheck: tuple[str, ...]
    full_at: str


@dataclass(slots=True)
class Changes:
    """One round of changes, last page seen."""

    table: pa.Table
    """``id, seq, is_removed, is_unclear`` and per tracked column STRUCT(sent, value)."""
    link: str
    """For the next round."""
    pages: int = 0
    surfaced: set[str] = field(default_factory=set)
    """Properties that came although the last full read had them for nobody."""


def start(request: SourceRequest, source: SourceSettings, chosen: Selection, graph: Graph) -> Start:
    """Where to go on from.

    Raises:
        ReadInFull: there is no earlier complete run with a link, or it no longer fits.
    """
    previous = request.latest or request.previous
    told = previous.manifest.delta if previous else {}
    if previous is None or not told.get("link"):
        raise ReadInFull("no earlier run holds a delta link")
    if told.get("select") != tracked(chosen) or told.get("wanted") != [c.name for c in chosen.columns]:
        raise ReadInFull("the selected attributes have changed")
    if told.get("tenant", source.tenant_id) != source.tenant_id:
        raise ReadInFull("the delta link belongs to another tenant")
    full_at = datetime.fromisoformat(str(told["full_at"]))
    if datetime.now(UTC) - full_at >= timedelta(days=source.full_every_days):
        raise ReadInFull(f"the last full read was {source.full_every_days} days ago or more")
    try:
        graph.inside(str(told["link"]))
    except Refused as error:
        raise ReadInFull("the delta link belongs to another Graph address") from error
    record = previous.manifest.files.get("source.parquet")
    place = previous.files.source
    if record is None or not place.is_file() or _digest(place) != record.sha256:
        raise ReadInFull("the last snapshot is not there any more as it was sealed")
    columns = tuple(told.get("columns", ()))
    unreadable = dict(told.get("unreadable", {}))
    return Start(str(told["link"]), place, columns, unreadable, tuple(told.get("recheck", ())), str(told["full_at"]))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tracked(chosen: Selection) -> list[str]:
    """What delta is asked to follow."""
    names = [name for name in chosen.properties if name not in UNTRACKED]
    return [*names, "manager"] if chosen.wants_manager else names


async def latest_link(graph: Graph, chosen: Selection) -> str | None:
    """A link from which changes after now can be asked for; None where Graph offers none.

    Asked for before a full read, so that what changes meanwhile comes again instead of being lost.
    """
    link = f"users/delta?$select={','.join(tracked(chosen))}&$deltatoken=latest"
    try:
        async for _, delta_link in graph.pages(link, _bare_page, _keys):
            if delta_link is not None:
                return delta_link
    except (Answer, LinkExpired, Endless):
        return None
    return None


def _keys(page: tuple[list[dict[str, Any]], str | None]) -> Keys:
    return ids(page[0])


def _bare_page(body: bytes) -> tuple[tuple[list[dict[str, Any]], str | None], str | None]:
    page = json_object(body)
    value = page.get("value")
    if not isinstance(value, list) or not all(isinstance(row, dict) and _is_key(row.get("id")) for row in value):
        raise Spoiled("the page holds no list of changes")
    following, end = next_link(page), page.get("@odata.deltaLink")
    if following is None and not (isinstance(end, str) and end):
        raise Spoiled("the last page holds no delta link")
    return (value, end if following is None else None), following


def _is_key(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isascii()


async def read_changes(graph: Graph, begin: Start, chosen: Selection) -> Changes:
    """Everything that changed since ``begin``.

    Raises:
        ReadInFull: the link has expired, or Graph has lost its place.
    """
    columns = tuple(c for c in chosen.columns if c.name in begin.columns and c.select not in UNTRACKED)
    hidden = {c.select or c.name for c in chosen.columns if c.name in begin.unreadable}
    making: list[asyncio.Task[pa.Table]] = []
    surfaced: set[str] = set()
    count = 0
    try:
        async for rows, delta_link in graph.pages(begin.link, _bare_page, _keys):
            for name in hidden:
                if any(row.get(name) is not None or row.get(f"{name}@delta") for row in rows):
                    surfaced.add(name)
            making.append(asyncio.create_task(asyncio.to_thread(_table, rows, columns, count)))
            count += len(rows)
            if len(making) > 1:
                await making[-2]
            if delta_link is not None:
                tables = await asyncio.gather(*making)
                return Changes(pa.concat_tables(tables), delta_link, len(tables), surfaced)
    except LinkExpired as error:
        raise ReadInFull("a link to further changes has expired") from error
    except Endless as error:
        raise ReadInFull("the list of changes has no end") from error
    except Answer as answer:
        if answer.status in {400, 404, 410}:
            raise ReadInFull(f"the delta link is no longer taken ({answer.status} {answer.code})") from answer
        raise
    raise ReadInFull("Graph ended the list of changes without a link")


def _table(rows: list[dict[str, Any]], columns: tuple[SourceAttribute, ...], first: int) -> pa.Table:
    unclear = [False] * len(rows)
    removed = ["@removed" in row for row in rows]
    given = _gathered(rows)
    arrays: dict[str, pa.Array] = {}
    for column in columns:
        if column.name != "id":
            sent, values = _swiftly(rows, column, given) or _carefully(rows, column, unclear)
            arrays[column.name] = pa.StructArray.from_arrays([pa.array(sent, pa.bool_()), values], ["sent", "value"])
    return pa.table(
        {
            "id": pa.array([row["id"] for row in rows], pa.string()),
            "seq": pa.array(range(first, first + len(rows)), pa.int64()),
            "is_removed": pa.array(removed, pa.bool_()),
            "is_unclear": pa.array(unclear, pa.bool_()),
            **arrays,
        }
    )


Given = dict[str, "tuple[Any, ...]"]


def _gathered(rows: list[dict[str, Any]]) -> Given | None:
    """Property → values in order, where every change carries the same properties; None otherwise."""
    names = list(rows[0]) if rows else []
    if len(names) < 2 or any(row.keys() != rows[0].keys() for row in rows):
        return None
    return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))


def _swiftly(
    rows: list[dict[str, Any]], column: SourceAttribute, given: Given | None
) -> tuple[list[bool], pa.Array] | None:
    """Whether each change carries the column, and its values, where all are plainly of the stated type."""
    name = "manager@delta" if column.name == "manager" else column.path[0]
    if given is None:
        sent, values = [name in row for row in rows], tuple([row.get(name) for row in rows])
    else:
        sent, values = [name in given] * len(rows), given.get(name, (None,) * len(rows))
    try:
        if column.name == "manager":
            if any("manager" in row for row in rows):
                return None
            if any(one is not None and (len(one) != 1 or "@removed" in one[0] or not one[0]["id"]) for one in values):
                return None
            values = tuple([one[0]["id"] if one else None for one in values])
            sent = [value is not None for value in values]
        elif column.type == "integer":
            if not all(value is None or isinstance(value, list) for value in values):
                return None
            values = tuple([None if value is None else len(value) for value in values])
        elif len(column.path) > 1:
            inner = column.path[1]
            values = tuple([None if value is None else value.get(inner) for value in values])
        return sent, pa.array(values, ARROW[column.type])
    except (pa.ArrowInvalid, pa.ArrowTypeError, AttributeError, TypeError, KeyError, IndexError):
        return None


def _carefully(rows: list[dict[str, Any]], column: SourceAttribute, unclear: list[bool]) -> tuple[list[bool], pa.Array]:
    sent, values = [], []
    for place, row in enumerate(rows):
        was_sent, value, problem = _manager(row) if column.name == "manager" else _plain(row, column)
        unclear[place] = unclear[place] or problem
        sent.append(was_sent)
        values.append(value)
    return sent, pa.array(values, ARROW[column.type])


def _plain(row: dict[str, Any], column: SourceAttribute) -> tuple[bool, Any, bool]:
    """Whether the column was sent, its value, and whether a closer look is needed."""
    if column.path[0] not in row:
        return False, None, False
    value, problem = value_at(row, column)
    return True, value, bool(problem)


def _manager(row: dict[str, Any]) -> tuple[bool, Any, bool]:
    """The manager a change names: sent, id, unclear. One addition settles it; anything else is asked for."""
    if "manager" in row:
        value = row["manager"]
        key = value.get("id") if isinstance(value, dict) else None
        return True, key, value is not None and not _is_key(key)
    if "manager@delta" not in row:
        return False, None, False
    told = row["manager@delta"]
    if not isinstance(told, list) or not all(isinstance(item, dict) for item in told):
        return False, None, True
    added = [item.get("id") for item in told if "@removed" not in item]
    if len(added) == 1 and _is_key(added[0]):
        return True, added[0], False
    return False, None, True


def sealed(
    link: str | None,
    chosen: Selection,
    kept: Selection,
    *,
    full_at: str,
    problems: set[tuple[str, str, str]],
    tenant: str,
) -> dict[str, Any]:
    """What the run keeps for the next incremental read; empty where there can be none."""
    recheck = sorted({key for key, _, _ in problems})
    if link is None or len(recheck) > RECHECKED:
        return {}
    told = {
        "link": link,
        "tenant": tenant,
        "select": tracked(chosen),
        "wanted": [column.name for column in chosen.columns],
        "columns": [column.name for column in kept.columns],
        "unreadable": dict(kept.unreadable),
        "full_at": full_at,
        "recheck": recheck,
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return plain
