"""The pages of a shared review without sign-in, for tests of how they look: one viewer, one live state."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.report_runs import AT
from trueup.flows.listening import listen
from trueup.flows.review.pages import TeamPages
from trueup.reports.team.model import Frame, SessionLine, SessionsPage, Viewer
from trueup.reports.team.pages import page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from starlette.requests import Request

    from trueup.transforms.settings import Settings

NONCE = "bm9uY2U"
POLICY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'nonce-{NONCE}'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REVIEWER = Viewer("Ana Berg", "ana", True, True, "", True, "token", "")  # noqa: FBT003 - a record in the order of its fields
READER = Viewer("Rui Dias", "rui", False, False, "", False, "token", "")  # noqa: FBT003 - as above


def application(pages: TeamPages, viewer: Viewer, live: Mapping[str, Any]) -> Starlette:  # noqa: C901 - a list of routes
    """The routes that show."""

    def shown(request: Request, what: str, *words: str) -> Response:
        content = pages.page(what, Frame(viewer, request.url.path, NONCE), *words)
        return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})

    async def static(request: Request) -> Response:
        found = pages.static(request.path_params["name"])
        return Response(found[0], media_type=found[2]) if found else Response(status_code=404)

    async def run(request: Request) -> Response:
        return shown(request, "run", request.path_params["run_id"])

    async def person(request: Request) -> Response:
        return shown(request, "person", request.path_params["key"])

    async def found(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        text = form.get("q", "")
        return shown(request, "found", text) if text else shown(request, "person", form["key"])

    async def error(request: Request) -> Response:
        frame = Frame(viewer, request.url.path, NONCE)
        content = pages.error(request.path_params["kind"], frame)
        return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})

    async def sessions(request: Request) -> Response:
        lines = tuple(
            SessionLine(str(n), device, address, AT, AT, is_this=not n)
            for n, (device, address) in enumerate((("Chrome on Linux", "192.0.2.1"), ("Safari on an iPhone", "")))
        )
        content = page(SessionsPage(lines), Frame(viewer, request.url.path, NONCE))
        return HTMLResponse(content, headers={"Content-Security-Policy": POLICY})

    async def part(request: Request) -> Response:
        what = request.url.path.rsplit("/", 1)[-1]
        if what not in {"people", "person"}:
            return Response(b'{"ok": true, "message": ""}', media_type="application/json")
        content = pages.data(what, request.path_params["run_id"], await request.json())
        return Response(content, media_type="application/json")

    async def events(_: Request) -> Response:
        async def told() -> AsyncIterator[str]:
            yield f"event: state\ndata: {json.dumps(live)}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    def named(what: str) -> Any:
        async def answer(request: Request) -> Response:
            return shown(request, what)

        return answer

    return Starlette(
        routes=[
            Route("/", named("front")),
            Route("/people", named("search"), methods=["GET"]),
            Route("/people", found, methods=["POST"]),
            Route("/people/{key}", person),
            Route("/health", named("health")),
            Route("/limits", named("limits")),
            Route("/sessions", sessions),
            Route("/errors/{kind}", error),
            Route("/static/{name}", static),
            Route("/runs/{run_id}", run),
            Route("/runs/{run_id}/events", events),
            Route("/runs/{run_id}/{what}", part, methods=["POST"]),
        ]
    )


@contextmanager
def team_pages(settings: Settings, viewer: Viewer = REVIEWER, live: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Serves the pages on a free port for the block; gives the address, without a slash at its end."""
    pages = TeamPages(settings)
    listener = listen("127.0.0.1", 0, remedy="")
    config = uvicorn.Config(
        application(pages, viewer, live or {"version": 1, "you": viewer.id}), ws="none", lifespan="off",
        log_config=None, access_log=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        pages.close()
