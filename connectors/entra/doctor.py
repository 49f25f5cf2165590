"""What ``trueup doctor`` says of the source: reach, sign-in, permissions, scope, secrets about to expire."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.entra import permissions
from trueup.connectors.entra.certificates import certificate_bytes, certificate_of, certificate_password
from trueup.connectors.entra.graph import Graph, connected
from trueup.connectors.entra.permissions import DIRECTORY
from trueup.connectors.entra.proof import count_users
from trueup.connectors.entra.responses import GraphError
from trueup.connectors.entra.scope import find_app, forbidden, resolve_group
from trueup.connectors.secrets import reveal
from trueup.transforms.doctor import Line
from trueup.transforms.errors import TrueupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.entra.retry import RetryPolicy
    from trueup.transforms.settings import Settings

SOON_DAYS = 30


async def examine_tenant(
    settings: Settings, patience: RetryPolicy | None = None, columns: frozenset[str] = frozenset()
) -> list[Line]:
    """A line for each thing a nightly read relies on; nothing is raised, nothing is written."""
    lines: list[Line] = list(_certificate(settings))
    try:
        async with connected(settings, patience) as graph:
            lines.append(_token(graph))
            lines += permissions.lines(settings, columns, graph.granted)
            lines.append(await _users(graph))
            lines += await _scope(settings, graph)
            lines += await _secret(settings, graph)
    except TrueupError as error:
        if all(line.text != error.message for line in lines):
            lines.append(Line("fix", "source sign-in", error.message, error.remedy))
    return lines


def _token(graph: Graph) -> Line:
    minutes = max(0, int((graph.granted.expires_on - time.time()) / 60))
    where = graph.endpoints.graph_host
    return Line("ok", "source sign-in", f"Signed in; a token for {where} was issued ({minutes} minutes).")


async def _users(graph: Graph) -> Line:
    try:
        page = await graph.json("users?$select=id,accountEnabled&$top=1")
        count = await count_users(graph)
    except GraphError as answer:
        error = forbidden(answer, "users", "User.Read.All")
        return Line("fix", "source users", error.message, error.remedy)
    except TrueupError as error:
        return Line("fix", "source users", error.message, error.remedy)
    if not page.get("value"):
        return Line("fix", "source users", "The tenant has no users at all.", "Check source.tenant_id.")
    told = f"{count:,} users" if count is not None else "Users can be read; Graph offers no count here"
    return Line("ok", "source users", f"{told}.")


async def _scope(settings: Settings, graph: Graph) -> list[Line]:
    source = settings.source
    try:
        if source.scope == "assigned":
            app = await find_app(graph, source.enterprise_app)
            link = f"servicePrincipals/{app['id']}/appRoleAssignedTo?$top=1"
            page = await graph.json(link)
            if not page.get("value"):
                return [
                    Line(
                        "fix",
                        "source scope",
                        "Nobody is assigned to the enterprise application.",
                        'Assign users or groups; tenants without group assignment use scope = "all".',
                    )
                ]
            return [Line("ok", "source scope", f"The enterprise application {source.enterprise_app!r} was found.")]
        if source.scope == "groups":
            for name in source.groups:
                await resolve_group(graph, name)
            return [Line("ok", "source scope", f"{len(source.groups)} groups were found.")]
    except GraphError as answer:
        error = forbidden(answer, "enterprise applications", "Application.Read.All")
        return [Line("fix", "source scope", error.message, error.remedy)]
    except TrueupError as error:
        return [Line("fix", "source scope", error.message, error.remedy)]
    return [Line("ok", "source scope", "Everybody in the tenant, as far as the filters let them through.")]


def _certificate(settings: Settings) -> Iterator[Line]:
    if settings.source.auth != "certificate":
        return
    try:
        certificate = certificate_of(certificate_bytes(settings), certificate_password(settings))
    except TrueupError as error:
        yield Line("fix", "source certificate", error.message, error.remedy)
        return
    yield _expiry("source certificate", certificate.not_valid_after_utc)


def _expiry(subject: str, until: datetime) -> Line:
    days = (until - datetime.now(UTC)).days
    if days < 0:
        return Line("fix", subject, f"It expired on {until:%Y-%m-%d}.", "Replace it before the next run.")
    if days <= SOON_DAYS:
        return Line("warning", subject, f"It expires on {until:%Y-%m-%d}, in {days} days.", "Replace it in time.")
    return Line("ok", subject, f"Good until {until:%Y-%m-%d}.")


async def _secret(settings: Settings, graph: Graph) -> list[Line]:
    """Expiry of the secret in use, where the app may read its own registration."""
    source = settings.source
    if source.auth != "client_secret" or graph.granted.lacks("Application.Read.All", DIRECTORY):
        return []
    try:
        app = await graph.json(f"applications(appId='{source.client_id}')?$select=id,passwordCredentials")
    except (GraphError, TrueupError):
        return []
    hint = reveal(source.client_secret, key="source.client_secret", folder=settings.folder).get_secret_value()[:3]
    ends = [end for entry in app.get("passwordCredentials") or [] if (end := _end(entry, hint)) is not None]
    return [_expiry("source client secret", max(ends))] if ends else []


def _end(entry: Any, hint: str) -> datetime | None:
    """When the secret with this hint ends; None for others."""
    if not isinstance(entry, dict) or entry.get("hint") != hint:
        return None
    try:
        end = datetime.fromisoformat(str(entry.get("endDateTime")))
    except ValueError:
        return None
    return end if end.tzinfo else end.replace(tzinfo=UTC)
