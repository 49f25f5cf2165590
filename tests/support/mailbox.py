"""A real SMTP server and a real listener for webhooks on loopback, which keep what they are sent."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import socket
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.listening import handling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


@dataclass
class Mailbox:
    """What arrived, and how the next mail is answered."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("2"):
            found = email.message_from_bytes(envelope.content, policy=email.policy.default)
            found["X-To"] = ",".join(envelope.rcpt_tos)
            self.mails.append(found)
        return self.answer


def _nobody(*_: Any) -> AuthResult:
    return AuthResult(success=False, handled=False)


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server that takes all mail, and lets nobody sign in."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        authenticator=_nobody,
        auth_required=False,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Hook:
    """What arrived at a webhook, and how it answers."""

    url: str = ""
    status: int = 200
    drips: bool = False
    """Whether it answers a letter at a time, for ever."""
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body."""


@contextlib.contextmanager
def webhook() -> Iterator[Hook]:
    """A listener for JSON."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            hook.posts.append((self.path, json.loads(body)))
            self.send_response(hook.status)
            if not hook.drips:
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(400):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.1)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with handling(Handler) as url:
        hook.url = url
        yield hook
