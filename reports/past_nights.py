"""What earlier nights came to, from the manifests and summaries of their runs, which outlive pruning."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import over
from trueup.transforms.ordinary import Night, added, night_of, nights_compared
from trueup.transforms.private import address
from trueup.transforms.vocabulary import WRITING, Decision

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.ordinary import Story
    from trueup.transforms.run_files import RunFiles

_APPLIED = re.compile(r"summary-\d{3,}\.parquet")
_KINDS = {
    "joined": (Decision.CREATE,),
    "left": (Decision.DEACTIVATE, Decision.DELETE),
    "returned": (Decision.REACTIVATE,),
    "updated": (Decision.UPDATE,),
    "held": (Decision.HOLD,),
}
"""What every manifest knows; whether an update is a move to another department only the summary does."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run in figures."""

    night: date
    counts: Night
    headcount: dict[str | None, int]
    """Department → people active and managed: after the run; of one not applied, before it."""
    holds: dict[str, int]
    """Check or reason code → people held."""


@dataclass(frozen=True, slots=True)
class PastNights:
    """This run and the nights it is measured against, oldest first."""

    this: Figures
    nights: tuple[Figures, ...] = ()

    @property
    def each(self) -> tuple[Figures, ...]:
        """The nights and this run, oldest first, as far as they wrote figures down."""
        return tuple(one for one in (*self.nights, self.this) if one.headcount or one.holds)


def past_nights(files: RunFiles, manifest: Manifest, history: History) -> PastNights:
    """The figures of this run and of the nights before it that were applied or had nothing to do."""
    by_night = nights_compared(history, manifest)
    plans = {files.path: [files.summary] if files.summary.exists() else []}
    plans |= {run.files.path: _summaries(run) for runs in by_night.values() for run in runs}
    told = _read(path for paths in plans.values() for path in paths)
    nights = []
    for night, runs in sorted(by_night.items()):
        each = [_figures(run.manifest, [told[path] for path in plans[run.files.path]]) for run in runs]
        newest = each[0]
        nights.append(Figures(night, added(one.counts for one in each), newest.headcount, newest.holds))
    return PastNights(_figures(manifest, [told[path] for path in plans[files.path]]), tuple(nights))


Rows = list[tuple[str, str | None, str | None, int]]
"""measure, word, detail, people."""


def _summaries(run: PriorRun) -> list[Path]:
    """The plan's and then the newest apply's, as far as they were written."""
    applied = sorted({name for act in run.acts for name in act.files if _APPLIED.fullmatch(name)})
    paths = [run.files.summary, *(run.files.file(name) for name in applied[-1:])]
    return [path for path in paths if path.exists()] if paths[0].exists() else []


def _read(paths: Iterable[Path]) -> dict[Path, Rows]:
    found: dict[Path, Rows] = {path: [] for path in paths}
    if not found:
        return found
    by_name = {address(path): path for path in found}
    with connect(threads=1) as db:
        rows = db.execute(over(statement("figures", "trueup.reports.sql"), paths=list(found))).fetchall()
    for path, *row in rows:
        found[by_name[path]].append((row[0], row[1], row[2], row[3]))
    return found


def _figures(manifest: Manifest, told: list[Rows]) -> Figures:
    """``told`` is what the plan's summary says, then the apply's; nothing where the run wrote none."""
    headcount = next(({w: n for m, w, _, n in rows if m == "headcount"} for rows in reversed(told)), {})
    holds = {word or "": n for rows in told[:1] for measure, word, _, n in rows if measure == "hold"}
    return Figures(night_of(manifest), _night(manifest, told), headcount, holds)


def _night(manifest: Manifest, told: list[Rows]) -> Night:
    kinds = {kind: sum(manifest.counts.get(one, 0) for one in of) for kind, of in _KINDS.items()}
    planned, written = ([_stories(rows) for rows in told] + [Counter(), Counter()])[:2]
    if not planned:
        changes_nothing = not any(manifest.counts.get(one, 0) for one in (*WRITING, Decision.HOLD))
        return (
            Night(night_of(manifest), {**kinds, "moved": 0}, {})
            if changes_nothing
            else Night(night_of(manifest), kinds)
        )
    stories = planned
    if len(told) > 1:  # what was left out never reached the directory; who is held was not its business
        stories = written + Counter({one: n for one, n in planned.items() if one[0] == "held"})
    counts = {kind: sum(n for (of, _), n in stories.items() if of == kind) for kind in (*_KINDS, "moved")}
    return Night(night_of(manifest), {**counts, "updated": counts["updated"] + counts["moved"]}, stories)


def _stories(rows: Rows) -> Counter[Story]:
    return Counter({(word or "", detail): n for measure, word, detail, n in rows if measure == "story"})
