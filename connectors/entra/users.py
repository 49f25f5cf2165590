"""A whole read of the tenant's users: page after page into a Parquet file, in bounded memory."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.connectors.entra.id_ranges import ROW_GROUP
from trueup.connectors.entra.pages import PageReader, Problem, UserPage
from trueup.connectors.entra.responses import GraphError, LinkExpired, expired_too_often
from trueup.connectors.entra.selection import NEVER_MISSING
from trueup.connectors.entra.unsaid import UNREADABLE, UNREADABLE_TYPE, with_unsaid
from trueup.transforms.duck.parquet import create_file, open_file
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.selection import Selection
    from trueup.transforms.progress import Progress

BUFFERED = 32_000
"""Users held before they are written: what bounds the memory of a read."""
_UNKNOWN = re.compile(r"(?:property|segment)[^'\"]*['\"]([A-Za-z0-9_]+)['\"]", re.IGNORECASE)


@dataclass(slots=True)
class UserRead:
    """One whole read, last page seen."""

    path: Path
    """Parquet: the selection's columns and ``seq``, the order in which users came; repeats included.

    With ``unreadable``, names of what somebody's entry did not say, where there is such an entry.
    """
    selection: Selection
    pages: int = 0
    rows: int = 0
    problems: set[Problem] = field(default_factory=set)
    blank: list[tuple[str, pa.Array]] = field(default_factory=list)
    """Of a page: what others came with and nobody on it, though it may be left out where there is none; their ids."""
    carriers: dict[str, str] = field(default_factory=dict)
    """What may be left out where there is none, and somebody who came with it."""


class UserWriter:
    """Collects pages and writes them in runs sorted by id, of small row groups: slices of ids find theirs again.

    The column ``unreadable`` is there from the page on that has something in it: the whole read is carried through
    sorting and files, and most reads have nothing to say in it.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema.append(pa.field("seq", pa.int64()))
        self._writer = self._opened()
        self._waiting: list[pa.Table] = []
        self._count = 0
        self.rows = 0

    def add(self, users: pa.Table) -> None:
        """Take the users of one page."""
        seq = pa.arange(self.rows, self.rows + users.num_rows)
        self._waiting.append(users.append_column("seq", seq))
        self.rows += users.num_rows
        self._count += users.num_rows
        if UNREADABLE not in self._schema.names and _lacks_something(users):
            self._widen()
        if self._count >= BUFFERED:
            self._flush()

    def _opened(self) -> Any:
        # Slices find theirs by the ids; nobody asks how the values of another column range.
        return create_file(self._path, self._schema, compression="lz4", use_dictionary=False, write_statistics=["id"])

    def _widen(self) -> None:
        """Begin the file once more, with the column ``unreadable`` in it, and take over what was written."""
        self._writer.close()
        narrow = self._path.replace(self._path.with_suffix(".narrow"))
        self._schema = self._schema.append(pa.field(UNREADABLE, UNREADABLE_TYPE))
        self._writer = self._opened()
        with open_file(narrow) as written:
            for group in range(written.num_row_groups):
                self._writer.write_table(self._fitting(written.read_row_group(group)))
        narrow.unlink()

    def _fitting(self, users: pa.Table) -> pa.Table:
        """``users`` with the columns of the file, in their order."""
        return (with_unsaid(users) if UNREADABLE in self._schema.names else users).select(self._schema.names)

    def _flush(self) -> None:
        if self._waiting:
            users = pa.concat_tables([self._fitting(page) for page in self._waiting])
            self._writer.write_table(users.sort_by("id"), row_group_size=ROW_GROUP)
        self._waiting, self._count = [], 0

    def close(self) -> None:
        """Write what is left and finish the file."""
        self._flush()
        self._writer.close()


def _lacks_something(users: pa.Table) -> bool:
    return UNREADABLE in users.schema.names and users.column(UNREADABLE).null_count < users.num_rows


async def read_users(
    graph: Graph, chosen: Selection, folder: Path, *, progress: Progress, top: int = 999, name: str = "users"
) -> UserRead:
    """Every user of the tenant from the first page to the last, with the properties that could be read.

    A property this cloud does not know, or that no user came with, is dropped from the selection with the reason.
    Where Graph takes no ``$expand`` the managers are still to be read: ``selection.expand`` is empty then.

    Raises:
        Failed: the app may not read users. Refused: the read cannot be completed.
    """
    for _ in range(40):
        try:
            read = await _read_through(graph, chosen, folder / f"{name}.parquet", top=top, progress=progress)
        except GraphError as answer:
            chosen = narrower(answer, chosen)
        else:
            return read
    raise Failed("Graph refuses one property after another.", remedy="Check source.graph_url.")


async def _read_through(graph: Graph, chosen: Selection, path: Path, *, top: int, progress: Progress) -> UserRead:
    for _ in range(3):
        reader = PageReader(chosen)
        read = UserRead(path, chosen)
        writer = UserWriter(path, reader.schema)
        writing: asyncio.Task[None] | None = None
        try:
            async for page in graph.pages(f"users?{chosen.query}&$top={top}", reader, _ids):
                if writing is not None:
                    await writing
                writing = asyncio.create_task(asyncio.to_thread(_keep, read, writer, page))
                read.pages += 1
                progress("reading users", writer.rows)
            if writing is not None:
                await writing
        except LinkExpired:
            graph.tally.restarts += 1
            continue
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait([writing])
            writer.close()
        read.rows = writer.rows
        read.carriers = reader.carriers
        read.blank = [(name, ids) for name, ids in reader.blank if name in reader.carriers]
        return _said_nothing(read, reader)
    raise expired_too_often()


def _ids(page: UserPage) -> pa.ChunkedArray:
    return page.users.column("id")


def _keep(read: UserRead, writer: UserWriter, page: UserPage) -> None:
    read.problems.update(page.problems)
    writer.add(page.users)


def _said_nothing(read: UserRead, reader: PageReader) -> UserRead:
    """Drop what no user came with: a value that was never sent is not an empty one."""
    if not read.rows:
        return read
    for name in sorted(reader.unseen):
        if name in NEVER_MISSING:
            raise Failed(
                f"Graph sent users without {name}: the app may read basic profiles only.",
                remedy="Grant the application permission User.Read.All and admin consent.",
            )
        read.selection = read.selection.without(name, "Graph sent it for nobody")
    return read


def narrower(answer: GraphError, chosen: Selection) -> Selection:
    """The selection without what Graph refused, or the failure its answer means."""
    if answer.status == 400 and (found := _UNKNOWN.search(answer.message)):
        name = found.group(1)
        if name in chosen.properties and name not in {"id", *NEVER_MISSING}:
            return chosen.without(name, "Graph does not know it here")
    if answer.status == 403 and "signInActivity" in chosen.properties:
        return chosen.without("signInActivity", "Graph does not let this app read it (AuditLog.Read.All, licence P1)")
    if answer.status in {400, 501} and chosen.wants_manager and chosen.expand:
        return chosen.expanding_less()
    raise answer
