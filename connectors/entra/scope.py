"""Who is assigned: the enterprise application, its assignments, and the members of groups."""

from __future__ import annotations

import asyncio
import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from trueup.connectors.entra.membership import Listing, complete_list
from trueup.connectors.entra.responses import GraphError
from trueup.transforms.errors import Failed, Misused, Refusal, Refused

if TYPE_CHECKING:
    from trueup.connectors.entra.graph import Graph
    from trueup.connectors.entra.previous_read import Memory
    from trueup.connectors.source_request import SourceRequest
    from trueup.transforms.settings import SourceSettings

NO_ROLE = "00000000-0000-0000-0000-000000000000"
"""The app role id of an assignment without a specific role."""
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MEMBERSHIPS = pa.schema([("id", pa.string()), ("group_id", pa.string())])
_ASSIGNMENTS = pa.schema([(n, pa.string()) for n in ("id", "appRoleId", "principalId", "principalType")])
_ROLES = pa.schema([("id", pa.string()), ("value", pa.string()), ("displayName", pa.string())])
_NAMED = pa.schema([("id", pa.string())])
_GROUP_NAMES = pa.schema([("group_id", pa.string()), ("name", pa.string())])


@dataclass(slots=True)
class Scope:
    """Who is assigned through what, as tables; empty ones where the configuration asks for nothing."""

    assignments: pa.Table = field(default_factory=_ASSIGNMENTS.empty_table)
    """``id, appRoleId, principalId, principalType`` of the enterprise application."""
    roles: pa.Table = field(default_factory=_ROLES.empty_table)
    """``id, value, displayName`` of the application's roles."""
    memberships: pa.Table = field(default_factory=_MEMBERSHIPS.empty_table)
    """``id`` (member), ``group_id``: of assigned groups and groups named in the configuration."""
    scope_groups: tuple[str, ...] = ()
    """Ids of groups that put their members in scope (``scope = "groups"``)."""
    group_names: pa.Table = field(default_factory=_GROUP_NAMES.empty_table)
    """``group_id, name``: groups of the configuration, as written there."""
    proofs: dict[str, Any] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    named_users: pa.Table = field(default_factory=_NAMED.empty_table)
    """``id`` of users that assignments and members name: each must be in a complete read."""


async def read_scope(graph: Graph, source: SourceSettings, request: SourceRequest, known: Memory) -> Scope:
    """Assignments and memberships the configuration asks for, each proven complete.

    Raises:
        Misused: the application or a group is unknown or ambiguous; candidates are named.
        Refused: a list could not be proven complete.
    """
    scope = Scope()
    wanted = list(dict.fromkeys(request.people_groups))
    needs_app = source.scope == "assigned" or "appRoleAssignments" in request.columns
    if source.scope == "groups":
        if not source.groups:
            raise Misused('scope = "groups" needs source.groups.', remedy="Name at least one group in source.groups.")
        wanted = list(dict.fromkeys([*source.groups, *wanted]))
    group_ids: list[str] = []
    if needs_app:
        group_ids += await _read_app(graph, source, scope, known)
    named = await asyncio.gather(*(resolve_group(graph, name) for name in wanted))
    scope.group_names = pa.Table.from_pydict({"group_id": named, "name": wanted}, schema=_GROUP_NAMES)
    scope.scope_groups = tuple(
        group for group, name in zip(named, wanted, strict=True) if source.scope == "groups" and name in source.groups
    )
    await _read_members(graph, list(dict.fromkeys([*group_ids, *named])), scope, known, nested=source.nested)
    return scope


