"""Any ASGI application, and any plain HTTP handler, on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def listening(app: Any, *, tls: Any = None) -> Iterator[str]:
    """Any ASGI application on loopback, in a thread of its own."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else answers wait 40 ms
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off", access_log=False)
    if tls is not None:
        config.load()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.configure_cert(context)
        config.ssl = context
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not uvicorn_server.started:
        time.sleep(0.005)
    try:
        scheme = "https" if tls is not None else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        uvicorn_server.should_exit = True
        thread.join(timeout=60)
        listener.close()


@contextlib.contextmanager
def asking_nobody() -> Iterator[str]:
    """An address that takes calls; that none has come is asserted at the end, however slow the machine is."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"https://127.0.0.1:{silent.getsockname()[1]}"
        silent.setblocking(False)  # noqa: FBT003 - it has no other form
        with contextlib.suppress(BlockingIOError):
            caller, _ = silent.accept()
            caller.close()
            message = "somebody was asked"
            raise AssertionError(message)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that went away is not news."""


@contextlib.contextmanager
def handling(handler: type[BaseHTTPRequestHandler], **attributes: Any) -> Iterator[str]:
    """The root URL where ``handler``, with ``attributes`` of its class set, answers in threads."""
    server = _Server(("127.0.0.1", 0), type("Handler", (handler,), {**attributes, "timeout": 5}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
