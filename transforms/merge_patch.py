"""What changed between two JSON objects, as a merge patch (RFC 7396)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that makes ``after`` of ``before``; empty where they are the same.

    A member that is gone is null in it, so a member must not be null after having been something else inside an
    object that stays: the two mean the same.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        was = before.get(key)
        if isinstance(value, dict) and isinstance(was, dict):
            if inner := merge_patch(was, value):
                patch[key] = inner
        elif key not in before or was != value:
            patch[key] = value
    return patch
