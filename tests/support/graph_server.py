"""A small Microsoft Graph on loopback, written from the documentation and independent of the product's sandbox.

Everything it does can be bent for a test: ``Tenant.before`` sees each request first and may answer in its stead.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.listening import listening

__all__ = ["ALL_ROLES", "CLIENT", "SECRET", "TENANT", "Tenant", "error", "jwt", "listening", "person", "serving"]

SECRET = "sEcReT-value~1234567890"
CLIENT = "11111111-2222-3333-4444-555555555555"
TENANT = "contoso.example"
ALL_ROLES = ("User.Read.All", "Application.Read.All", "GroupMember.Read.All")

Answerer = Callable[[str, dict[str, str], Request], Response | None]


def person(number: int, **other: Any) -> dict[str, Any]:
    """A user with most properties, as Graph holds it; ``manager_id`` is the server's own."""
    return {
        "id": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd",
        "userPrincipalName": f"user{number}@contoso.example",
        "displayName": f"User {number}",
        "givenName": "User",
        "surname": f"Number{number}",
        "mail": f"user{number}@contoso.example",
        "mailNickname": f"user{number}",
        "accountEnabled": True,
        "userType": "Member",
        "creationType": None,
        "externalUserState": None,
        "employeeId": str(number),
        "employeeType": "Employee",
        "jobTitle": "Engineer",
        "department": "Research",
        "businessPhones": ["+1 555 0100"],
        "assignedLicenses": [{"skuId": "99999999-0000-0000-0000-000000000000", "disabledPlans": []}],
        "onPremisesDistinguishedName": None,
        "onPremisesExtensionAttributes": {"extensionAttribute1": f"x{number}", "extensionAttribute2": None},
        "employeeOrgData": {"division": "North", "costCenter": "42"},
        "showInAddressList": None,
        "createdDateTime": "2020-01-01T00:00:00Z",
        "mobilePhone": None,
        "officeLocation": "Room 1",
        **other,
    }


@dataclass
class Tenant:
    """What the server knows; edited freely by tests."""

    users: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    apps: list[dict[str, Any]] = field(default_factory=list)
    assignments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    mailboxes: dict[str, Any] = field(default_factory=dict)
    roles: tuple[str, ...] = ALL_ROLES
    page: int = 999
    known_properties: set[str] = field(default_factory=set)
    before: Answerer | None = None
    counts: dict[str, int] = field(default_factory=dict)
    token_lifetime: int = 3600
    log: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    changes: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Change number and delta item, for ``users/delta``."""
    clock: int = 0
    delta_is_offered: bool = True
    expands_single: bool = True
    base: str = ""
    extra_headers: dict[str, str] = field(default_factory=dict)

    def assign(self, principal: str, *, kind: str = "User", app: str = "app-1", role: str = "0" * 8) -> None:
        """Assign a user or group to an application."""
        number = len(self.assignments.setdefault(app, []))
        self.assignments[app].append(
            {
                "id": f"assignment-{number}",
                "appRoleId": role if "-" in role else "00000000-0000-0000-0000-000000000000",
                "principalId": principal,
                "principalType": kind,
                "principalDisplayName": "somebody",
            }
        )

    def group(self, group: str, name: str, members: list[str]) -> None:
        """A group with user members."""
        self.groups[group] = {"id": group, "displayName": name}
        self.members[group] = [{"@odata.type": "#microsoft.graph.user", "id": key} for key in members]

    def edit(self, number: int, **values: Any) -> None:
        """Change properties of one user and tell delta."""
        user = self.users[number]
        before = user.get("manager_id")
        user.update(values)
        item = {"id": user["id"], **{k: v for k, v in values.items() if k != "manager_id"}}
        if "manager_id" in values:
            gone = [{"@odata.type": "#microsoft.graph.user", "id": before, "@removed": {"reason": "deleted"}}]
            come = [{"@odata.type": "#microsoft.graph.user", "id": values["manager_id"]}]
            item["manager@delta"] = (gone if before else []) + (come if values["manager_id"] else [])
        self.tell(item)

    def add(self, user: dict[str, Any]) -> None:
        """A new or restored user."""
        self.users.append(user)
        self.deleted = [other for other in self.deleted if other["id"] != user["id"]]
        item = {k: v for k, v in user.items() if v is not None and k != "manager_id"}
        if user.get("manager_id"):
            item["manager@delta"] = [{"@odata.type": "#microsoft.graph.user", "id": user["manager_id"]}]
        self.tell(item)

    def remove(self, number: int) -> dict[str, Any]:
        """Soft-delete one user."""
        user = self.users.pop(number)
        self.deleted.append(user)
        self.tell({"id": user["id"], "@removed": {"reason": "changed"}})
        return user

    def tell(self, item: dict[str, Any]) -> None:
        """Add one item to the change log."""
        self.clock += 1
        self.changes.append((self.clock, item))


def error(status: int, code: str, message: str = "", **headers: str) -> JSONResponse:
    """A Graph-shaped error."""
    body = {"error": {"code": code, "message": message, "innerError": {"request-id": "r-1"}}}
    return JSONResponse(
        body, status, headers={"request-id": "r-1", **{k.replace("_", "-"): v for k, v in headers.items()}}
    )


def jwt(roles: tuple[str, ...], number: int) -> str:
    """An unsigned token whose ``roles`` can be read."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part({'roles': list(roles), 'n': number, 'exp': int(time.time()) + 3600})}.x"


