"""What changed since the last run: ``/users/delta`` as a list of changes to the previous snapshot.

Properties a change carries are taken over. Where delta alone does not settle a person (somebody new, somebody told
of more than once, several managers, a wrongly typed value), that person is asked for by id, so that order and
replays do not matter. Facts: Microsoft Graph "delta query overview", "user: delta".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from trueup.connectors.entra.change_pages import ChangePage, ChangeReader, bare_page
from trueup.connectors.entra.loop_detection import Endless, ids
from trueup.connectors.entra.responses import GraphError, LinkExpired
from trueup.connectors.entra.selection import WITH_MANAGER
from trueup.transforms.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.loop_detection import Keys
    from trueup.connectors.entra.selection import Selection
    from trueup.connectors.source_request import SourceRequest
    from trueup.transforms.settings import SourceSettings

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
    expand: str = WITH_MANAGER
    """How single users are asked for with their managers."""


@dataclass(slots=True)
class Changes:
    """One round of changes, last page seen."""

    table: pa.Table
    """``seq`` and what ``ChangePage.table`` holds."""
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
    expand = str(told.get("expand", WITH_MANAGER))
    if chosen.wants_manager and not expand:
        raise ReadInFull("this Graph gives managers one by one only")
    full_at = datetime.fromisoformat(str(told["full_at"]))
    if datetime.now(UTC) - full_at >= timedelta(days=source.full_every_days):
        raise ReadInFull(f"the last full read was {source.full_every_days} days ago or more")
    try:
        graph.inside(str(told["link"]))
    except Refused as error:
        raise ReadInFull("the delta link belongs to another Graph address") from error
    place = previous.files.source
    if not place.is_file():
        raise ReadInFull("the last snapshot is not there any more")
    columns = tuple(told.get("columns", ()))
    unreadable = dict(told.get("unreadable", {}))
    return Start(
        str(told["link"]), place, columns, unreadable, tuple(told.get("recheck", ())), str(told["full_at"]), expand
    )


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
        async for _, delta_link in graph.pages(link, bare_page, _keys):
            if delta_link is not None:
                return delta_link
    except (GraphError, LinkExpired, Endless):
        return None
    return None


def _keys(page: tuple[list[dict[str, Any]], str | None]) -> Keys:
    return ids(page[0])


def _changed(page: ChangePage) -> Keys:
    return page.table.column("id")


async def read_changes(graph: Graph, begin: Start, chosen: Selection) -> Changes:
    """Everything that changed since ``begin``.

    Raises:
        ReadInFull: the link has expired, or Graph has lost its place.
    """
    columns = tuple(c for c in chosen.columns if c.name in begin.columns and c.select not in UNTRACKED)
    hidden = tuple(c for c in chosen.columns if c.name in begin.unreadable)
    tables: list[pa.Table] = []
    surfaced: set[str] = set()
    count = 0
    try:
        async for page in graph.pages(begin.link, ChangeReader(columns, hidden), _changed):
            surfaced |= page.surfaced
            seq = pa.array(range(count, count + page.table.num_rows), pa.int64())
            tables.append(page.table.append_column("seq", seq))
            count += page.table.num_rows
            if page.end is not None:
                return Changes(pa.concat_tables(tables), page.end, len(tables), surfaced)
    except LinkExpired as error:
        raise ReadInFull("a link to further changes has expired") from error
    except Endless as error:
        raise ReadInFull("the list of changes has no end") from error
    except GraphError as answer:
        if answer.status in {400, 404, 410}:
            raise ReadInFull(f"the delta link is no longer taken ({answer.status} {answer.code})") from answer
        raise
    raise ReadInFull("Graph ended the list of changes without a link")


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
        "expand": kept.expand,
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return plain
