"""What a sandbox tenant starts with, as data: what the sample is kept as and what the generators make."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.sandbox.tenant.users import Rows, User

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""The app role of an assignment without a role."""
TENANT_ID = "5a4d1c6e-0000-4000-8000-7275657570aa"
CLIENT_ID = "c1e47000-0000-4000-8000-7275657570cc"
# No secret: `trueup sandbox` prints it. It is the same each time, so that a trueup.toml written for one sandbox fits
# the next, and it opens nothing but a tenant of invented people on loopback.
CLIENT_SECRET = "sandbox~secret.of~no-value"  # noqa: S105 - printed for everybody; opens only the sandbox
DOMAIN = "contoso.example"
_NAMESPACE = uuid.UUID("f2a5a1c6-6f0c-4d52-9a51-0d1d5f0c7a10")


def object_id(kind: str, name: str) -> str:
    """The object id of something by name: the same on every machine, without any order to it."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


@dataclass(frozen=True, slots=True)
class Group:
    """A security group and its direct members, by object id."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    hidden: bool = False
    """Whether its membership is shown only with ``Member.Read.Hidden``."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One principal assigned to an application."""

    principal_id: str
    principal_type: str = "User"
    """``User``, ``Group`` or ``ServicePrincipal``."""
    role_id: str = DEFAULT_ACCESS


@dataclass(frozen=True, slots=True)
class Application:
    """A service principal: an enterprise application of the tenant."""

    id: str
    app_id: str
    name: str
    roles: tuple[Mapping[str, Any], ...] = ()
    """``{id, value, displayName, isEnabled}`` each."""
    assignments: tuple[Assignment, ...] = ()
    schema: Mapping[str, Any] | None = None
    """A synchronizationSchema document, if provisioning is set up."""


@dataclass(frozen=True, slots=True)
class TenantData:
    """A whole tenant at the start."""

    users: Rows | Sequence[User] = ()
    groups: tuple[Group, ...] = ()
    applications: tuple[Application, ...] = ()
    deleted: tuple[User, ...] = ()
    """Soft-deleted users."""
    things: tuple[Mapping[str, Any], ...] = ()
    """Devices, contacts and the like that may be group members: Graph objects with ``@odata.type`` and ``id``."""
    tenant_id: str = TENANT_ID
    domain: str = DOMAIN
    clients: Mapping[str, str] = field(default_factory=lambda: {CLIENT_ID: CLIENT_SECRET})
    """Secret by application id, of who may sign in."""
