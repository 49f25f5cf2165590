"""The routes by which people come and go: to the provider, back from it, out."""

from __future__ import annotations

import html
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

from anyio import to_thread
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trueup.connectors.oidc.errors import ProviderAway, SignInRefused
from trueup.connectors.oidc.id_token import refuse_unless_anew
from trueup.flows.review.answers import error_page
from trueup.flows.review.own_sessions import device
from trueup.flows.review.sessions import LONGEST_S, Person, Session, is_masked
from trueup.transforms.manifest import Identity
from trueup.transforms.run_files import RUN_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from trueup.connectors.oidc.id_token import Claims
    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Pending
    from trueup.reports.team.model import ErrorKind

SESSION = "__Host-trueup"
ON_THE_WAY = "__Host-trueup-sign-in"
_NO_ANSWER = {
    "state": (
        "This answer of the identity provider does not belong to a sign-in that was begun here a short while ago.",
        "Sign in again.",
    ),
    "issuer": ("The answer is from another identity provider than the one this server trusts.", "Sign in again."),
    "provider_refused": (
        "The identity provider did not let you sign in here.",
        "Ask the people who look after sign-ins.",
    ),
}
_PLACES = re.compile(rf"/(?:runs/{RUN_ID.pattern}|people(?:/[0-9a-fA-F-]{{36}})?|health|limits|sessions)?")
"""Where a sign-in may lead: pages of ours, and nothing that somebody else could append."""


async def sign_in(service: Service, request: Request) -> Response:
    """To the provider, with a number of one's own to come back with; asked first unless they came by themselves."""
    to, again = place(request.query_params.get("to", "/")), "again" in request.query_params
    if not _is_wanted(request):
        return await _offered(service, request, to, again=again)
    number, pending = service.sessions.begin_sign_in(to, request.cookies.get(ON_THE_WAY, ""), again=again)
    minutes = service.settings.review.sign_in_again_minutes
    longest = int(minutes * 60) or 1 if again else int(LONGEST_S)
    try:
        way = await _asked(
            service,
            service.provider.way_there,
            state=pending.state,
            nonce=pending.nonce,
            verifier=pending.verifier,
            longest=longest if minutes else 0,
            again=again,
        )
    except ProviderAway as error:
        service.log("sign_in_refused", code="provider_away", address=service.address_of(request))
        return await error_page(service, request, "provider_away", text=error.message, remedy=error.remedy)
    answer = RedirectResponse(way, 303)
    # Lax: the browser must bring it along when the provider sends it back.
    answer.set_cookie(ON_THE_WAY, number, max_age=600, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def signed_in(service: Service, request: Request) -> Response:
    """Back from the provider: a code becomes a person, once."""
    said, address = request.query_params, service.address_of(request)
    pending = service.sessions.end_sign_in(request.cookies.get(ON_THE_WAY, ""), said.get("state", ""))
    code = _no_answer(said, pending, service.provider.registration.issuer)
    if pending is None or code:
        service.log("sign_in_refused", code=code, address=address)
        text, remedy = _NO_ANSWER[code]
        return await _failed(service, request, "sign_in_failed", text=text, remedy=remedy)
    try:
        session: Session = await _asked(service, _session, service, said["code"], pending)
        session.device, session.address = device(request.headers.get("user-agent", "")), address
    except SignInRefused as error:
        service.log("sign_in_refused", code=error.code, address=address)
        return await _failed(service, request, "sign_in_failed", text=error.message, remedy=error.remedy)
    except ProviderAway as error:
        service.log("sign_in_refused", code="provider_away", address=address)
        return await _failed(service, request, "provider_away", text=error.message, remedy=error.remedy)
    if not session.role:
        service.log("sign_in_refused", session.person.identity, code="no_right", address=address)
        return await _failed(service, request, "not_allowed")
    service.sessions.end(request.cookies.get(SESSION, ""))
    number = service.sessions.begin(session)
    service.log("signed_in", session.person.identity, role=session.role, address=address)
    answer = onwards(pending.to)
    answer.set_cookie(SESSION, number, path="/", secure=True, httponly=True, samesite="strict")
    _arrived(service, request, answer)
    return answer


def _no_answer(said: Mapping[str, str], pending: Pending | None, issuer: str) -> str:
    """Why what came back does not answer what was asked; empty where it does."""
    if pending is None:
        return "state"
    if said.get("iss", issuer) != issuer:  # RFC 9207 §2.4
        return "issuer"
    return "provider_refused" if "error" in said or "code" not in said else ""


def session_of(service: Service, request: Request) -> Session | None:
    """Whose browser asks; it does not count as use of the session, and their right is not confirmed."""
    return service.sessions.find(request.cookies.get(SESSION, ""), use=False)


async def sign_out(service: Service, request: Request) -> Response:
    """Out, here and at the provider."""
    session = session_of(service, request)
    if session is not None:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        if not is_masked(form.get("csrf", [""])[0], session.secret):
            return await error_page(service, request, "bad_request", session)
        service.sessions.end(request.cookies[SESSION])
        service.log("signed_out", session.person.identity, address=service.address_of(request))
    way = await _asked(service, service.provider.way_out)
    answer = RedirectResponse(way or "/signed-out", 303)
    _forget(answer, SESSION)
    return answer


async def signed_out(service: Service, request: Request) -> Response:
    """Where the provider sends people who have signed out."""
    return await error_page(service, request, "signed_out", action="/sign-in", action_label="Sign in")


def place(wanted: str) -> str:
    """``wanted``, where it is a page of ours, else the front page."""
    return wanted if _PLACES.fullmatch(wanted) else "/"


def _is_wanted(request: Request) -> bool:
    """Whether the person typed an address of ours or clicked on a page of ours, and no other page sent them.

    Where the provider still knows them, no question would follow: a session would begin that nobody asked for.
    """
    site = request.headers.get("sec-fetch-site", "none")  # browsers that do not say are let on, as ever
    return site == "none" or (site == "same-origin" and request.headers.get("sec-fetch-user") == "?1")


async def _offered(service: Service, request: Request, to: str, *, again: bool) -> Response:
    where = urlsplit(service.provider.registration.issuer).hostname or ""
    return await error_page(
        service,
        request,
        "sign_in_again" if again else "sign_in",
        text=f"You are led to {where}, and back here.",
        action=f"/sign-in?{'again=1&' if again else ''}to={quote(to, safe='/')}",
        action_label="Sign in",
    )


def onwards(to: str) -> Response:
    """A page that leads on by itself.

    The browser counts what follows a link from elsewhere as that other site's doing and keeps a strict cookie back;
    what this page leads to is our own doing.
    """
    shown = html.escape(place(to), quote=True)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Trueup</title>'
        f'<meta http-equiv="refresh" content="0; url={shown}"><p><a href="{shown}">Go on</a></p></html>'
    )


