"""Which roles a resource needs."""

from __future__ import annotations

from trueup.sandbox.tenant.errors import denied
from trueup.sandbox.tenant.properties import PERMISSIONS


def require(roles: frozenset[str], resource: str) -> None:
    """403 unless one of the roles opens the resource."""
    if not roles & PERMISSIONS[resource]:
        raise denied()
