"""Where one person can be looked at: in the Entra admin center, and in the target's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.transforms.settings import Settings

_PORTALS = {
    "global": "https://entra.microsoft.com",
    "usgov": "https://entra.microsoft.us",
    "usgov_dod": "https://entra.microsoft.us",
    "china": "https://entra.microsoftonline.cn",
}
_USER = "/#view/Microsoft_AAD_UserDetails/UserProfileMenuBlade/~/overview/userId/{source_id}"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses with ``{source_id}``, ``{profile_id}`` and ``{user_name}`` for a person; empty where there is none."""

    source: str = ""
    target: str = ""


def links_of(settings: Settings) -> Links:
    """As the configuration says; a source that is a file has no page of a user."""
    portal = _PORTALS[settings.source.cloud] + _USER if settings.source.kind == "entra" else ""
    return Links(portal, settings.report.target_link)
