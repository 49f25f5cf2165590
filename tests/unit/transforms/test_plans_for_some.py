"""What a plan for some people leaves behind, and what it is not taken for: a read of a side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.plan_world import LOOSE, MANAGER, World, profile, user
from tests.unit.transforms.test_plan_rollback import back
from trueup.transforms.approval.since import settled_since
from trueup.transforms.errors import Refused
from trueup.transforms.history import History
from trueup.transforms.planning.earlier_runs import links_of
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from tests.support.plan_world import Planned
    from tests.unit.transforms.conftest import Lived
    from trueup.transforms.history import PriorRun

PEOPLE = ("ann", "bob", "cy", "dan")


def first_night(world: World) -> None:
    world.users = [user(key) for key in PEOPLE]
    world.profiles = [profile(key) for key in PEOPLE]
    world.apply(world.plan())


@pytest.fixture
def world(lived: Lived) -> World:
    """Four people, each with a profile of theirs, after a first night."""
    return lived(first_night)


def alone(world: World, *keys: str) -> Planned:
    """A plan for ``keys`` that read nobody else."""
    users, profiles = world.users, world.profiles
    world.users = [one for one in users if one["id"] in keys]
    world.profiles = [one for one in profiles if one["id"] in keys]
    try:
        return world.plan(only=keys, partial_read=True)
    finally:
        world.users, world.profiles = users, profiles


def of_profile(world: World, key: str) -> dict[str, Any]:
    return next(one for one in world.profiles if one["id"] == key)


def profiles_in(planned: Planned) -> dict[str, str | None]:
    return {row["key"]: row["profile_id"] for row in planned.rows("decisions")}


def urgent(world: World, *keys: str, **facts: Any) -> PriorRun:
    return world.apply(alone(world, *keys), only=keys, partial_read=True, **facts)


def test_a_partial_read_is_no_base_for_a_share_and_no_drop_of_the_source(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    planned = alone(world, "ann")
    assert planned.decisions == {"ann": "deactivate"}
    uses = {use.name: use for use in planned.result.limits}
    assert (uses["deactivate"].used, uses["deactivate"].base) == (1, 4)
    assert (uses["source_drop"].used, uses["source_drop"].exempt) == (0, "read in part")


def test_a_strict_limit_still_counts_who_is_taken_away_in_part(world: World) -> None:
    world.set(limits=LOOSE | {"deactivate": 0})
    world.of("ann")["accountEnabled"] = False
    assert [one.code for one in alone(world, "ann").result.refusals] == ["limit_deactivate"]
    world.set(limits=LOOSE | {"window_deactivate": 1})
    urgent(world, "ann")
    world.of("bob")["accountEnabled"] = False
    assert [one.code for one in alone(world, "bob").result.refusals] == ["limit_window_deactivate"]


def test_the_baseline_is_the_plan_applied_last_not_the_one_planned_last(world: World) -> None:
    """The night's plan, applied after the morning's urgent one: its links, and the urgent one's for its person."""
    world.users.append(user("eve"))
    night = world.plan()
    world.night += 1
    world.of("ann")["accountEnabled"] = False
    between = urgent(world, "ann")
    history = History(tuple(world.runs))
    assert history.baseline is not None
    assert history.baseline.run_id != between.run_id
    world.night -= 2
    applied = world.apply(night, skip=("ann",))
    # Its act comes after the other's.
    late = [act.model_copy(update={"at": world.runs[0].applied_at.replace(hour=9)}) for act in applied.acts]
    world.runs = [
        type(run)(run.files, run.manifest, tuple(late), run.state) if run is applied else run for run in world.runs
    ]
    world.night += 1
    history = History(tuple(world.runs))
    assert history.baseline is not None
    assert history.baseline.run_id == applied.run_id
    assert [run.run_id for run in history.amending] == [between.run_id]
    assert set(links_of(history, (*PEOPLE, "eve"))) == {*PEOPLE, "eve"}
    rest = world.plan()
    assert rest.decisions == dict.fromkeys((*PEOPLE, "eve"), "unchanged")
    assert rest.codes["ann"] == "disabled"
    # Edited in the target after the urgent plan set it: the urgent plan's values are what it is held against.
    of_profile(world, "ann")["active"] = True
    assert world.plan().causes["ann", "active"] == "edited_in_target"


