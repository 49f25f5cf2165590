"""What a sandbox directory starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# No secret: `trueup sandbox` prints it. It is the same each time, so that a trueup.toml written for one sandbox fits
# the next, and it opens nothing but a directory of invented people on loopback.
SCIM_TOKEN = "sandbox-directory-token"  # noqa: S105 - printed for everybody; opens only the sandbox


@dataclass(frozen=True, slots=True)
class DirectoryData:
    """A whole directory at the start."""

    profiles: tuple[Mapping[str, Any], ...] = ()
    """SCIM User resources, each with an ``id``."""
    token: str = SCIM_TOKEN