def to_sign_in(request: Request) -> Response:
    """To the provider, and back to the page that was asked for."""
    return RedirectResponse(f"/sign-in?to={quote(place(request.url.path), safe='/')}", 303)


def _session(service: Service, code: str, pending: Pending) -> Session:
    known = service.provider.redeemed(code, nonce=pending.nonce, verifier=pending.verifier)
    clock, wall = service.sessions.clock, service.provider.registration.now
    if pending.again:
        refuse_unless_anew(known.claims, wall() - (clock() - pending.begun))
    found = service.rights.at_sign_in(known.claims)
    if found.role is None:
        service.log("right_unknown", _identity(known.claims), why=found.why_not)
        raise ProviderAway(
            "Who you are is known, but what you may do here cannot be found out at the moment.",
            remedy="Try again later; if it stays so, tell who runs this server.",
        )
    now, since = clock(), known.claims.authenticated
    proved = float("-inf") if since is None else now - max(0.0, wall() - since)
    person = Person(_identity(known.claims), known.claims.name, known.claims.login)
    return Session(
        person,
        found.role,
        checked=now,
        groups=found.groups,
        refresh_token=known.refresh_token,
        tried=now,
        proved=proved,
    )


def _identity(claims: Claims) -> Identity:
    return Identity(issuer=claims.issuer, tenant=claims.tenant, subject=claims.subject)


async def _failed(service: Service, request: Request, kind: ErrorKind, **words: str) -> Response:
    words |= {"action": "/sign-in", "action_label": "Sign in"}
    answer = await error_page(service, request, kind, None, **words)
    _arrived(service, request, answer)
    return answer


def _arrived(service: Service, request: Request, answer: Response) -> None:
    """Forget the number of the way, unless another tab of the browser is still on it."""
    if not service.sessions.is_on_the_way(request.cookies.get(ON_THE_WAY, "")):
        _forget(answer, ON_THE_WAY)


async def _asked(service: Service, question: Callable[..., Any], *words: Any, **more: Any) -> Any:
    """What the provider answers; in few threads, so that strangers who wait for it keep nobody from reading."""
    return await to_thread.run_sync(partial(question, *words, **more), limiter=service.at_the_provider)


def _forget(answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