async def _read_app(graph: Graph, source: SourceSettings, scope: Scope, known: Memory) -> list[str]:
    """Fill in the application's assignments; the ids of the groups assigned."""
    try:
        app = await find_app(graph, source.enterprise_app)
        listing = await _assignments(graph, str(app["id"]), known)
    except (Misused, Failed) as error:
        if source.scope == "assigned":
            raise
        scope.unreadable["appRoleAssignments"] = (
            f"the enterprise application could not be read ({type(error).__name__})"
        )
        return []
    scope.assignments = listing.rows
    scope.notes += (listing.note,) if listing.note else ()
    scope.proofs["assignments"] = listing.as_record()
    roles = [role for role in app.get("appRoles") or [] if isinstance(role, dict) and role.get("id")]
    scope.roles = pa.Table.from_pylist(
        [{key: role.get(key) for key in ("id", "value", "displayName")} for role in roles], schema=_ROLES
    )
    if source.scope == "assigned" and not listing.rows.num_rows:
        raise Refused(nobody_in_scope("nobody is assigned to the enterprise application"))
    kind = listing.rows.column("principalType")
    principals = listing.rows.column("principalId")
    _name(scope, principals.filter(pc.equal(kind, "User")))
    return sorted(set(principals.filter(pc.equal(kind, "Group")).drop_null().to_pylist()))


async def _assignments(graph: Graph, app: str, known: Memory) -> Listing:
    def lost(rows: pa.Table) -> list[str]:
        return known.lost("direct", rows.column("principalId"))

    link = f"servicePrincipals/{quote(app, safe='')}/appRoleAssignedTo"
    try:
        return await complete_list(
            graph,
            link,
            ("id", "appRoleId", "principalId", "principalType"),
            count=f"{link}/$count",
            what="the assignments of the enterprise application",
            lost=lost,
        )
    except GraphError as answer:
        raise forbidden(answer, "assignments of the enterprise application", "Application.Read.All") from answer


def _name(scope: Scope, ids: pa.ChunkedArray) -> None:
    more = pa.Table.from_arrays([ids.drop_null()], schema=_NAMED)
    scope.named_users = pa.concat_tables([scope.named_users, more])


async def find_app(graph: Graph, wanted: str) -> dict[str, Any]:
    """The one service principal called ``wanted`` by display name, appId or object id.

    Raises:
        Misused: there is none or more than one; candidates are named.
        Failed: the app may not read applications.
    """
    fields = "$select=id,appId,displayName,appRoles"
    try:
        if _GUID.fullmatch(wanted):
            try:
                return await graph.json(f"servicePrincipals/{wanted}?{fields}")
            except GraphError as answer:
                if answer.status not in {400, 404}:
                    raise
            found = await graph.rows(f"servicePrincipals?$filter=appId%20eq%20'{wanted}'&{fields}")
            found = [app for app in found if str(app.get("appId", "")).lower() == wanted.lower()]
        else:
            text = quote(wanted.replace("'", "''"), safe="")
            found = await graph.rows(f"servicePrincipals?$filter=displayName%20eq%20'{text}'&{fields}")
            found = [app for app in found if str(app.get("displayName", "")).casefold() == wanted.casefold()]
        if len(found) == 1 and isinstance(found[0].get("id"), str):
            return found[0]
        if found:
            ids = ", ".join(sorted(str(app.get("id")) for app in found))
            raise Misused(
                f"source.enterprise_app: {len(found)} enterprise applications are called {wanted!r}: {ids}.",
                remedy="Write one of these object ids into source.enterprise_app.",
            )
        names = await _candidates(graph, "servicePrincipals", wanted)
    except GraphError as answer:
        raise forbidden(answer, "enterprise applications", "Application.Read.All") from answer
    raise Misused(
        f"source.enterprise_app: no enterprise application is called {wanted!r}."
        + (f" Candidates: {', '.join(names)}." if names else ""),
        remedy='Write its display name, appId or object id into source.enterprise_app, or use scope = "all".',
    )


async def _candidates(graph: Graph, collection: str, wanted: str) -> list[str]:
    """Names close to ``wanted`` among the first thousands."""
    try:
        rows = await graph.rows(f"{collection}?$select=id,displayName&$top=999")
    except GraphError:
        return []
    names = {str(row["displayName"]) for row in rows if row.get("displayName")}
    by_fold = {name.casefold(): name for name in sorted(names)}
    close = difflib.get_close_matches(wanted.casefold(), list(by_fold), n=5, cutoff=0.5)
    part = [name for fold, name in by_fold.items() if wanted.casefold() in fold or fold in wanted.casefold()]
    chosen = list(dict.fromkeys([*(by_fold[fold] for fold in close), *part]))[:8]
    return [repr(name) for name in chosen or sorted(names)[:8]]


