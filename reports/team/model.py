"""What the team's pages show: frozen, counted and put into words before a renderer sees it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from markupsafe import Markup

    from trueup.reports.model import ReportView
    from trueup.reports.nights import NightsView
    from trueup.reports.pictures import Pictures
    from trueup.reports.team.listing import Listing

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def address_of(key: str) -> str | None:
    """Where a person's page is; None where the key may name somebody and so must not stand in an address."""
    return f"/people/{key}" if _GUID.fullmatch(key) else None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page, and what that person may do."""

    name: str
    id: str
    """Short and opaque: the same person has the same one in the live state of a run."""
    is_reviewer: bool
    may_decide: bool
    """A reviewer whose right was checked a short while ago."""
    why_not: str
    """Why deciding is closed to a reviewer, in a sentence; else empty."""
    may_apply: bool
    """Whether this person may begin an apply from the page."""
    csrf: str
    """Sent back with every request that changes something."""
    own_key: str
    """Their own key in the source; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another target whose review the viewer may read."""

    target: str
    """Its address, without credentials."""
    url: str
    """Of its review."""
    state: str
    """Of its newest run, or why there is none to tell of."""
    started: datetime | None = None
    """When that run began."""
    waits_since: datetime | None = None
    """Since when a plan waits for somebody's decision."""
    at: datetime | None = None
    """When this was so; None where nobody has looked yet."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Around every page; made anew for each request."""

    viewer: Viewer | None
    """None where nobody is signed in."""
    path: str
    """Of this page."""
    nonce: str
    """For the page's one script and one style sheet."""
    is_old: bool = False
    """Whether the browser lacks what every browser of the last years does to protect its user."""
    neighbours: tuple[Neighbour, ...] = ()
    """Other targets, for the front page."""


ErrorKind = Literal[
    "signed_out", "sign_in_failed", "not_allowed", "not_found", "damaged", "provider_away", "broke", "too_many",
    "bad_request", "sign_in", "sign_in_again",
]  # fmt: skip
"""What a page can say instead of what was asked for."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page that says one thing: an error, a refusal, that somebody is signed out."""

    title: str
    text: str
    remedy: str = ""
    action: str = ""
    """The path of a link."""
    action_label: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run on the front page."""

    run_id: str
    kind: str
    """``reconcile`` or ``rollback``."""
    started: datetime
    state: str
    counts: Mapping[str, int]
    """Decision → people."""
    writes: int
    came: str
    """How it ended or what it waits for, in a sentence."""
    by: tuple[str, ...] = ()
    """Who approved or rejected it, each once."""
    is_for_some: bool = False


@dataclass(frozen=True, slots=True)
class TargetNights:
    """One target: what waits, what was done, and the curves."""

    target: str
    """Its address, without credentials."""
    waiting: tuple[RunLine, ...]
    """Runs that somebody can decide or apply now, newest first."""
    done: tuple[RunLine, ...]
    """What was done lately, newest first."""
    nights: NightsView

    @property
    def has_runs(self) -> bool:
        """Whether the archive has any, though the curves may not know of it yet."""
        return bool(self.waiting or self.done or self.nights.nights)


@dataclass(frozen=True, slots=True)
class NightsPage:
    """The front page: what waits, what was done and who did it."""

    targets: tuple[TargetNights, ...]


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One act of a run, as the page tells it."""

    act: str
    who: str
    at: datetime
    text: str
    """What it was, in a sentence without the name."""
    via: str = ""
    """How it was said, in words."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run: the report, and what can be decided about it."""

    view: ReportView
    """People and changes are in ``listing`` and not here."""
    listing: Listing
    pictures: Pictures
    acts: int
    """Acts the run had when the page was made."""
    decisions: tuple[DecisionLine, ...]
    is_open: bool
    """Whether the run can be approved at all, as far as its state tells."""
    why_closed: str = ""
    """Why not, in a sentence; with what to do."""
    left_by: Mapping[str, str] = field(default_factory=dict)
    """Key → who left the person or a change of theirs out when accepting."""
    drawn: dict[bool, Markup] = field(default_factory=dict, compare=False)
    """The page's body as it was drawn, with and without actions: the same for everybody."""


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody the search found."""

    key: str
    name: str
    user_name: str
    is_gone: bool
    """Whether the newest run that read everybody does not know them."""


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """The search over all runs."""

    asked: bool = False
    text: str = ""
    """What was searched for; it stands in the field again, and nowhere else."""
    found: tuple[Found, ...] = ()
    more: int = 0
    """People who fit too and are not shown."""
    known: int = 0
    """People the archive knows."""
    left_out: tuple[str, ...] = ()
    """Runs that could not be looked through, each in a sentence."""


@dataclass(frozen=True, slots=True)
class PersonChange:
    """One attribute in one run."""

    label: str
    before: str | None
    after: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class PersonRun:
    """What one run decided for a person, and the result."""

    run_id: str
    at: str
    kind: str
    state: str
    """Of the run; empty where nothing was to be written of this person."""
    decision: str
    label: str
    """The decision in words."""
    reason: str
    result: str
    """What apply says of this person; empty where it was not applied."""
    because: str
    approved_by: str
    changes: tuple[PersonChange, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonPage:
    """A person over all runs."""

    key: str
    name: str
    user_name: str
    facts: tuple[tuple[str, str], ...]
    """What the newest night that reached the directory says, as pairs of words."""
    runs: tuple[PersonRun, ...]
    left_out: tuple[str, ...] = ()
    """Runs that could not be looked through, each in a sentence."""


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One browser somebody is signed in with."""

    id: str
    device: str
    """In words."""
    address: str
    begun: datetime
    used: datetime
    is_this: bool
    """Whether it is the one that shows the page."""


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Somebody's own sessions, the one used last first."""

    lines: tuple[SessionLine, ...]


@dataclass(frozen=True, slots=True)
class HealthLine:
    """One thing looked at."""

    tone: str
    """``ok``, ``warning`` or ``fix``."""
    subject: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveRun:
    """A run as the archive holds it."""

    run_id: str
    started: datetime | None
    state: str
    bytes: int
    files: int
    text: str = ""
    """What is wrong with it or gone from it, in a sentence."""


@dataclass(frozen=True, slots=True)
class ArchivePage:
    """The archive's health."""

    lines: tuple[HealthLine, ...]
    runs: tuple[ArchiveRun, ...]
    """Newest first."""
    bytes: int
    checked_at: datetime
    """When manifests and acts were looked at."""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One configured limit and its use over the nights."""

    name: str
    bound: str
    """As configured, in words."""
    last: float | None
    """Part of it the newest plan used; None where that said nothing of it."""
    most: float | None
    """The most any night used."""
    most_on: date | None
    exceeded: int
    """Nights that exceeded it."""


@dataclass(frozen=True, slots=True)
class LimitsPage:
    """The limits, as they are configured and as the nights used them."""

    rows: tuple[LimitRow, ...]
    attributes: tuple[LimitRow, ...]
    """Limits on single attributes that some night used."""
    nights: int
    approvers: int
    valid_hours: float
    required: bool
