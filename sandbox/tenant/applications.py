"""Service principals, who is assigned to them, and their provisioning schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from trueup.sandbox.tenant import pages, questions
from trueup.sandbox.tenant.data import object_id
from trueup.sandbox.tenant.errors import bad_request, not_found
from trueup.sandbox.tenant.permissions import require
from trueup.sandbox.tenant.questions import Answer

if TYPE_CHECKING:
    from trueup.sandbox.tenant.data import Application, Assignment
    from trueup.sandbox.tenant.questions import Request
    from trueup.sandbox.tenant.state import Tenant

_PROPERTIES = frozenset(
    {
        "accountEnabled",
        "appDisplayName",
        "appId",
        "appRoleAssignmentRequired",
        "appRoles",
        "createdDateTime",
        "displayName",
        "homepage",
        "id",
        "publisherName",
        "servicePrincipalNames",
        "servicePrincipalType",
        "tags",
    }
)


def listed(tenant: Tenant, request: Request, roles: frozenset[str]) -> Answer:
    """``/servicePrincipals``, with ``$filter`` on displayName, appId or id."""
    require(roles, "servicePrincipals")
    question = questions.read(request, known=_PROPERTIES.__contains__, expandable=False)
    rows = [
        _selected(document, question.select)
        for document in map(_document, tenant.applications.values())
        if question.filter is None or question.filter.accepts(document)
    ]
    return pages.listed(request, question, rows, context="servicePrincipals")


def one(tenant: Tenant, request: Request, roles: frozenset[str], key: str) -> Answer:
    """``/servicePrincipals/{id}`` and ``/servicePrincipals(appId='…')``."""
    require(roles, "servicePrincipals")
    question = questions.read(request, known=_PROPERTIES.__contains__, expandable=False)
    document = _selected(_document(_found(tenant, key)), question.select)
    return pages.one(request, document, context="servicePrincipals")


def assigned(tenant: Tenant, request: Request, roles: frozenset[str], key: str, count: str | None) -> Answer:
    """``/servicePrincipals/{id}/appRoleAssignedTo``: one row per assignment; deleted principals do not show."""
    require(roles, "servicePrincipals")
    application = _found(tenant, key)
    question = questions.read(request, known=lambda _: True, expandable=False)
    rows = [each if each and _shows(tenant, each) else None for each in tenant.assignments[application.id]]
    if count:
        if not request.eventual:
            raise bad_request("$count is not currently supported without the header ConsistencyLevel: eventual.")
        return pages.number(sum(row is not None for row in rows))
    return pages.listed(
        request,
        question,
        rows,
        context="appRoleAssignments",
        show=lambda each: _assignment(tenant, application, each),
    )


def jobs(tenant: Tenant, request: Request, roles: frozenset[str], key: str) -> Answer:
    """``/servicePrincipals/{id}/synchronization/jobs``."""
    require(roles, "synchronization")
    application = _found(tenant, key)
    question = questions.read(request, known=lambda _: True, expandable=False)
    rows: list[dict[str, Any] | None] = []
    if application.schema is not None:
        rows.append({"id": str(application.schema["id"]), "templateId": "scim", "schedule": {"state": "Active"}})
    return pages.listed(request, question, rows, context="synchronization/jobs")


def schema(tenant: Tenant, request: Request, roles: frozenset[str], key: str, job: str) -> Answer:
    """``…/synchronization/jobs/{id}/schema``."""
    del request
    require(roles, "synchronization")
    application = _found(tenant, key)
    if application.schema is None or application.schema.get("id") != job:
        raise not_found(job)
    return Answer(200, orjson.dumps(dict(application.schema)))


def _found(tenant: Tenant, key: str) -> Application:
    for application in tenant.applications.values():
        if key in (application.id, application.app_id):
            return application
    raise not_found(key)


def _document(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "appId": application.app_id,
        "displayName": application.name,
        "appDisplayName": application.name,
        "accountEnabled": True,
        "appRoleAssignmentRequired": True,
        "servicePrincipalType": "Application",
        "appRoles": [dict(role) for role in application.roles],
    }


def _selected(document: dict[str, Any], select: tuple[str, ...] | None) -> dict[str, Any]:
    return document if select is None else {name: document.get(name) for name in select}


def _shows(tenant: Tenant, each: Assignment) -> bool:
    if each.principal_type != "User":
        return True
    return tenant.table.has(each.principal_id) and each.principal_id not in tenant.faults.hidden


def _assignment(tenant: Tenant, application: Application, each: Assignment) -> dict[str, Any]:
    user = tenant.table.get(each.principal_id)
    group = tenant.groups.get(each.principal_id)
    name = user.get("displayName") if user else group.name if group else "Service"
    return {
        "id": object_id("assignment", f"{application.id}:{each.principal_id}:{each.role_id}"),
        "deletedDateTime": None,
        "appRoleId": each.role_id,
        "createdDateTime": "2026-01-05T08:00:00Z",
        "principalDisplayName": name,
        "principalId": each.principal_id,
        "principalType": each.principal_type,
        "resourceDisplayName": application.name,
        "resourceId": application.id,
    }
