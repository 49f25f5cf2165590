"""A second Microsoft Graph, written from the documentation alone and as unlike the first as the documentation allows.

``Manners`` bends it in legal ways; ``Other.fault`` sees every request with its kind and number and may answer instead.
"""

from __future__ import annotations

import gzip as gzipped
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.support.graph_server import jwt

if TYPE_CHECKING:
    from starlette.requests import Request

Row = dict[str, Any]
Fault = Callable[[str, int], "Response | None"]
ROLES = ("User.Read.All", "Application.Read.All", "GroupMember.Read.All")
NO_ROLE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Manners:
    """What Graph may do this way or that."""

    size: int = 7
    """Of every page, whatever ``$top`` says."""
    says_null: bool = False
    """Properties without a value are sent as null rather than left out."""
    manager_is_null: bool = False
    backwards: bool = False
    """Order of properties, and the link before the rows."""
    annotated: bool = False
    opaque: bool = False
    """Links to further pages are paths of their own rather than parameters."""
    streamed: bool = False
    gzip: bool = False
    batch_is_text: bool = False
    """Ids and status of batch parts come as text, the last first."""
    limited_members: bool = False
    bom: bool = True
    reads_expand: bool = True
    refuses_expand: tuple[str, ...] = ()
    """What of ``$expand`` is answered with 400: words it may hold."""
    knows_single_managers: bool = True


