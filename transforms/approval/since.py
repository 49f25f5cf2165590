"""Whom a plan for some people settled after a waiting plan was made: of them the waiting plan says nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.relations import view
from trueup.transforms.planning.earlier_runs import people_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History, PriorRun


@dataclass(frozen=True, slots=True)
class Since:
    """The newest plan for some people that was applied, or had nothing to do, after a waiting one was made."""

    run_id: str
    profile_id: str | None
    """The person's profile, as that plan left it; null where there is none."""
    lost_profile: bool = False
    """The profile that the waiting plan means for this person is somebody else's since: it is not theirs to write."""

    @property
    def sentence(self) -> str:
        """Why a row of the waiting plan is not written."""
        if self.lost_profile:
            return f"stale: run {self.run_id} gave this profile to somebody else after this plan was made"
        return f"stale: run {self.run_id} settled this person after this plan was made"


def settled_since(run: PriorRun, history: History) -> dict[str, Since]:
    """Key → what was settled since ``run`` was planned; a plan that was not applied settled nothing.

    What has nothing to do settled something too: that this person is to be left as they are. Whose profile such a plan
    adopted for somebody else is in it as well, though that plan was not for them.
    """
    if run.is_for_some:
        return {}
    found: dict[str, Since] = {}
    given: dict[str, tuple[str, str]] = {}
    later = [one for one in history.runs if one.is_for_some and one.was_applied and _came_after(one, run)]
    for some in sorted(later, key=lambda one: one.run_id):
        people = people_of(some)
        with connect(threads=1) as connection:
            profiles, failed = _profiles(connection, some), _failed(connection, some)
        found |= {key: Since(some.run_id, profiles.get(key)) for key in people if key not in failed}
        # Also where writing it failed: the profile is linked to them all the same.
        given |= {profiles[key]: (key, some.run_id) for key in people if key in profiles}
    if given:
        with connect(threads=1) as connection:
            planned = _planned(connection, run, tuple(given))
        for key, profile in planned.items():
            taker, run_id = given[profile]
            if taker != key:
                found[key] = Since(run_id, found[key].profile_id if key in found else None, lost_profile=True)
    return found


def _came_after(some: PriorRun, run: PriorRun) -> bool:
    """Whether ``run`` perhaps knew nothing of what ``some`` wrote: made later, or applied since ``run`` was begun."""
    return some.run_id > run.run_id or some.applied_at > run.manifest.started


def _planned(connection: DuckDBPyConnection, run: PriorRun, profiles: tuple[str, ...]) -> dict[str, str]:
    """Key → profile id in the plan ``run``, of those ``profiles`` that it means for somebody."""
    view(connection, "told", run.files.decisions, columns=("key", "profile_id"))
    rows = connection.execute(
        "SELECT key, profile_id FROM told WHERE profile_id IN (SELECT unnest($asked)) "
        "AND NOT starts_with(key, 'profile:')",
        {"asked": list(profiles)},
    ).fetchall()
    return {str(key): str(profile) for key, profile in rows}


def _failed(connection: DuckDBPyConnection, run: PriorRun) -> set[str]:
    """Whom ``run`` was to settle and did not."""
    view(connection, "told", run.files.outcome, columns=("key", "result"))
    rows = connection.execute("SELECT key FROM told WHERE result NOT IN ('applied', 'unchanged')").fetchall()
    return {str(key) for (key,) in rows}


def _profiles(connection: DuckDBPyConnection, run: PriorRun) -> dict[str, str]:
    """Key → profile id after ``run``."""
    columns = ("key", "profile_id")
    found: dict[str, str] = {}
    for path in (run.files.decisions, run.files.outcome):
        view(connection, "told", path, columns=columns)
        found |= dict(connection.execute("SELECT key, profile_id FROM told WHERE profile_id IS NOT NULL").fetchall())
    return found
