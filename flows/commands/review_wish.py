"""What the page of a review sends, as ``trueup approve`` would say it, and where its reader is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.flows.approving import Wish
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import WRITING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.model import ReportView

LONGEST_NOTE = 2_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a reviewer is in a plan; people by key, so that a page made anew finds them again."""

    looked: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    """Key → what was noted of the person."""
    note: str = ""
    """On the whole."""

    @classmethod
    def from_rows(cls, view: ReportView, said: Mapping[str, Any]) -> Progress:
        """As the page says it, by rows of the view.

        Raises:
            Misused: a row that is not in the view, or a note that is too long.
        """
        looked, notes, note = said.get("looked", []), said.get("notes", {}), text_of(said, "note")
        if not isinstance(looked, list) or not isinstance(notes, dict) or len(note) > LONGEST_NOTE:
            raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
        told = {row: words.strip() for row, words in notes.items() if isinstance(words, str) and words.strip()}
        if any(len(words) > LONGEST_NOTE for words in told.values()):
            raise Misused("A note is too long.", remedy=f"Keep it below {LONGEST_NOTE:,} characters.")
        numbers = [row for row in looked if type(row) is int] + [int(row) for row in told if row.isdecimal()]
        if len(numbers) != len(looked) + len(told) or any(not 0 <= row < view.people.num_rows for row in numbers):
            raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
        keys = view.people["key"]
        return cls(
            tuple(dict.fromkeys(keys[row].as_py() for row in looked)),
            {keys[int(row)].as_py(): words for row, words in told.items()},
            note,
        )

    def as_rows(self, view: ReportView) -> dict[str, Any]:
        """As the page takes it."""
        place = {key: row for row, key in enumerate(view.people["key"].to_pylist())}
        return {
            "looked": [place[key] for key in self.looked if key in place],
            "notes": {str(place[key]): words for key, words in self.notes.items() if key in place},
            "note": self.note,
        }


def text_of(said: Mapping[str, Any], key: str) -> str:
    """What stands under ``key``, where it is text."""
    value = said.get(key)
    return value.strip() if isinstance(value, str) else ""


def wish(view: ReportView, said: dict[str, Any]) -> Wish:
    """What the page says, as ``trueup approve`` would say it; people come as row numbers of the view.

    Raises:
        Misused: no name, or a row or attribute that is not in the view.
    """
    name = text_of(said, "name")
    if not name:
        raise Misused("An approval needs your name.", remedy="Sign with your name; it is kept in the act.")
    rows, paths, allow = said.get("people", []), said.get("attributes", []), said.get("allow", {})
    singles = said.get("changes", [])
    known = _are_rows(rows, view) and _are_attributes(paths, view) and _are_changes(singles, view)
    if not (known and _are_reasons(allow)):
        raise Misused("The page names something that is not in this run.", remedy="Load the page anew.")
    keys = view.people["key"].take(sorted(set(rows))).to_pylist() if rows else []
    progress = Progress.from_rows(view, said)
    return Wish(
        who=name,
        exclude=(*keys, *sorted(set(paths)), *_single(view, singles, but_of={*keys}, but={*paths})),
        allow=allow,
        fingerprint=view.fingerprint,
        note=progress.note,
        notes=progress.notes,
    )


def _single(view: ReportView, singles: list[int], *, but_of: set[str], but: set[str]) -> list[str]:
    """Single changes as selectors, without those of people and attributes that are left out as a whole."""
    rows = view.changes.select(["key", "attribute"]).take(sorted(set(singles))).to_pylist() if singles else []
    return [
        f"{row['key']}/{row['attribute']}" for row in rows if row["key"] not in but_of and row["attribute"] not in but
    ]


def _are_changes(singles: Any, view: ReportView) -> bool:
    """Whether these are changes of people who would be written."""
    most = view.changes.num_rows
    if not isinstance(singles, list) or any(type(one) is not int or not 0 <= one < most for one in singles):
        return False
    return _are_rows(view.changes["person"].take(singles).to_pylist() if singles else [], view)


def _are_rows(rows: Any, view: ReportView) -> bool:
    """Whether these are rows of people who would be written."""
    if not isinstance(rows, list) or any(type(row) is not int or not 0 <= row < view.people.num_rows for row in rows):
        return False
    decisions = view.people["decision"]
    return all(decisions[row].as_py() in WRITING for row in rows)


def _are_attributes(paths: Any, view: ReportView) -> bool:
    known = [line.attribute for line in view.attributes]
    return isinstance(paths, list) and all(path in known for path in paths)


def _are_reasons(allow: Any) -> bool:
    return isinstance(allow, dict) and all(isinstance(reason, str) for reason in allow.values())
