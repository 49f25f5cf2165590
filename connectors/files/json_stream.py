"""A JSON text of any size as the objects it lists, in memory bounded by the largest of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from trueup.connectors.files.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHUNK = 1 << 20
"""Characters read at once."""
LARGEST = 1 << 24
"""Characters one object may have."""
_NUMBER = re.compile(r"[0-9eE.+-]*")
_BLANK = re.compile(r"[ \t\r\n]*")


class NotWhole(Exception):
    """The text is cut off, or is not JSON."""


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


class JsonStream:
    """Reads a file of one or several JSON documents: lists of objects, pages of them (``value``), or the objects."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = json.JSONDecoder(parse_constant=_constant)
        self._text = ""
        self._at = 0
        self._is_over = False
        self.more = False
        """Whether the page read last says that there is another."""
        self.pages = 0
        """Lists and pages begun so far; users that stand alone are on none."""
        self.is_of_changes = False
        """Whether a page has a link that only lists of changes have."""

    def objects(self) -> Iterator[Any]:
        """Everything the file lists, in its order.

        Raises:
            NotWhole: the file is cut off, no text, or no JSON.
        """
        try:
            with self._path.open(encoding=encoding_of(self._path), newline="") as file:
                self._read = iter(lambda: file.read(CHUNK), "")
                if self._peek() is None:
                    raise NotWhole
                while (first := self._peek()) is not None:
                    yield from self._document(first)
        except (UnicodeError, RecursionError) as error:
            raise NotWhole from error

    def _document(self, first: str) -> Iterator[Any]:
        if first == "[":
            self.pages += 1
            yield from self._list()
            return
        if first == "{" and (whole := self._at_once()) is None:
            yield from self._page()
            return
        document = whole if first == "{" else self._value()
        if isinstance(document, dict) and isinstance(document.get("value"), list):
            self.pages += 1
            self._end_page(document)
            yield from document["value"]
        else:
            yield document

    def _end_page(self, members: dict[str, Any]) -> None:
        link = members.get("@odata.nextLink")
        self.more = "@odata.nextLink" in members
        if "@odata.deltaLink" in members or (isinstance(link, str) and "/delta" in link):
            self.is_of_changes = True

    def _at_once(self) -> Any:
        """The object here if it ends within what is at hand, else None."""
        try:
            value, self._at = self._decoder.raw_decode(self._text, self._at)
        except ValueError:
            return None
        return value

    def _page(self) -> Iterator[Any]:
        """A large object, member by member, its ``value`` one by one."""
        self._take("{")
        members: dict[str, Any] = {}
        is_page = False
        while True:
            name = self._value()
            if not isinstance(name, str):
                raise NotWhole
            self._take(":")
            if name == "value" and self._peek() == "[":
                is_page = True
                self.pages += 1
                yield from self._list()
            else:
                members[name] = self._value()
            if self._take(",", "}") == "}":
                break
        if is_page:
            self._end_page(members)
        else:
            yield members

    def _list(self) -> Iterator[Any]:
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            yield self._value()
            if self._take(",", "]") == "]":
                return

    def _value(self) -> Any:
        """The next value, whole."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except ValueError as error:
                if not self._more():
                    raise NotWhole from error
                continue
            # A number at the end of what is at hand may go on.
            if isinstance(value, int | float) and _NUMBER.fullmatch(self._text, end) and self._more():
                continue
            self._at = end
            return value

    def _take(self, *expected: str) -> str:
        found = self._peek()
        if found is None or found not in expected:
            raise NotWhole
        self._at += 1
        return found

    def _peek(self) -> str | None:
        """The next character that is not blank; None at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return None

    def _more(self) -> bool:
        """Read on; what was taken is let go."""
        if self._is_over or len(self._text) - self._at > LARGEST:
            return False
        some = next(self._read, "")
        self._is_over = not some
        self._text, self._at = self._text[self._at :] + some, 0
        return bool(some)