def test_of_everybody_else_nothing_is_taken_from_a_plan_for_some(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    urgent(world, "ann")
    of_profile(world, "bob")["title"] = "Edited"
    world.of("cy")["jobTitle"] = "Head"
    found = world.plan()
    assert found.causes == {("bob", "title"): "edited_in_target", ("cy", "title"): "source_changed"}


def test_a_manager_who_was_not_read_is_known_by_the_profile_that_is_theirs(world: World) -> None:
    world.of("ann")["manager"] = "bob"
    of_profile(world, "ann")[MANAGER] = "bob"
    plan = alone(world, "ann")
    assert (plan.changes, plan.findings) == ({}, [])


def test_a_deactivation_taken_back_stays_so_also_where_a_plan_for_one_person_made_it(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    run = urgent(world, "ann")
    undo = back(world, undo=run)
    assert undo.decisions["ann"] == "reactivate"
    world.apply(undo, kind=Kind.ROLLBACK)
    assert world.plan().codes["ann"] == "rolled_back"


def test_what_an_older_plan_for_some_wanted_is_not_what_a_rollback_took_back(world: World) -> None:
    world.of("ann")["jobTitle"] = "Head"
    urgent(world, "ann")
    world.of("ann")["jobTitle"] = "Chief"
    undo = back(world, undo=world.apply(world.plan()))
    assert undo.changes == {("ann", "title"): ("Chief", "Head")}
    world.apply(undo, kind=Kind.ROLLBACK)
    night = world.plan()
    assert (night.codes["ann"], night.changes) == ("rolled_back", {})


def test_a_partial_read_cannot_say_how_the_directory_was(world: World) -> None:
    world.of("ann")["accountEnabled"] = False
    run = urgent(world, "ann")
    with pytest.raises(Refused, match="only the people it was for"):
        back(world, before=run)


def test_whom_a_later_plan_for_some_settled_is_known_to_the_waiting_one(world: World) -> None:
    world.of("cy")["jobTitle"] = "Head"
    waiting = world.seal(world.plan())
    assert settled_since(waiting, History(tuple(world.runs))) == {}
    world.of("ann")["accountEnabled"] = False
    planned = alone(world, "ann")
    world.seal(planned, only=("ann",), partial_read=True)  # not applied: it changes nothing
    assert settled_since(waiting, History(tuple(world.runs))) == {}
    run = urgent(world, "ann")
    since = settled_since(waiting, History(tuple(world.runs)))
    assert {key: (one.run_id, one.profile_id) for key, one in since.items()} == {"ann": (run.run_id, "ann")}
    nothing = world.seal(alone(world, "bob"), only=("bob",), partial_read=True)
    assert set(settled_since(waiting, History(tuple(world.runs)))) == {"ann", "bob"}
    assert settled_since(nothing, History(tuple(world.runs))) == {}


def test_a_profile_adopted_by_a_plan_for_some_is_not_the_waiting_plans_to_write(world: World) -> None:
    """The waiting plan means ``p-new`` for eve by its user name; before it is applied, that name becomes fay's."""
    world.users.append(user("eve", userPrincipalName="new@x.example", mail="new@x.example", jobTitle="Head"))
    world.profiles.append(profile("p-new", "nobody", externalId=None, userName="new@x.example"))
    made = world.plan()
    assert profiles_in(made)["eve"] == "p-new"
    waiting = world.seal(made)
    world.night += 1
    world.of("eve").update(userPrincipalName="eve@x.example", mail="eve@x.example")
    world.users.append(user("fay", userPrincipalName="new@x.example", mail="new@x.example"))
    some = world.plan(only=("fay",))
    assert profiles_in(some)["fay"] == "p-new"
    assert settled_since(waiting, History(tuple(world.runs))) == {}
    run = world.apply(some, only=("fay",))
    since = settled_since(waiting, History(tuple(world.runs)))
    assert {key: (one.run_id, one.lost_profile) for key, one in since.items()} == {
        "fay": (run.run_id, False),
        "eve": (run.run_id, True),
    }
    assert since["fay"].profile_id == "p-new"
    assert since["eve"].profile_id is None
    assert links_of(History(tuple(world.runs)), ("eve", "fay")) == {"fay": "p-new"}


def test_a_plan_for_some_that_was_made_before_and_ended_after_settles_too(world: World) -> None:
    """It was interrupted, the night's plan was made meanwhile, and then it was resumed and adopted ``p-new``."""
    world.users.append(user("fay", userPrincipalName="new@x.example", mail="new@x.example"))
    world.profiles.append(profile("p-new", "nobody", externalId=None, userName="new@x.example"))
    some = world.plan(only=("fay",))
    world.night += 1
    world.of("fay").update(userPrincipalName="fay@x.example", mail="fay@x.example")
    world.users.append(user("eve", userPrincipalName="new@x.example", mail="new@x.example", jobTitle="Head"))
    made = world.plan()
    assert profiles_in(made)["eve"] == "p-new"
    waiting = world.seal(made)
    run = world.apply(some, only=("fay",))
    assert run.run_id < waiting.run_id
    since = settled_since(waiting, History(tuple(world.runs)))
    assert {key: one.lost_profile for key, one in since.items()} == {"fay": False, "eve": True}