async def resolve_group(graph: Graph, wanted: str) -> str:
    """The id of the one group called ``wanted`` by display name or object id."""
    try:
        if _GUID.fullmatch(wanted):
            row = await graph.json(f"groups/{wanted}?$select=id,displayName")
            return str(row["id"])
        text = quote(wanted.replace("'", "''"), safe="")
        found = await graph.rows(f"groups?$filter=displayName%20eq%20'{text}'&$select=id,displayName")
        found = [group for group in found if str(group.get("displayName", "")).casefold() == wanted.casefold()]
        if len(found) == 1:
            return str(found[0]["id"])
        names = await _candidates(graph, "groups", wanted) if not found else []
    except GraphError as answer:
        if answer.status == 404:
            raise Misused(f"No group has the id {wanted}.", remedy="Correct the group's id.") from answer
        raise forbidden(answer, "groups", "GroupMember.Read.All") from answer
    if found:
        ids = ", ".join(sorted(str(group.get("id")) for group in found))
        raise Misused(f"{len(found)} groups are called {wanted!r}: {ids}.", remedy="Name the group by its object id.")
    raise Misused(
        f"No group is called {wanted!r}." + (f" Candidates: {', '.join(names)}." if names else ""),
        remedy="Correct the name in source.groups or [people], or use the group's object id.",
    )


async def _read_members(graph: Graph, groups: list[str], scope: Scope, known: Memory, *, nested: bool) -> None:
    listings = await asyncio.gather(*(_members(graph, group, known, nested=nested) for group in groups))
    for group, listing in zip(groups, listings, strict=True):
        kind = listing.rows.column("@odata.type")
        is_user = pc.ends_with(kind, ".user", ignore_case=True)
        _name(scope, listing.rows.column("id").filter(is_user))
        ids = listing.rows.column("id").filter(pc.fill_null(is_user, fill_value=True))
        own = pa.Table.from_arrays([ids, pa.array([group] * len(ids), pa.string())], schema=_MEMBERSHIPS)
        scope.memberships = pa.concat_tables([scope.memberships, own])
        scope.notes += (listing.note,) if listing.note else ()
    scope.proofs["groups"] = {group: listing.as_record() for group, listing in zip(groups, listings, strict=True)}


async def _members(graph: Graph, group: str, known: Memory, *, nested: bool) -> Listing:
    relation = f"groups/{quote(group, safe='')}/{'transitiveMembers' if nested else 'members'}"
    try:
        return await complete_list(
            graph,
            f"{relation}?$select=id",
            ("id", "@odata.type"),
            count=f"{relation}/$count",
            what=f"the members of group {group}",
            lost=lambda rows: known.lost(f"group:{group}", rows.column("id")),
        )
    except GraphError as answer:
        if answer.status == 404:
            raise Refused(
                Refusal(
                    "source_incomplete",
                    f"The group {group} is assigned or configured, but Graph cannot find it.",
                    remedy="Remove its assignment if it was deleted, or run again later.",
                )
            ) from answer
        raise forbidden(answer, "group members", "GroupMember.Read.All (and Member.Read.Hidden)") from answer


def forbidden(answer: GraphError, what: str, permission: str) -> Failed:
    """The failure a final answer means for reading ``what``, naming the permission where that is the matter."""
    if answer.status == 403:
        return Failed(
            f"The app may not read {what} ({answer.code}).",
            remedy=f"Grant the application permission {permission} and admin consent.",
        )
    if answer.status == 401:
        return Failed(
            f"Graph does not accept the token ({answer.code}).",
            remedy="Check that source.cloud, source.graph_url and the sign-in belong together, and the token's age.",
        )
    tail = f", request-id {answer.request_id}" if answer.request_id else ""
    return Failed(
        f"Graph refused to list {what}: {answer.status} {answer.code}{tail}.", remedy="Check source.graph_url."
    )


def nobody_in_scope(why: str) -> Refusal:
    """The refusal of a run for which nobody is in scope; a sentence also for tenants without group assignment."""
    return Refusal(
        "source_nobody_in_scope",
        f"Nobody is in scope: {why}.",
        remedy="Assign users or groups to the enterprise application. Tenants without group assignment (Entra ID "
        'Free) use scope = "all" with [source] filters.',
    )
