"""What a later night makes of earlier ones: memory that is too short loses people, one that is too long holds them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import MANAGER, Planned, World, profile, user
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.history import History
from trueup.transforms.manifest import ActRecord
from trueup.transforms.planning.request import RollbackRequest
from trueup.transforms.rollback.plan import make_rollback_plan
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from tests.unit.transforms.conftest import Lived
    from trueup.transforms.history import PriorRun

NUMBER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"


def back(world: World, run: PriorRun) -> Planned:
    """A plan that takes ``run`` back."""
    files = RunFiles(world.folder / f"{world.at:%Y%m%dT%H%M%SZ}-0000")
    files.work.mkdir(parents=True)
    world.write_target(files.target)
    history = History(tuple(world.runs))
    return Planned(
        files,
        make_rollback_plan(
            RollbackRequest(files, world.attributes, world.schema, world.settings, history, world.at, undo=run)
        ),
    )


def two_people(world: World) -> None:
    world.users = [user("ann"), user("bob")]
    world.apply(world.plan())
    world.apply(world.plan())


@pytest.fixture
def settled(lived: Lived) -> World:
    return lived(two_people)


def test_who_came_back_after_an_undone_deactivation_leaves_like_anybody(settled: World) -> None:
    settled.of("ann")["accountEnabled"] = False
    run = settled.apply(settled.plan())
    settled.apply(back(settled, run), kind=Kind.ROLLBACK)
    assert settled.plan().codes["ann"] == "rolled_back"
    settled.of("ann")["accountEnabled"] = True
    settled.apply(settled.plan())
    settled.of("ann")["accountEnabled"] = False
    assert settled.plan().decisions["ann"] == "deactivate"


def test_who_came_back_leaves_like_anybody_also_where_active_is_not_mapped(settled: World) -> None:
    settled.attributes = tuple(a for a in settled.attributes if a.path != "active")
    test_who_came_back_after_an_undone_deactivation_leaves_like_anybody(settled)


def test_who_came_back_after_an_undone_end_of_any_kind_leaves_like_anybody(world: World) -> None:
    """The mapping does not say who is active: only why they left, and that they came back, tells."""
    world.attributes = tuple(a for a in world.attributes if a.path != "active")
    here = [user(key) for key in ("disabled", "not_assigned", "filtered_out", "deleted", "gone")]
    left = [
        user("disabled", accountEnabled=False),
        user("not_assigned", assigned=False),
        user("filtered_out", assigned=False, scope="filtered_out"),
    ]
    absent = [("deleted", "deleted"), ("gone", "gone")]
    world.users = here
    world.apply(world.plan())
    world.users, world.absent = left, absent
    run = world.apply(world.plan())
    world.apply(back(world, run), kind=Kind.ROLLBACK)
    assert set(world.plan().codes.values()) == {"rolled_back"}
    world.users, world.absent = here, []
    world.apply(world.plan())
    world.users, world.absent = left, absent
    plan = world.plan()
    assert set(plan.decisions.values()) == {"deactivate"}
    assert plan.codes == {key: key for key in plan.codes}


def test_who_was_created_and_taken_back_stays_off_also_where_active_is_not_mapped(settled: World) -> None:
    settled.attributes = tuple(a for a in settled.attributes if a.path != "active")
    settled.users.append(user("cy"))
    undo = back(settled, settled.apply(settled.plan()))
    assert undo.changes == {("cy", "active"): (True, False)}
    settled.apply(undo, kind=Kind.ROLLBACK)
    night = settled.plan()
    assert (night.codes["cy"], night.changes) == ("rolled_back", {})


def test_a_value_taken_back_is_written_once_the_source_has_said_something_else_in_between(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.apply(back(settled, run), kind=Kind.ROLLBACK)
    settled.of("ann")["jobTitle"] = "Clerk"
    settled.apply(settled.plan())
    settled.of("ann")["jobTitle"] = "Boss"
    assert settled.plan().changes == {("ann", "title"): ("Clerk", "Boss")}


def test_a_plan_broken_off_since_does_not_say_what_a_rollback_took_back(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.apply(back(settled, run), kind=Kind.ROLLBACK, parent_run=run.run_id)
    settled.of("ann")["jobTitle"] = "Chief"
    settled.seal(settled.plan()).files.journal.touch()
    settled.of("ann")["jobTitle"] = "Boss"
    assert settled.plan().codes["ann"] == "rolled_back"


def test_a_night_that_could_not_read_a_value_does_not_end_what_a_rollback_restored(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.apply(back(settled, run), kind=Kind.ROLLBACK)
    settled.of("ann")["jobTitle"] = None
    settled.left_alone = {"ann": ["title"]}
    settled.apply(settled.plan())
    settled.of("ann")["jobTitle"], settled.left_alone = "Boss", {}
    assert settled.plan().codes["ann"] == "rolled_back"


def test_what_the_source_once_gave_is_cleared_however_often_hands_fill_it_in(world: World) -> None:
    """Also beside what the source never gave, to the same person and to others: that stays."""
    world.users = [user("ann", department=None), user("bob", jobTitle=None)]
    world.profiles = [profile("ann"), profile("bob")]
    world.apply(world.plan())
    world.of("ann")["jobTitle"] = None
    world.apply(world.plan())
    world.apply(world.plan())
    world.profiles[0]["title"] = "By hand"
    assert world.plan().changes == {("ann", "title"): ("By hand", None)}


def test_a_rollback_in_between_neither_gives_a_value_nor_hides_that_the_source_gave_one(world: World) -> None:
    """It restores whole profiles, with what hands filled in: of the source that says nothing."""
    world.users = [user("ann"), user("bob", jobTitle=None)]
    world.profiles = [profile("ann"), profile("bob", title="By hand")]
    world.apply(world.plan())
    world.of("bob")["department"] = "Law"
    world.apply(back(world, world.apply(world.plan())), kind=Kind.ROLLBACK)
    world.users[0]["jobTitle"] = None
    assert world.plan().changes == {("ann", "title"): ("Clerk", None)}


def test_a_night_that_could_not_read_a_value_does_not_make_it_one_never_given(settled: World) -> None:
    settled.of("ann")["jobTitle"] = None
    settled.left_alone = {"ann": ["title"]}
    unread = settled.plan()
    assert unread.changes == {}
    settled.apply(unread)
    settled.left_alone = {}
    assert settled.plan().changes == {("ann", "title"): ("Clerk", None)}


def test_what_the_source_never_gave_is_left_alone_night_after_night(settled: World) -> None:
    settled.users.append(user("cy", jobTitle=None))
    settled.apply(settled.plan())
    settled.profiles[-1]["title"] = "By hand"
    for _ in range(3):
        plan = settled.plan()
        assert plan.changes == {}
        settled.apply(plan)


def test_what_the_source_changed_after_a_rollback_follows_it_whatever_is_taken_back_later(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    settled.apply(back(settled, settled.apply(settled.plan())), kind=Kind.ROLLBACK)
    settled.of("ann")["jobTitle"] = "Chief"
    settled.of("bob")["jobTitle"] = "Boss"
    night = settled.apply(settled.plan())
    later = back(settled, night)
    settled.apply(later, kind=Kind.ROLLBACK)
    assert set(later.changes) == {("ann", "title"), ("bob", "title")}
    settled.of("bob")["department"] = "Law"
    settled.of("bob")["jobTitle"] = "Chief"
    settled.apply(settled.plan())
    assert settled.profiles[1]["title"] == "Chief"
    settled.of("ann")["department"] = "Law"
    settled.apply(back(settled, settled.apply(settled.plan())), kind=Kind.ROLLBACK)
    settled.of("bob")["jobTitle"] = "Boss"
    assert settled.plan().changes[("bob", "title")] == ("Chief", "Boss")


def test_who_was_found_by_a_plan_for_others_is_still_said_to_be_adopted(world: World) -> None:
    world.users = [user(key) for key in ("ann", "bob", "cy")]
    world.profiles = [profile(key, externalId=None, title="Aged") for key in ("ann", "bob")]
    first = world.plan(only=("ann",))
    assert first.codes["bob"] == "not_selected"
    world.apply(first)
    world.apply(world.plan(only=("ann",)))
    rest = world.plan()
    assert rest.decisions == {"ann": "unchanged", "bob": "update", "cy": "create"}
    assert rest.codes["bob"] == "adopted"
    assert rest.causes["bob", "title"] == "first_adoption"
    assert {row["key"]: row["matched_by"] for row in rest.rows("decisions")}["bob"] == "userName"


def test_a_partial_plan_keeps_every_link(settled: World) -> None:
    def links(files: RunFiles) -> set[tuple[str, str]]:
        return {(row["source_id"], row["profile_id"]) for row in pq.read_table(files.links).to_pylist()}

    settled.profiles[1]["externalId"] = settled.profiles[1]["userName"] = "something else"
    settled.of("ann")["jobTitle"] = "Boss"
    before = links(settled.runs[0].files)
    partial = settled.plan(only=("ann",))
    assert links(partial.files) == before
    settled.apply(partial)
    assert links(settled.plan().files) == before


def test_taking_back_a_reactivation_counts_as_a_deactivation_whatever_comes_back_with_it(world: World) -> None:
    world.users = [user("ann", manager="bob"), user("bob")]
    world.profiles = [profile("ann", title="Aged", active=False), profile("bob")]
    before = [dict(one) for one in world.profiles]
    run = world.apply(world.plan())
    undo = back(world, run)
    assert undo.decisions == {"ann": "deactivate", "bob": "unchanged"}
    assert {attribute for _, attribute in undo.changes} == {"active", "title", MANAGER}
    used = {use.name: use.used for use in undo.result.limits}
    assert (used["deactivate"], used["window_deactivate"], used["changed:title"]) == (1, 1, 1)
    world.apply(undo, kind=Kind.ROLLBACK)
    assert world.profiles == before


def test_a_rehire_is_offered_also_nights_after_the_old_account_went(world: World) -> None:
    world.attributes = (*world.attributes, ManagedAttribute(NUMBER, source_columns=("employeeId",)))
    world.mapped[NUMBER] = lambda one: one["employeeId"]
    world.users = [user("ann", employeeId="7"), user("bob")]
    world.apply(world.plan())
    world.users = [user("bob"), user("new", userPrincipalName="ann@x.example", mail="ann@x.example", employeeId="7")]
    world.absent = [("ann", "deleted")]
    for decision in ("deactivate", "unchanged", "unchanged"):
        plan = world.plan()
        assert (plan.decisions["ann"], plan.codes["new"]) == (decision, "probably_rehired")
        world.apply(plan)


def test_looking_at_a_run_long_after_does_not_bring_its_deactivations_back_into_the_window(settled: World) -> None:
    settled.of("ann")["accountEnabled"] = False
    run = settled.apply(settled.plan())
    settled.of("bob")["accountEnabled"] = False
    assert window(settled.plan()) == 2
    settled.night += 30
    late = ActRecord(act=Act.RELEASED, number=2, at=settled.at, who="tester", previous_sha256="")
    settled.runs[0] = replace(run, acts=(*run.acts, late))
    assert window(settled.plan()) == 1


def window(plan: Planned) -> int:
    return next(use.used for use in plan.result.limits if use.name == "window_deactivate")
