"""A night told by story: who leaves, joins and moves where, what is new since last night, and what needs somebody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.reports.sentences import counted, number
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trueup.reports.told import Row, Told
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord

_LINES_NAMED = 12
"""People told by name in one story."""
_PLACES = 6
"""Places told one by one in one story."""
_LEADS = {
    "deleted": "Deleted for good",
    "left": "Leaving",
    "ended": "No longer in scope",
    "taken_back": "Taken back",
    "joined": "Joining",
    "returned": "Returning",
    "moved": "Moving",
    "adopted": "Taken over",
    "other": "Otherwise changed",
}
"""Story → how its line begins, in the order in which a night is told."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody by name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """People of one story who share where from, where to, or what."""

    persons: tuple[Named, ...]
    where: str
    """``from Finance``, ``Sales → Marketing, under Ann Novak``, ``new title``; empty where nothing is known."""
    more: int = 0
    """People who are not told by name."""


@dataclass(frozen=True, slots=True)
class Story:
    """One line of the first screen."""

    story: str
    """A key that filters the list of people, except ``other``."""
    lead: str
    people: int
    places: tuple[Place, ...]
    more: int
    """People in none of ``places``."""


@dataclass(frozen=True, slots=True)
class News:
    """This plan beside the one of the night before."""

    sentence: str
    people: int = 0
    """How many are new; nobody where all of it is, or none."""
    persons: tuple[Named, ...] = ()

    @property
    def more(self) -> int:
        """New people who are not told by name."""
        return self.people - len(self.persons)


@dataclass(frozen=True, slots=True)
class Aside:
    """People a decision concerns and somebody should look at, by name."""

    decision: str
    lead: str
    people: int
    persons: tuple[Named, ...]

    @property
    def more(self) -> int:
        """Those who are not told by name."""
        return self.people - len(self.persons)


def stories(told: Told) -> tuple[Story, ...]:
    """One line per story; each names people until its room is used up, and counts the rest."""
    rows: dict[str, list[Row]] = {}
    for row in told.stories:
        rows.setdefault(row["story"], []).append(row)
    return tuple(_story(story, of) for story, of in rows.items())


def _story(story: str, rows: list[Row]) -> Story:
    people = rows[0]["people"]
    shown = rows[:_PLACES]
    # Where not everybody can be named, each place names a few, so that none is only counted.
    each = _LINES_NAMED if people <= _LINES_NAMED else max(2, _LINES_NAMED // len(shown))
    places = tuple(
        Place(persons, _where(row), row["here"] - len(persons))
        for row in shown
        if (persons := named(row["persons"])[:each])
    )
    told = sum(len(place.persons) + place.more for place in places)
    return Story(story, _LEADS[story], people, places, people - told)


def _where(row: Row) -> str:
    before, after = row["place_from"], row["place_to"]
    if row["story"] == "moved":
        way = f"{before} → {after}"
        return f"{way}, under {row['under']}" if row["under"] else way
    said = {"from": before, "to": after}
    return row["what"] or next((f"{way} {place}" for way, place in said.items() if place), "")


def named(persons: Sequence[Mapping[str, str]] | None) -> tuple[Named, ...]:
    """People as the rows have them."""
    return tuple(Named(one["key"], one["name"]) for one in persons or ())


def news(told: Told, writes: int) -> News | None:
    """What the plan of the night before did not propose yet; none without such a plan, or where nothing is written."""
    if told.news is None:
        return None
    before: PriorRun = told.news["run"]
    people, gone = told.news["people"], told.news["no_longer"]
    if before.was_applied:
        return News("All of this: the plan before this one reached the directory.") if writes else None
    state = _STATES.get(before.state, f"is {before.state.replace('_', ' ')}")
    rest = []
    if same := writes - people:
        rest.append(f"{number(same)} {'was' if same == 1 else 'were'} proposed then and never written")
    if gone:
        rest.append(f"{number(gone)} {'is' if gone == 1 else 'are'} not needed any more")
    also = f"; {', '.join(rest)}" if rest else ""
    fresh = counted(people, "person", "people") if people else "nobody"
    return News(
        f"{fresh} the plan before this one ({before.manifest.started:%-d %B}, which {state}) did not have{also}.",
        people,
        named(told.news["persons"]),
    )


_STATES = {"ready": "was never decided", "superseded": "was never applied", "failed": "failed"}
_ENDING = ("delete", "deactivate")
_WAITING = {"hold": "Held", "conflict": "In conflict"}


def ending(told: Told) -> dict[str, Aside]:
    """Whom it concerns that may not come back: decision → people."""
    return {decision: _aside(told, decision, "") for decision in _ENDING if decision in (told.aside or {})}


def waiting(told: Told) -> tuple[Aside, ...]:
    """Who needs somebody at the source: held, those first who were not held before, and in conflict."""
    return tuple(_aside(told, decision, lead) for decision, lead in _WAITING.items() if decision in (told.aside or {}))


def _aside(told: Told, decision: str, lead: str) -> Aside:
    row = (told.aside or {})[decision]
    fresh = row["fresh"] if decision == "hold" else 0
    said = f"{lead}, {'all' if fresh == row['people'] else number(fresh)} new" if fresh else lead
    return Aside(decision, said, row["people"], named(row["persons"]))


def names(persons: Sequence[Named], more: int = 0) -> str:
    """``Ada Lovelace, Kofi Šimić and 3 more``."""
    said = [one.name for one in persons] + [f"{number(more)} more"] * bool(more)
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}" if said else ""


def in_text(told: Sequence[Story], fresh: News | None, aside: Sequence[Aside]) -> tuple[tuple[str, int, str], ...]:
    """The same lines without a page: how each begins, how many people, and what it says."""
    lines = [(one.lead, one.people, _places(one)) for one in told]
    if fresh is not None:
        said = [names(fresh.persons, fresh.more)] if fresh.persons else []
        lines.append(("New since last night", fresh.people, ": ".join([*said, fresh.sentence])))
    lines += [(one.lead, one.people, names(one.persons, one.more)) for one in aside]
    return tuple(lines)


def _places(story: Story) -> str:
    said = [f"{names(one.persons, one.more)} {one.where}".rstrip() for one in story.places]
    return "; ".join([*said, *([f"{number(story.more)} more"] if story.more else [])])


def became(acts: Sequence[ActRecord], state: str) -> tuple[str, ...]:
    """What became of a sealed run, act by act, and that nothing did."""
    lines = [sentence for act in acts if (sentence := _act(act))]
    if not lines and state == Outcome.READY:
        lines = ["Nobody has decided on it yet."]
    return tuple(lines)


def _act(act: ActRecord) -> str:
    at, details = f"{act.at:%-d %B %Y, %H:%M UTC}", act.details
    reason = f": {act.reason}" if act.reason else ""
    if act.act in {Act.APPLIED, Act.PARTIALLY_APPLIED, Act.INTERRUPTED}:
        came = results(details)
        return f"{_ACTS[act.act]} {at}{': ' * bool(came)}{came}."
    if act.act is Act.SUPERSEDED:
        by = details.get("by")
        return f"Superseded {at}" + (f" by the newer plan {by}: look at that one instead." if by else ".")
    return f"{_ACTS[act.act]} by {act.who}, {at}{reason}." if act.act in _ACTS else ""


def results(details: Mapping[str, Any]) -> str:
    """What the closing act of an apply says of people: ``8 written, 1 skipped``; empty where it says nothing."""
    return ", ".join(f"{number(details[word])} {said}" for word, said in _RESULTS.items() if details.get(word))


_RESULTS = {"applied": "written", "skipped": "skipped", "failed": "failed", "left_out": "left out"}
_ACTS = {
    Act.APPROVED: "Approved",
    Act.REJECTED: "Rejected",
    Act.EXPIRED: "The approval expired; found",
    Act.APPLIED: "Applied",
    Act.PARTIALLY_APPLIED: "Partly applied",
    Act.INTERRUPTED: "Interrupted",
    Act.VERIFIED: "Verified",
    Act.RELEASED: "Released",
    Act.PRUNED: "Pruned",
}