@dataclass
class Other:
    """A tenant: people by id (``manager`` is the server's own key), groups, one application."""

    people: dict[str, Row]
    groups: dict[str, list[str]] = field(default_factory=dict)
    assigned: list[tuple[str, str]] = field(default_factory=list)
    """Principal and its type."""
    bin: list[str] = field(default_factory=list)
    manners: Manners = field(default_factory=Manners)
    fault: Fault | None = None
    moves: list[str] = field(default_factory=list)
    """Ids that changed, in order, for ``users/delta``; managers' removal moves nobody else."""
    base: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    tokens: set[str] = field(default_factory=set)
    parked: list[tuple[str, dict[str, str], int]] = field(default_factory=list)

    def application(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
                Route("/v1.0/{path:path}", self._graph, methods=["GET", "POST"]),
            ]
        )

    async def _token(self, _request: Request) -> Response:
        token = jwt(ROLES, len(self.tokens))
        self.tokens.add(token)
        return _json({"token_type": "Bearer", "expires_in": 3599, "access_token": token})

    async def _graph(self, request: Request) -> Response:
        path = unquote(request.url.path).removeprefix("/v1.0/")
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        kind = self._kind(path, query)
        self.seen[kind] += 1
        if self.fault and (answer := self.fault(kind, self.seen[kind])):
            return answer
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _no(401, "InvalidAuthenticationToken")
        if path == "$batch":
            return self._dressed(self._batch(await request.json()))
        status, body = self._one(path, query, eventual=request.headers.get("consistencylevel") == "eventual")
        if isinstance(body, int):
            text = ("\ufeff" if self.manners.bom else "") + str(body)
            return Response(text, status, headers={"content-type": "text/plain;charset=utf-8"})
        return self._dressed(body, status)

    def _kind(self, path: str, query: dict[str, str]) -> str:
        name = path
        for key in [*self.groups, *self.people]:
            name = name.replace(key, "*")
        if path.startswith("continue/"):
            name, query, _ = self.parked[int(path.split("/")[1])]
            return f"{name} further"
        return f"{name} further" if "$skiptoken" in query else name

    def _dressed(self, body: Row, status: int = 200) -> Response:
        raw = json.dumps(body, ensure_ascii=True).encode()
        headers = {"content-type": "application/json;odata.metadata=minimal;odata.streaming=true;charset=utf-8"}
        if self.manners.gzip:
            raw, headers = gzipped.compress(raw), {**headers, "content-encoding": "gzip"}
        if self.manners.streamed:
            return StreamingResponse(_pieces(raw), status, headers=headers)
        return Response(raw, status, headers=headers)

    def _batch(self, body: Row) -> Row:
        parts = []
        for part in body["requests"]:
            url = urlsplit(part["url"])
            status, content = self._one(unquote(url.path).lstrip("/"), dict(parse_qsl(url.query)), eventual=False)
            parts.append(
                {
                    "body": content,
                    "headers": {"content-type": "application/json"},
                    "status": str(status) if self.manners.batch_is_text else status,
                    "id": part["id"],
                }
            )
        return {"responses": parts[::-1]}

    def _one(self, path: str, query: dict[str, str], *, eventual: bool) -> tuple[int, Any]:  # noqa: PLR0911 - a return per address
        if path.startswith("continue/"):
            path, query, start = self.parked[int(path.split("/")[1])]
            return 200, self._page(path, query, start)
        if path == "users/delta":
            return self._delta(query)
        parts = path.split("/")
        if parts[0] == "users" and any(word in query.get("$expand", "") for word in self.manners.refuses_expand):
            return 400, _error("Request_BadRequest", "The query is not valid.")
        if parts[0] == "users" and len(parts) > 1 and parts[1] != "$count":
            return self._single(parts, query)
        if parts[-1] == "$count":
            rows = self._rows(path.removesuffix("/$count"))
            return (200, len(rows)) if eventual and rows is not None else (400, _error("Request_BadRequest"))
        if path.startswith("servicePrincipals/") and len(parts) == 2:
            return (200, self._app()) if parts[1] == "app-object" else (404, _error("Request_ResourceNotFound"))
        if self._rows(path) is None:
            return 404, _error("Request_ResourceNotFound")
        return 200, self._page(path, query, int(query.get("$skiptoken", "0")))

    def _single(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        person = self.people.get(parts[1])
        missing = 404, _error("Request_ResourceNotFound", f"Resource '{parts[-1]}' does not exist or …")
        if person is None:
            return missing
        if len(parts) == 2:
            return 200, self._shown(person, query)
        boss = person.get("manager")
        if parts[2] == "manager" and self.manners.knows_single_managers and boss in self.people:
            return 200, {"@odata.type": "#microsoft.graph.user", "id": boss}
        if parts[2] == "directReports":
            rows = [key for key, one in self.people.items() if one.get("manager") == parts[1]]
            return 200, {"value": [{"@odata.type": "#microsoft.graph.user", "id": key} for key in rows]}
        if not self.manners.knows_single_managers:
            return 404, _error("UnknownError", "no such segment")
        return missing

    def _app(self) -> Row:
        return {"appRoles": [], "displayName": "Pingboard", "appId": "0-1", "id": "app-object"}

    def _rows(self, path: str) -> list[Any] | None:
        if path == "users":
            return list(self.people.values())
        if path == "directory/deletedItems/microsoft.graph.user":
            return [{"id": key} for key in self.bin]
        if path == "servicePrincipals":
            return [self._app()]
        if path == "servicePrincipals/app-object/appRoleAssignedTo":
            return [
                {"principalType": kind, "principalId": key, "appRoleId": NO_ROLE, "id": f"a{number}"}
                for number, (key, kind) in enumerate(self.assigned)
            ]
        parts = path.split("/")
        if parts[0] == "groups" and len(parts) == 3 and parts[1] in self.groups:
            more: Row = {} if self.manners.limited_members else {"displayName": None, "businessPhones": []}
            return [{"@odata.type": "#microsoft.graph.user", "id": key, **more} for key in self.groups[parts[1]]]
        return None

    def _page(self, path: str, query: dict[str, str], start: int) -> Row:
        rows, size = self._rows(path) or [], self.manners.size
        some = rows[start : start + size]
        page: Row = {"@odata.context": f"{self.base}/v1.0/$metadata#users(manager)"} if self.manners.annotated else {}
        if self.manners.annotated and start == 0:
            page["@odata.count"] = len(rows)
        value = [self._shown(row, query) for row in some] if path == "users" else some
        page["value"] = value
        if start + size < len(rows):
            page["@odata.nextLink"] = self._link(path, query, start + size)
        return dict(reversed(page.items())) if self.manners.backwards else page

    def _link(self, path: str, query: dict[str, str], start: int) -> str:
        if self.manners.opaque:
            self.parked.append((path, query, start))
            return f"{self.base}/v1.0/continue/{len(self.parked) - 1}"
        rest = "&".join(f"%24{key.lstrip('$')}={value}" for key, value in query.items() if key != "$skiptoken")
        return f"{self.base}/v1.0/{path}?%24skiptoken={start}&{rest}"

    def _shown(self, person: Row, query: dict[str, str]) -> Row:
        wanted = query.get("$select", "id").split(",")
        row = {name: person.get(name) for name in wanted if person.get(name) is not None or self.manners.says_null}
        boss = person.get("manager")
        if "manager" in query.get("$expand", "") and self.manners.reads_expand:
            if boss in self.people:
                row["manager"] = {"@odata.type": "#microsoft.graph.user", "id": boss}
            elif self.manners.manager_is_null:
                row["manager"] = None
        if self.manners.annotated:
            row = {"@odata.id": f"{self.base}/v2/x/directoryObjects/{person['id']}", "unasked": {"a": [1]}, **row}
        return dict(reversed(row.items())) if self.manners.backwards else row

    def _delta(self, query: dict[str, str]) -> tuple[int, Any]:
        token = query.get("$deltatoken", "")
        select = query.get("$select") or query.get("sel", "")
        since = len(self.moves) if token == "latest" else int(token or 0)
        since, until, start = map(int, query.get("$skiptoken", f"{since}-{len(self.moves)}-0").split("-"))
        every = list(dict.fromkeys(self.moves[since:until]))
        keys = every[start : start + self.manners.size]
        rows: list[Row] = []
        for key in keys:
            if key not in self.people:
                rows.append({"id": key, "@removed": {"reason": "changed" if key in self.bin else "deleted"}})
                continue
            person = self.people[key]
            row = {name: person.get(name) for name in select.split(",") if name != "manager"}
            if "manager" in select.split(",") and person.get("manager"):
                row["manager@delta"] = [{"@odata.type": "#microsoft.graph.user", "id": person["manager"]}]
            elif "manager" in select.split(",") and person.get("had"):
                gone = {"@odata.type": "#microsoft.graph.user", "id": person["had"], "@removed": {"reason": "deleted"}}
                row["manager@delta"] = [gone]
            rows.append(row)
        link = f"{self.base}/v1.0/users/delta?sel={select}"
        if start + len(keys) < len(every):
            further = f"{link}&$skiptoken={since}-{until}-{start + len(keys)}"
            return 200, {"value": rows, "@odata.nextLink": further}
        return 200, {"value": rows, "@odata.deltaLink": f"{link}&$deltatoken={until}"}


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(raw), 301):
        yield raw[at : at + 301]


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, headers={"content-type": "application/json"})


def _error(code: str, message: str = "") -> Row:
    return {"error": {"message": message, "code": code}}


def _no(status: int, code: str) -> Response:
    return _json(_error(code), status)
