"""What browsers report of the content policy being broken: a line in the log, of which a stranger writes nothing.

A report is whatever somebody sends without signing in. Kept of it are words of ours: which part of the policy, on which
kind of page, and whether the culprit came from elsewhere.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from trueup.flows.review.context import Service

PATH = "/policy-reports"
_MOST = 10
"""Lines a minute; what comes beyond is dropped: one browser extension makes hundreds."""
_PARTS = frozenset({
    "base-uri", "connect-src", "default-src", "font-src", "form-action", "frame-ancestors", "frame-src", "img-src",
    "manifest-src", "media-src", "object-src", "script-src", "script-src-attr", "script-src-elem", "style-src",
    "style-src-attr", "style-src-elem", "worker-src",
})  # fmt: skip
_PAGES = frozenset({"", "runs", "people", "health", "limits", "sessions", "sign-in", "signed-in", "signed-out"})
_OWN = ("inline", "eval", "data", "blob", "wasm-eval")


class PolicyReports:
    """Takes reports, and says so few of them that nobody can fill a log."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._said: list[float] = []

    async def taken(self, request: Request) -> Response:
        """Always the same answer, whatever was sent."""
        try:
            said = json.loads(await request.body())
        except (ValueError, RecursionError):
            said = None
        for one in said[:_MOST] if isinstance(said, list) else [said]:
            if (facts := facts_of(one)) and self._may_say():
                self._service.log("policy_broken", None, **facts)
        return Response(status_code=204)

    def _may_say(self) -> bool:
        now = time.monotonic()
        self._said = [at for at in self._said if now - at < 60]
        if len(self._said) >= _MOST:
            return False
        self._said.append(now)
        return True


def facts_of(said: Any) -> dict[str, str]:
    """A report of CSP 3 or, from older browsers, of CSP 2 in words of ours; nothing where it is neither."""
    body = said.get("body", said.get("csp-report")) if isinstance(said, dict) else None
    if not isinstance(body, dict):
        return {}
    part = str(body.get("effectiveDirective") or body.get("effective-directive") or "")
    blocked = str(body.get("blockedURL") or body.get("blocked-uri") or "")
    page = str(body.get("documentURL") or body.get("document-uri") or "").partition("://")[2].partition("/")[2]
    first = page.partition("?")[0].partition("/")[0]
    return {
        "part": part if part in _PARTS else "other",
        "blocked": blocked if blocked in _OWN else "elsewhere",
        "page": f"/{first}" if first in _PAGES else "other",
    }
