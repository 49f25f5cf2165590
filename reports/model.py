"""The one frozen view all renderers get: everything is decided, counted and put into words here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trueup.transforms.links import Links

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import pyarrow as pa

    from trueup.reports.details import Detail
    from trueup.reports.organisation import Organisation
    from trueup.reports.stories import Aside, News, Story
    from trueup.transforms.errors import Refusal
    from trueup.transforms.manifest import ActRecord

Tone = Literal["calm", "neutral", "attention", "stop"]
"""Ordinary; nothing to judge by; worth a closer look; nothing is written."""

SMALL = 30
"""People written in a night whose list stands directly below the first screen."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many people one decision concerns."""

    decision: str
    label: str
    people: int
    writes: bool
    """Whether it leads to a request."""


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit and how much of it the plan uses."""

    name: str
    label: str
    used: int
    base: int
    use: str
    """In words: ``212 of 3,104 (6.8 %)``."""
    limit: str
    """In words: ``5 %`` or ``at most 12``."""
    filled: float
    """Use over limit, 0 to 1, cut at 1; for the bar. Nothing where the limit does not count."""
    tripped: bool
    exempt: str
    """Why the limit does not count, in words; empty where it does."""

    @property
    def is_prominent(self) -> bool:
        """Whether it is shown at once: a limit on people, or one on an attribute that is half used or more."""
        return ":" not in self.name or self.tripped or self.filled >= 0.5


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One earlier run, or this one, in the chart."""

    run_id: str
    day: str
    state: str
    created: int
    updated: int
    """Updates and reactivations."""
    ended: int
    """Deactivations and deletes."""
    held: int
    is_this: bool

    @property
    def writes(self) -> int:
        """People written."""
        return self.created + self.updated + self.ended


@dataclass(frozen=True, slots=True)
class AttributeLine:
    """What the plan does to one attribute over all people."""

    attribute: str
    label: str
    changed: int
    """A value becomes another."""
    filled: int
    """Nothing becomes a value."""
    emptied: int
    """A value becomes nothing."""

    @property
    def total(self) -> int:
        """Changes of this attribute."""
        return self.changed + self.filled + self.emptied


@dataclass(frozen=True, slots=True)
class CauseLine:
    """How many changes have one cause."""

    cause: str
    words: str
    """``edited in the target``; follows a count."""
    changes: int
    people: int


@dataclass(frozen=True, slots=True)
class EventLine:
    """What happened to people, in words."""

    event: str
    """Filters the list of people; several lines may share it."""
    words: str
    people: int
    group: int = -1
    """The group of identical changes it is, if it is one."""


@dataclass(frozen=True, slots=True)
class Group:
    """Identical changes of several people: one line that opens."""

    number: int
    attribute: str
    label: str
    before: str | None
    after: str | None
    causes: tuple[str, ...]
    people: int
    writes: int
    """How many of them are written in this run."""


@dataclass(frozen=True, slots=True)
class HoldLine:
    """People set aside for one reason."""

    check: str
    reason: str
    remedy: str
    people: int
    oldest: str
    """In words: ``since 12 days``, ``new``."""


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """People who share a decision and a reason."""

    decision: str
    reason_code: str
    reason: str
    people: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the last approval left out and is still to be written."""

    who: str
    run_id: str
    people: int


@dataclass(frozen=True, slots=True)
class ReportView:
    """Everything a renderer shows. Text is exact; making it harmless is the renderer's duty (``reports.escaping``)."""

    run_id: str
    kind: str
    parent_run: str | None
    outcome: str
    state: str
    at: datetime
    """When the report was made."""
    started: datetime
    target: str
    fingerprint: str
    baseline_run: str | None
    only: tuple[str, ...]
    tone: Tone
    verdict: str
    """One sentence: was the night ordinary?"""
    detail: str
    """A sentence or two on why."""
    ask: str
    """What is asked of the reader."""
    commands: tuple[str, ...]
    """What to type next."""
    counts: dict[str, int]
    changes_total: int
    users: int
    profiles: int
    is_as_made: bool = False
    """Whether it is the page that is sealed with the run, which cannot know what becomes of it."""
    stories: tuple[Story, ...] = ()
    news: News | None = None
    ending: Mapping[str, Aside] = field(default_factory=dict)
    """``delete`` and ``deactivate``: the people it concerns who may not come back."""
    waiting: tuple[Aside, ...] = ()
    became: tuple[str, ...] = ()
    """What became of a sealed run, in sentences."""
    organisation: Organisation | None = None
    totals: tuple[Total, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    irreversible: tuple[str, ...] = ()
    limits: tuple[LimitLine, ...] = ()
    trend: tuple[TrendPoint, ...] = ()
    attributes: tuple[AttributeLine, ...] = ()
    causes: tuple[CauseLine, ...] = ()
    events: tuple[EventLine, ...] = ()
    groups: tuple[Group, ...] = ()
    holds: tuple[HoldLine, ...] = ()
    exclusions: tuple[ReasonLine, ...] = ()
    conflicts: tuple[ReasonLine, ...] = ()
    unmanaged: tuple[ReasonLine, ...] = ()
    kept: tuple[ReasonLine, ...] = ()
    """Unchanged people about whom there is something to say."""
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[tuple[str, int], ...] = ()
    """Check and number of ``info`` findings."""
    acts: tuple[ActRecord, ...] = ()
    people: pa.Table = None
    """One row per listed person, most important first: see ``trueup.reports.people.PEOPLE``."""
    changes: pa.Table = None
    """One row per change of a listed person, in the order of ``people``: see ``trueup.reports.people.CHANGES``."""
    unlisted: dict[str, int] = field(default_factory=dict)
    """Decision → people not in ``people`` because the list would be too long; said by every renderer."""
    details: tuple[Detail, ...] = ()
    """What opens beside a person; of the most important ones."""
    links: Links = field(default_factory=Links)
    facts: tuple[tuple[str, str], ...] = ()
    """Small print: versions, digests, what was compared with what."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Completeness proof and rollback options, as the manifest has them."""

    @property
    def writes(self) -> int:
        """People who would be written."""
        return sum(total.people for total in self.totals if total.writes)

    @property
    def is_planned(self) -> bool:
        """Whether the run came to decisions."""
        return any(total.people for total in self.totals)

    @property
    def is_small(self) -> bool:
        """Whether everybody who is written can be read at once."""
        return 0 < self.writes <= SMALL
