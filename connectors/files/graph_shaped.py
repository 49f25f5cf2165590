"""Users in Graph's JSON: one list, one ``{"value": […]}``, or a line each (users or whole pages)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from trueup.connectors.entra.pages import PageReader, user_table
from trueup.connectors.entra.responses import Spoiled
from trueup.connectors.entra.unsaid import all_said, with_unsaid
from trueup.connectors.files.cells import NOT_EXPANDED, RUN_TOGETHER, apart, checked_table
from trueup.connectors.files.json_stream import JsonStream, NotWhole
from trueup.connectors.files.names import Names, incomplete
from trueup.connectors.files.portal import ENCODE
from trueup.connectors.files.text import why_no_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from trueup.connectors.entra.pages import Problem
    from trueup.connectors.entra.selection import Selection

AT_ONCE = 5_000
"""Users held before they become a table."""


_CHANGES = "is a saved list of changes (/users/delta), not of users"
_SAVE_USERS = (
    "Save the users themselves: every page of GET /users?$select=…&$expand=manager($select=id), "
    "or Get-MgUser -All piped to ConvertTo-Json."
)


def _blocks(stream: JsonStream) -> Iterator[list[Any]]:
    """What the file lists, some thousands at a time, never of two pages at once."""
    rows: list[Any] = []
    page = 0
    for row in stream.objects():
        if rows and (stream.pages != page or len(rows) == AT_ONCE):
            yield rows
            rows = []
        page = stream.pages
        rows.append(row)
    if rows:
        yield rows


class GraphShapedFile:
    """Reads a file once; remembers which properties were seen at all."""

    def __init__(self, path: Path, selection: Selection, *, absent_is_null: bool = False) -> None:
        self.selection = selection
        self._absent_is_null = absent_is_null
        self._pages = 0
        self.path = path
        self._page = PageReader(selection)
        self._names = Names(selection)
        self._left: list[Problem] = []
        self._lists = tuple(column.path[0] for column in selection.columns if column.type == "texts")
        self.unseen = {column.select or column.path[0] for column in selection.columns}

    @property
    def lacking(self) -> set[str]:
        """Columns of the selection nobody in the file had so far."""
        return {column.name for column in self.selection.columns if (column.select or column.path[0]) in self.unseen}

    @property
    def blank(self) -> list[tuple[str, pa.Array]]:
        """Of each of several pages: what others came with and nobody on it, though it may be left out; their ids."""
        if self._absent_is_null or self._pages < 2:
            return []
        return [(name, ids) for name, ids in self._page.blank if name in self._page.carriers]

    def tables(self) -> Iterator[tuple[pa.Table, list[Problem]]]:
        """The users, some thousands at a time, in the order of the file.

        Raises:
            Refused: the file is cut off, is not a list of users, or says that there is more elsewhere.
        """
        stream = JsonStream(self.path)
        try:
            for rows in _blocks(stream):
                yield self._table(rows)
        except NotWhole as error:
            if why := why_no_text(self.path):
                raise incomplete(why, remedy=ENCODE) from error
            raise incomplete("is not whole JSON") from error
        if stream.is_of_changes:
            raise incomplete(_CHANGES, remedy=_SAVE_USERS)
        self._pages = stream.pages
        if stream.more:
            raise incomplete("ends with a page that is not the last")

    def _table(self, rows: list[Any]) -> tuple[pa.Table, list[Problem]]:
        rows = [self._as_graph(row) if isinstance(row, dict) else row for row in rows]
        if self.unseen:
            for row in rows:
                if isinstance(row, dict):
                    self.unseen -= row.keys()
        try:
            table, problems = self._users(rows)
        except Spoiled as error:
            raise incomplete("holds an entry without an id") from error
        if self._absent_is_null:
            table = all_said(table)
        found = checked_table(table, self.selection, problems, left=self._left)
        self._left = []
        return found, problems

    def _as_graph(self, row: dict[str, Any]) -> dict[str, Any]:
        if any(key.startswith("@removed") or key.endswith("@delta") for key in row):
            raise incomplete(_CHANGES, remedy=_SAVE_USERS)
        row = self._names.graphs(row)
        manager = row.get("manager")
        if isinstance(manager, dict) and manager.get("id") is None:  # Get-MgUser without -ExpandProperty manager
            self._left.append((str(row.get("id")), "manager", NOT_EXPANDED))
            row = {**row, "manager": None}
        for name in self._lists:
            if isinstance(text := row.get(name), str):  # ConvertTo-Json writes lists below its depth as one text
                values = apart(text, name)
                if values is None:
                    self._left.append((str(row.get("id")), name, RUN_TOGETHER))
                row = {**row, name: values}
        return row

    def _users(self, rows: list[Any]) -> tuple[pa.Table, list[Problem]]:
        try:
            body = orjson.dumps({"value": rows})
        except TypeError:  # lone surrogates, endless numbers: a problem of one person, found by looking at each
            return user_table(rows, self.selection)
        page, _ = self._page(body)
        return with_unsaid(page.users), list(page.problems)
