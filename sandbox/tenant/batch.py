"""``$batch``: up to twenty requests in one, each with its own answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from trueup.sandbox.tenant.errors import GraphError, bad_request
from trueup.sandbox.tenant.questions import Answer, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.sandbox.tenant.state import Tenant

LARGEST = 20


def answer(
    tenant: Tenant,
    request: Request,
    roles: frozenset[str],
    dispatch: Callable[[Tenant, Request, frozenset[str]], Answer],
) -> Answer:
    """200 with one response per part, not in the order asked; 400 for a batch Graph would not read."""
    parts = _parts(request.body)
    statuses: dict[str, int] = {}
    responses = []
    for part in parts:
        if any(statuses.get(name, 424) >= 400 for name in part.get("dependsOn", ())):
            error = GraphError(424, "FailedDependency", "A request this one depends on failed.")
            response = _refused(part["id"], error)
        else:
            response = _answered(tenant, request, roles, part, dispatch)
        statuses[part["id"]] = response["status"]
        responses.append(response)
    return Answer(200, orjson.dumps({"responses": responses[::-1]}), content_type="application/json")


def _parts(body: bytes) -> list[dict[str, Any]]:
    try:
        parts = orjson.loads(body)["requests"]
        valid = all(part["id"] and part["method"] and part["url"] for part in parts)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise bad_request("Invalid batch payload format.", "BadRequest") from error
    if not valid or len({part["id"] for part in parts}) != len(parts):
        raise bad_request("Invalid batch payload format.", "BadRequest")
    if len(parts) > LARGEST:
        raise bad_request(f"Number of batch request steps exceeds the maximum value of {LARGEST}.", "BadRequest")
    return list(parts)


def _answered(
    tenant: Tenant,
    request: Request,
    roles: frozenset[str],
    part: dict[str, Any],
    dispatch: Callable[[Tenant, Request, frozenset[str]], Answer],
) -> dict[str, Any]:
    path, _, query = part["url"].lstrip("/").partition("?")
    headers = {name.lower(): value for name, value in (part.get("headers") or {}).items()}
    inner = Request(part["method"].upper(), unquote(path), query, headers, b"", request.root)
    fault = tenant.faults.take(f"{inner.method} /v1.0/{path}?{query}", within_batch=True)
    if fault is not None:
        error = GraphError(fault.status, "TooManyRequests" if fault.status == 429 else "generalException", "Fault.")
        return {**_refused(part["id"], error), "headers": dict(fault.headers)}
    try:
        given = dispatch(tenant, inner, roles)
    except GraphError as error:
        return _refused(part["id"], error)
    content = given.body
    body = orjson.loads(content) if given.content_type.startswith("application/json") else content.decode("utf-8-sig")
    return {"id": part["id"], "status": given.status, "headers": {"Content-Type": given.content_type}, "body": body}


def _refused(part_id: str, error: GraphError) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **error.headers}
    return {"id": part_id, "status": error.status, "headers": headers, "body": error.body()}
