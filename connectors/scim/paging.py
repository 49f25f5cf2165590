"""Pages of a list, to their real end, whatever the server thinks of ``startIndex`` and ``count``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim import side_by_side
from trueup.connectors.scim.responses import Answer, sentence
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.values.paths import member

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from trueup.connectors.scim.discovery import Capabilities
    from trueup.connectors.scim.session import Session

_FIRST_COUNT = 200
_SMALLER_COUNTS = (100, 20)
_LARGEST_COUNT = 1000
_LONG = 5
"""A list of more pages than so many is worth one question whether the server takes larger ones."""


@dataclass(slots=True)
class Reading:
    """What one full read of the list came to; filled while its pages are taken."""

    pages: int = 0
    rows: int = 0
    repeats: int = 0
    """Rows whose id had come before."""
    totals: set[int] = field(default_factory=set)
    """Every ``totalResults`` the server stated."""
    page_size: int | None = None
    mode: str = "index"
    reached_end: bool = False
    slides: bool = False
    """A page held rows of an earlier page beside new ones: pages overlap, so others may have gaps between them."""
    moved: bool = False
    """A page read beside others did not begin where the one before it ended."""
    ids: set[int] = field(default_factory=set)
    """Hashes of the ids seen: enough to notice a repeat, small enough for a million."""

    @property
    def unique(self) -> int:
        """Different ids seen."""
        return len(self.ids)

    @property
    def has_gaps(self) -> bool:
        """Whether pages overlap and still come to fewer than the server states: somebody fell between them."""
        return self.slides and self.unique < max(self.totals, default=0)

    @property
    def counts_agree(self) -> bool:
        """Whether the server always stated one total and it is the number of different ids."""
        return self.reached_end and self.totals == {self.unique}


def list_of(answer: Answer) -> dict[str, Any] | None:
    """The body when it is a SCIM list (an object with ``Resources`` or ``totalResults``), else none."""
    read = answer.json if answer.is_ok else None
    if isinstance(read, dict) and (isinstance(member(read, "Resources"), list) or stated_total(read) is not None):
        return read
    return None


def stated_total(document: dict[str, Any]) -> int | None:
    """``totalResults`` as a number, also where a server says it as text; none where it says nothing usable."""
    total = member(document, "totalResults")
    if isinstance(total, str) and total.isascii() and total.isdigit():
        return int(total)
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def read_pages(
    session: Session, capabilities: Capabilities, into: Reading, *, sort: bool = False, beside: bool = False
) -> Iterator[list[dict[str, Any]]]:
    """Every page of ``/Users``, repeats left out; ``into`` holds the account once the iterator is exhausted.

    With ``beside`` several pages of a long list are read at a time; where they do not fit together, the reading ends
    early, ``moved``.

    Raises:
        Failed: the target is not SCIM, or gave up in the middle.
        Refused: ``target_incomplete`` when pages make no sense (a cursor that comes again, a profile without id).
    """
    extra = {"sortBy": "id"} if sort else {}
    if capabilities.cursor and not capabilities.index:
        yield from _by_cursor(session, into, extra | {"cursor": ""})
        return
    count, answer = _first_page(session, capabilities, extra)
    document = _checked(answer, into)
    start = 1
    while True:
        if member(document, "nextCursor") and start == 1 and capabilities.cursor:
            yield _fresh(document, into)
            yield from _by_cursor(session, into, extra | {"cursor": str(member(document, "nextCursor"))}, count)
            return
        before = into.unique
        rows = _rows(document)
        yield _fresh(document, into)
        if not rows or into.unique == before:
            into.reached_end = True
            return
        into.page_size = max(into.page_size or 0, len(rows))
        start += len(rows)
        if into.pages == 1 and beside and count:
            start = yield from _beside(session, into, extra | {"count": str(count)}, rows)
            if into.moved:
                return
        answer = session.get("/Users", extra | {"startIndex": str(start)} | ({"count": str(count)} if count else {}))
        if not answer.is_ok and start > max(into.totals, default=0) and not answer.is_lost:
            into.reached_end = True
            return
        document = _checked(answer, into)


def _beside(
    session: Session, into: Reading, query: dict[str, str], rows: list[dict[str, Any]]
) -> Generator[list[dict[str, Any]], None, int]:
    """What follows the first page ``rows``, several pages at a time; returns where to go on, one page after another."""
    total = max(into.totals, default=0)
    wanted = side_by_side.stretches(len(rows), total)
    if not wanted:
        return len(rows) + 1

    def ask(stretch: side_by_side.Stretch) -> Answer:
        return session.get("/Users", query | {"startIndex": str(stretch.start)})

    last = str(rows[-1].get("id"))
    for stretch, answer in side_by_side.read(ask, wanted, at_once=session.read_concurrency):
        document = _checked(answer, into)
        rows = _rows(document)
        fits = len(rows) == stretch.rows and str(rows[0].get("id")) == last
        if not fits or stated_total(document) != total:
            into.moved = True
            return 0
        last = str(rows[-1].get("id"))
        yield _fresh(document, into, skip=1)
    return total + 1


def _first_page(session: Session, capabilities: Capabilities, extra: dict[str, str]) -> tuple[int | None, Answer]:
    """The page size the server takes, and the first page with it."""
    most = min(capabilities.max_results or _FIRST_COUNT, 1000)
    answer = Answer(0)
    for count in (most, *(c for c in _SMALLER_COUNTS if c < most), None):
        answer = session.get("/Users", extra | {"startIndex": "1"} | ({"count": str(count)} if count else {}))
        if answer.is_ok and count is not None:
            return _larger(session, capabilities, extra, count, answer)
        if answer.is_ok or answer.status in {403, 404}:
            return count, answer
    return None, session.get("/Users") if not answer.is_ok else answer


def _larger(
    session: Session, capabilities: Capabilities, extra: dict[str, str], count: int, answer: Answer
) -> tuple[int, Answer]:
    """The same first page, and its size, or a larger one where the list is long and the server gives it."""
    document = list_of(answer) or {}
    held = len(_rows(document))
    is_long = (stated_total(document) or 0) > _LONG * count
    if held < count or not is_long or count >= _LARGEST_COUNT or capabilities.max_results:
        return count, answer
    larger = session.once("/Users", extra | {"startIndex": "1", "count": str(_LARGEST_COUNT)})
    if len(_rows(list_of(larger) or {})) <= held:
        return count, answer
    return _LARGEST_COUNT, larger


def _by_cursor(
    session: Session, into: Reading, query: dict[str, str], count: int | None = None
) -> Iterator[list[dict[str, Any]]]:
    into.mode = "cursor"
    met: set[str] = {query["cursor"]}
    while True:
        document = _checked(session.get("/Users", query | ({"count": str(count)} if count else {})), into)
        into.page_size = max(into.page_size or 0, len(_rows(document)))
        yield _fresh(document, into)
        following = member(document, "nextCursor")
        if not following:
            into.reached_end = True
            return
        if str(following) in met:
            raise Refused(_incomplete("a page's cursor leads back to a page already read"))
        met.add(str(following))
        query = query | {"cursor": str(following)}


def _checked(answer: Answer, into: Reading) -> dict[str, Any]:
    document = list_of(answer)
    if document is None:
        if into.pages == 0:
            raise Failed(
                f"The target does not answer like a SCIM server: its list of users {sentence(answer)}"
                f"{'' if answer.is_ok else '.'}{' without being a list.' if answer.is_ok else ''}",
                remedy="Check that target.url ends where /Users begins, e.g. https://your_domain.pingboard.com/scim/v2.",
            )
        raise Failed(
            f"The target stopped in the middle of its list: page {into.pages + 1} {sentence(answer)}.",
            remedy="Nothing was changed. Run again; lower target.requests_per_second if it happens often.",
        )
    into.pages += 1
    total = stated_total(document)
    if total is not None:
        into.totals.add(total)
    return document


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    rows = member(document, "Resources")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _fresh(document: dict[str, Any], into: Reading, *, skip: int = 0) -> list[dict[str, Any]]:
    """The rows of a page whose ids had not come before; the first ``skip`` were asked for twice."""
    fresh = []
    repeats = into.repeats
    for row in _rows(document)[skip:]:
        into.rows += 1
        if row.get("id") in (None, ""):
            raise Refused(_incomplete(f"row {into.rows} of the list has no id"))
        mark = hash(str(row["id"]))
        if mark in into.ids:
            into.repeats += 1
        else:
            into.ids.add(mark)
            fresh.append(row)
    into.slides = into.slides or bool(fresh and into.repeats > repeats)
    return fresh


def _incomplete(why: str) -> Refusal:
    return Refusal(
        code="target_incomplete",
        message=f"The target's profiles could not be read completely: {why}.",
        remedy="Nothing was changed. Run again when the directory is quiet; `trueup doctor` shows how it pages.",
    )
