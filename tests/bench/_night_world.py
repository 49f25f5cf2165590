"""A tenant and a directory that answer as fast as a socket takes it, both in one process of their own on loopback.

Nothing of a person is kept but the titles that were written: every page is spelt anew from a person's number, so that a
million people need no memory here. On night 0 both sides are the same; each later night another hundredth of the people
has another title in the tenant, until the directory is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from tests.support.graph_server import CLIENT, SECRET, TENANT, jwt

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAPH_PAGE = 999
SCIM_PAGE = 1000
TOKEN = "directory-token"
SHARE = 100
"""One person in so many has another title each night."""
_GIVEN = [b"Anna", b"Boris", b"Carla", b"Dmitri", b"Eva", b"Jos\xc3\xa9", b"Lin", b"Omar", b"Zo\xc3\xab", b"Mia"]
_USER = (
    b'{"id":"%(id)s","userPrincipalName":"user%(n)d@contoso.example","displayName":"%(given)s Name%(family)d",'
    b'"givenName":"%(given)s","surname":"Name%(family)d","mail":"user%(n)d@contoso.example","mailNickname":"user%(n)d",'
    b'"accountEnabled":true,"userType":"Member","creationType":null,"externalUserState":null,"employeeId":"%(n)d",'
    b'"employeeType":"Employee","jobTitle":"%(title)s","department":"Department %(department)d",'
    b'"businessPhones":["+1 555 %(n)07d"],"assignedLicenses":[{"skuId":"99999999-0000-0000-0000-000000000000",'
    b'"disabledPlans":[]}],"onPremisesDistinguishedName":null,"onPremisesExtensionAttributes":{"extensionAttribute1":'
    b'null},"employeeOrgData":null,"showInAddressList":null,"createdDateTime":"2020-01-01T00:00:00Z",'
    b'"mobilePhone":"+1 666 %(n)07d","officeLocation":"Room %(room)d"%(manager)s}'
)
_MANAGER = b',"manager":{"@odata.type":"#microsoft.graph.user","id":"%s"}'
_PROFILE = (
    b'{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:'
    b'User"],"id":"p%(n)d","externalId":"%(id)s","userName":"user%(n)d@contoso.example","active":true,"displayName":'
    b'"%(given)s Name%(family)d","name":{"givenName":"%(given)s","familyName":"Name%(family)d"},"title":%(title)s,'
    b'"emails":[{"type":"work","value":"user%(n)d@contoso.example","primary":true}],"phoneNumbers":[{"type":"work",'
    b'"value":"+1 555 %(n)07d"},{"type":"mobile","value":"+1 666 %(n)07d"}],"addresses":[{"type":"work","formatted":'
    b'"Room %(room)d"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%(n)d",'
    b'"department":"Department %(department)d"%(manager)s},"meta":{"resourceType":"User"}}'
)
_BOSS = b',"manager":{"value":"p%d"}'


def key(number: int) -> bytes:
    """A person's object id: spread like Graph's, in no order."""
    return b"%08x-aaaa-4bbb-8ccc-%012x" % (number * 2654435761 % 4294967296, number)


def title(number: int, night: int) -> bytes:
    """What the tenant calls a person on that night."""
    for one in range(night, 0, -1):
        if number % SHARE == (7 * one + 3) % SHARE:
            return b"Engineer of night %d" % one
    return b"Engineer %d" % (number % 300)


class _World:
    def __init__(self, people: int) -> None:
        self.people = people
        self.night = 1
        self.base = ""
        self.written: dict[int, bytes] = {}
        self.requests = 0

    def facts(self, number: int) -> dict[bytes, Any]:
        return {
            b"n": number,
            b"id": key(number),
            b"given": _GIVEN[number * 7919 % 10],
            b"family": number * 104729 % 50021,
            b"department": number % 60,
            b"room": number % 997,
        }

    def user(self, number: int) -> bytes:
        facts = self.facts(number)
        facts[b"title"] = title(number, self.night)
        facts[b"manager"] = _MANAGER % key(number // 10) if number else b""
        return _USER % facts

    def profile(self, number: int) -> bytes:
        facts = self.facts(number)
        facts[b"title"] = self.written.get(number) or b'"%s"' % title(number, 0)
        facts[b"manager"] = _BOSS % (number // 10) if number else b""
        return _PROFILE % facts

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        url = urlsplit(target)
        path, query = unquote(url.path), {name: one[0] for name, one in parse_qs(url.query).items()}
        self.requests += 1
        if path.startswith("/scim/v2/"):
            return self.scim(method, path.removeprefix("/scim/v2"), query, body)
        if path.endswith("/token"):
            token = jwt(("User.Read.All",), 1)
            return (
                200,
                "json",
                json.dumps({"token_type": "Bearer", "expires_in": 36000, "access_token": token}).encode(),
            )
        if path == "/bench/night":
            self.night = int(body)
            return 200, "json", b"{}"
        return self.graph(path.removeprefix("/v1.0"), query)

    def graph(self, path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        if path == "/users/$count":
            return 200, "plain", str(self.people).encode()
        if path == "/users":
            return 200, "json", self.users(int(query.get("$skiptoken", "0")), min(int(query.get("$top", "100")), 999))
        if path.startswith("/users/"):
            return 200, "json", self.user(int(path.split("/")[2].rpartition("-")[2], 16))
        return 404, "json", b'{"error":{"code":"Request_ResourceNotFound","message":""}}'

    def users(self, start: int, size: int) -> bytes:
        end = min(start + size, self.people)
        link = b'"@odata.nextLink":"%s/v1.0/users?$top=%d&$skiptoken=%d",' % (self.base.encode(), size, end)
        rows = b",".join(map(self.user, range(start, end)))
        return b'{"@odata.context":"x",%s"value":[%s]}' % (link if end < self.people else b"", rows)

    def scim(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        if path == "/Users" and method == "GET":
            if "filter" in query:
                return 200, "scim+json", b'{"totalResults":0,"Resources":[]}'
            start = int(query.get("startIndex", "1")) - 1
            end = min(start + min(int(query.get("count", "100")), SCIM_PAGE), self.people)
            rows = b",".join(map(self.profile, range(start, end)))
            return 200, "scim+json", b'{"totalResults":%d,"startIndex":%d,"itemsPerPage":%d,"Resources":[%s]}' % (
                self.people, start + 1, max(end - start, 0), rows,
            )  # fmt: skip
        if path == "/ServiceProviderConfig":
            return 200, "scim+json", b'{"patch":{"supported":true},"filter":{"supported":true,"maxResults":1000}}'
        if path.startswith("/Users/p"):
            number = int(path.removeprefix("/Users/p"))
            if method == "PATCH":
                for one in json.loads(body)["Operations"]:
                    if str(one.get("path")) != "title":
                        return 400, "scim+json", b'{"status":"400","scimType":"invalidPath"}'
                    self.written[number] = json.dumps(one["value"]).encode()
            return 200, "scim+json", self.profile(number)
        return 404, "scim+json", b'{"status":"404"}'


class _Connection(asyncio.Protocol):
    def __init__(self, world: _World) -> None:
        self._world = world
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end]
            at = head.lower().find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._rest) < end + 4 + length:
                return
            body = self._rest[end + 4 : end + 4 + length]
            self._rest = self._rest[end + 4 + length :]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            status, kind, answer = self._world.answer(method, target, body)
            self._transport.write(
                f"HTTP/1.1 {status} X\r\nContent-Type: {'text' if kind == 'plain' else 'application'}/{kind}\r\n"
                f"Content-Length: {len(answer)}\r\n\r\n".encode()
            )
            self._transport.write(answer)


def _run(people: int, port: Any) -> None:
    async def serve() -> None:
        world = _World(people)
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(world), "127.0.0.1", 0)
        world.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        port.send(world.base)
        await server.serve_forever()

    asyncio.run(serve())


@contextlib.contextmanager
def world_served(people: int) -> Iterator[str]:
    """Both sides at one address: Graph below ``/v1.0``, SCIM below ``/scim/v2``."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(people, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def turn_to(base: str, night: int) -> None:
    """From now on the tenant says what it says on that night."""
    httpx.post(f"{base}/bench/night", content=str(night).encode(), trust_env=False).raise_for_status()


ENVIRONMENT = {"TRUEUP_BENCH_SECRET": SECRET, "TRUEUP_BENCH_TOKEN": TOKEN}


def configuration(base: str) -> str:
    """A ``trueup.toml`` for both; limits stay the shipped ones."""
    return f"""
[source]
tenant_id = "{TENANT}"
client_id = "{CLIENT}"
client_secret = "env:TRUEUP_BENCH_SECRET"
graph_url = "{base}"
login_url = "{base}"
scope = "all"

[target]
url = "{base}/scim/v2"
token = "env:TRUEUP_BENCH_TOKEN"
requests_per_second = 100000
concurrency = 32

[mapping]
preset = "pingboard"

[archive]
path = "runs"
"""
