"""Tenants that leave users out of what they list, with no error at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from tests.support.graph_server import Tenant, person

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def tenant_of(users: int, page: int = 25) -> Tenant:
    return Tenant(users=[person(n) for n in range(users)], page=page)


def key(number: int) -> str:
    return str(person(number)["id"])


def losing(tenant: Tenant, lost: int, *, times: int, by_page: bool = False) -> Any:
    """Leaves users out of the first ``times`` reads, with no error at all."""
    reads = [0]

    def before(path: str, query: dict[str, str], _request: Request) -> Response | None:
        if path != "users":
            return None
        if "$skiptoken" not in query:
            reads[0] += 1
            if reads[0] <= times and by_page:
                return None
        if reads[0] > times:
            return None
        start = int(query.get("$skiptoken", "0"))
        if by_page and start == 0:
            return None
        size = int(query["$top"]) // 40
        rows = [user for user in tenant.users[start : start + size] if by_page or user["id"] != key(lost)]
        rows = rows[:-1] if by_page else rows
        shown = [{k: v for k, v in user.items() if k != "manager_id"} for user in rows]
        page: dict[str, Any] = {"value": shown}
        if start + size < len(tenant.users):
            rest = f"$select={query['$select']}&$top={query['$top']}"
            page["@odata.nextLink"] = f"{tenant.base}/v1.0/users?{rest}&$skiptoken={start + size}"
        return JSONResponse(page)

    return before
