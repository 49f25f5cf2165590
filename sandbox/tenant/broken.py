"""Faults at work: an answer bent the way the fault says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from trueup.sandbox.tenant.delta import expired, gone
from trueup.sandbox.tenant.errors import GraphError, bad_request, unauthorized
from trueup.sandbox.tenant.questions import Answer, decode, encode

if TYPE_CHECKING:
    from trueup.sandbox.tenant.faults import Fault
    from trueup.sandbox.tenant.questions import Request

_CODES = {429: "TooManyRequests", 503: "serviceNotAvailable", 504: "timeout", 500: "InternalServerError"}
_HTML = b"<!DOCTYPE html><html><head><title>Please sign in</title></head><body><h1>Proxy</h1></body></html>"


def instead(fault: Fault, request: Request) -> Answer | None:
    """The answer given instead of the real one; none where the real one is bent afterwards."""
    match fault.kind:
        case "status":
            raise GraphError(fault.status, _CODES.get(fault.status, "generalException"), "Fault.", dict(fault.headers))
        case "html":
            return Answer(200, _HTML, content_type="text/html")
        case "empty_body":
            return Answer(200, b"")
        case "expired_skiptoken":
            raise bad_request(
                "The specified page token value has expired and can no longer be included in your request.",
                "Directory_ExpiredPageToken",
            )
        case "delta_expired":
            raise expired()
        case "delta_gone":
            raise gone(request.root)
        case "expired_token":
            raise unauthorized("Lifetime validation failed, the token is expired.")
        case _:
            return None


def bent(fault: Fault, request: Request, answer: Answer, foreign_root: str) -> Answer:
    """The real answer with something wrong in it."""
    if fault.kind == "truncate":
        return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers, answer.content_type)
    if answer.content_type == "text/plain" and fault.kind == "wrong_count":
        amount = int(answer.body.decode("utf-8-sig")) + int(fault.amount)
        return Answer(200, str(amount).encode(), answer.headers, answer.content_type)
    if not answer.content_type.startswith("application/json"):
        return answer
    document: dict[str, Any] = orjson.loads(answer.body)
    _bend(fault, request, document, foreign_root)
    return Answer(answer.status, orjson.dumps(document), answer.headers, answer.content_type)


def _bend(fault: Fault, request: Request, document: dict[str, Any], foreign_root: str) -> None:
    rows = document.get("value", [])
    link = document.get("@odata.nextLink")
    match fault.kind:
        case "wrong_count":
            if "@odata.count" in document:
                document["@odata.count"] += int(fault.amount)
        case "repeat_users":
            document["value"] = [*rows, *rows[: max(1, len(rows) // 2)]]
        case "missing_users":
            document["value"] = rows[: max(0, len(rows) - int(fault.amount))]
        case "wrong_types":
            document["value"] = [_mistyped(row) for row in rows]
        case "no_link":
            document.pop("@odata.nextLink", None)
        case "self_link":
            document["@odata.nextLink"] = f"{request.root}/{request.path}?{request.query}"
        case "foreign_link" if link:
            parts = urlsplit(link)
            document["@odata.nextLink"] = f"{foreign_root}{parts.path}?{parts.query}"
        case "missing_page" if link and "skiptoken=" in link:
            start, _, text = link.partition("skiptoken=")
            token = decode(text)
            skipped = {**token, "p": token["p"] + max(1, len(rows))}
            document["@odata.nextLink"] = f"{start}skiptoken={encode(skipped)}"


def _mistyped(row: dict[str, Any]) -> dict[str, Any]:
    return {name: 42 if isinstance(value, str) and name != "id" else value for name, value in row.items()}
