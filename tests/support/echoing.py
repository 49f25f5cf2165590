"""Servers that repeat what they were sent: the worst that a log or an error message could be handed."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from tests.support.listening import handling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECONDS = 30


@contextmanager
def echoing(status: int, *, behind: str = "", passes: Callable[[str, str], bool] | None = None) -> Iterator[str]:
    """The address of a server whose every answer is ``status`` with the request's token, headers and body in it.

    Args:
        status: of the answers.
        behind: a server that answers instead where ``passes`` says so of (method, path).
        passes: which requests go through.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if behind and passes is not None and passes(self.command, self.path):
                sent = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                with httpx.Client(trust_env=False, timeout=SECONDS) as client:
                    found = client.request(self.command, behind + self.path, content=body, headers=sent)
                self._send(found.status_code, found.headers.get("content-type", ""), found.content)
                return
            trusted = str(self.headers.get("Authorization"))
            bare = trusted.removeprefix("Bearer ")
            coded = f"{quote(bare, safe='')} {base64.b64encode(trusted.encode()).decode()}"
            said = f"{bare} AADSTS7000215: {coded} I cannot take {trusted} with {body.decode('utf-8', 'replace')}"
            document = {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": str(status),
                "detail": said,
                "error_description": said,
                "error": {"code": "generalException", "message": said},
            }
            self._send(status, "application/json", json.dumps(document).encode())

        def _send(self, code: int, kind: str, content: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", kind or "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    with handling(Handler) as url:
        yield url
