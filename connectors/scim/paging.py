"""Pages of a list, to their real end, whatever the server thinks of ``startIndex`` and ``count``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.responses import Answer, sentence
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.values.paths import member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.scim.discovery import Capabilities
    from trueup.connectors.scim.session import Session

_FIRST_COUNT = 200
_SMALLER_COUNTS = (100, 20)


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
    session: Session, capabilities: Capabilities, into: Reading, *, sort: bool = False
) -> Iterator[list[dict[str, Any]]]:
    """Every page of ``/Users``, repeats left out; ``into`` holds the account once the iterator is exhausted.

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
        answer = session.get("/Users", extra | {"startIndex": str(start)} | ({"count": str(count)} if count else {}))
        if not answer.is_ok and start > max(into.totals, default=0) and not answer.is_lost:
            into.reached_end = True
            return
        document = _checked(answer, into)


def _first_page(session: Session, capabilities: Capabilities, extra: dict[str, str]) -> tuple[int | None, Answer]:
    """The page size the server takes, and the first page with it."""
    most = min(capabilities.max_results or _FIRST_COUNT, 1000)
    answer = Answer(0)
    for count in (most, *(c for c in _SMALLER_COUNTS if c < most), None):
        answer = session.get("/Users", extra | {"startIndex": "1"} | ({"count": str(count)} if count else {}))
        if answer.is_ok or answer.status in {403, 404}:
            return count, answer
    return None, session.get("/Users") if not answer.is_ok else answer


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


def _fresh(document: dict[str, Any], into: Reading) -> list[dict[str, Any]]:
    """The rows of a page whose ids had not come before."""
    fresh = []
    repeats = into.repeats
    for row in _rows(document):
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
