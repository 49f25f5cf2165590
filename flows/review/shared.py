"""What reviewers of a run share before they decide: who looked at which person, notes, what each means to leave out.

One file a run in ``<archive>/.review``, private, no part of the run, gone with the run's data. The file is the truth:
it is read, changed and replaced under the archive's lock, so that an erasure by another process stays one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import reading
from trueup.connectors.archive.atomic_files import REVIEWS, Access, make_directory, on_disk, replace
from trueup.connectors.archive.locks import sealing
from trueup.connectors.archive.places import as_kept, place_of, read_private
from trueup.transforms.errors import Misused, Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_NOTES = 20_000
MOST_SELECTORS = 200_000
"""Of one reviewer."""
_OWN = Access()
_ANEW = "Look at a newer run."


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted of a person, or of the whole plan."""

    who: str
    at: str
    text: str

    def as_json(self) -> dict[str, str]:
        """As pages take it."""
        return {"who": self.who, "at": self.at, "text": self.text}


@dataclass(slots=True)
class Shared:
    """By key of a person; within, by the short id of a reviewer."""

    looked: dict[str, dict[str, str]] = field(default_factory=dict)
    """Key → reviewer → name."""
    notes: dict[str, dict[str, Note]] = field(default_factory=dict)
    """Key (empty: the whole plan) → reviewer → note."""
    left_out: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Reviewer → name and selectors."""

    def as_json(self) -> dict[str, Any]:
        """As pages and the file take it."""
        return {
            "looked": self.looked,
            "notes": {key: {who: note.as_json() for who, note in by.items()} for key, by in self.notes.items()},
            "left_out": {who: {"who": name, "selectors": said} for who, (name, said) in self.left_out.items()},
        }

    def look(self, key: str, who: str, name: str, *, on: bool) -> None:
        """``who`` has looked at a person, or takes that back."""
        by = self.looked.setdefault(key, {})
        if on:
            by[who] = name
        else:
            by.pop(who, None)
        if not by:
            del self.looked[key]

    def say(self, key: str, who: str, note: Note) -> None:
        """``who`` notes something; an empty text takes the note away."""
        by = self.notes.setdefault(key, {})
        if note.text:
            by[who] = note
        else:
            by.pop(who, None)
        if not by:
            del self.notes[key]
        if len(self.notes) > MOST_NOTES:
            raise Misused("There are too many notes on this run.", remedy="Put it into the note on the whole plan.")

    def leave_out(self, selectors: list[str], who: str, name: str, *, on: bool) -> None:
        """``who`` means to leave these out, or not any more."""
        _, before = self.left_out.get(who, (name, []))
        some = set(selectors)
        kept = [one for one in before if one not in some] + (list(dict.fromkeys(selectors)) if on else [])
        if len(kept) > MOST_SELECTORS:
            raise Misused("So much cannot be left out one by one.", remedy="Leave out an attribute or a decision.")
        self.left_out[who] = (name, kept)
        if not kept:
            del self.left_out[who]

    def notes_for_act(self) -> dict[str, str]:
        """Every note by key, those of several reviewers one below the other, each with its writer's name."""
        return {
            key: "\n".join(f"{note.who}: {note.text}" for note in by.values()) for key, by in sorted(self.notes.items())
        }


def kept(root: Path, run_id: str, fingerprint: str) -> Shared:
    """What is shared of this plan; nothing, where it was never kept or is no such file.

    Raises:
        Failed: the disk does not give it right now. Taken for nothing, it would be written over.
    """
    try:
        said = json.loads(_content(root, run_id))
        if said["fingerprint"] != fingerprint:
            return Shared()
        return Shared(
            {key: {who: str(name) for who, name in by.items()} for key, by in said["looked"].items()},
            {key: {who: _note(one) for who, one in by.items()} for key, by in said["notes"].items()},
            {who: (str(one["who"]), [str(word) for word in one["selectors"]]) for who, one in said["left_out"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, Refused):
        return Shared()


def _content(root: Path, run_id: str) -> bytes:
    with on_disk("What reviewers share cannot be read"):
        try:
            return read_private(root, place(root, run_id))
        except FileNotFoundError:
            return b""


def changed(root: Path, run_id: str, fingerprint: str, change: Callable[[Shared], None]) -> Shared:
    """What is shared, after ``change``; on disk when this returns.

    Raises:
        Misused: ``change`` says so; nothing is changed.
        Refused: the run was pruned, and what is shared of it with it.
        Failed: the disk refuses.
    """
    with on_disk("What reviewers share cannot be written"), sealing(root):
        if reading.read_run(place_of(root).run(run_id)).is_pruned:  # said before anything is removed, under this lock
            raise Refused(Refusal("run_pruned", f"Run {run_id} was pruned: its people are gone.", remedy=_ANEW))
        folder = root / REVIEWS
        if not folder.is_dir():
            make_directory(folder, _OWN)
        shared = kept(root, run_id, fingerprint)
        change(shared)
        content = json.dumps({"fingerprint": fingerprint, **shared.as_json()}, ensure_ascii=False).encode()
        into = place(root, run_id)
        replace(into, as_kept(root, into, content), aside=folder, access=_OWN)
    return shared


def place(root: Path, run_id: str) -> Path:
    """Where it is kept."""
    return root / REVIEWS / f"{run_id}.team.json"


def mark(root: Path, run_id: str) -> tuple[int, int]:
    """Another one whenever the file is another one."""
    try:
        facts = place(root, run_id).stat()
    except OSError:
        return (0, 0)
    return (facts.st_ino, facts.st_mtime_ns)


def _note(said: dict[str, Any]) -> Note:
    return Note(str(said["who"]), str(said["at"]), str(said["text"]))
