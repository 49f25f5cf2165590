"""The shared review as a web application: which address leads where."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from trueup.flows.review import answers, own_sessions, policy_reports, signing_in
from trueup.flows.review.applying import Applying
from trueup.flows.review.doors import Doors, run_id_of
from trueup.flows.review.gone import Gone
from trueup.flows.review.guard import Guard
from trueup.flows.review.live import Boards
from trueup.flows.review.run_routes import RunRoutes
from trueup.flows.review.sessions import is_masked
from trueup.flows.unforeseen import where
from trueup.reports.team.model import address_of
from trueup.transforms.errors import Misused, Refused, TrueupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Session
    from trueup.reports.team.model import ErrorKind

_PAGES = {"/": "front", "/people": "search", "/health": "health", "/limits": "limits"}


def application(service: Service) -> ASGIApp:
    """Everything below ``[review] url``."""
    doors = Doors(service)
    boards = Boards(service, doors.confirmed)
    runs = RunRoutes(service, boards, Applying(service.config, boards.progress, partial(_apply_ended, service)))
    shown = _Shown(service, doors, runs)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watching = asyncio.create_task(boards.watch())
        yield
        boards.close()
        watching.cancel()

    get, post = ["GET"], ["POST"]
    routes = [
        *(Route(path, doors.page(partial(shown.page, what)), methods=get) for path, what in _PAGES.items()),
        Route("/runs/{run_id}", doors.page(shown.run), methods=get),
        Route("/runs/{run_id}/events", doors.data(shown.events), methods=get),
        Route("/runs/{run_id}/{what}", doors.data(shown.act), methods=post),
        Route("/people", doors.page(shown.found), methods=post),
        Route("/people/{key}", doors.page(shown.person), methods=get),
        Route("/sign-in", partial(signing_in.sign_in, service), methods=get),
        Route("/signed-in", partial(signing_in.signed_in, service), methods=get),
        Route("/sign-out", partial(signing_in.sign_out, service), methods=post),
        Route("/signed-out", partial(signing_in.signed_out, service), methods=get),
        Route("/sessions", doors.page(partial(own_sessions.shown, service)), methods=get),
        Route("/sessions", doors.page(partial(own_sessions.ended, service)), methods=post),
        Route(policy_reports.PATH, policy_reports.PolicyReports(service).taken, methods=post),
        Route("/static/{name}", shown.static, methods=get),
        Route("/alive", shown.alive, methods=get),
    ]
    served = Starlette(routes=routes, lifespan=lifespan, exception_handlers=_handlers(service))
    served.router.redirect_slashes = False
    return Guard(served, review=service.settings.review, form_targets=service.provider.origins)


class _Shown:
    """The pages, and what belongs to them."""

    def __init__(self, service: Service, doors: Doors, runs: RunRoutes) -> None:
        self._service = service
        self._doors = doors
        self._runs = runs

    async def page(self, what: str, request: Request, session: Session, *words: str) -> Response:
        frame = self._service.frame(request, session)
        return await answers.page(request, lambda: self._service.pages.page(what, frame, *words))

    async def run(self, request: Request, session: Session) -> Response:
        return await self.page("run", request, session, run_id_of(request))

    async def person(self, request: Request, session: Session) -> Response:
        key = request.path_params["key"]
        if address_of(key) is None:
            raise Gone("not_found")
        return await self.page("person", request, session, key.lower())

    async def found(self, request: Request, session: Session) -> Response:
        form = await _form_of(request)
        if not is_masked(form.get("csrf", ""), session.secret):
            return await answers.error_page(self._service, request, "bad_request", session)
        if key := form.get("key", ""):
            return await self.page("person", request, session, key[:1_000])
        return await self.page("found", request, session, form.get("q", "")[:200])

    async def events(self, request: Request, session: Session) -> Response:
        return await self._runs.events(request, session, run_id_of(request))

    async def act(self, request: Request, session: Session) -> Response:
        name = request.path_params["what"]
        handler = self._runs.reading.get(name) or self._runs.deciding.get(name)
        if handler is None:
            raise Gone("not_found")
        return await self._doors.write(request, session, handler, decides=name in self._runs.deciding)

    async def static(self, request: Request) -> Response:
        found = self._service.pages.static(request.path_params["name"])
        if found is None:
            return PlainTextResponse("There is no such file.", 404)
        plain, compressed, media_type = found
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if compressed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(compressed, media_type=media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(plain, media_type=media_type, headers=headers)

    async def alive(self, _: Request) -> Response:
        return PlainTextResponse("ok")


async def _form_of(request: Request) -> dict[str, str]:
    """The first value of each field of a form."""
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return {name: values[0].strip() for name, values in parse_qs(body, max_num_fields=50).items()}
    except ValueError:
        return {}


def _handlers(service: Service) -> dict[Any, Any]:
    """What is said where a page cannot be made: never more than what it means for the reader."""

    def session_of(request: Request) -> Session | None:
        # An address that leads nowhere has no door that could have found it.
        return getattr(request.state, "session", None) or signing_in.session_of(service, request)

    async def gone(request: Request, error: Gone) -> Response:
        return await answers.error_page(service, request, error.kind, session_of(request))

    async def chosen(request: Request, error: TrueupError) -> Response:
        kind: ErrorKind = (
            "bad_request" if isinstance(error, Misused) else "damaged" if isinstance(error, Refused) else "broke"
        )
        return await answers.error_page(service, request, kind, session_of(request), **answers.harmless(error))

    async def unknown(request: Request, _: Exception) -> Response:
        return await answers.error_page(service, request, "not_found", session_of(request))

    async def broke(request: Request, error: Exception) -> Response:
        service.log("broke", code=type(error).__name__, place=where(error))
        return await answers.error_page(service, request, "broke", session_of(request))

    return {Gone: gone, TrueupError: chosen, 404: unknown, 405: unknown, Exception: broke}


def _apply_ended(service: Service, run_id: str, code: int) -> None:
    service.log("apply_ended", run_id=run_id, code=code)
