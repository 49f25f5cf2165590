"""The plan through the organisation: departments, teams, who moves where, and the nights so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.reports.stories import Named, named

if TYPE_CHECKING:
    from datetime import date

    from trueup.reports.past_nights import PastNights
    from trueup.reports.told import Told

NOWHERE = "no department"
_DEPARTMENTS = 60
"""Departments shown one by one, those where most happens."""
_FLOWS = 24
"""Ways from one department to another that are drawn; the rest is in the table."""
_LINES = 8
"""Departments or reasons with a line of their own over the nights; the rest is one line, *all others*."""


@dataclass(frozen=True, slots=True)
class Department:
    """One department before this plan and after it: people active and managed."""

    name: str
    before: int
    after: int
    joined: int
    gone: int
    moved_in: int
    moved_out: int


@dataclass(frozen=True, slots=True)
class Team:
    """A manager's people before this plan and after it."""

    manager: Named
    before: int
    after: int
    coming: tuple[Named, ...]
    going: tuple[Named, ...]
    more_coming: int
    more_going: int


@dataclass(frozen=True, slots=True)
class Way:
    """People who go from one department to another."""

    before: str
    after: str
    people: int


@dataclass(frozen=True, slots=True)
class Series:
    """One line over the nights."""

    name: str
    points: tuple[tuple[date, int], ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """What the lens shows; empty tuples where there is nothing to show."""

    departments: tuple[Department, ...] = ()
    more_departments: int = 0
    teams: tuple[Team, ...] = ()
    more_teams: int = 0
    ways: tuple[Way, ...] = ()
    more_ways: int = 0
    headcount: tuple[Series, ...] = ()
    holds: tuple[Series, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to see."""
        return bool(self.departments or self.teams or self.headcount or self.holds)


def organisation(told: Told, past: PastNights) -> Organisation:
    """The lens of one run."""
    departments = tuple(
        Department(
            row["department"] or NOWHERE,
            *(int(row[name]) for name in ("before", "after", "joined", "gone", "moved_in", "moved_out")),
        )
        for row in told.departments[:_DEPARTMENTS]
    )
    ways = tuple(Way(row["before"] or NOWHERE, row["after"] or NOWHERE, row["people"]) for row in told.flows)
    teams = tuple(
        Team(
            Named(row["manager"], row["name"]),
            int(row["before"]),
            int(row["after"]),
            named(row["coming"]),
            named(row["going"]),
            row["come"] - len(row["coming"]),
            row["go"] - len(row["going"]),
        )
        for row in told.teams
    )
    return Organisation(
        departments=departments,
        more_departments=len(told.departments) - len(departments),
        teams=teams,
        more_teams=(told.teams[0]["teams"] if told.teams else 0) - len(teams),
        ways=ways[:_FLOWS],
        more_ways=len(ways[_FLOWS:]),
        headcount=_series([(one.night, {k or NOWHERE: n for k, n in one.headcount.items()}) for one in past.each]),
        holds=_series([(one.night, {k.replace("_", " "): n for k, n in one.holds.items()}) for one in past.each]),
    )


def _series(nights: list[tuple[date, dict[str, int]]]) -> tuple[Series, ...]:
    """A line per name, the largest of the newest night first; none before there are two nights with any."""
    if sum(bool(counts) for _, counts in nights) < 2:
        return ()
    known = {name: max(counts.get(name, 0) for _, counts in nights) for name in {n for _, c in nights for n in c}}
    newest = nights[-1][1]
    ranked = sorted(known, key=lambda name: (-newest.get(name, 0), -known[name], name))
    shown = ranked if len(ranked) <= _LINES + 1 else ranked[:_LINES]
    rest = ranked[len(shown) :]
    lines = [Series(name, tuple((night, counts.get(name, 0)) for night, counts in nights)) for name in shown]
    if rest:
        others = tuple((night, sum(counts.get(name, 0) for name in rest)) for night, counts in nights)
        lines.append(Series(f"all {len(rest)} others", others))
    return tuple(lines)
