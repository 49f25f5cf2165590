"""How figures, ages and lists are said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

LABELS = {
    "create": "create",
    "update": "update",
    "reactivate": "reactivate",
    "deactivate": "deactivate",
    "delete": "delete",
    "hold": "held",
    "conflict": "conflict",
    "out_of_scope": "excluded",
    "unmanaged": "unmanaged",
    "unchanged": "unchanged",
}
"""Decision → the word under a figure; in the order the report uses."""

CAUSE_WORDS = {
    "source_changed": "changed at the source",
    "edited_in_target": "edited in the target",
    "mapping_changed": "by the changed mapping",
    "scope_changed": "by a change of scope",
    "first_adoption": "by adopting a profile",
    "rollback": "taken back",
}
CAUSE_REMEDIES = {
    "edited_in_target": "Somebody edits these in the target; they go back to what the source says.",
    "mapping_changed": "The configuration changed, not the people.",
    "first_adoption": "Profiles that were there before Trueup and are taken over now.",
}


def number(value: float) -> str:
    """``3104`` as ``3,104``; fractions with one digit."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def counted(value: int, one: str, many: str = "") -> str:
    """``1 person``, ``2 people``."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def share(value: float) -> str:
    """``0.068`` as ``6.8 %``."""
    return f"{value * 100:.1f}".removesuffix(".0") + " %"


def age(since: datetime | None, at: datetime) -> str:
    """``for 12 days``, ``since yesterday``; ``new`` where nothing earlier is known."""
    if since is None:
        return "new"
    days = (at - since).days
    if days < 1:
        return "since today"
    return "since yesterday" if days == 1 else f"for {days} days"


def listing(parts: list[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


WRITES = {
    "create": "creation",
    "update": "update",
    "reactivate": "reactivation",
    "deactivate": "deactivation",
    "delete": "deletion",
}


def write_words(counts: dict[str, int]) -> str:
    """``35 updates``, or ``13 writes: 12 creations and 1 deactivation``."""
    parts = [counted(counts[decision], noun) for decision, noun in WRITES.items() if counts.get(decision)]
    if len(parts) == 1:
        return parts[0]
    return f"{counted(sum(counts.get(decision, 0) for decision in WRITES), 'write')}: {listing(parts)}"
