"""A Graph that serves pre-made pages as fast as a socket takes them, in a process of its own.

Each page is one template with its own ids put in, so that half a million users need no memory here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import multiprocessing
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import trustme

from tests.support.graph_server import jwt, person

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 999
_MARK = "00000000"


def template(*, delta: bool) -> bytes:
    """One page whose ids start with a mark, and whose link is one too."""
    boss = person(1)["id"]
    users = []
    for number in range(PAGE):
        user = person(
            number, jobTitle=f"Engineer {number}", department=f"Department {number % 40}", mobilePhone="+1 555"
        )
        user["id"] = f"{_MARK}-{number:04d}-4bbb-8ccc-dddddddddddd"
        other = {"@odata.type": "#microsoft.graph.user", "id": boss}
        user.update({"manager@delta": [other]} if delta else {"manager": other})
        users.append(user)
    return json.dumps({"@odata.context": "x", "@LINK@": "@NEXT@", "value": users}, separators=(",", ":")).encode()


class _Server:
    def __init__(self, users: int, base: str, *, zipped: bool) -> None:
        self.pages = -(-users // PAGE)
        self.base = base
        self.zipped = zipped
        self.full, self.delta = template(delta=False), template(delta=True)
        self.made: dict[tuple[str, int], bytes] = {}

    def body(self, path: str, query: dict[str, list[str]]) -> bytes:
        if path.endswith("/token"):
            token = jwt(("User.Read.All",), 1)
            return json.dumps({"token_type": "Bearer", "expires_in": 3600, "access_token": token}).encode()
        if path.endswith("/$count"):
            return str(self.pages * PAGE).encode()
        if query.get("$deltatoken") == ["latest"]:
            link = f"{self.base}{path}?$deltatoken=0"
            return json.dumps({"@odata.deltaLink": link, "value": []}).encode()
        return self.page(path, int((query.get("$skiptoken") or ["0"])[0]))

    def page(self, path: str, number: int) -> bytes:
        if (path, number) in self.made:
            return self.made[path, number]
        delta = path.endswith("/delta")
        last = number + 1 == self.pages
        name = "@odata.nextLink" if not last else "@odata.deltaLink" if delta else "@odata.last"
        token = f"$deltatoken={number}" if last and delta else f"$skiptoken={number + 1}"
        body = (self.delta if delta else self.full).replace(_MARK.encode(), f"{number:08d}".encode())
        body = body.replace(b"@LINK@", name.encode(), 1).replace(b"@NEXT@", f"{self.base}{path}?{token}".encode(), 1)
        body = gzip.compress(body, 5) if self.zipped else body
        if self.pages <= 120:
            self.made[path, number] = body
        return body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (int(x.split(":")[1]) for x in head.split("\r\n") if x.lower().startswith("content-length")), 0
                )
                await reader.readexactly(length)
                url = urlsplit(head.split(" ")[1])
                body = self.body(url.path, parse_qs(url.query))
                is_zipped = body[:2] == b"\x1f\x8b"
                extra = "Content-Encoding: gzip\r\n" if is_zipped else ""
                kind = "text/plain" if url.path.endswith("$count") else "application/json"
                writer.write(
                    f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        writer.close()


def _run(users: int, pem: str, port: Any) -> None:
    async def go() -> None:
        server = _Server(users, "", zipped=bool(pem))
        context = None
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=context, limit=2**20)
        number = listening.sockets[0].getsockname()[1]
        server.base = f"{'https' if pem else 'http'}://127.0.0.1:{number}"
        for page in range(min(server.pages, 120)) if server.pages <= 120 else ():
            server.page("/v1.0/users", page)
            server.page("/v1.0/users/delta", page)
        port.send(server.base)
        await listening.serve_forever()

    asyncio.run(go())


@contextlib.contextmanager
def pages_served(users: int, *, tls: bool = False) -> Iterator[tuple[str, str]]:
    """Address and CA file (empty without TLS) of a server of ``users`` users."""
    with tempfile.TemporaryDirectory() as folder:
        pem = ca = ""
        if tls:
            authority = trustme.CA()
            authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(f"{folder}/server.pem")
            authority.cert_pem.write_to_path(f"{folder}/ca.pem")
            pem, ca = f"{folder}/server.pem", str(Path(folder) / "ca.pem")
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_run, args=(users, pem, theirs), daemon=True)
        process.start()
        try:
            yield ours.recv(), ca
        finally:
            process.terminate()
            process.join()
