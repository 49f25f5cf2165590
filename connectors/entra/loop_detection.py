"""Lists that never end: pages with ever new links that hold nobody, or the same people again and again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from trueup.transforms.errors import Refusal, Refused

Keys: TypeAlias = "pa.Array | pa.ChunkedArray"
"""Who is on a page, as text."""
REPEATS = 10
"""A list that brings the same one more often than this goes in circles; Graph repeats people once or twice."""
EMPTY = 500
"""Pages in a row that hold nobody."""
PAGES = 250_000
"""Pages of one list."""
_FIRST = 1_024


class Endless(Refused):
    """A list of pages does not come to an end."""

    def __init__(self, why: str) -> None:
        super().__init__(
            Refusal(
                "source_incomplete",
                why,
                remedy="Run again later; if it stays so, report it with the time of the run to Microsoft.",
            )
        )


def ids(rows: list[dict[str, Any]]) -> Keys:
    """The ids of objects as Graph sends them; null where there is none."""
    found = [row.get("id") for row in rows]
    return pa.array([key if isinstance(key, str) else None for key in found], pa.string())


@dataclass(slots=True)
class LoopGuard:
    """Follows one list of pages in constant memory, but for a number per page.

    Remembers keys at doubling positions (as in Brent's cycle detection): a loop must repeat one of them.
    """

    first: str
    """The link it began with."""
    pages: int = 0
    rows: int = 0
    _empty: int = 0
    _links: set[int] = field(default_factory=set)
    _remembered: dict[str, int] = field(default_factory=dict)
    """Key → how often it came since."""

    def page(self, keys: Keys, following: str | None) -> None:
        """Take note of a page.

        Args:
            keys: who is on it.
            following: the link to the next one.

        Raises:
            Endless: the list has no end.
        """
        self.pages += 1
        self._empty = 0 if len(keys) else self._empty + 1
        if following is None:
            return
        self._came(keys)
        if following == self.first or hash(following) in self._links:
            raise Endless(f"Graph's link to the next page points to a page already read (after {self.pages} pages).")
        self._links.add(hash(following))
        if self._empty > EMPTY:
            raise Endless(f"Graph's list has no end: {self._empty} pages in a row held nothing, each with a new link.")
        if self.pages >= PAGES:
            raise Endless(f"Graph's list has no end: {self.pages} pages were read, and there are more.")

    def _came(self, keys: Keys) -> None:
        if self._remembered:
            known = pa.array(list(self._remembered), pa.string())
            for key in keys.filter(pc.is_in(keys, value_set=known)).to_pylist():
                self._remembered[key] += 1
        if max(self._remembered.values(), default=0) > REPEATS:
            raise Endless(
                f"Graph's list has no end: after {self.pages} pages with {self.rows + len(keys)} rows "
                "the same ones come again and again, each page with a new link."
            )
        due = _FIRST << len(self._remembered) if self._remembered else 0
        if len(keys) and self.rows >= due:
            self._remembered.setdefault(str(keys[0].as_py()), 0)
        self.rows += len(keys)
