"""Users in Graph's JSON: one list, one ``{"value": […]}``, or a line each (users or whole pages)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from connectors.entra.answers import Spoiled
from connectors.entra.pages import PageReader, user_table
from connectors.files.json_stream import JsonStream, NotWhole
from transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from connectors.entra.pages import Problem
    from connectors.entra.selection import Selection

AT_ONCE = 5_000
"""Users held before they become a table."""


def incomplete(why: str) -> Refused:
    """The refusal of a file that does not hold a whole list of users."""
    return Refused(
        Refusal("source_incomplete", f"The source file {why}.", remedy="Export the users again, then run again.")
    )


class GraphShapedFile:
    """Reads a file once; remembers which properties were seen at all."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self.selection = selection
        self.path = path
        self._page = PageReader(selection)
        self.unseen = {column.select or column.path[0] for column in selection.columns}

    @property
    def lacking(self) -> set[str]:
        """Columns of the selection nobody in the file had so far."""
        return {column.name for column in self.selection.columns if (column.select or column.path[0]) in self.unseen}

    def tables(self) -> Iterator[tuple[pa.Table, list[Problem]]]:
        """The users, some thousands at a time, in the order of the file.

        Raises:
            Refused: the file is cut off, is no list of users, or says that there is more elsewhere.
        """
        stream = JsonStream(self.path)
        users = stream.objects()
        try:
            while rows := list(islice(users, AT_ONCE)):
                yield self._table(rows)
        except NotWhole as error:
            raise incomplete("is not whole JSON") from error
        if stream.more:
            raise incomplete("ends with a page that is not the last")

    def _table(self, rows: list[Any]) -> tuple[pa.Table, list[Problem]]:
        if self.unseen:
            for row in rows:
                if isinstance(row, dict):
                    self.unseen -= row.keys()
        if any(isinstance(row, dict) and "@removed" in row for row in rows):
            raise incomplete("is a list of changes, not of users")
        try:
            return self._users(rows)
        except Spoiled as error:
            raise incomplete("holds an entry without an id") from error

    def _users(self, rows: list[Any]) -> tuple[pa.Table, list[Problem]]:
        try:
            body = orjson.dumps({"value": rows})
        except TypeError:  # lone surrogates, endless numbers: a problem of one person, found by looking at each
            return user_table(rows, self.selection)
        page, _ = self._page(body)
        return page.users, list(page.problems)
