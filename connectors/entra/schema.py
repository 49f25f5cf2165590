"""The attribute mapping a team tuned in the portal, fetched from the tenant's own provisioning job.

Source: Graph ``servicePrincipals/{id}/synchronization/jobs/{jobId}/schema``; needs Synchronization.Read.All.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trueup.connectors.entra.graph import connected
from trueup.connectors.entra.responses import GraphError
from trueup.connectors.entra.scope import find_app, forbidden
from trueup.transforms.doctor import Line
from trueup.transforms.errors import Failed, Misused

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.entra.graph import Graph
    from trueup.transforms.settings import Settings

_SCIM_JOB = re.compile(r"^(scim|customappsso)\.", re.IGNORECASE)
PERMISSION = "Synchronization.Read.All"


def save_schema(settings: Settings, into: Path) -> Line:
    """The schema of the enterprise application's job lies in ``into``, as Graph gave it; the line says what to do next.

    Raises:
        Misused: no such application, no provisioning job, or several to choose from; or ``into`` exists.
        Failed: the permission is missing, or the file cannot be written.
    """
    if into.exists():
        raise Misused(f"{into} is there already.", remedy="Name a file that does not exist yet.")
    document = asyncio.run(_fetch(settings))
    try:
        into.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    except OSError as error:
        raise Failed(f"{into} cannot be written.", remedy="Name a file in a folder you may write to.") from error
    return Line(
        "ok",
        "mapping schema",
        f"Saved {into} from the tenant's own provisioning job.",
        f"Use it with [mapping] import, or read it as TOML: trueup mapping import {into}",
    )


async def _fetch(settings: Settings) -> dict[str, Any]:
    async with connected(settings) as graph:
        try:
            application = await find_app(graph, settings.source.enterprise_app)
            jobs = f"servicePrincipals/{application['id']}/synchronization/jobs"
            job = _chosen(await graph.rows(jobs), settings.source.enterprise_app)
            return await _schema(graph, f"{jobs}/{quote(job, safe='')}/schema")
        except GraphError as answer:
            raise forbidden(answer, "provisioning jobs", PERMISSION) from answer


def _chosen(jobs: list[dict[str, Any]], application: str) -> str:
    """The one job of the application that provisions over SCIM; its id."""
    ids = sorted(str(job["id"]) for job in jobs if isinstance(job.get("id"), str))
    fitting = [one for one in ids if _SCIM_JOB.match(one)] or ids
    if len(fitting) == 1:
        return fitting[0]
    if not ids:
        raise Misused(
            f"The enterprise application {application!r} has no provisioning job.",
            remedy="Export the schema from the portal, or map in [mapping.attributes].",
        )
    raise Misused(
        f"The enterprise application {application!r} has {len(fitting)} provisioning jobs: {', '.join(fitting)}.",
        remedy="Export the schema of the right one from the portal and name it in [mapping] import.",
    )


async def _schema(graph: Graph, link: str) -> dict[str, Any]:
    found = await graph.json(link)
    if not isinstance(found.get("synchronizationRules"), list):
        raise Failed("The provisioning job's schema has no rules.", remedy="Export it from the portal instead.")
    return found
