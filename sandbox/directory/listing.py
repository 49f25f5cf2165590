"""Long lists quickly: what the server made of a profile for one page is kept until the profile changes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.sandbox.directory.exchange import SCIM, Given

if TYPE_CHECKING:
    from trueup.sandbox.directory.exchange import Asked, Next
    from trueup.sandbox.directory.state import Directory

LARGEST = 1000
"""The server's own bound on a page."""


def quick(directory: Directory, asked: Asked, root: str, server: Next) -> Given | None:
    """A plain page of profiles, the server asked only for those that changed since; none for anything else."""
    if asked.method != "GET" or asked.path != "/Users" or set(asked.query) - {"startIndex", "count"}:
        return None
    start, count = asked.query.get("startIndex", "1"), asked.query.get("count", "")
    if not (start.isdigit() and count.isdigit() and int(start) > 0) or directory.weaknesses.cursors == "only":
        return None
    with directory.storage.lock:
        rows: list[dict[str, Any]] = []
        known = directory.published
        for place, resource in enumerate(
            directory.storage.stretch(int(start) - 1, min(int(count), LARGEST)), start=int(start)
        ):
            key, version = (root, str(resource.id)), resource.meta.version if resource.meta else None
            if key not in known or known[key][0] != version:
                _publish(directory, asked, root, server, place)
            rows.append(known[key][1])
        total = directory.storage.listed()
    document: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": int(start),
        "itemsPerPage": len(rows),
        "Resources": rows,
    }
    return Given(200, {"Content-Type": SCIM, "Cache-Control": "no-cache"}, json.dumps(document).encode())


def _publish(directory: Directory, asked: Asked, root: str, server: Next, place: int) -> None:
    """Have the server make the next profiles, from that place on."""
    page = server(replace(asked, query={"startIndex": str(place), "count": "100"})).document()
    for row in page["Resources"]:
        directory.published[(root, str(row["id"]))] = (row["meta"]["version"], row)
