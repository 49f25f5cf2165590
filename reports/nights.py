"""All nights on one page: how each ended, what changed, who is held, who approved; no person stands in it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from rich.console import Group
from rich.table import Table
from rich.text import Text

from trueup.reports.assets import own_style, style_sheet
from trueup.reports.escaping import visible
from trueup.reports.sentences import CAUSE_WORDS, number
from trueup.reports.templating import template
from trueup.transforms.values.labels import label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import RenderableType

_SHOWN = 14
_CLASSES = {
    "applied": "applied",
    "verified": "applied",
    "nothing_to_do": "still",
    "partially_applied": "partly",
    "interrupted": "partly",
    "refused": "refused",
    "failed": "refused",
}
CLASS_WORDS = {
    "applied": "applied",
    "still": "nothing to do",
    "partly": "partly applied or interrupted",
    "refused": "refused or failed",
    "waiting": "planned, not applied",
    "none": "no run",
}
"""What a day of the calendar can be, in words; each has a letter too, so that nothing hangs on colour."""
_LETTERS = {"applied": "A", "still": "–", "partly": "P", "refused": "R", "waiting": "W", "none": ""}


@dataclass(frozen=True, slots=True)
class NightLine:
    """One night."""

    night: date
    run_id: str
    state: str
    written: int
    ended: int
    held: int
    changes: int
    limits: tuple[tuple[str, float, bool], ...]
    """Name, part of the limit used (1 is all of it), whether it was exceeded."""
    seconds: Mapping[str, float]
    approved_by: str

    @property
    def kind(self) -> str:
        """A key of ``CLASS_WORDS``."""
        return _CLASSES.get(self.state, "waiting")


@dataclass(frozen=True, slots=True)
class NightsView:
    """What every renderer shows."""

    nights: tuple[NightLine, ...]
    causes: tuple[tuple[str, int], ...]
    """Cause in words, changes."""
    holds: tuple[tuple[str, int, date, int, int], ...]
    """Check, people, held since, over a week, over a month."""
    moved: tuple[tuple[str, str, int], ...]
    approvals: tuple[tuple[str, int], ...]
    departments: tuple[tuple[str, int, int], ...]
    headcount: tuple[tuple[date, int], ...]
    left_out: tuple[str, ...]

    @property
    def months(self) -> tuple[tuple[str, tuple[tuple[date | None, NightLine | None], ...]], ...]:
        """Each month as its name and its days, Monday first, with empty places before the first."""
        by_night = {one.night: one for one in self.nights}
        found = []
        first = self.nights[0].night.replace(day=1) if self.nights else None
        while first is not None and first <= self.nights[-1].night:
            after = (first + timedelta(days=32)).replace(day=1)
            days: list[tuple[date | None, NightLine | None]] = [(None, None)] * first.weekday()
            days += [(day, by_night.get(day)) for day in (first + timedelta(n) for n in range((after - first).days))]
            found.append((first.strftime("%B %Y"), tuple(days)))
            first = after
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "nights": [
                {
                    "night": one.night.isoformat(),
                    "run_id": one.run_id,
                    "state": one.state,
                    "written": one.written,
                    "ended": one.ended,
                    "held": one.held,
                    "changes": one.changes,
                    "seconds": dict(one.seconds),
                    "approved_by": one.approved_by,
                }
                for one in self.nights
            ],
            "left_out": list(self.left_out),
        }


def nights_view(figures: Mapping[str, list[tuple[Any, ...]]], *, left_out: Iterable[str]) -> NightsView:
    """The view of what ``Archive.figures_of_nights`` gives."""
    causes: dict[str, int] = {}
    for _, cause, changes in figures["causes"]:
        words = CAUSE_WORDS.get(cause, str(cause))
        causes[words] = causes.get(words, 0) + changes
    none = "no department"
    return NightsView(
        nights=tuple(_line(row) for row in figures["all"]),
        causes=tuple(sorted(causes.items(), key=lambda one: -one[1])),
        holds=tuple((str(check or "no check"), *more) for check, *more in figures["ages"]),
        moved=tuple((before or none, after or none, people) for before, after, people in figures["moved"]),
        approvals=tuple((who, count) for who, count, _ in figures["approvals"]),
        departments=tuple((name or none, now, first) for name, now, first in figures["departments"]),
        headcount=tuple((night, people) for night, people in figures["headcount"]),
        left_out=tuple(left_out),
    )


def _line(row: tuple[Any, ...]) -> NightLine:
    night, run_id, _, state, written, ended, held, changes, limits, seconds, approved_by = row
    uses = tuple(
        (_limit_words(one["name"]), _part(one), bool(one["tripped"]))
        for one in json.loads(limits or "[]")
        if not one["exempt"]
    )
    return NightLine(
        night, run_id, state, written, ended, held, changes, uses, json.loads(seconds or "{}"), approved_by or ""
    )


def _limit_words(name: str) -> str:
    family, _, attribute = name.partition(":")
    return f"{family}: {label(attribute)}" if attribute else family.replace("_", " ")


def _part(use: Mapping[str, Any]) -> float:
    used = use["share"] if use["is_share"] else use["used"]
    return float(used / use["limit"]) if use["limit"] else float(bool(used))


def short_form(view: NightsView) -> RenderableType:
    """The last nights and who is held, for a terminal."""
    if not view.nights:
        return Text("No nights yet. Make a first plan: trueup plan")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("night", "run", "state", "written", "ended", "held", "approved by"):
        table.add_column(name, justify="right" if name in {"written", "ended", "held"} else "left", overflow="fold")
    for one in view.nights[-_SHOWN:]:
        cells = (one.night.isoformat(), one.run_id, one.state.replace("_", " "))
        counts = (str(count or "") for count in (one.written, one.ended, one.held))
        table.add_row(*(Text(visible(cell)) for cell in (*cells, *counts, one.approved_by)))
    lines: list[RenderableType] = [table]
    if len(view.nights) > _SHOWN:
        lines.append(Text(f"The last {_SHOWN} of {len(view.nights)} nights; all: trueup nights --output nights.html"))
    lines += [
        Text(f"Held: {people} by {visible(check)}, the longest since {oldest}")
        for check, people, oldest, *_ in view.holds
    ]
    if view.headcount:
        lines.append(Text(f"Active and managed after {view.headcount[-1][0]}: {number(view.headcount[-1][1])}"))
    return Group(*lines)


def nights_page(view: NightsView) -> str:
    """One self-contained page without a script."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    page: str = template("nights.html.j2").render(
        view=view,
        style=Markup(style),  # noqa: S704 - our own files
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        stages=stages_of(view),
        limits=limits_of(view),
        **WORDS,
    )
    return page


