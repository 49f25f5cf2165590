"""Answers of the review: pages and documents made in threads, compressed there, and errors that tell no secrets."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trueup.flows.safe_errors import impersonal
from trueup.transforms.errors import Misused, Refused, TrueupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Session
    from trueup.reports.team.model import ErrorKind

_WORTH = 1_000
"""Bytes from which on compressing pays."""
_STATUS: Mapping[ErrorKind, int] = {
    "signed_out": 200,
    "sign_in": 200,
    "sign_in_again": 200,
    "sign_in_failed": 400,
    "not_allowed": 403,
    "not_found": 404,
    "damaged": 409,
    "provider_away": 503,
    "broke": 500,
    "too_many": 429,
    "bad_request": 400,
}


async def page(request: Request, make: Callable[[], str], status: int = 200) -> Response:
    """A page, drawn and compressed off the event loop."""
    return await _made(request, lambda: make().encode(), "text/html; charset=utf-8", status)


async def data(request: Request, make: Callable[[], bytes], status: int = 200) -> Response:
    """A document, likewise."""
    return await _made(request, make, "application/json", status)


def said(content: Mapping[str, Any], status: int = 200) -> Response:
    """A short document."""
    return Response(json.dumps(content, ensure_ascii=False).encode(), status, media_type="application/json")


async def error_page(
    service: Service, request: Request, kind: ErrorKind, session: Session | None = None, **words: str
) -> Response:
    """A page that says what is the matter."""
    frame = service.frame(request, session)
    return await page(request, lambda: service.pages.error(kind, frame, **words), _STATUS[kind])


def error_said(error: TrueupError) -> Response:
    """A refusal as the page's script takes it."""
    code = error.refusals[0].code if isinstance(error, Refused) and error.refusals else "not_possible"
    status = 400 if isinstance(error, Misused) else 409
    return said({"ok": False, "code": code, "message": error.message, "remedy": for_page(error.remedy)}, status)


def for_page(remedy: str) -> str:
    """A remedy as somebody without a shell can use it: what says "trueup …" is for the people who run the server."""
    return remedy.replace("Plan again: trueup plan", "Have it planned again.")


def harmless(error: TrueupError) -> dict[str, str]:
    """The words of an error for a page: without keys of people and without secrets."""
    return {"text": impersonal(error.message), "remedy": impersonal(for_page(error.remedy))}


async def _made(request: Request, make: Callable[[], bytes], media_type: str, status: int) -> Response:
    takes = "gzip" in request.headers.get("accept-encoding", "")

    def whole() -> tuple[bytes, dict[str, str]]:
        content = make()
        if takes and len(content) >= _WORTH:
            return gzip.compress(content, 3), {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return content, {}

    content, headers = await run_in_threadpool(whole)
    return Response(content, status, media_type=media_type, headers=headers)
