"""Whether an archive may still grow: one that was copied or moved is closed, as two that grow would be two chains."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import on_disk
from trueup.connectors.archive.places import place_of
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from pathlib import Path

_CLOSED = "closed.json"
"""In an archive that was copied or moved: what it is since, and where the other one is."""
_WHY = {
    "copy": "is a copy, for reading only, of",
    "copying": "is a copy that was not finished, of",
    "moved": "was moved to",
}


def closed_state(root: Path) -> dict[str, str]:
    """``why`` the archive is closed and the other ``place``; empty where it never was copied or moved."""
    try:
        said = json.loads(place_of(root).shared.read(_CLOSED))
    except FileNotFoundError:
        return {}
    return {key: said[key] for key in ("why", "place")}


def refuse_closed(root: Path) -> None:
    """Return where the archive may grow.

    Raises:
        Refused: it is a copy, half copied, or was moved (``archive_closed``).
    """
    state = closed_state(root)
    if (why := _WHY.get(state.get("why", ""))) is not None:
        raise Refused(
            Refusal(
                "archive_closed",
                f"This archive {why} {state['place']}.",
                remedy="Point [archive] path at the archive that goes on, or finish the copy: trueup archive copy.",
            )
        )


def mark(root: Path, why: str, place: str) -> None:
    """The archive is closed, or with ``open`` goes on; ``place`` is the other one."""
    shared = place_of(root).shared
    content = json.dumps({"fresh": secrets.token_hex(16), "why": why, "place": place}).encode()
    with on_disk("The archive cannot be marked as copied"):
        shared.replace_if_match(_CLOSED, content, shared.version(_CLOSED))
