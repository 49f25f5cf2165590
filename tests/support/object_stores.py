"""Object stores for tests: moto's S3, served one request at a time, and a proxy before it that makes it fail.

moto's own threaded server lets two writers through who both replace what they have seen; so its application runs under
waitress with one thread.
"""

from __future__ import annotations

import http.client
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}
ENVIRONMENT = {"STORE_KEY": "the-key-of-the-store", "STORE_SECRET": "the-secret-of-the-store"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket of its own."""

    endpoint: str
    name: str

    @property
    def address(self) -> str:
        return f"s3://{self.name}/company/runs"

    def section(self, **more: Any) -> dict[str, Any]:
        """``[archive]`` of a configuration."""
        return {"path": self.address, "options": {"endpoint": self.endpoint, **KEYS}, **more}

    def through(self, endpoint: str) -> Bucket:
        """The same bucket by another way."""
        return Bucket(endpoint, self.name)


@contextmanager
def moto_served() -> Iterator[str]:
    """Serve moto's S3; gives its address."""
    command = [sys.executable, "-m", "tests.support.moto_child"]
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(child.stdout.readline())}"
        finally:
            child.stdin.close()


def new_bucket(endpoint: str) -> Bucket:
    name = f"archive-{uuid.uuid4().hex[:12]}"
    with urlopen(Request(f"{endpoint}/{name}", method="PUT")) as answer:
        assert answer.status == 200
    return Bucket(endpoint, name)


@dataclass(slots=True)
class Faults:
    """What the proxy does to a request; ``judge`` gives a word for method and path, or an empty one."""

    endpoint: str
    judge: Callable[[str, str], str] = lambda _method, _path: ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    slow_seconds: float = 0.0


@contextmanager
def faulty(before: str) -> Iterator[Faults]:
    """A proxy before a store. Words: ``500``, ``503``, ``412``, ``409`` (nothing reached the store), ``lost`` (it took
    place, and the answer is a 500), ``cut`` (it took place, and the connection is reset), ``reset`` (reset before it).
    """
    upstream = before.removeprefix("http://")
    faults = Faults("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            faults.seen.append((self.command, self.path))
            word = faults.judge(self.command, self.path)
            time.sleep(faults.slow_seconds)
            if word == "reset":
                self._reset()
            elif word.isdigit():
                self._answer(int(word), b"<Error><Code>Fault</Code></Error>", {})
            else:
                status, content, headers = self._ask(body)
                if word == "lost":
                    self._answer(500, b"<Error><Code>InternalError</Code></Error>", {})
                elif word == "cut":
                    self._reset()
                else:
                    self._answer(status, content, headers)

        def _ask(self, body: bytes) -> tuple[int, bytes, dict[str, str]]:
            connection = http.client.HTTPConnection(upstream, timeout=30)
            headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content, dict(answer.getheaders())

        def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                if key.lower() not in {"connection", "transfer-encoding", "content-length", "date", "server"}:
                    self.send_header(key, value)
            length = headers.get("Content-Length") or headers.get("content-length") or str(len(content))
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve  # noqa: N815 - the names the base class calls

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign,assignment] # a reset is meant
    faults.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
