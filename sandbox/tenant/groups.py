"""Groups and their members, direct and over all nesting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from trueup.sandbox.tenant import pages, questions
from trueup.sandbox.tenant.errors import bad_request, denied, not_found
from trueup.sandbox.tenant.permissions import require
from trueup.sandbox.tenant.properties import PERMISSIONS, is_known
from trueup.sandbox.tenant.questions import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.sandbox.tenant.data import Group
    from trueup.sandbox.tenant.questions import Request
    from trueup.sandbox.tenant.state import Tenant

_PROPERTIES = frozenset(
    [
        "id",
        "displayName",
        "description",
        "mail",
        "mailEnabled",
        "mailNickname",
        "securityEnabled",
        "groupTypes",
        "visibility",
    ]
)
Member = dict[str, Any]


def listed(tenant: Tenant, request: Request, roles: frozenset[str]) -> Answer:
    """``/groups``, with ``$filter`` on displayName or id."""
    require(roles, "groups")
    question = questions.read(request, known=_PROPERTIES.__contains__, expandable=False)
    rows = [
        _selected(document, question.select)
        for document in map(_document, tenant.groups.values())
        if question.filter is None or question.filter.accepts(document)
    ]
    return pages.listed(request, question, rows, context="groups")


def one(tenant: Tenant, request: Request, roles: frozenset[str], key: str) -> Answer:
    """``/groups/{id}``."""
    require(roles, "groups")
    question = questions.read(request, known=_PROPERTIES.__contains__, expandable=False)
    return pages.one(request, _selected(_document(_found(tenant, key)), question.select), context="groups")


def members(
    tenant: Tenant,
    request: Request,
    roles: frozenset[str],
    key: str,
    relation: str,
    cast: str | None,
    count: str | None,
) -> Answer:
    """Members, direct or transitive; a cast to users and a count are advanced queries."""
    require(roles, "groups")
    group = _found(tenant, key)
    if group.hidden and not roles & PERMISSIONS["hiddenMembers"]:
        raise denied()
    question = questions.read(request, known=is_known, expandable=False)
    if count and not request.eventual:
        raise bad_request("$count is not currently supported without the header ConsistencyLevel: eventual.")
    if cast and not (request.eventual and (question.count or count)):
        raise bad_request(
            "Request with $count query parameter and the header ConsistencyLevel: eventual is needed for a cast."
        )
    found = _transitive(tenant, group) if relation == "transitiveMembers" else _direct(tenant, group)
    if cast:
        found = [member if member and tenant.table.has(member) else None for member in found]
    if count:
        return pages.number(sum(member is not None for member in found))
    return pages.listed(
        request,
        question,
        found,
        context="directoryObjects",
        show=lambda member: _shown(tenant, member, roles, question.select),
    )


def check_member_groups(tenant: Tenant, request: Request, roles: frozenset[str], key: str) -> Answer:
    """``POST /users/{id}/checkMemberGroups``: which of the groups named the person is in, nested ones included."""
    require(roles, "groups")
    require(roles, "users")
    try:
        wanted = orjson.loads(request.body)["groupIds"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise bad_request("A non-empty collection of group ids is expected.") from None
    if not isinstance(wanted, list) or not 0 < len(wanted) <= 20:
        raise bad_request("Between one and 20 group ids are expected.")
    if not tenant.table.has(key):
        raise not_found(key)
    found = transitive_groups_of(tenant, key)
    return Answer(200, orjson.dumps({"@odata.context": "", "value": [one for one in wanted if one in found]}))


def transitive_groups_of(tenant: Tenant, key: str) -> frozenset[str]:
    """The ids of all groups the person is in, nested ones included."""
    with tenant.lock:
        return frozenset(group.id for group in tenant.groups.values() if key in _transitive(tenant, group))


def _direct(tenant: Tenant, group: Group) -> list[str | None]:
    return [member if member and _exists(tenant, member) else None for member in tenant.members[group.id]]


def _transitive(tenant: Tenant, group: Group) -> list[str | None]:
    return list(dict.fromkeys(_below(tenant, group, {group.id})))


def _below(tenant: Tenant, group: Group, seen: set[str]) -> Iterator[str]:
    for member in tenant.members[group.id]:
        if member is None or not _exists(tenant, member):
            continue
        if member not in tenant.groups:
            yield member
        elif member not in seen:
            seen.add(member)
            yield member
            yield from _below(tenant, tenant.groups[member], seen)


def _exists(tenant: Tenant, member: str) -> bool:
    """Soft-deleted users stay members until they are purged, and do not show."""
    if member in tenant.groups or member in tenant.things:
        return True
    return tenant.table.has(member) and member not in tenant.faults.hidden


def _shown(tenant: Tenant, member: str, roles: frozenset[str], select: tuple[str, ...] | None) -> Member | None:
    if member in tenant.groups:
        group = _document(tenant.groups[member])
        return {"@odata.type": "#microsoft.graph.group", **_selected(group, select)}
    if member in tenant.things:
        return dict(tenant.things[member])
    user = tenant.table.get(member)
    if user is None:
        return None
    if not roles & PERMISSIONS["users"]:
        return {"@odata.type": "#microsoft.graph.user", "id": member}
    return {"@odata.type": "#microsoft.graph.user", **pages.shown(user, select)}


def _found(tenant: Tenant, key: str) -> Group:
    group = tenant.groups.get(key)
    if group is None:
        raise not_found(key)
    return group


def _document(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "displayName": group.name,
        "description": None,
        "mail": None,
        "mailEnabled": False,
        "mailNickname": group.name.lower().replace(" ", "-"),
        "securityEnabled": True,
        "groupTypes": [],
        "visibility": "HiddenMembership" if group.hidden else None,
    }


def _selected(document: dict[str, Any], select: tuple[str, ...] | None) -> dict[str, Any]:
    return document if select is None else {name: document[name] for name in select if name in document}
