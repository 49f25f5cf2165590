"""What a sandbox directory starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
SCIM_TOKEN = "sandbox-directory-token"  # noqa: S105 - opens a directory on loopback that holds invented people


@dataclass(frozen=True, slots=True)
class DirectoryData:
    """A whole directory at the start."""

    profiles: tuple[Mapping[str, Any], ...] = ()
    """SCIM User resources, each with an ``id``."""
    token: str = SCIM_TOKEN
