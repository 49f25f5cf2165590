"""A second directory over real HTTP, on another reading of the RFC than the sandbox's; traits make it odder still.

It shares no code with the product, nor with the other directories here. Without traits it is a decent server: ids are
numbers of its own, PATCH takes paths, lists are paged, and nobody gets a user name twice.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.listening import handling
from tests.support.scim_directory import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
_STEP = re.compile(r"^(?:(urn:.+:User):?)?([^.\[]*)(?:\[(.+)\])?(?:\.(.+))?$")
_CLAUSE = re.compile(r'(\w+) eq "([^"]*)"')

_SCHEMA = {
    "id": CORE,
    "attributes": [
        {"name": "displayName", "type": "string", "mutability": "readOnly"},
        *({"name": name, "type": "string", "mutability": "readWrite"} for name in ("userName", "title", "nickName")),
        *({"name": name, "type": "complex", "multiValued": True} for name in ("emails", "phoneNumbers")),
        {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName", "mutability": "readWrite"}]},
        {"name": "active", "type": "boolean"},
    ],
}
TRAITS = {
    "accepts": "PATCH and PUT answer 202 and take effect when the profile was read twice more",
    "empty_200": "PATCH and PUT answer 200 with nothing in it",
    "bare_200": "PATCH and PUT answer 200 with the id alone",
    "silent_201": "POST answers 201 with nothing but Location",
    "no_patch": "PATCH is 405 with a web page",
    "no_put": "PUT is 501",
    "mutability": "a PUT that says a read-only attribute (groups, displayName, id) is 400 mutability",
    "read_only": "the same with 400 and no scimType, but /Schemas says what is read-only",
    "needs_match": "writing without If-Match is 428",
    "new_etags": "every reading has another ETag, and only the last one given counts",
    "odd_etags": "ETags come, and no If-Match ever fits them",
    "strong_match": "If-Match is compared strongly, so that a weak ETag never fits (RFC 9110 §13.1.1)",
    "verbatim_ids": "ids are escaped user names, and an address holds them as they are",
    "escaped_ids": "ids are escaped user names, and an address must escape them again",
    "named_ids": "ids hold blanks, letters of all kinds and a slash",
    "path_ids": "ids hold a slash that an address must not escape",
    "no_config": "no discovery document is there (404)",
    "closed_config": "discovery documents are not for everybody (403)",
    "broken_config": "discovery documents end in a 500",
    "unlisted": "whoever is inactive is not listed, but found by filter",
    "hidden": "whoever is inactive is neither listed nor found",
    "no_types": "elements of lists lose their type",
    "one_mail": "only one e-mail and one telephone number are kept, without a type",
    "strict_type": "only application/scim+json is taken",
    "strict_remove": "removing what is not there is 400 noTarget",
    "strict_replace": "replacing what is not there is 400 noTarget; adding works",
    "lone_ops": "a PATCH with more than one operation is 400",
    "no_totals": "lists do not say totalResults",
    "text_totals": "lists give totalResults and booleans as text",
    "no_resources": "an empty list has no Resources",
    "html": "errors are web pages",
    "secretive": "errors repeat the token",
    "forgets_put": "PUT clears what it does not say, active too",
    "manager_text": "the manager is a bare id",
    "manager_list": "the manager is a list of one",
}


class _No(Exception):
    def __init__(self, status: int, kind: str = "", detail: str = "") -> None:
        self.status, self.kind, self.detail = status, kind, detail


@dataclass
class Other:
    """The store, its traits, and what was asked of it."""

    traits: frozenset[str] = frozenset()
    fails: frozenset[str] = frozenset()
    """Members whose change ends in a 500, nothing written."""
    refuses: frozenset[str] = frozenset()
    """Members that are 400 wherever they are said in a body, shown or not."""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    """Method and address as it came."""
    url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    waiting: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def has(self, *traits: str) -> bool:
        """Whether any of these traits is on."""
        return bool(self.traits & set(traits))

    def add(self, person: dict[str, Any]) -> str:
        """Put somebody in by hand; the id as this server makes it."""
        made = copy.deepcopy(person)
        made["id"] = person.get("id") or self._new_id(person)
        made.setdefault("active", True)
        self.people[made["id"]] = made
        self.versions[made["id"]] = 1
        return str(made["id"])

    def wrote(self) -> list[tuple[str, str]]:
        """The requests that were not reads."""
        return [one for one in self.log if one[0] != "GET"]

    def _new_id(self, person: dict[str, Any]) -> str:
        name = str(person.get("userName"))
        if self.has("verbatim_ids", "escaped_ids"):
            return quote(f"ou/{name}", safe="")
        if self.has("named_ids", "path_ids"):
            return f"people/Zoë {len(self.people) + 1}" if self.has("named_ids") else f"people/{len(self.people) + 1}"
        return str(1000 + len(self.versions))

    def find(self, segment: str) -> str:
        """The id an address means."""
        wanted = segment if self.has("verbatim_ids") else unquote(segment)
        if self.has("path_ids") and "%2F" in segment.upper():
            raise _No(404)
        if wanted not in self.people:
            raise _No(404, detail="Resource not found")
        return wanted

    def address(self, profile_id: str) -> str:
        """``meta.location``."""
        safe = "%" if self.has("verbatim_ids") else "/" if self.has("path_ids") else ""
        return f"{self.url}/Users/{quote(profile_id, safe=safe)}"

    def shown(self, profile_id: str) -> dict[str, Any]:
        """The profile as it is answered."""
        made = copy.deepcopy(self.people[profile_id])
        made["schemas"] = [CORE, ENTERPRISE]
        made["meta"] = {"resourceType": "User", "location": self.address(profile_id)}
        if self.has("new_etags", "odd_etags", "strong_match", "needs_match"):
            made["meta"]["version"] = f'W/"{self.versions[profile_id]}"'
        if self.has("mutability", "read_only"):
            made["groups"] = [{"value": "g1", "display": "Everybody"}]
            made["displayName"] = " ".join(str(v) for v in made.get("name", {}).values())
        if self.has("text_totals"):
            made["active"] = str(made["active"])
        manager = made.get(ENTERPRISE, {}).get("manager")
        if isinstance(manager, dict) and self.has("manager_text", "manager_list"):
            made[ENTERPRISE]["manager"] = manager["value"] if self.has("manager_text") else [manager]
        return made

    def hold(self, made: dict[str, Any]) -> None:
        """Store a profile as this server keeps it."""
        for name in ("schemas", "meta", "groups"):
            made.pop(name, None)
        if self.has("mutability", "read_only"):
            made.pop("displayName", None)
        for name in ("emails", "phoneNumbers"):
            if self.has("no_types", "one_mail") and isinstance(made.get(name), list):
                made[name] = [{k: v for k, v in e.items() if k != "type"} for e in made[name]]
            if self.has("one_mail") and isinstance(made.get(name), list):
                made[name] = made[name][-1:]
        self.people[made["id"]] = made
        self.versions[made["id"]] = self.versions.get(made["id"], 0) + 1

    def check(self, made: dict[str, Any], before: dict[str, Any], said: dict[str, Any]) -> None:
        """Whether a write may be.

        Raises:
            _No: it may not.
        """
        if broken := [n for n in self.fails if made.get(n) != before.get(n)]:
            raise _No(500, detail=f"Unexpected error near {broken[0]}")
        if told := [n for n in self.refuses if n in said]:
            raise _No(400, "invalidSyntax", f"{told[0]} is not supported")
        name = str(made.get("userName", "")).casefold()
        if any(str(p.get("userName")).casefold() == name and i != made.get("id") for i, p in self.people.items()):
            raise _No(409, "uniqueness", "userName is taken")


def patched(resource: dict[str, Any], operations: list[dict[str, Any]], other: Other) -> dict[str, Any]:
    """``resource`` after ``operations``; pathless ones may have paths for names."""
    made = copy.deepcopy(resource)
    if other.has("lone_ops") and len(operations) > 1:
        raise _No(400, "tooMany", "one operation at a time")
    for operation in operations:
        op, path, value = str(operation.get("op")).lower(), operation.get("path"), operation.get("value")
        if op not in {"add", "replace", "remove"}:
            raise _No(400, "invalidSyntax")
        for where, what in [(path, value)] if path else list(dict(value or {}).items()):
            _step(made, str(where), op, what, other)
    return made


def _step(made: dict[str, Any], path: str, op: str, value: Any, other: Other) -> None:
    found = _STEP.match(path)
    if found is None:
        raise _No(400, "invalidPath")
    urn, name, clauses, sub = found.groups()
    holder = made.setdefault(urn, {}) if urn else made
    if not name:
        holder.update(value)
    elif clauses is not None:
        _element(holder.setdefault(name, []), dict(_CLAUSE.findall(clauses)), sub, op, value)
    elif sub is not None:
        inner = holder.setdefault(name, {})
        inner.pop(sub, None) if op == "remove" else inner.__setitem__(sub, value)
    elif (op == "remove" and other.has("strict_remove")) or (op == "replace" and other.has("strict_replace")):
        if name not in holder:
            raise _No(400, "noTarget")
        holder.pop(name) if op == "remove" else holder.__setitem__(name, value)
    elif op == "remove":
        holder.pop(name, None)
    elif op == "add" and isinstance(holder.get(name), list):
        holder[name] = [*holder[name], *(value if isinstance(value, list) else [value])]
    else:
        holder[name] = value


def _element(rows: list[dict[str, Any]], wanted: dict[str, str], sub: str | None, op: str, value: Any) -> None:
    element = next((e for e in rows if all(str(e.get(k)) == v for k, v in wanted.items())), None)
    if element is None:
        if op != "add":
            raise _No(400, "noTarget")
        rows.append(wanted | {sub or "value": value})
    elif op != "remove":
        element[sub or "value"] = value
    elif sub:
        element.pop(sub, None)
    else:
        rows.remove(element)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    other: Other

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts, other = urlsplit(self.path), self.other
        path = parts.path.removeprefix("/scim/v2")
        with other.lock:
            other.log.append((self.command, path))
            try:
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    raise _No(401)
                if body and other.has("strict_type") and "scim+json" not in str(self.headers.get("Content-Type")):
                    raise _No(415)
                status, answer, headers = self._answer(path, parse_qs(parts.query), json.loads(body) if body else {})
            except _No as no:
                status, answer, headers = no.status, self._refusal(no), {}
        self._send(status, answer, headers)

    def _refusal(self, no: _No) -> Any:
        if self.other.has("secretive"):
            return {"detail": f"Rejected request with Authorization: Bearer {TOKEN}", "status": no.status}
        if self.other.has("html"):
            return f"<html><title>{no.status}</title><body><h1>Error</h1><script>alert(1)</script></body></html>"
        return {"status": str(no.status), "scimType": no.kind, "detail": no.detail}

    def _answer(self, path: str, query: dict[str, list[str]], said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        other = self.other
        if path == "/Schemas" and other.has("read_only"):
            return 200, {"Resources": [_SCHEMA]}, {}
        if not path.startswith("/Users"):
            status = 403 if other.has("closed_config") else 500 if other.has("broken_config") else 404
            if other.has("no_config", "closed_config", "broken_config") or path != "/ServiceProviderConfig":
                raise _No(status)
            return 200, {"patch": {"supported": not other.has("no_patch")}, "filter": {"supported": True}}, {}
        segment = path.removeprefix("/Users").removeprefix("/")
        if not segment:
            return self._list(query) if self.command == "GET" else self._create(said)
        profile_id = other.find(segment)
        if self.command == "GET":
            return self._read(profile_id)
        self._match(profile_id)
        if self.command == "DELETE":
            del other.people[profile_id]
            return 204, None, {}
        return self._change(profile_id, said)

    def _read(self, profile_id: str) -> tuple[int, Any, dict[str, str]]:
        other = self.other
        left, made = other.waiting.get(profile_id, (0, {}))
        if left > 1:
            other.waiting[profile_id] = (left - 1, made)
        elif left == 1:
            del other.waiting[profile_id]
            other.hold(made)
        if other.has("new_etags"):
            other.versions[profile_id] += 1
        return 200, other.shown(profile_id), {}

    def _match(self, profile_id: str) -> None:
        given, version = self.headers.get("If-Match"), f'W/"{self.other.versions[profile_id]}"'
        if given is None and self.other.has("needs_match"):
            raise _No(428)
        if given is not None and self.other.has("odd_etags", "strong_match"):
            raise _No(412)
        if given is not None and self.other.has("new_etags", "needs_match") and given != version:
            raise _No(412)

    def _change(self, profile_id: str, said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        other, held = self.other, self.other.people[profile_id]
        if self.command == "PATCH":
            if other.has("no_patch"):
                raise _No(405)
            made = patched(held, said["Operations"], other)
            words = {str(op.get("path") or "").split(".")[0].split("[")[0] for op in said["Operations"]}
            said = dict.fromkeys(words)
        else:
            if other.has("no_put"):
                raise _No(501)
            if other.has("mutability", "read_only") and said.keys() & {"groups", "displayName"}:
                raise _No(400, "mutability" if other.has("mutability") else "", "displayName cannot be given")
            made = (dict(said) if other.has("forgets_put") else held | said) | {"id": profile_id}
            for name, value in list(made.items()):
                if name not in said and isinstance(value, list):
                    del made[name]
            made.setdefault("active", False)
        other.check(made, held, said)
        if other.has("accepts"):
            other.waiting[profile_id] = (2, made)
            return 202, None, {}
        other.hold(made)
        if other.has("empty_200"):
            return 200, None, {}
        if other.has("bare_200"):
            return 200, {"id": profile_id, "schemas": [CORE]}, {}
        return 200, other.shown(profile_id), {}

    def _create(self, said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        other = self.other
        other.check(said, {}, said)
        said.pop("id", None)
        profile_id = other.add(said)
        other.hold(other.people[profile_id])
        headers = {"Location": other.address(profile_id)}
        return 201, None if other.has("silent_201") else other.shown(profile_id), headers

    def _list(self, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        other = self.other
        rows = [
            other.shown(i) for i, one in other.people.items() if one["active"] or not other.has("unlisted", "hidden")
        ]
        if "filter" in query:
            name, _, value = query["filter"][0].partition(" eq ")
            wanted = str(json.loads(value)).casefold()
            rows = [
                other.shown(i)
                for i, one in other.people.items()
                if str(one.get(name, "")).casefold() == wanted and (one["active"] or not other.has("hidden"))
            ]
        start, count = int(query.get("startIndex", ["1"])[0]), int(query.get("count", ["5"])[0])
        page = rows[start - 1 : start - 1 + min(count, 5)]
        answer: dict[str, Any] = {"startIndex": start, "itemsPerPage": len(page), "totalResults": len(rows)}
        if other.has("no_totals"):
            del answer["totalResults"]
        if other.has("text_totals"):
            answer["totalResults"] = str(len(rows))
        if page or not other.has("no_resources"):
            answer["Resources"] = page
        return 200, answer, {}

    def _send(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        text = b"" if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(answer, str) else "application/scim+json")
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(text)


@contextmanager
def serving(other: Other) -> Iterator[Other]:
    """``other`` on a free port of loopback; its ``url`` is set."""
    assert other.traits <= TRAITS.keys(), other.traits
    with handling(_Handler, other=other) as root:
        other.url = f"{root}/scim/v2"
        yield other
