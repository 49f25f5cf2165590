"""The tenant on the wire: an ASGI application over :mod:`graph` and :mod:`tokens`, faults and throttling included."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import orjson
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from trueup.sandbox.tenant import broken, graph, people_sign_in, tokens
from trueup.sandbox.tenant.errors import GraphError, SignInError
from trueup.sandbox.tenant.questions import Answer, Request
from trueup.sandbox.tenant.state import Seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request as HttpRequest
    from starlette.types import Receive, Scope, Send

    from trueup.sandbox.tenant.faults import Fault
    from trueup.sandbox.tenant.state import Tenant

VERSION = "v1.0"


def application(tenant: Tenant, more: Sequence[Route] = ()) -> Starlette:
    """The ASGI application of one tenant: sign-in and Graph on one host; ``more`` routes come first."""

    async def sign_in(request: HttpRequest) -> Response:
        return await _sign_in(tenant, request)

    async def graph_call(request: HttpRequest) -> Response:
        return await _graph(tenant, request)

    async def people(request: HttpRequest) -> Response:
        return await _people(tenant, request)

    async def keys(request: HttpRequest) -> Response:
        _see(tenant, request, 200)
        return JSONResponse(tenant.people.keys.published(_issuer(tenant, request)))

    async def signed_out(request: HttpRequest) -> Response:
        _see(tenant, request, 302)
        place = request.query_params.get("post_logout_redirect_uri", "")
        return RedirectResponse(place, 302) if people_sign_in.may_return_to(place) else Response("Signed out.")

    async def discovery(request: HttpRequest) -> Response:
        return _discovery(tenant, request)

    return Starlette(
        routes=[
            *more,
            Route("/{tenant}/oauth2/v2.0/token", sign_in, methods=["POST"]),
            Route("/{tenant}/oauth2/v2.0/authorize", people, methods=["GET", "POST"]),
            Route("/{tenant}/oauth2/v2.0/logout", signed_out, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", keys, methods=["GET"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery, methods=["GET"]),
            Route(f"/{VERSION}/{{path:path}}", graph_call, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
        ]
    )


def root_of(request: HttpRequest) -> str:
    """Scheme and host as the caller sees them."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _see(tenant: Tenant, request: HttpRequest, status: int) -> None:
    authorized = "authorization" in request.headers
    tenant.requests.append(
        Seen(
            request.method,
            request.url.path,
            request.url.query,
            request.headers.get("host", ""),
            authorized,
            status,
        )
    )


async def _sign_in(tenant: Tenant, request: HttpRequest) -> Response:
    body = await request.body()
    fault = tenant.faults.take(f"POST {request.url.path}") if _aims_at_sign_in(tenant) else None
    try:
        if fault is not None and fault.kind == "status":
            raise SignInError(fault.status, "temporarily_unavailable", 90033, "A transient error has occurred.")
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if form.get("grant_type") in ("authorization_code", "refresh_token"):
            shown = request.headers.get("authorization", "")
            document = people_sign_in.redeem(tenant, form, shown, root_of(request))
        else:
            document = tokens.sign_in(tenant, request.path_params["tenant"], body, root_of(request))
    except SignInError as error:
        _see(tenant, request, error.status)
        return JSONResponse(error.body(), error.status)
    _see(tenant, request, 200)
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


async def _people(tenant: Tenant, request: HttpRequest) -> Response:
    """A person is asked who they are, says so, and goes back to where they came from."""
    asked = dict(request.query_params)
    try:
        if request.method == "GET":
            page = people_sign_in.choose(tenant, asked)
            _see(tenant, request, 200)
            return HTMLResponse(page, headers={"Cache-Control": "no-store"})
        asked |= dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        place = people_sign_in.back(tenant, asked)
    except SignInError as error:
        _see(tenant, request, error.status)
        return JSONResponse(error.body(), error.status)
    _see(tenant, request, 302)
    return RedirectResponse(place, 302)


def _issuer(tenant: Tenant, request: HttpRequest) -> str:
    return f"{root_of(request)}/{tenant.tenant_id}/v2.0"


def _aims_at_sign_in(tenant: Tenant) -> bool:
    """Faults without a path are meant for Graph; only those that name the token endpoint strike here."""
    return any("oauth2" in fault.path for fault in tenant.faults.left)


def _discovery(tenant: Tenant, request: HttpRequest) -> Response:
    root = f"{root_of(request)}/{request.path_params['tenant']}"
    _see(tenant, request, 200)
    return JSONResponse(
        {
            "issuer": _issuer(tenant, request),
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "end_session_endpoint": f"{root}/oauth2/v2.0/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "tenant_region_scope": "EU",
        }
    )


async def _graph(tenant: Tenant, http: HttpRequest) -> Response:
    request = Request(
        http.method,
        unquote(http.path_params["path"]).rstrip("/"),
        http.url.query,
        {name.lower(): value for name, value in http.headers.items()},
        await http.body(),
        f"{root_of(http)}/{VERSION}",
    )
    fault = tenant.faults.take(f"{http.method} {http.url.path}?{unquote(http.url.query)}")
    if fault is not None and fault.kind == "slow":
        await asyncio.sleep(fault.amount)
    headers = {"request-id": str(uuid.uuid4()), "client-request-id": http.headers.get("client-request-id", "")}
    try:
        answer = _answer(tenant, request, fault, headers, _foreign(http))
    except GraphError as error:
        body = orjson.dumps(error.body(headers["client-request-id"]))
        answer = Answer(error.status, body, error.headers, "application/json")
    _see(tenant, http, answer.status)
    whole = _Unfinished if fault is not None and fault.kind == "close" else Response
    return whole(
        answer.body,
        answer.status,
        {**headers, **answer.headers, "OData-Version": "4.0"},
        media_type=answer.content_type,
    )


def _answer(tenant: Tenant, request: Request, fault: Fault | None, headers: dict[str, str], foreign: str) -> Answer:
    roles = tokens.roles_of(tenant, request.headers.get("authorization", ""))
    units = graph.units(request)
    share, wait = tenant.throttle.charge(units)
    headers["x-ms-resource-unit"] = str(units)
    scope = f"Tenant_Application/ReadWrite/{next(iter(tenant.clients), '')}/{tenant.tenant_id}"
    headers.update(tenant.throttle.headers(share, scope))
    if wait:
        reason = {"Retry-After": str(int(wait)), "x-ms-throttle-information": "ResourceUnitLimitExceeded"}
        raise GraphError(429, "TooManyRequests", "Too many requests.", reason)
    if fault is None:
        return graph.answer(tenant, request, roles)
    given = broken.instead(fault, request)
    if given is not None:
        return given
    return broken.bent(fault, request, graph.answer(tenant, request, roles), foreign)


def _foreign(http: HttpRequest) -> str:
    """Another host name for this very server: what arrives there is seen in ``tenant.requests``."""
    return f"{http.url.scheme}://localhost:{http.url.port}"


class _Unfinished(Response):
    """Announces the whole body, sends half of it and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        start: dict[str, Any] = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