class _Server:
    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    async def token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        tenant = request.path_params["tenant"]
        client, secret = form.get("client_id", [""])[0], form.get("client_secret", [""])[0]
        self.tenant.log.append(f"token {tenant}")
        if self.tenant.before and (answer := self.tenant.before("token", {}, request)):
            return answer
        if tenant != TENANT:
            return self._no("invalid_request", 90002, 400)
        if client != CLIENT:
            return self._no("unauthorized_client", 700016, 400)
        if secret != SECRET and "client_assertion" not in form:
            return self._no("invalid_client", 7000215, 401)
        token = jwt(self.tenant.roles, len(self.tenant.tokens))
        self.tenant.tokens.append(token)
        return JSONResponse({"token_type": "Bearer", "expires_in": self.tenant.token_lifetime, "access_token": token})

    def _no(self, word: str, code: int, status: int) -> Response:
        text = f"AADSTS{code}: Something with {SECRET} in it. Trace ID: 1"
        return JSONResponse({"error": word, "error_description": text, "error_codes": [code]}, status)

    async def graph(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/v1.0/")
        query = {key: values[0] for key, values in parse_qs(request.url.query, keep_blank_values=True).items()}
        self.tenant.log.append(f"{request.method} {path}?{unquote(request.url.query)}")
        self.tenant.authorizations.append(request.headers.get("authorization", ""))
        if self.tenant.before and (answer := self.tenant.before(path, query, request)):
            return answer
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tenant.tokens:
            return error(401, "InvalidAuthenticationToken", "Access token is empty or expired.")
        if path == "$batch":
            return self.batch(await request.json())
        advanced = request.headers.get("consistencylevel") == "eventual"
        return self.one(path, query, advanced=advanced)

    def batch(self, body: dict[str, Any]) -> Response:
        parts = body["requests"]
        if len(parts) > 20:
            return error(400, "BadRequest", "too many")
        responses = []
        for part in reversed(parts):
            url = urlsplit(part["url"].lstrip("/"))
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            answer = self.one(unquote(url.path), query, advanced=False)
            content = json.loads(bytes(answer.body)) if answer.body else {}
            responses.append({"id": part["id"], "status": answer.status_code, "headers": {}, "body": content})
        return JSONResponse({"responses": responses})

    def one(self, path: str, query: dict[str, str], *, advanced: bool) -> Response:  # noqa: PLR0911 - a return per address
        parts = path.split("/")
        roles = self.tenant.roles
        needed = {
            "users": "User.Read.All",
            "servicePrincipals": "Application.Read.All",
            "groups": "GroupMember.Read.All",
        }
        if parts[0] in needed and needed[parts[0]] not in roles:
            return error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        if parts[-1] == "$count":
            if not advanced:
                return error(400, "Request_BadRequest", "$count needs ConsistencyLevel")
            return self.count("/".join(parts[:-1]))
        if path == "users/delta":
            return self.delta(query)
        if parts[0] == "users" and len(parts) >= 2:
            return self.user(parts, query)
        rows = self.collection(path)
        if rows is None:
            return error(404, "Request_ResourceNotFound", f"{path} does not exist")
        if isinstance(rows, dict):
            return JSONResponse(rows)
        return self.paged(path, rows, query)

    def count(self, path: str) -> Response:
        if path in self.tenant.counts:
            return PlainTextResponse(str(self.tenant.counts[path]))
        rows = self.collection(path)
        if not isinstance(rows, list):
            return error(404, "Request_ResourceNotFound")
        return PlainTextResponse("\ufeff" + str(len(rows)))

    def collection(self, path: str) -> list[dict[str, Any]] | dict[str, Any] | None:  # noqa: PLR0911 - a return per address
        tenant, parts = self.tenant, path.split("/")
        if path == "users":
            return tenant.users
        if path == "directory/deletedItems/microsoft.graph.user":
            return tenant.deleted
        if path == "servicePrincipals":
            return tenant.apps
        if path == "groups":
            return list(tenant.groups.values())
        if parts[0] == "servicePrincipals":
            if parts[1] not in {app["id"] for app in tenant.apps}:
                return None
            return (
                tenant.assignments.get(parts[1], [])
                if len(parts) == 3
                else next(app for app in tenant.apps if app["id"] == parts[1])
            )
        if parts[0] == "groups" and parts[1] in tenant.groups:
            if len(parts) == 2:
                return tenant.groups[parts[1]]
            return self.everybody(parts[1]) if parts[2] == "transitiveMembers" else tenant.members[parts[1]]
        return None

    def everybody(self, group: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for member in self.tenant.members[group]:
            found[member["id"]] = member
            if member["id"] in self.tenant.members:
                found.update({other["id"]: other for other in self.everybody(member["id"])})
        return list(found.values())

    def user(self, parts: list[str], query: dict[str, str]) -> Response:  # noqa: PLR0911 - a return per address
        user = next((user for user in self.tenant.users if user["id"] == parts[1]), None)
        if user is None:
            return error(404, "Request_ResourceNotFound", "Resource does not exist")
        if len(parts) == 3 and parts[2] == "mailboxSettings":
            if "MailboxSettings.Read" not in self.tenant.roles:
                return error(403, "ErrorAccessDenied")
            if parts[1] not in self.tenant.mailboxes:
                return error(404, "MailboxNotEnabledForRESTAPI")
            return JSONResponse({"userPurpose": self.tenant.mailboxes[parts[1]]})
        if len(parts) == 3 and parts[2] == "manager":
            if user.get("manager_id") in {other["id"] for other in self.tenant.users}:
                return JSONResponse({"@odata.type": "#microsoft.graph.user", "id": user["manager_id"]})
            return error(404, "Request_ResourceNotFound", "Resource 'manager' does not exist or is not present.")
        return JSONResponse(self.shaped(user, query if self.tenant.expands_single else {**query, "$expand": ""}))

    def shaped(self, user: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        chosen = query.get("$select", "id,displayName,userPrincipalName").split(",")
        shape = {key: user.get(key) for key in chosen if key in user}
        manager = user.get("manager_id")
        alive = {other["id"] for other in self.tenant.users} if manager else set()
        if "manager" in query.get("$expand", "") and manager in alive:
            shape["manager"] = {"@odata.type": "#microsoft.graph.user", "id": manager}
        return shape

    def paged(self, path: str, rows: list[dict[str, Any]], query: dict[str, str]) -> Response:
        top = int(query.get("$top", "100"))
        if not 1 <= top <= 999:
            return error(400, "Request_BadRequest", "Must be between 1 and 999 inclusive")
        if "$filter" in query:
            name, _, value = query["$filter"].partition(" eq ")
            text = value.strip("'").replace("''", "'")
            rows = [row for row in rows if str(row.get(name, "")).lower() == text.lower()]
        if path == "users":
            for name in query.get("$select", "").split(","):
                if self.tenant.known_properties and name not in self.tenant.known_properties:
                    return error(
                        400,
                        "Request_BadRequest",
                        f"Could not find a property named '{name}' on type 'Microsoft.DirectoryServices.User'.",
                    )
        size, start = min(top, self.tenant.page), int(query.get("$skiptoken", "0"))
        some = rows[start : start + size]
        shown = [self.shaped(row, query) for row in some] if path == "users" else some
        page: dict[str, Any] = {"@odata.context": "x"}
        if start + size < len(rows):
            rest = "&".join(f"{key}={value}" for key, value in query.items() if key != "$skiptoken")
            page["@odata.nextLink"] = f"{self.tenant.base}/v1.0/{path}?{rest}&$skiptoken={start + size}"
        return JSONResponse({**page, "value": shown}, headers=self.tenant.extra_headers)

    def delta(self, query: dict[str, str]) -> Response:
        tenant = self.tenant
        if not tenant.delta_is_offered:
            return error(400, "Request_BadRequest", "no delta")
        token = query.get("$deltatoken", query.get("$skiptoken", "0"))
        since, _, upto = token.partition("-")
        until = int(upto) if upto else tenant.clock
        chosen = set(query.get("$select", "").split(",")) | {"id", "@removed", "manager@delta"}
        select = query.get("$select", "")
        link = f"{tenant.base}/v1.0/users/delta?$select={select}"
        if token == "latest":
            return JSONResponse({"@odata.deltaLink": f"{link}&$deltatoken={tenant.clock}", "value": []})
        some = [(n, item) for n, item in tenant.changes if int(since) < n <= until][: tenant.page]
        value = [{key: item[key] for key in item if key in chosen} for _, item in some]
        reached = some[-1][0] if some else until
        if reached < until:
            return JSONResponse({"@odata.nextLink": f"{link}&$skiptoken={reached}-{until}", "value": value})
        return JSONResponse({"@odata.deltaLink": f"{link}&$deltatoken={until}", "value": value})


_IDLE: list[tuple[str, _Server]] = []
"""Plain servers that wait for their next tenant: starting and stopping one takes half a second."""


def _application(server: _Server, *, gzip: bool) -> Starlette:
    return Starlette(
        routes=[
            Route("/{tenant}/oauth2/v2.0/token", server.token, methods=["POST"]),
            Route("/v1.0/{path:path}", server.graph, methods=["GET", "POST"]),
        ],
        middleware=[Middleware(GZipMiddleware)] if gzip else [],
    )


@contextlib.contextmanager
def serving(tenant: Tenant, *, tls: Any = None, gzip: bool = False) -> Iterator[str]:
    """The tenant on loopback; yields its address. ``tls`` is a trustme certificate."""
    if tls is not None or gzip:
        with listening(_application(_Server(tenant), gzip=gzip), tls=tls) as address:
            tenant.base = address
            yield address
        return
    if not _IDLE:
        server = _Server(tenant)
        stack = contextlib.ExitStack()
        _IDLE.append((stack.enter_context(listening(_application(server, gzip=False))), server))
        atexit.register(stack.close)
    address, server = _IDLE.pop()
    server.tenant, tenant.base = tenant, address
    try:
        yield address
    finally:
        _IDLE.append((address, server))
