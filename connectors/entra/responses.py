"""What Graph answers with: good bodies, bad ones, and a clear no."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from trueup.connectors.http.retry import stated_wait
from trueup.connectors.redaction import foreign
from trueup.connectors.secrets import code_word
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    import httpx

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 509})
"""Status codes that may pass."""


class Spoiled(Exception):
    """The body is not what a good answer holds: truncated, HTML, no ``value``. Asked for again."""


class GraphError(Exception):
    """Graph said no, and would say so again."""

    def __init__(self, status: int, code: str, message: str, *, request_id: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id


class LinkExpired(Exception):
    """A link to a further page is no longer taken: the read starts over."""


def expired_too_often() -> Refused:
    """The refusal of a read whose page links expired again and again."""
    return Refused(
        Refusal(
            "source_incomplete",
            "Graph's links to further pages expired in three reads in a row.",
            remedy="Run again later; nothing was changed.",
        )
    )


def sorted_out(answers: list[dict[str, Any]]) -> tuple[dict[int, dict[str, Any]], float | None]:
    """Good answers by number, and the longest wait a throttled part asks for."""
    good: dict[int, dict[str, Any]] = {}
    wait: float | None = None
    for response in answers:
        number, status = str(response.get("id", "")), _status(response.get("status"))
        if not number.isdecimal() or status is None:
            continue
        response["status"] = status
        if status in PASSING or status == 424:
            headers = response.get("headers")
            names = {str(k).lower(): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {}
            if (told := stated_wait(names.get("retry-after"))) is not None:
                wait = max(wait or 0.0, told)
            continue
        if status == 200 and not isinstance(response.get("body"), dict):
            continue
        good[int(number)] = response
    return good, wait


def _status(stated: object) -> int | None:
    """The status of a part, which some send as text; None where there is none."""
    if isinstance(stated, str) and re.fullmatch(r"[1-5][0-9]{2}", stated):
        return int(stated)
    return stated if isinstance(stated, int) and not isinstance(stated, bool) else None


def said_no(response: httpx.Response) -> GraphError:
    """What a final no says; its message is kept for deciding, never shown."""
    code = message = ""
    try:
        error = orjson.loads(response.content).get("error")
        if isinstance(error, dict):
            code, message = code_word(error.get("code")), str(error.get("message", ""))
    except (ValueError, AttributeError):
        code = "unreadable answer"
    request_id = response.headers.get("request-id", "")
    return GraphError(response.status_code, code, message, request_id=foreign(request_id)[:64])


def json_object(body: bytes) -> dict[str, Any]:
    """``body`` as a JSON object.

    Raises:
        Spoiled: it is something else, or an error that came with status 200.
    """
    try:
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise Spoiled("the body is not whole JSON") from error
    if not isinstance(value, dict) or (isinstance(value.get("error"), dict) and "value" not in value):
        raise Spoiled("the body is not a usable response")
    return value


def next_link(page: dict[str, Any]) -> str | None:
    """The link to the next page, or None on the last.

    Raises:
        Spoiled: there is one, but it is not text.
    """
    link = page.get("@odata.nextLink")
    if link is not None and (not isinstance(link, str) or not link):
        raise Spoiled("the link to the next page is not text")
    return link


def objects(body: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The objects of a page and the link to the next."""
    page = json_object(body)
    value = page.get("value")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Spoiled("the page holds no list")
    return value, next_link(page)


def responses(body: bytes) -> list[dict[str, Any]]:
    r"""The parts of a batch\'s answer."""
    rows = json_object(body).get("responses")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Spoiled("the batch holds no responses")
    return rows


def number(body: bytes) -> int:
    """A plain number, as ``$count`` answers."""
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text.isdigit():
        raise Spoiled("the count is not a number")
    return int(text)
