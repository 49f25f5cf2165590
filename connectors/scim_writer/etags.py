"""Which ETag a write goes along with: the fresh one, unless this target's ETags fit nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.connectors.scim.profiles import version_of
from trueup.transforms.values.equality import moved_members

if TYPE_CHECKING:
    from trueup.connectors.scim_writer.target_profile import TargetBehaviour

_IN_VAIN = 2


class IfMatch:
    """``If-Match`` of one profile.

    A 412 after which the profile reads as before says nothing about the profile: some servers make up an ETag with
    each reading, or compare weak ones strongly (RFC 9110 §13.1.1), so that none ever fits. Having been refused twice
    like that, the write goes without: what was just read is still compared.
    """

    def __init__(self, learned: TargetBehaviour) -> None:
        self._learned = learned
        self._refused_at: dict[str, Any] | None = None
        self._in_vain = 0

    def refused(self, resource: dict[str, Any]) -> None:
        """The target answered 412 to a write based on ``resource``."""
        self._refused_at = resource

    def version(self, resource: dict[str, Any]) -> str | None:
        """What to send for the profile as just read."""
        if self._refused_at is not None and not moved_members(self._refused_at, resource):
            self._in_vain += 1
            self._learned.matched_in_vain += 1
        self._refused_at = None
        if self._in_vain >= _IN_VAIN or not self._learned.versions_fit:
            return None
        return version_of(resource)
