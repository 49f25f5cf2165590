"""The weaknesses a directory may have, as switches (facts: scim_servers)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weaknesses:
    """Everything off is a good server."""

    largest_page: int = 0
    """Pages are silently cut to this; 0 leaves the server's own bound of 1,000."""
