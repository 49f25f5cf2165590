"""Who gets in: signed in for every page and document, from our own page for every write, a reviewer to decide."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from trueup.flows.review import answers, signing_in
from trueup.flows.review.gone import Gone
from trueup.flows.review.sessions import is_masked
from trueup.flows.unforeseen import where
from trueup.transforms.errors import Refused, TrueupError
from trueup.transforms.run_files import RUN_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Session

    Endpoint = Callable[[Request], Awaitable[Response]]
    Handler = Callable[[Request, Session], Awaitable[Response]]
    RunHandler = Callable[[Request, Session, str], Awaitable[Response]]

CSRF = "x-csrf"
_PATIENCE_S = 3.0
_AT_ONCE = 8
"""Rights that are asked for at the same time."""
_WRITTEN_OF = frozenset({"approve", "apply"})
"""What has people's records written in the end: who does that has lately proved who they are, where configured."""
_AGAIN = "Nothing was decided: for this you must have signed in a short while ago. What you noted and left out is kept."
_REMEDIES = {"sign_in_again": "Sign in again below, then come back to it."}
_SIGNED_OUT = {"code": "signed_out", "message": "You are not signed in any more.", "remedy": "Load the page anew."}


class Doors:
    """For pages, for documents, for what is written."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._asking = CapacityLimiter(_AT_ONCE)
        self._asked_now: dict[Session, asyncio.Future[None]] = {}

    def page(self, handler: Handler) -> Endpoint:
        """Somebody who is not signed in is sent to sign in, and comes back."""

        async def opened(request: Request) -> Response:
            session = await self._session(request)
            if session is not None:
                return await handler(request, session)
            site = request.headers.get("sec-fetch-site", "none")
            if request.method == "GET" and site in ("cross-site", "same-site"):
                return signing_in.onwards(request.url.path)
            return signing_in.to_sign_in(request)

        return opened

    def data(self, handler: Handler) -> Endpoint:
        """Somebody who is not signed in is told so."""

        async def opened(request: Request) -> Response:
            session = await self._session(request)
            if session is None:
                return answers.said({"ok": False, **_SIGNED_OUT}, 401)
            try:
                return await handler(request, session)
            except Gone as gone:
                words = {"code": gone.kind, "message": gone.message, "remedy": "Load the page anew."}
                return answers.said({"ok": False, **words}, 404)
            except TrueupError as error:
                return answers.error_said(error)

        return opened

    async def write(self, request: Request, session: Session, handler: RunHandler, *, decides: bool) -> Response:
        """What a page sends: from our own page, and where it decides, by a reviewer whose right was just confirmed."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        if kind != "application/json" or not is_masked(request.headers.get(CSRF, ""), session.secret):
            return self._turned_away(request, session, "csrf", "This request did not come from the page.")
        run_id = run_id_of(request)
        if decides:
            await self.confirmed(session, eagerly=True)
            if session.ended or session.role != "reviewer":
                return self._turned_away(request, session, "no_right", "You may read here and not decide.")
            if why := self._service.why_not(session):
                return self._turned_away(request, session, "right_unknown", why)
            if request.path_params["what"] in _WRITTEN_OF and not self._service.has_proved(session):
                return self._turned_away(request, session, "sign_in_again", _AGAIN)
        try:
            return await handler(request, session, run_id)
        except TrueupError as error:
            code = error.refusals[0].code if isinstance(error, Refused) and error.refusals else type(error).__name__
            what = request.path_params["what"]
            self._service.log("refused", session.person.identity, what=what, run_id=run_id, code=code)
            raise

    async def confirmed(self, session: Session, *, eagerly: bool = False) -> None:
        """Have a right confirmed where it is due; who merely reads goes on after a while without an answer.

        Threads of its own, so that a tenant that hangs keeps nobody else from reading; one question a session.
        """
        if not self._service.is_due(session, eagerly=eagerly):
            return
        asking = self._asked_now.get(session)
        if asking is None:
            question = partial(self._service.confirm, session, eagerly=eagerly)
            asking = asyncio.ensure_future(to_thread.run_sync(question, limiter=self._asking))
            self._asked_now[session] = asking
            asking.add_done_callback(partial(self._asked, session))
        await asyncio.wait({asking}, timeout=None if eagerly else _PATIENCE_S)

    def _asked(self, session: Session, asking: asyncio.Future[None]) -> None:
        self._asked_now.pop(session, None)
        if not asking.cancelled() and (error := asking.exception()) is not None:
            self._service.log("broke", code=type(error).__name__, place=where(error))

    def _turned_away(self, request: Request, session: Session, code: str, message: str) -> Response:
        what, address = request.path_params["what"], self._service.address_of(request)
        self._service.log("refused", session.person.identity, what=what, code=code, address=address)
        remedy = _REMEDIES.get(code, "Load the page anew.")
        return answers.said({"ok": False, "code": code, "message": message, "remedy": remedy}, 403)

    async def _session(self, request: Request) -> Session | None:
        """Who asks; their right is confirmed first where that is due."""
        number = request.cookies.get(signing_in.SESSION, "")
        session = self._service.sessions.find(number) if number else None
        if session is None:
            return None
        await self.confirmed(session)
        if session.ended:
            return None
        request.state.session = session
        return session


def run_id_of(request: Request) -> str:
    """The run an address names; what is not a run id never gets near a path."""
    run_id: str = request.path_params["run_id"]
    if not RUN_ID.fullmatch(run_id):
        raise Gone("not_found")
    return run_id
