"""People and their changes as the page's script takes them: in columns, each text once and by number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.reports.attributes import EVENT_WORDS, place
from trueup.reports.escaping import visible
from trueup.reports.sentences import CAUSE_WORDS, LABELS, WRITES, age
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.reports.details import Detail
    from trueup.reports.model import ReportView

DECISIONS = tuple(LABELS)
"""In the order of their numbers."""


@dataclass(frozen=True, slots=True)
class Codes:
    """What is said by number in a run's columns."""

    attributes: tuple[str, ...]
    causes: tuple[str, ...]
    events: tuple[str, ...]
    """Each what happened to somebody, codes of events joined by commas."""


def codes_of(people: pa.Table, changes: pa.Table) -> Codes:
    """The words of a run, in the order in which they come."""
    return Codes(
        tuple(_words(changes["attribute"])), tuple(_words(changes["cause"])), tuple(_words(_joined(people["events"])))
    )


def vocabulary(view: ReportView, codes: Codes) -> dict[str, Any]:
    """What the script must know of a run, whichever people it lists."""
    return {
        "run": view.run_id,
        "links": {"source": view.links.source, "target": view.links.target},
        "decisions": [
            {"name": d, "label": LABELS[d], "writes": d in WRITING, "noun": WRITES.get(d, LABELS[d])} for d in DECISIONS
        ],
        "attributes": [
            {"path": path, "label": visible(label(path)), "place": place(path)} for path in codes.attributes
        ],
        "causes": [{"name": cause, "words": visible(CAUSE_WORDS.get(cause, cause))} for cause in codes.causes],
        "events": [text.split(",") for text in codes.events],
        "event_words": EVENT_WORDS | {line.event: line.words for line in view.events if line.event != "moved"},
        "groups": [group.people for group in view.groups],
    }


class Pool:
    """Every text once, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, column: pa.ChunkedArray) -> list[int]:
        """The numbers of a column's texts; -1 for none."""
        if not column.num_chunks:
            return []
        encoded = pa.concat_arrays(column.chunks).dictionary_encode()
        numbers = pa.array([self._number(text) for text in encoded.dictionary.to_pylist()], pa.int32())
        taken = numbers.take(encoded.indices)
        return pc.fill_null(taken, -1).to_pylist()  # type: ignore[no-any-return] # pyarrow is untyped

    def _number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(visible(text))
        return self._numbers[text]


def people_columns(people: pa.Table, pool: Pool, codes: Codes, at: datetime) -> dict[str, list[Any]]:
    """Rows of ``ReportView.people``; ages count up to ``at``."""
    ages = pa.array(
        [
            (age(since, at) if decision == "hold" else None)
            for since, decision in zip(people["held_since"].to_pylist(), people["decision"].to_pylist(), strict=True)
        ],
        pa.string(),
    )
    return {
        "key": [visible(key) for key in people["key"].to_pylist()],
        "name": pool.add(people["name"]),
        "user": pool.add(people["user_name"]),
        "profile": pool.add(people["profile_id"]),
        "decision": [DECISIONS.index(one) for one in people["decision"].to_pylist()],
        "reason": pool.add(people["reason"]),
        "words": pool.add(pc.if_else(pc.equal(people["event"], ""), pa.scalar(None, pa.string()), people["event"])),
        "event": numbered(_joined(people["events"]), codes.events),
        "remedy": pool.add(people["remedy"]),
        "since": pool.add(pa.chunked_array([ages])),
        "left": pool.add(people["left_out_by"]),
        "new": [int(one) for one in people["is_new"].to_pylist()],
    }


def change_columns(changes: pa.Table, pool: Pool, codes: Codes) -> dict[str, list[Any]]:
    """Rows of ``ReportView.changes``."""
    return {
        "attribute": numbered(changes["attribute"], codes.attributes),
        "before": pool.add(changes["before_shown"]),
        "after": pool.add(changes["after_shown"]),
        "cause": numbered(changes["cause"], codes.causes),
        "group": changes["grp"].to_pylist(),
    }


def first_changes(changes: pa.Table, people: int) -> list[int]:
    """Where each person's changes begin; they stand in the order of people."""
    counts = pc.value_counts(changes["person"])
    of = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    first, at = [], 0
    for person in range(people):
        first.append(at)
        at += of.get(person, 0)
    return first


def detail_of(one: Detail) -> dict[str, Any]:
    """What opens beside a person; every text harmless."""
    return {
        "row": one.row,
        "verdict": visible(one.verdict.replace("_", " ")),
        "signals": [visible(signal) for signal in one.signals],
        "rule": visible(one.overridden_by),
        "clauses": [
            [seen.filter, visible(seen.clause), None if seen.value is None else visible(seen.value), seen.holds]
            for seen in one.clauses
        ],
        "earlier": [
            [
                run.run_id,
                LABELS.get(run.decision, run.decision),
                visible(run.reason),
                run.came_to,
                visible(run.approved_by),
            ]
            for run in one.earlier
        ],
    }


def numbered(column: pa.ChunkedArray, words: tuple[str, ...]) -> list[Any]:
    """Each text's place among ``words``."""
    return pc.index_in(column, value_set=pa.array(words, pa.string())).to_pylist()  # type: ignore[no-any-return] # pyarrow is untyped


def _joined(events: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join(events, ",")


def _words(column: pa.ChunkedArray) -> list[str]:
    found = pa.concat_arrays(column.chunks).dictionary_encode() if column.num_chunks else None
    return [] if found is None else found.dictionary.to_pylist()
