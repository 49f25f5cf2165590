"""Servers that give a profile another id when it is written: whose profile has which id since."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class NewIds:
    """Whose profile has another id since a write of this run, by person: an id one gave up another may have now."""

    now: dict[str, str] = field(default_factory=dict)
    """Key → the id as it is now."""
    holders: dict[str, str] = field(default_factory=dict)
    """The other way round."""
    free: set[str] = field(default_factory=set)
    """Ids that were given up."""

    def note(self, key: str, before: str, now: str) -> None:
        """The profile of ``key`` has the id ``now``; it had ``before``."""
        if self.holders.get(before) == key:
            del self.holders[before]
        self.now[key], self.holders[now] = now, key
        self.free.add(before)
