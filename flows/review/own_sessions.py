"""Somebody's own sessions: which browsers they are signed in with, and how to end those that are not theirs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from trueup.flows.review.answers import error_page, page
from trueup.flows.review.sessions import is_masked
from trueup.reports.team.model import SessionLine, SessionsPage

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from trueup.flows.review.context import Service
    from trueup.flows.review.sessions import Session

_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
"""The first that is named counts: most claim to be Chrome and Safari too."""
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Windows", "Windows"), ("Mac OS", "a Mac"),
    ("Linux", "Linux"),
)  # fmt: skip


def device(user_agent: str) -> str:
    """Which browser on what, as far as it says so, in words a person knows their own devices by."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


async def shown(service: Service, request: Request, session: Session) -> Response:
    """The list."""
    from trueup.reports.team.pages import page as drawn  # with it comes Arrow, whose memory is settled at the start

    now, clock = datetime.now(UTC), service.sessions.clock()

    def line(one: Session) -> SessionLine:
        begun, used = (now - timedelta(seconds=clock - at) for at in (one.begun, one.used))
        return SessionLine(one.id, one.device or "A browser", one.address, begun, used, is_this=one is session)

    lines = tuple(line(one) for one in service.sessions.of(session.person.identity))
    frame = service.frame(request, session)
    return await page(request, lambda: drawn(SessionsPage(lines), frame))


async def ended(service: Service, request: Request, session: Session) -> Response:
    """One of the others, or all of them, at once with every page they have open."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    wanted = form.get("session", [""])[0]
    if not is_masked(form.get("csrf", [""])[0], session.secret) or not wanted:
        return await error_page(service, request, "bad_request", session)
    if not service.has_proved(session):
        return RedirectResponse("/sign-in?again=1&to=/sessions", 303)
    count = service.sessions.end_others(session, "" if wanted == "others" else wanted)
    identity = session.person.identity
    service.log("sessions_ended", identity, count=count, address=service.address_of(request))
    return RedirectResponse("/sessions", 303)
