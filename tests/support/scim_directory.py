"""A directory over real HTTP that can be told to misbehave in each way servers in the field do.

It shares no code with the product: its PATCH knows the forms the RFC shows, no more.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.listening import handling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "directory-token"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_PATH = re.compile(r'(?:(urn:.*):)?([\w$]+)(?:\[(\w+) eq "([^"]*)"\])?(?:\.(\w+))?$')


@dataclass
class Manners:
    """How this directory behaves; everything off is a good server."""

    page: int = 100
    filters: str = "good"
    """``good``, ``ignored``, ``empty``, ``error`` or ``case`` (heeds case)."""
    total: int | None = None
    """What it says ``totalResults`` is, instead of the truth."""
    past_end: str = "empty"
    """``empty``, ``first`` (the first page again) or ``error``."""
    patch: str = "all"
    """``all``, ``path``, ``plain`` or ``none``."""
    put: bool = True
    etags: bool = False
    body: bool = True
    """PATCH and PUT answer 200 with the resource, else 204."""
    echo: bool = False
    """Answers with what was sent, not with what is held."""
    drops: frozenset[str] = frozenset()
    """Top-level members silently not kept."""
    refuses: frozenset[str] = frozenset()
    """Top-level members answered 400."""
    alter: Callable[[dict[str, Any]], None] | None = None
    """Changes a resource before it is held."""
    delete: str = "removes"
    """``removes``, ``deactivates`` or ``refuses``, in words."""
    deactivated: str = "survives"
    """``survives`` or ``deletes``."""
    location: bool = True
    unique: bool = True
    put_clears_active: bool = True
    html_errors: bool = False
    text_booleans: bool = False
    ids: str = "stay"
    """``stay``; ``written``: each change gives a profile a new id, and the old one is nobody's; ``aliased``: the old
    one goes on answering, with the new one in the body; ``named``: the id is the user name."""
    follows: bool = True
    """References go along with an id that changes."""
    latency: float = 0.0
    shift: Callable[[Directory, int], None] | None = None
    """Called before each page with its start: data that moves while it is read."""


@dataclass
class Directory:
    """The store and what was asked of it."""

    manners: Manners = field(default_factory=Manners)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    """Ids that were given up, each with the one that came after it."""
    log: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, str, int], str | None] | None = None
    """``(method, path, number)`` → ``lost`` (done, no answer), ``500`` (done, then 500), ``refuse`` (not done, 500),
    ``429``, ``429 <Retry-After>``, ``403 <detail>`` (not done) or none."""
    trusts: Callable[[Any], bool] = lambda headers: headers.get("Authorization") == f"Bearer {TOKEN}"
    """Whether the headers of a request show who may ask."""
    url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, resource: dict[str, Any]) -> str:
        """Put a profile in by hand."""
        made: dict[str, Any] = {"id": resource.get("id") or uuid.uuid4().hex, "active": True} | resource
        self._touch(made)
        self.users[made["id"]] = made
        return str(made["id"])

    def wrote(self) -> list[tuple[str, str]]:
        """The requests that were not reads."""
        return [(method, path) for method, path in self.log if method != "GET"]

    def _touch(self, resource: dict[str, Any]) -> None:
        if self.manners.etags:
            resource["meta"] = {"version": f'W/"{uuid.uuid4().hex[:8]}"', "resourceType": "User"}

    def hold(self, resource: dict[str, Any]) -> None:
        for name in self.manners.drops:
            resource.pop(name, None)
        if self.manners.alter:
            self.manners.alter(resource)
        self._touch(resource)
        self.users[resource["id"]] = resource
        if resource.get("active") is False and self.manners.deactivated == "deletes":
            del self.users[resource["id"]]

    def renumber(self, profile_id: str) -> str:
        """Give a profile another id, and let who refers to it follow."""
        made = self.users[profile_id]["userName"] if self.manners.ids == "named" else uuid.uuid4().hex
        if made == profile_id:
            return made
        self.users[made] = self.users.pop(profile_id) | {"id": made}
        self.renamed[profile_id] = made
        for user in self.users.values() if self.manners.follows else ():
            manager = user.get(ENTERPRISE, {}).get("manager", {})
            if manager.get("value") == profile_id:
                manager["value"] = made
        return made

    def held(self, profile_id: str) -> dict[str, Any] | None:
        """The profile with that id, or that had it once where such ids go on answering."""
        while self.manners.ids == "aliased" and profile_id in self.renamed:
            profile_id = self.renamed[profile_id]
        return self.users.get(profile_id)

    def shown(self, resource: dict[str, Any]) -> dict[str, Any]:
        if self.manners.text_booleans and isinstance(resource.get("active"), bool):
            return resource | {"active": str(resource["active"])}
        return resource

    def taken(self, resource: dict[str, Any]) -> bool:
        name = str(resource.get("userName", "")).casefold()
        return self.manners.unique and any(
            user["id"] != resource.get("id") and str(user.get("userName", "")).casefold() == name
            for user in self.users.values()
        )


class Trouble(Exception):
    """Answered with this status; ``Manners.alter`` may raise it."""

    def __init__(self, status: int, kind: str = "", detail: str = "") -> None:
        self.status, self.kind, self.detail = status, kind, detail


def _patched(resource: dict[str, Any], operations: list[dict[str, Any]], manners: Manners) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(resource))
    for operation in operations:
        op, path = operation["op"].lower(), operation.get("path")
        if path is None:
            if manners.patch == "path":
                raise Trouble(400, "noTarget")
            for name, value in operation["value"].items():
                if isinstance(value, dict) and isinstance(made.get(name), dict):
                    made[name] = made[name] | value
                else:
                    made[name] = value
            continue
        if manners.patch == "plain" and op != "remove":
            raise Trouble(400, "invalidPath")
        found = _PATH.match(path)
        if found is None:
            raise Trouble(400, "invalidPath")
        _at(made, found, op, operation.get("value"))
    return made


def _at(made: dict[str, Any], found: re.Match[str], op: str, value: Any) -> None:
    urn, name, by, wanted, sub = found.groups()
    holder = made.setdefault(urn, {}) if urn else made
    if by:
        elements = holder.setdefault(name, [])
        element = next((e for e in elements if str(e.get(by, "")).lower() == wanted.lower()), None)
        if element is None:
            raise Trouble(400, "noTarget")
        if op == "remove" and not sub:
            elements.remove(element)
        elif op == "remove":
            element.pop(sub, None)
        else:
            element[sub] = value
    elif sub:
        inner = holder.setdefault(name, {})
        inner.pop(sub, None) if op == "remove" else inner.__setitem__(sub, value)
    elif op == "remove":
        holder.pop(name, None)
    elif op == "add" and isinstance(holder.get(name), list):
        holder[name] = holder[name] + value
    else:
        holder[name] = value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    directory: Directory

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the client was killed in the middle of its request
            return
        directory, manners = self.directory, self.directory.manners
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/scim/v2")
        with directory.lock:
            directory.log.append((self.command, path))
            number = len(directory.log)
        fault = directory.fault(self.command, path, number) if directory.fault else None
        if manners.latency:
            time.sleep(manners.latency)
        if fault and fault.startswith("429"):
            wait = fault[3:].strip()
            self._send(429, {}, {"Retry-After": wait} if wait else {})
            return
        if fault and fault.startswith("403"):
            self._send(403, {"schemas": [], "status": "403", "detail": fault[3:].strip()})
            return
        if fault == "refuse":
            self._send(500, {})
            return
        status, answer, headers = self._answer(path, parse_qs(parts.query), json.loads(body) if body else {})
        if fault == "lost":
            self.close_connection = True
            return
        if fault == "500":
            status, answer = 500, {}
        self._send(status, answer, headers)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _answer(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if not self.directory.trusts(self.headers):
            return 401, "no", {}
        try:
            with self.directory.lock:
                return self._act(path, query, body)
        except Trouble as trouble:
            said = {"schemas": [], "status": str(trouble.status), "scimType": trouble.kind}
            return trouble.status, said | ({"detail": trouble.detail} if trouble.detail else {}), {}

    def _act(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        directory = self.directory
        if path == "/ServiceProviderConfig":
            return 200, {"patch": {"supported": True}, "etag": {"supported": directory.manners.etags}}, {}
        if not path.startswith("/Users"):
            raise Trouble(404)
        profile_id = unquote(path.removeprefix("/Users").lstrip("/"))
        if not profile_id:
            return self._list(query) if self.command == "GET" else self._create(body)
        held = directory.held(profile_id)
        if held is None:
            raise Trouble(404)
        version = self.headers.get("If-Match")
        if self.command != "GET" and directory.manners.etags and version not in {None, held["meta"]["version"]}:
            raise Trouble(412)
        if self.command == "GET":
            return 200, directory.shown(held), {}
        if self.command == "DELETE":
            if directory.manners.delete == "refuses":
                raise Trouble(403, detail="The owner stays.")
            if directory.manners.delete == "removes":
                del directory.users[held["id"]]
            else:
                directory.hold(held | {"active": False})
            return 204, None, {}
        return self._change(held, body)

    def _change(self, held: dict[str, Any], body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        directory, manners = self.directory, self.directory.manners
        if self.command == "PUT":
            if not manners.put:
                raise Trouble(501)
            made = dict(body) | {"id": held["id"]}
            if "active" not in body and manners.put_clears_active:
                made["active"] = False
        else:
            if manners.patch == "none":
                raise Trouble(501)
            made = _patched(held, body["Operations"], manners)
        self._check(made, held)
        sent = json.loads(json.dumps(made))
        directory.hold(made)
        if manners.ids != "stay" and made["id"] in directory.users:
            made = directory.users[directory.renumber(made["id"])]
            sent["id"] = made["id"]
        if not manners.body:
            return 204, None, {}
        return 200, directory.shown(sent if manners.echo else made), {}

    def _check(self, made: dict[str, Any], held: dict[str, Any]) -> None:
        if any(made.get(name) != held.get(name) for name in self.directory.manners.refuses):
            raise Trouble(400, "invalidValue")
        if self.directory.taken(made):
            raise Trouble(409, "uniqueness")

    def _create(self, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        directory = self.directory
        self._check(body, {})
        made = dict(body) | {"id": uuid.uuid4().hex}
        made.setdefault("active", True)
        directory.hold(made)
        headers = {"Location": f"{directory.url}/Users/{made['id']}"} if directory.manners.location else {}
        return 201, directory.shown(made), headers

    def _list(self, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        directory, manners = self.directory, self.directory.manners
        start = int(query.get("startIndex", ["1"])[0])
        if manners.shift and "filter" not in query:
            manners.shift(directory, start)
        users = [directory.shown(user) for user in directory.users.values()]
        if "filter" in query:
            users = _filtered(users, query["filter"][0], manners)
        count = min(int(query.get("count", [str(manners.page)])[0]), manners.page)
        rows = users[start - 1 : start - 1 + count]
        if not rows and users and start > 1:
            if manners.past_end == "error":
                raise Trouble(400)
            rows = users[:count] if manners.past_end == "first" else []
        total = len(users) if manners.total is None else manners.total
        return 200, {"totalResults": total, "startIndex": start, "Resources": rows}, {}

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        text = b"" if answer is None or status == 204 else json.dumps(answer).encode()
        kind = "application/scim+json"
        if status >= 400 and self.directory.manners.html_errors:
            text, kind = b"<html><script>x()</script><h1>Oops &amp; so</h1></html>", "text/html"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(text)


def _filtered(users: list[dict[str, Any]], text: str, manners: Manners) -> list[dict[str, Any]]:
    if manners.filters == "ignored":
        return users
    if manners.filters == "error":
        raise Trouble(500)
    name, _, value = text.partition(" eq ")
    wanted = json.loads(value)
    if manners.filters == "empty":
        return []
    if manners.filters == "case" or name == "externalId":
        return [user for user in users if user.get(name) == wanted]
    return [user for user in users if str(user.get(name, "")).casefold() == wanted.casefold()]


@contextmanager
def serving(directory: Directory) -> Iterator[Directory]:
    """``directory`` on a free port of loopback; its ``url`` is set."""
    with handling(_Handler, directory=directory) as root:
        directory.url = f"{root}/scim/v2"
        yield directory
