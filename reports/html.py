"""The report as one self-contained page: readable offline, from a file share, and safe with hostile names."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from trueup.reports.assets import Assets, assets
from trueup.reports.attributes import EVENT_WORDS, place
from trueup.reports.chart import chart
from trueup.reports.difference import parted
from trueup.reports.escaping import script_data, visible
from trueup.reports.pictures import pictures
from trueup.reports.sentences import CAUSE_REMEDIES, CAUSE_WORDS, LABELS, age, number
from trueup.reports.templating import template
from trueup.transforms.values.labels import label
from trueup.transforms.vocabulary import WRITING, Act

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.reports.details import Detail
    from trueup.reports.model import ReportView

_GROUP_ROOM = 200
"""Groups shown as lines of their own; what is beyond is said and stands in the list of people."""


@dataclass(frozen=True, slots=True)
class Review:
    """What makes the page a place to accept or reject."""

    secret: str
    """Sent back with every request, so that no other page can ask."""
    may_approve: bool
    who: str = ""
    """A name to begin with."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """Where the reviewer was: ``looked`` (rows), ``notes`` (row → text), ``note``."""


def render_html(view: ReportView, *, review: Review | None = None, parts: Assets | None = None) -> str:
    """The whole page; with ``review`` it carries actions and must be served."""
    parts = parts or assets()
    drawings = pictures(view.organisation)
    page: str = template("report.html.j2").render(
        view=view,
        review=review,
        policy=parts.policy(served=review is not None),
        style=Markup(parts.style),  # noqa: S704 - our own file
        script=Markup(parts.module),  # noqa: S704 - our own file and the grid's
        data=Markup(script_data(json.dumps(_data(view, review), ensure_ascii=False, separators=(",", ":")))),  # noqa: S704 - escaped by script_data
        licence=parts.licence,
        chart=chart(view.trend),
        pictures=drawings.drawn,
        not_drawn=drawings.not_drawn,
        parted=_parted,
        number=number,
        labels=LABELS,
        remedies=CAUSE_REMEDIES,
        group_room=_GROUP_ROOM,
        superseded=_superseded_by(view),
    )
    return page


def _superseded_by(view: ReportView) -> str:
    """The newer plan that made this one void; empty where none did."""
    found = (str(act.details.get("by", "")) for act in reversed(view.acts) if act.act is Act.SUPERSEDED)
    return next(found, "")


def _parted(before: str, after: str) -> tuple[Any, Any]:
    return parted(visible(before), visible(after))


def _data(view: ReportView, review: Review | None) -> dict[str, Any]:
    """What the list shows, in columns; text is a number into ``strings``, -1 where there is none."""
    people, changes = view.people, view.changes
    pool = _Pool()
    attributes, attribute_codes = _dictionary(changes["attribute"])
    causes, cause_codes = _dictionary(changes["cause"])
    events, event_codes = _events(people["events"])
    decisions = list(LABELS)
    ages = pa.array(
        [
            (age(since, view.at) if decision == "hold" else None)
            for since, decision in zip(people["held_since"].to_pylist(), people["decision"].to_pylist(), strict=True)
        ],
        pa.string(),
    )
    columns = {
        "people": {
            "key": [visible(key) for key in people["key"].to_pylist()],
            "name": pool.add(people["name"]),
            "user": pool.add(people["user_name"]),
            "profile": pool.add(people["profile_id"]),
            "decision": [decisions.index(one) for one in people["decision"].to_pylist()],
            "reason": pool.add(people["reason"]),
            "words": pool.add(pc.if_else(pc.equal(people["event"], ""), pa.scalar(None, pa.string()), people["event"])),
            "event": event_codes,
            "remedy": pool.add(people["remedy"]),
            "since": pool.add(pa.chunked_array([ages])),
            "left": pool.add(people["left_out_by"]),
            "new": [int(one) for one in people["is_new"].to_pylist()],
            "first": _first(changes["person"], people.num_rows),
        },
        "changes": {
            "attribute": attribute_codes,
            "before": pool.add(changes["before_shown"]),
            "after": pool.add(changes["after_shown"]),
            "cause": cause_codes,
            "group": changes["grp"].to_pylist(),
        },
    }
    return {
        "review": None
        if review is None
        else {"secret": review.secret, "may_approve": review.may_approve, "state": dict(review.state)},
        "run": view.run_id,
        "links": {"source": view.links.source, "target": view.links.target},
        "details": [_detail(one) for one in view.details],
        "decisions": [{"name": d, "label": LABELS[d], "writes": d in WRITING} for d in decisions],
        "attributes": [{"path": path, "label": visible(label(path)), "place": place(path)} for path in attributes],
        "causes": [{"name": cause, "words": visible(CAUSE_WORDS.get(cause, cause))} for cause in causes],
        "events": events,
        "event_words": EVENT_WORDS | {line.event: line.words for line in view.events if line.event != "moved"},
        "groups": [group.people for group in view.groups],
        "strings": pool.texts,
        **columns,
    }


def _detail(one: Detail) -> dict[str, Any]:
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


class _Pool:
    """Every text of the page once, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, column: pa.ChunkedArray) -> list[int]:
        """The numbers of a column's texts."""
        texts, codes = _dictionary(column)
        numbers = pa.array([self._number(text) for text in texts], pa.int32())
        taken = numbers.take(pa.array(codes, pa.int32()))
        return pc.fill_null(taken, -1).to_pylist()  # type: ignore[no-any-return] # pyarrow is untyped

    def _number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.texts)
            self.texts.append(visible(text))
        return self._numbers[text]


def _dictionary(column: pa.ChunkedArray) -> tuple[list[str], list[int | None]]:
    encoded = pa.concat_arrays(column.chunks).dictionary_encode() if column.num_chunks else None
    if encoded is None:
        return [], []
    return encoded.dictionary.to_pylist(), encoded.indices.to_pylist()


def _events(column: pa.ChunkedArray) -> tuple[list[list[str]], list[int | None]]:
    joined = pc.binary_join(column, ",")
    texts, codes = _dictionary(joined)
    return [text.split(",") for text in texts], codes


def _first(persons: pa.ChunkedArray, count: int) -> list[int]:
    """Where each person's changes begin; they stand in the order of people."""
    counts = pc.value_counts(persons)
    of = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    first, at = [], 0
    for person in range(count):
        first.append(at)
        at += of.get(person, 0)
    return first
