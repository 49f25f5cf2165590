"""Object stores for tests: moto's S3, served one request at a time, the sandbox's Google, a proxy that makes them fail.

moto's own threaded server lets two writers through who both replace what they have seen; so its application runs under
waitress with one thread.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from trueup.connectors.archive.store import ABSENT, Changed
from trueup.sandbox.google_storage import GoogleStorage, application
from trueup.sandbox.serving import serving_asgi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.connectors.archive.store import Version

    Judge = Callable[[str, str], str]

KEYS = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}
_KEYS = {"s3": KEYS, "gs": {"service_account_key": "env:STORE_ACCOUNT"}}
ENVIRONMENT = {"STORE_KEY": "the-key-of-the-store", "STORE_SECRET": "the-secret-of-the-store"}
IN_EVERY_STORE = pytest.mark.parametrize("bucket", ["s3", "gs"], indirect=True)
"""For tests with a ``bucket`` that are run over each kind of store."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """An empty bucket of its own."""

    endpoint: str
    name: str
    scheme: str = "s3"

    @property
    def address(self) -> str:
        return f"{self.scheme}://{self.name}/company/runs"

    def section(self, **more: Any) -> dict[str, Any]:
        """``[archive]`` of a configuration."""
        return {"path": self.address, "options": {"endpoint": self.endpoint, **_KEYS[self.scheme]}, **more}

    def keep_versions(self) -> None:
        """Switch versioning on."""
        said = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        connection = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=30)
        connection.request("PUT", f"/{self.name}?versioning", body=said)
        assert connection.getresponse().status == 200
        connection.close()

    def through(self, endpoint: str) -> Bucket:
        """The same bucket by another way."""
        return Bucket(endpoint, self.name, self.scheme)


@dataclass(frozen=True, slots=True)
class Google:
    """The stand-in for Google Cloud Storage, and the one account that may use it."""

    endpoint: str
    account: str
    """The key file, as Google gives it out."""
    storage: GoogleStorage

    def new_bucket(self) -> Bucket:
        name = f"archive-{uuid.uuid4().hex[:12]}"
        self.storage.buckets[name] = {}
        return Bucket(self.endpoint, name, "gs")


def google_account() -> tuple[str, bytes]:
    """The key file of an account as Google gives it out, and the public key to it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    who = {"type": "service_account", "client_email": "trueup@company.example", "private_key_id": "1"}
    return json.dumps({**who, "private_key": private}), public


@contextmanager
def google_served() -> Iterator[Google]:
    """Serve the stand-in, with an account of its own."""
    account, public = google_account()
    storage = GoogleStorage(public)
    with serving_asgi(application(storage)) as endpoint:
        yield Google(endpoint, account, storage)


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
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=30)
    connection.request("PUT", f"/{name}")
    assert connection.getresponse().status == 200
    connection.close()
    return Bucket(endpoint, name)


@dataclass(slots=True)
class Faults:
    """What the proxy does to a request; ``judge`` gives a word for method and path, or an empty one."""

    endpoint: str
    judge: Judge = lambda _method, _path: ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    slow_seconds: float = 0.0
    drops_conditions: bool = False
    """Whether writes lose their conditions on the way, as with a store that does not know them."""
    victim: int = 0
    """The process that dies where ``judge`` says so."""

    def kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)


_CONDITIONS = ("if-match", "if-none-match", "x-goog-if-generation-match")


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faults: Faults
    upstream: str

    def log_message(self, *_: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.faults.seen.append((self.command, self.path))
        word = self.faults.judge(self.command, self.path)
        time.sleep(self.faults.slow_seconds)
        if word == "dies":
            self.faults.kill()
        if word in {"reset", "dies"}:
            self._reset()
        elif word == "denied":
            self._answer(200, _denied(body), {})
        elif word.isdigit():
            self._answer(int(word), b"<Error><Code>Fault</Code></Error>", {})
        else:
            self._pass_on(word, body)

    def _pass_on(self, word: str, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        dropped = {"connection", *(_CONDITIONS if self.faults.drops_conditions else ())}
        headers = {key: value for key, value in self.headers.items() if key.lower() not in dropped}
        connection.request(self.command, self.path, body=body, headers=headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if word == "dies after":
            self.faults.kill()
        if word == "lost":
            self._answer(500, b"<Error><Code>InternalError</Code></Error>", {})
        elif word in {"cut", "dies after"}:
            self._reset()
        else:
            self._answer(answer.status, content, dict(answer.getheaders()))

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in {"connection", "transfer-encoding", "content-length", "date", "server"}:
                self.send_header(key, value)
        said = {key.lower(): value for key, value in headers.items()}.get("content-length", "0")
        self.send_header("Content-Length", said if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve  # noqa: N815 - the names the base class calls


def _denied(body: bytes) -> bytes:
    """What Amazon says to somebody who would remove these objects and may not."""
    keys = re.findall(rb"<Key>(.*?)</Key>", body)
    said = b"".join(b"<Error><Key>%s</Key><Code>AccessDenied</Code><Message>no</Message></Error>" % key for key in keys)
    return b"<DeleteResult>%s</DeleteResult>" % said


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A reset is meant."""

    def shutdown_request(self, request: Any) -> None:
        """Close without the polite end a reset must not have."""
        self.close_request(request)


@contextmanager
def faulty(before: str) -> Iterator[Faults]:
    """A proxy before a store that does to a request what ``judge`` says of it.

    ``500``, ``503``, ``412``, ``409``: answered so, and nothing reached the store; ``reset``: the connection is reset
    and nothing reached it; ``denied``: a removal is refused as Amazon does, with 200; ``lost``: it took place, and the
    answer is a 500; ``cut``: it took place, and the connection is reset; ``dies``, ``dies after``: whoever sent it is
    killed before it reached the store, or after.
    """
    faults = Faults("")
    handler = type("Proxy", (_Proxy,), {"faults": faults, "upstream": before.removeprefix("http://")})
    server = _Server(("127.0.0.1", 0), handler)
    faults.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def one_of_two_wins(store: ObjectStore, times: int) -> None:
    """Of two who replace what both saw one wins, each time."""
    seen = store.replace_if_match("tried", b"0", ABSENT)

    def replace(content: bytes) -> Version | None:
        try:
            return store.replace_if_match("tried", content, seen)
        except Changed:
            return None

    for number in range(times):
        with ThreadPoolExecutor(2) as both:
            won = [found for found in both.map(replace, (b"%d a" % number, b"%d b" % number)) if found is not None]
        assert len(won) == 1
        seen = won[0]
        assert store.version("tried") == seen
