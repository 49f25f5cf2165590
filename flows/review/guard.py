"""What holds for every request and every answer, before any page is asked for (OWASP ASVS 5.0, chapters 3 and 4)."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from trueup.flows.review.policy_reports import PATH as REPORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from trueup.transforms.service_settings import ReviewSettings

LARGEST = 4_000_000
"""Bytes of what a run's page sends: a hundred thousand left-out people fit."""
LARGEST_FORM = 20_000
"""Bytes of any other body."""
_YEAR, _TWO_YEARS = "max-age=31536000", "max-age=63072000"
_STRICT = {
    "host": _YEAR,
    "subdomains": f"{_YEAR}; includeSubDomains",
    "preload": f"{_TWO_YEARS}; includeSubDomains; preload",
}
"""RFC 6797 §6.1; ``preload`` and its two years are what the browsers' own list asks for (hstspreload.org)."""
_PORTS = {"http": "80", "https": "443"}
_READING = ("GET", "HEAD")
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: with that a browser says "Origin: null" of our own forms (Fetch standard, request Origin header).
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def policy(nonce: str, form_targets: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of one answer: a script and a style sheet, known by the nonce, and nothing else."""
    forms = " ".join(["'self'", *form_targets])
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
        f"report-uri {REPORTS}; report-to policy"
    )


class Guard:
    """Around the application: whose host, from where, how large; and the headers of every answer, errors included."""

    def __init__(
        self, app: ASGIApp, *, review: ReviewSettings, form_targets: Callable[[], Iterable[str]] = lambda: ()
    ) -> None:
        url = review.url
        self._app = app
        self._origin = url
        self._strict_transport = _STRICT[review.strict_transport] if url.startswith("https://") else ""
        self._hosts = _hosts(url)
        self._form_targets = form_targets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        nonce = secrets.token_urlsafe(18)
        scope.setdefault("state", {})["nonce"] = nonce

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._harden(MutableHeaders(scope=message), nonce)
            await send(message)

        headers = Headers(scope=scope)
        if status := self._refused(scope["method"], scope["path"], headers):
            answer = PlainTextResponse(_WORDS[status], status)
            await answer(scope, receive, guarded)
            return
        # What broke was answered and is in the log by its kind and place; the server would print it with its words.
        with contextlib.suppress(Exception):
            await self._app(scope, receive, guarded)

    def _refused(self, method: str, path: str, headers: Headers) -> int:
        """The status that says why the request is not looked at; 0 where it is."""
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self._hosts:
            return 421
        site = headers.get("sec-fetch-site", "")
        if method in _READING:
            # A link may lead here from anywhere; nothing else of another site may load what is here.
            foreign = site in ("cross-site", "same-site")
            return 403 if foreign and headers.get("sec-fetch-mode", "navigate") != "navigate" else 0
        if method != "POST":
            return 405
        # A report is sent by the browser itself, which may leave the origin away; it is read by nobody but the log.
        origins = (self._origin, None) if path == REPORTS else (self._origin,)
        if headers.get("origin") not in origins or site not in ("", "same-origin"):
            return 403
        length = headers.get("content-length", "")  # the server holds a body to it
        if not length.isdecimal():
            return 411
        return 413 if int(length) > (LARGEST if path.startswith("/runs/") else LARGEST_FORM) else 0

    def _harden(self, headers: MutableHeaders, nonce: str) -> None:
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
        headers["Content-Security-Policy"] = policy(nonce, self._form_targets())
        headers["Reporting-Endpoints"] = f'policy="{REPORTS}"'
        if self._strict_transport:
            headers["Strict-Transport-Security"] = self._strict_transport


_WORDS = {
    403: "This request did not come from a page of this server.",
    405: "Not allowed.",
    411: "The request does not say how long it is.",
    413: "The request is too large.",
    421: "This server is not known by that name.",
}


def _hosts(url: str) -> frozenset[str]:
    parts = urlsplit(url)
    host = parts.netloc.lower()
    default = _PORTS[parts.scheme]
    if parts.port is None:
        return frozenset({host, f"{host}:{default}"})
    return frozenset({host, host.removesuffix(f":{default}")}) if str(parts.port) == default else frozenset({host})
