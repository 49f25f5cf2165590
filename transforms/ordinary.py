"""Is a night ordinary? Counts of this one beside those of earlier ones, by median and spread. Pure.

A night is what reached the directory on one date. What counts as one, ``nights_compared`` says; what is unusual beside
them, ``unusual``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC
from statistics import median
from typing import TYPE_CHECKING

from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import Manifest

ENOUGH = 5
"""Nights below which nothing can be called ordinary."""
MOST = 60
"""Nights looked back at."""
_NORMAL = 1.4826
"""Turns the median of deviations into the spread of a bell curve (1 / 0.6745)."""
_WIDE = 3
"""So many spreads above the median, and a count is unusual."""

Story = tuple[str, str | None]
"""What happened (``joined``, ``left``, ``returned``, ``moved``, ``updated``, ``held``) and in which department."""


@dataclass(frozen=True, slots=True)
class Night:
    """What one night brought: people by what happened to them."""

    night: date
    kinds: Mapping[str, int]
    """What happened → people; what is missing is not known, and not nought."""
    departments: Mapping[Story, int] | None = field(default=None)
    """The same by department; none where the run did not write that down."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What a count was on earlier nights."""

    nights: int
    median: float
    spread: float
    most: int

    @property
    def bound(self) -> float:
        """A count below this is ordinary."""
        return self.median + _WIDE * self.spread


@dataclass(frozen=True, slots=True)
class Unusual:
    """A count that stands out."""

    kind: str
    now: int
    usual: Usual
    department: str | None = None
    is_department: bool = False
    """Whether it is about one department; people without one share the department ``None``."""


def nights_compared(history: History, manifest: Manifest) -> dict[date, list[PriorRun]]:
    """The last nights this run can be measured against, newest first, each with its runs.

    Whole runs that were applied in full or had nothing to do. Not: the first adoption of a directory, rollbacks, plans
    for named people, what was refused, failed, superseded, rejected or applied in part, and nothing of this very night.
    """
    this = night_of(manifest)
    found: dict[date, list[PriorRun]] = {}
    for run in sorted(history.runs, key=lambda one: one.run_id, reverse=True):
        night = night_of(run.manifest)
        if run.run_id < manifest.run_id and night != this and _counts(run):
            found.setdefault(night, []).append(run)
    return {night: found[night] for night in sorted(found, reverse=True)[:MOST]}


def night_of(manifest: Manifest) -> date:
    """The date a run belongs to; of older runs and of those for named people, when it began."""
    return manifest.night or manifest.started.astimezone(UTC).date()


def _counts(run: PriorRun) -> bool:
    manifest = run.manifest
    if manifest.kind is not Kind.RECONCILE or manifest.only or manifest.first_run:
        return False
    if manifest.outcome is Outcome.NOTHING_TO_DO:
        return True
    acts = {act.act for act in run.acts}
    return Act.APPLIED in acts and Act.PARTIALLY_APPLIED not in acts


def added(nights: Iterable[Night]) -> Night:
    """Several runs of one night as one; what one of them does not know, the night does not."""
    each = list(nights)
    kinds = {kind: sum(one.kinds.get(kind, 0) for one in each) for kind in each[0].kinds}
    kinds = {kind: people for kind, people in kinds.items() if all(kind in one.kinds for one in each)}
    told = [one.departments for one in each if one.departments is not None]
    departments: Counter[Story] = Counter()
    for counts in told:
        departments.update(counts)
    return Night(each[0].night, kinds, departments if len(told) == len(each) else None)


def usual(counts: Sequence[int]) -> Usual:
    """Median and spread of ``counts``, at least one.

    The spread is that of the middle half, so one wild night moves nothing. Small counts scatter by chance by about
    their root, so the spread is never taken for less than that, nor than one.
    """
    middle = median(counts)
    scattered = _NORMAL * median(abs(count - middle) for count in counts)
    return Usual(len(counts), middle, max(scattered, middle**0.5, 1.0), max(counts))


def unusual(this: Night, past: Sequence[Night]) -> tuple[Unusual, ...]:
    """What stands out in this night, kinds before departments, the farthest from usual first.

    A kind does when it lies three spreads above the median; in a department it must also exceed every earlier night,
    because among many departments one always has a big day. With fewer than ``ENOUGH`` nights nothing stands out.
    """
    found = [] if len(past) < ENOUGH else [*_kinds(this, past), *_departments(this, past)]
    return tuple(found)


def _kinds(this: Night, past: Sequence[Night]) -> list[Unusual]:
    known = {kind: [one.kinds[kind] for one in past if kind in one.kinds] for kind in this.kinds}
    lines = [Unusual(kind, this.kinds[kind], usual(counts)) for kind, counts in known.items() if len(counts) >= ENOUGH]
    return _farthest(one for one in lines if one.now >= one.usual.bound)


def _departments(this: Night, past: Sequence[Night]) -> list[Unusual]:
    known = [one.departments for one in past if one.departments is not None]
    if len(known) < ENOUGH:
        return []
    lines = [
        Unusual(
            kind, now, usual([counts.get((kind, department), 0) for counts in known]), department, is_department=True
        )
        for (kind, department), now in (this.departments or {}).items()
    ]
    return _farthest(one for one in lines if one.now >= one.usual.bound and one.now > one.usual.most)


def _farthest(lines: Iterable[Unusual]) -> list[Unusual]:
    return sorted(
        lines,
        key=lambda one: (
            -(one.now - one.usual.median) / one.usual.spread,
            one.kind,
            one.department or "",
            one.department is None,
        ),
    )
