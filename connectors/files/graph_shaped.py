"""Users in Graph's JSON: one list, one ``{"value": […]}``, or a line each (users or whole pages)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from connectors.entra.answers import Spoiled
from connectors.entra.pages import user_table
from transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

    from connectors.entra.pages import Problem
    from connectors.entra.selection import Selection

LINES_AT_ONCE = 20_000


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
        self.unseen = {column.select or column.path[0] for column in selection.columns}
        self.more = False
        """Whether the page read last says that there is another."""

    def tables(self) -> Iterator[tuple[pa.Table, list[Problem]]]:
        """The users, some thousands at a time, in the order of the file.

        Raises:
            Refused: the file is cut off, is no list of users, or says that there is more elsewhere.
        """
        rows: list[Any] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) >= LINES_AT_ONCE:
                yield self._table(rows)
                rows = []
        yield self._table(rows)

    def _table(self, rows: list[Any]) -> tuple[pa.Table, list[Problem]]:
        if self.unseen:
            for row in rows:
                if isinstance(row, dict):
                    self.unseen -= row.keys()
        if any(isinstance(row, dict) and "@removed" in row for row in rows):
            raise incomplete("is a list of changes, not of users")
        try:
            return user_table(rows, self.selection)
        except Spoiled as error:
            raise incomplete("holds an entry without an id") from error

    def _rows(self) -> Iterator[Any]:
        body = self.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        try:
            document = orjson.loads(body)
        except ValueError:
            yield from self._lines(body)
        else:
            yield from self._page(document)
        if self.more:
            raise incomplete("ends with a page that is not the last")

    def _lines(self, body: bytes) -> Iterator[Any]:
        for number, line in enumerate(body.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                document = orjson.loads(line)
            except ValueError as error:
                raise incomplete(f"is not whole JSON (line {number})") from error
            yield from self._page(document)

    def _page(self, document: Any) -> Iterator[Any]:
        if isinstance(document, list):
            yield from document
        elif isinstance(document, dict) and isinstance(document.get("value"), list):
            self.more = "@odata.nextLink" in document
            yield from document["value"]
        else:
            yield document
