"""A token endpoint on loopback for targets with OAuth 2.0: client credentials only (RFC 6749 §4.4)."""

from __future__ import annotations

import base64
import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote_plus

from trueup.sandbox.serving import serving_wsgi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment


@dataclass
class TokenEndpoint:
    """One client, and the tokens it was given."""

    client_id: str
    client_secret: str
    lifetime: float | None = 3600
    """What it says of how long a token lives; none says nothing."""
    issue: Callable[[], str] = field(default=lambda: secrets.token_urlsafe(40))
    issued: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    """What came in the bodies, secrets left out, and ``auth``: how the client showed who it is."""
    answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    """What it says instead, next first: status, headers, body."""
    url: str = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        form = {name: values[0] for name, values in parse_qs(environ["wsgi.input"].read(length).decode()).items()}
        status, headers, said = self.answers.pop(0) if self.answers else self._answer(environ, form)
        text = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        lines = {"Content-Type": "application/json", "Cache-Control": "no-store"} | headers
        start_response(f"{status} Said", list(lines.items()))
        return [text]

    def _answer(self, environ: WSGIEnvironment, form: dict[str, str]) -> tuple[int, dict[str, str], Any]:
        shown = environ.get("HTTP_AUTHORIZATION", "")
        secret = form.pop("client_secret", None)
        how, pair = "post", (form.get("client_id"), secret)
        if shown.startswith("Basic "):
            name, _, password = base64.b64decode(shown[6:]).decode().partition(":")
            how, pair = "basic", (unquote_plus(name), unquote_plus(password))
        self.asked.append({**form, "auth": how})
        if environ["REQUEST_METHOD"] != "POST" or form.get("grant_type") != "client_credentials":
            return 400, {}, {"error": "unsupported_grant_type"}
        if pair != (self.client_id, self.client_secret):
            return 401, {}, {"error": "invalid_client", "error_description": f"not {pair[1]}"}
        self.issued.append(self.issue())
        lives = {} if self.lifetime is None else {"expires_in": self.lifetime}
        return 200, {}, {"access_token": self.issued[-1], "token_type": "Bearer"} | lives


@contextmanager
def issuing(endpoint: TokenEndpoint) -> Iterator[TokenEndpoint]:
    """``endpoint`` answers on loopback until the block ends; its ``url`` is set."""
    with serving_wsgi(endpoint) as root:
        endpoint.url = f"{root}/token"
        yield endpoint
