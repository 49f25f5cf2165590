"""Microsoft Graph v1.0, as much of it as Trueup reads: which path leads to which answer.

Transport-free: :func:`answer` takes a :class:`Request` and gives an :class:`Answer`, for the wire and for batches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup.sandbox.tenant import applications, batch, delta, groups, pages, questions
from trueup.sandbox.tenant.errors import GraphError, bad_request, not_found, unsupported
from trueup.sandbox.tenant.permissions import require
from trueup.sandbox.tenant.properties import DEFAULT, cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.sandbox.tenant.questions import Answer, Request
    from trueup.sandbox.tenant.state import Tenant

Roles = frozenset[str]


def answer(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    """What Graph answers; :class:`GraphError` for what it refuses."""
    if request.method == "POST" and request.path == "$batch":
        return batch.answer(tenant, request, roles, answer)
    if request.method == "POST" and (found := _CHECK_GROUPS.fullmatch(request.path)):
        with tenant.lock:
            return groups.check_member_groups(tenant, request, roles, found.group(1))
    if request.method != "GET":
        raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
    for pattern, route in _ROUTES:
        if found := pattern.fullmatch(request.path):
            with tenant.lock:
                return route(tenant, request, roles, *found.groups())
    raise bad_request(f"Resource not found for the segment '{request.path.split('/')[0]}'.", "BadRequest")


def units(request: Request) -> int:
    """What the request costs in resource units (§6)."""
    parts = request.path.split("/")
    resource = next((name for name in ("transitiveMembers", "members") if name in parts), parts[0])
    options = request.options
    top = options.get("$top", "")
    return cost(
        resource, select="$select" in options, expand="$expand" in options, top=int(top) if top.isdigit() else None
    )


def _users(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    require(roles, "users")
    question = questions.read(request)
    questions.refuse_single_only(question.select)
    if "signInActivity" in (question.select or ()) or (
        question.filter is not None and "signInActivity" in question.filter.properties
    ):
        require(roles, "signInActivity")
    return pages.users_page(tenant, request, question)


def _user(tenant: Tenant, request: Request, roles: Roles, key: str) -> Answer:
    require(roles, "users")
    question = questions.read(request)
    if "signInActivity" in (question.select or ()):
        require(roles, "signInActivity")
    if "mailboxSettings" in (question.select or ()):
        require(roles, "mailboxSettings")
    user = tenant.table.get(key)
    if user is None and "@" in key:
        try:
            user = tenant.user(key)
        except KeyError:
            user = None
    if user is None:
        raise not_found(key)
    document = pages.shown(user, question.select)
    if question.expand is not None and (manager := pages.manager_of(tenant, user, question.expand)):
        document["manager"] = manager
    return pages.one(request, document, context="users")


def _manager(tenant: Tenant, request: Request, roles: Roles, key: str) -> Answer:
    require(roles, "users")
    question = questions.read(request)
    user = tenant.table.get(key)
    manager = tenant.table.get(user["manager"]) if user and user.get("manager") else None
    if manager is None:
        raise not_found("manager" if user else key)
    return pages.one(
        request,
        {"@odata.type": "#microsoft.graph.user", **pages.shown(manager, question.select)},
        context="directoryObjects",
    )


def _users_count(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    require(roles, "users")
    if not request.eventual:
        raise bad_request("$count is not currently supported without the header ConsistencyLevel: eventual.")
    return pages.number(pages.users_count(tenant, questions.read(_counting(request))))


def _counting(request: Request) -> Request:
    """The same request with ``$count=true``: a ``/$count`` segment asks for it by itself."""
    return questions.with_option(request, "$count", "true")


def _mailbox(tenant: Tenant, request: Request, roles: Roles, key: str, leaf: str | None) -> Answer:
    require(roles, "mailboxSettings")
    user = tenant.table.get(key)
    if user is None:
        raise not_found(key)
    purpose = (user.get("mailboxSettings") or {}).get("userPurpose")
    if purpose is None:
        raise GraphError(
            404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or hosted on-premise."
        )
    if leaf:
        return pages.one(request, {"value": purpose}, context=f"users('{key}')/mailboxSettings/userPurpose")
    return pages.one(request, {"userPurpose": purpose}, context=f"users('{key}')/mailboxSettings")


def _deleted(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    require(roles, "users")
    question = questions.read(request, expandable=False)
    rows = [
        pages.shown(user, question.select)
        for user in tenant.deleted.values()
        if question.filter is None or question.filter.accepts(user)
    ]
    return pages.listed(request, question, rows, context="users")


def _deleted_one(tenant: Tenant, request: Request, roles: Roles, key: str) -> Answer:
    require(roles, "users")
    question = questions.read(request, expandable=False)
    user = tenant.deleted.get(key)
    if user is None:
        raise not_found(key)
    select = question.select or (*DEFAULT, "deletedDateTime")
    return pages.one(
        request, {"@odata.type": "#microsoft.graph.user", **pages.shown(user, select)}, context="directoryObjects"
    )


def _organization(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    require(roles, "organization")
    question = questions.read(request, known=lambda _: True)
    domains = [{"name": tenant.domain, "isDefault": True, "isInitial": False}]
    row = {"id": tenant.tenant_id, "displayName": "Contoso", "verifiedDomains": domains}
    return pages.listed(request, question, [row], context="organization")


def _domains(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    require(roles, "domains")
    question = questions.read(request, known=lambda _: True)
    row = {"id": tenant.domain, "isDefault": True, "isInitial": False, "isVerified": True}
    return pages.listed(request, question, [row], context="domains")


def _unfiltered(tenant: Tenant, request: Request, roles: Roles) -> Answer:
    del tenant, request, roles
    raise unsupported("Listing all deleted objects needs a type, e.g. /directory/deletedItems/microsoft.graph.user.")


_ID = r"([^/()]+)"
_CHECK_GROUPS = re.compile(rf"users/{_ID}/checkMemberGroups")
_ROUTES: tuple[tuple[re.Pattern[str], Callable[..., Answer]], ...] = tuple(
    (re.compile(pattern), route)
    for pattern, route in (
        (r"users", _users),
        (r"users/\$count", _users_count),
        (r"users/delta(?:\(\))?", delta.answer),
        (rf"users/{_ID}", _user),
        (rf"users/{_ID}/manager", _manager),
        (rf"users/{_ID}/mailboxSettings(/userPurpose)?", _mailbox),
        (r"directory/deletedItems", _unfiltered),
        (r"directory/deletedItems/microsoft\.graph\.user", _deleted),
        (rf"directory/deletedItems/(?:microsoft\.graph\.user/)?{_ID}", _deleted_one),
        (r"servicePrincipals", applications.listed),
        (rf"servicePrincipals/{_ID}", applications.one),
        (r"servicePrincipals\(appId='([^']+)'\)", applications.one),
        (rf"servicePrincipals/{_ID}/appRoleAssignedTo(/\$count)?", applications.assigned),
        (r"servicePrincipals\(appId='([^']+)'\)/appRoleAssignedTo(/\$count)?", applications.assigned),
        (rf"servicePrincipals/{_ID}/synchronization/jobs", applications.jobs),
        (rf"servicePrincipals/{_ID}/synchronization/jobs/{_ID}/schema", applications.schema),
        (r"groups", groups.listed),
        (rf"groups/{_ID}", groups.one),
        (rf"groups/{_ID}/(members|transitiveMembers)(/microsoft\.graph\.user)?(/\$count)?", groups.members),
        (r"organization", _organization),
        (r"domains", _domains),
    )
)
