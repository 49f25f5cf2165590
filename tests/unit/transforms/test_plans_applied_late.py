"""A night's plan that is applied after a later plan for some people, or resumed after a later night."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import OUTCOME, World, profile, table, user
from tests.unit.transforms.test_plan_rollback import back
from tests.unit.transforms.test_plans_for_some import first_night, of_profile, urgent
from trueup.connectors.analysis.relations import columns_of
from trueup.transforms.approval.run_state import overtakes
from trueup.transforms.approval.since import settled_since
from trueup.transforms.history import History
from trueup.transforms.manifest import ActRecord
from trueup.transforms.planning.earlier_runs import links_of
from trueup.transforms.summary.directory import directory
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.plan_world import Planned
    from tests.unit.transforms.conftest import Lived
    from trueup.transforms.history import PriorRun

MINUTE = timedelta(minutes=1)
HEAD = {"title": ('"Clerk"', '"Head"')}


@pytest.fixture
def world(lived: Lived) -> World:
    return lived(first_night)


def row(key: str, operation: str, values: Mapping[str, tuple[str, str]], reason: str = "") -> dict[str, Any]:
    """What apply says of one person: attribute → the value before and the one written."""
    return {
        "key": key,
        "profile_id": key,
        "operation": operation,
        "result": "applied",
        "reason": reason,
        "attempts": 0,
        "before": [{"attribute": name, "value": value[0]} for name, value in values.items()],
        "written": [{"attribute": name, "value": value[1]} for name, value in values.items()],
        "found": [{"attribute": name, "value": value[1], "class": "kept"} for name, value in values.items()],
    }


def of_file(run: PriorRun, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(run.files.path / f"{name}.parquet").to_pylist()
    return found


def waits(world: World) -> tuple[int, Planned]:
    """A plan for everybody that waits, and the number of its night."""
    planned, night = world.plan(), world.night
    world.night += 1
    return night, planned


def applied_now(world: World, waiting: tuple[int, Planned], *rows: dict[str, Any]) -> PriorRun:
    night, planned = waiting
    act = ActRecord(act=Act.APPLIED, number=1, at=world.at, who="t", previous_sha256="", details={})
    now, world.night = world.night, night
    table(planned.files.outcome, OUTCOME, list(rows))
    run = world.seal(planned, acts=(act,))
    world.night = now
    return run


def test_the_way_back_before_a_plan_takes_back_what_was_planned_before_and_applied_after_it(world: World) -> None:
    world.of("cy")["jobTitle"] = "Head"
    waiting = waits(world)
    world.of("bob")["jobTitle"] = "Chief"
    later = world.apply(world.plan(only=("bob",)), only=("bob",))
    of_profile(world, "cy")["title"] = "Head"
    applied_now(world, waiting, row("cy", "update", HEAD))
    world.night += 1
    assert ("cy", "title") in back(world, before=later).changes


def test_whoever_was_deactivated_already_counts_once_and_is_shown_as_they_are(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    waiting = waits(world)
    urgent(world, "ann")
    run = applied_now(world, waiting, row("ann", "deactivate", {}, "already so"))
    world.of("bob")["accountEnabled"] = False
    uses = {use.name: use.used for use in world.plan().result.limits}
    assert uses["window_deactivate"] == 2
    query = directory(run.files, columns_of(run.files.actual), night=world.at.date(), applied=True)
    assert duckdb.execute(f"SELECT active FROM ({query}) WHERE key = 'ann'").fetchall() == [(False,)]


def test_a_value_that_a_plan_for_some_brought_is_cleared_when_the_source_clears_it(world: World) -> None:
    world.of("ann")["jobTitle"] = None
    of_profile(world, "ann")["title"] = "X"
    world.runs.clear()
    world.night += 1
    world.apply(world.plan())
    world.of("cy")["jobTitle"] = "Head"
    waiting = waits(world)
    world.of("ann")["jobTitle"] = "Y"
    world.apply(world.plan(only=("ann",)), only=("ann",))
    of_profile(world, "cy")["title"] = "Head"
    applied_now(world, waiting, row("cy", "update", HEAD))
    world.night += 1
    world.of("ann")["jobTitle"] = None
    assert world.plan().changes.get(("ann", "title")) == ("Y", None)


def test_a_plan_resumed_after_a_later_night_takes_no_link_from_that_night(world: World) -> None:
    world.of("cy")["jobTitle"] = "Head"
    waiting = waits(world)
    of_profile(world, "cy")["title"] = "Head"
    world.users.append(user("eve"))
    world.profiles.append(profile("p-eve", "eve"))
    world.seal(world.plan())
    assert world.runs[0].manifest.outcome is Outcome.NOTHING_TO_DO
    applied_now(world, waiting, row("cy", "update", HEAD))
    assert links_of(History(tuple(world.runs)), ("eve",)) == {"eve": "p-eve"}
    world.users = [one for one in world.users if one["id"] != "eve"]
    world.absent = [("eve", "deleted")]
    assert world.plan().decisions.get("eve") == "deactivate"


def test_a_plan_for_some_applied_while_the_nights_was_being_made_settles_its_people_and_keeps_their_links(
    world: World,
) -> None:
    world.users.append(user("eve"))
    urgently = world.plan(only=("eve",))
    run = world.apply(urgently, only=("eve",))
    made = next(row["profile_id"] for row in of_file(run, "outcome") if row["key"] == "eve")
    world.runs.remove(run)  # the night's plan was begun before it was applied, and knew nothing of it
    night = world.night
    world.profiles = [one for one in world.profiles if one["id"] != made]
    waiting = world.seal(world.plan())
    waiting = replace(waiting, manifest=waiting.manifest.model_copy(update={"started": run.applied_at - MINUTE}))
    assert waiting.run_id > run.run_id
    assert run.applied_at < waiting.manifest.sealed
    assert set(settled_since(waiting, History((waiting, run, *world.runs[1:])))) == {"eve"}
    act = ActRecord(act=Act.APPLIED, number=1, at=world.at, who="t", previous_sha256="", details={})
    table(waiting.files.outcome, OUTCOME, [row("eve", "create", {}) | {"result": "skipped", "profile_id": None}])
    history = History((replace(waiting, acts=(act,)), run, *world.runs[1:]))
    assert night < world.night
    assert links_of(history, ("eve",)) == {"eve": made}


def test_a_plan_for_some_is_void_once_anything_was_applied_since_it_was_begun(world: World) -> None:
    world.of("bob")["jobTitle"] = "Chief"
    other = world.apply(world.plan(), fingerprint="f")
    some = world.seal(world.plan(only=("ann",)), only=("ann",))
    assert not overtakes(other, some)
    begun = other.applied_at - MINUTE
    assert overtakes(other, replace(some, manifest=some.manifest.model_copy(update={"started": begun})))


def test_whom_a_plan_for_some_failed_to_write_is_not_settled_by_it(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    waiting = world.seal(world.plan())
    run = urgent(world, "ann")
    table(run.files.outcome, OUTCOME, [row("ann", "deactivate", {}) | {"result": "failed"}])
    assert settled_since(waiting, History(tuple(world.runs))) == {}