def stages_of(view: NightsView) -> list[str]:
    """Every stage some night took seconds for."""
    return sorted({stage for one in view.nights for stage in one.seconds})


def signed(difference: int) -> str:
    """``+3``, ``−3`` with a minus sign, ``no change``."""
    return f"{'+' if difference > 0 else '−'}{number(abs(difference))}" if difference else "no change"


def limits_of(view: NightsView) -> list[tuple[str, float, int]]:
    """Of each limit: the most of it any night used, and how many nights exceeded it."""
    most: dict[str, float] = {}
    tripped: dict[str, int] = {}
    for one in view.nights:
        for name, part, over in one.limits:
            most[name] = max(most.get(name, 0.0), part)
            tripped[name] = tripped.get(name, 0) + over
    return sorted(((name, part, tripped[name]) for name, part in most.items()), key=lambda one: (-one[1], one[0]))


def _bars(values: Iterable[float]) -> list[tuple[float, float, float]]:
    """Left edge, top and height of each bar in a box of 100 by 100."""
    found = list(values)
    top, width = max([1e-9, *found]), 100 / max(10, len(found))
    return [(n * width, 100 - 100 * value / top, 100 * value / top) for n, value in enumerate(found)]


WORDS: Mapping[str, Any] = {
    "words": CLASS_WORDS,
    "letters": _LETTERS,
    "number": number,
    "bars": _bars,
    "signed": signed,
    "most": lambda values: max([1, *values]),
}
"""What ``nights/sections.html.j2`` needs beside the view, its stages and its limits."""


@cache
def _style() -> str:
    return f"{style_sheet()}\n{own_style(('nights',))}".replace("\r\n", "\n").replace("<", "\\3c ")
