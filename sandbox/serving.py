"""Both servers on loopback in threads of this process, started and stopped without a trace."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from wsgiref.types import WSGIApplication

    from starlette.types import ASGIApp

HOST = "127.0.0.1"
HANG_UP = "sandbox.hang_up"
"""In the WSGI environment: a callable that drops the connection without an answer."""
_STARTED_WITHIN = 20.0


@contextmanager
def serving_asgi(application: ASGIApp, *, port: int = 0, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The root URL under which the ASGI application answers; ``certificate`` is (certificate, key) for TLS."""
    listener = socket.create_server((HOST, port), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    tls: dict[str, Any] = {}
    if certificate is not None:
        tls = {"ssl_certfile": str(certificate[0]), "ssl_keyfile": str(certificate[1])}
    config = uvicorn.Config(
        application,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=30,
        **tls,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="sandbox-tenant", daemon=True)
    thread.start()
    try:
        scheme = "https" if certificate is not None else "http"
        yield f"{scheme}://{HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_STARTED_WITHIN)
        listener.close()


@contextmanager
def serving_wsgi(application: WSGIApplication, *, port: int = 0, threads: int = 8) -> Iterator[str]:
    """The root URL under which the WSGI application answers.

    The loop runs here, one turn at a time, so that everything is closed by the thread that owns it.
    """
    sockets: dict[int, Any] = {}
    server: Any = create_server(  # its stubs know neither its port nor the class of its channels
        application,
        map=sockets,
        host=HOST,
        port=port,
        threads=threads,
        ident=None,
    )
    server.channel_class = _Channel
    stopping = threading.Event()

    def loop() -> None:
        while not stopping.is_set():
            server.asyncore.loop(timeout=0.5, map=sockets, use_poll=True, count=1)
        server.task_dispatcher.shutdown(cancel_pending=True, timeout=5)
        for channel in list(sockets.values()):
            channel.close()

    thread = threading.Thread(target=loop, name="sandbox-directory", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.effective_port}"
    finally:
        stopping.set()
        with suppress(OSError):  # the loop may have come to its end by itself just now, and closed the trigger
            server.pull_trigger()
        thread.join(_STARTED_WITHIN)


class _Task(WSGITask):
    """Lets the application hang up."""

    def get_environment(self) -> dict[str, Any]:
        environment: dict[str, Any] = super().get_environment()
        environment[HANG_UP] = self._hang_up
        return environment

    def _hang_up(self) -> None:
        self.close_on_finish = True
        if self.channel.socket is not None:
            self.channel.socket.shutdown(socket.SHUT_RDWR)


class _Channel(HTTPChannel):
    """A connection whose tasks may hang up."""

    task_class = _Task
