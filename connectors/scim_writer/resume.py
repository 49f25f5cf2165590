"""What the journal of an interrupted apply says was done, and what is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.journal import read_journal
from trueup.connectors.scim_writer.new_ids import NewIds
from trueup.transforms.vocabulary import Decision, Result

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(slots=True)
class ResumeState:
    """An earlier attempt at the same run, by key and step."""

    done: set[tuple[str, str]] = field(default_factory=set)
    """Steps that were settled as applied: never sent again."""
    doubts: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The first intent of steps that were begun and not settled as applied; what it was to write is followed by what
    the later intents of the step were."""
    created: dict[str, str] = field(default_factory=dict)
    """Key → id of profiles the run created."""
    new_ids: NewIds = field(default_factory=NewIds)
    """Whose profile the target gave another id."""
    records: int = 0

    def was_begun(self, name: tuple[str, str]) -> bool:
        """Whether something of the step was sent, or may have been."""
        return name in self.done or name in self.doubts

    def since(self, key: str, step: str) -> float | None:
        """Seconds since the step was last begun; none when it never was."""
        intent = self.doubts.get((key, step))
        if intent is None:
            return None
        begun = datetime.fromisoformat(str(intent["last_at"]))
        return max(0.0, (datetime.now(UTC) - begun).total_seconds())


def _follow(past: ResumeState, record: Mapping[str, Any]) -> None:
    """A step that ended with another id of the profile."""
    if record.get("event") == "settled" and record.get("was"):
        key, now = str(record["key"]), str(record["profile_id"])
        past.new_ids.note(key, str(record["was"]), now)
        past.created |= {key: now} if key in past.created else {}


def read_past(path: Path) -> ResumeState:
    """The account of ``journal.jsonl``; empty when there is none.

    Raises:
        Failed: the journal is damaged.
    """
    past = ResumeState()
    for record in read_journal(path):
        past.records += 1
        key, step, event = record.get("key"), record.get("step"), record.get("event")
        if key is None or step is None:
            continue
        name = (str(key), str(step))
        if event == "intent":
            first = past.doubts.setdefault(name, record)
            first["last_at"] = record["at"]
            if first is not record:
                first["after"] = [*(first.get("after") or ()), *(record.get("after") or ())]
        elif event == "settled":
            if record.get("result") == Result.APPLIED:
                past.done.add(name)
                past.doubts.pop(name, None)
            elif record.get("result") == Result.SKIPPED:
                past.doubts.pop(name, None)
        if record.get("operation") == Decision.CREATE and record.get("profile_id") and event in {"answer", "settled"}:
            past.created[str(key)] = str(record["profile_id"])
        _follow(past, record)
    return past
