from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.plan_world import ATTRIBUTES, profile, user

if TYPE_CHECKING:
    from tests.support.plan_world import World
    from tests.unit.transforms.conftest import Lived


def two_people(world: World) -> None:
    world.users = [user("ann"), user("bob")]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob")]
    world.apply(world.plan())


@pytest.fixture
def settled(lived: Lived) -> World:
    return lived(two_people)


def test_a_value_the_source_changed(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    assert settled.plan().causes == {("ann", "title"): "source_changed"}


def test_a_value_edited_in_the_target(settled: World) -> None:
    settled.profiles[0]["title"] = "Edited"
    assert settled.plan().causes == {("ann", "title"): "edited_in_target"}


def test_a_value_the_mapping_makes_another_of(settled: World) -> None:
    settled.mapped = {"title": lambda one: one["jobTitle"].upper()}
    assert set(settled.plan().causes.values()) == {"mapping_changed"}


def test_a_mapping_that_reads_another_column_shows_no_unchanged_source(settled: World) -> None:
    settled.attributes = tuple(replace(a, source_columns=("brandNew",)) if a.path == "title" else a for a in ATTRIBUTES)
    settled.mapped = {"title": lambda _: "New"}
    assert set(settled.plan().causes.values()) == {"source_changed"}
    settled.attributes = tuple(replace(a, source_columns=()) if a.path == "title" else a for a in ATTRIBUTES)
    assert set(settled.plan().causes.values()) == {"mapping_changed"}


def test_a_scope_that_flips_both_ways(settled: World) -> None:
    flips = {(key, "active"): "scope_changed" for key in ("ann", "bob")}
    settled.of("ann")["assigned"] = False
    settled.of("bob").update(assigned=False, scope="filtered_out")
    plan = settled.plan()
    assert plan.causes == flips
    settled.apply(plan)
    for key in ("ann", "bob"):
        settled.of(key)["assigned"] = True
    assert settled.plan().causes == flips


def test_somebody_known_out_of_scope_who_comes_in(settled: World) -> None:
    settled.users += [user("cy", assigned=False), user("dan", assigned=False, scope="filtered_out")]
    settled.apply(settled.plan())
    for key in ("cy", "dan"):
        settled.of(key)["assigned"] = True
    plan = settled.plan()
    assert {key for key, _ in plan.changes} == {"cy", "dan"}
    assert set(plan.causes.values()) == {"scope_changed"}


def test_somebody_who_comes_in_once_a_plan_for_somebody_else_was_applied(settled: World) -> None:
    settled.users.append(user("cy", assigned=False))
    settled.apply(settled.plan())
    settled.of("cy")["assigned"] = True
    settled.apply(settled.plan(only=("ann",)), only=("ann",))
    assert set(settled.plan().causes.values()) == {"scope_changed"}


def test_an_account_disabled_and_enabled(settled: World) -> None:
    settled.of("ann")["accountEnabled"] = False
    plan = settled.plan()
    assert plan.causes == {("ann", "active"): "source_changed"}
    settled.apply(plan)
    settled.profiles[0]["active"] = True
    assert settled.plan().causes == {("ann", "active"): "edited_in_target"}
    settled.profiles[0]["active"] = False
    settled.apply(settled.plan())
    settled.profiles[0]["active"] = True
    assert settled.plan().causes == {("ann", "active"): "edited_in_target"}
    settled.profiles[0]["active"] = False
    settled.of("ann")["accountEnabled"] = True
    plan = settled.plan()
    assert plan.causes == {("ann", "active"): "source_changed"}
    settled.apply(plan)
    settled.profiles[0]["active"] = True
    settled.of("ann")["accountEnabled"] = False
    assert settled.plan().causes == {("ann", "active"): "source_changed"}, "what was planned last says nothing of it"


def test_somebody_deleted_in_the_source_is_deactivated_because_of_the_source(settled: World) -> None:
    settled.users.remove(settled.of("ann"))
    settled.absent = [("ann", "deleted")]
    assert settled.plan().causes == {("ann", "active"): "source_changed"}


def test_a_change_that_could_not_be_applied_keeps_its_cause(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    settled.profiles[1]["title"] = "Edited"
    settled.apply(settled.plan(), skip=["ann", "bob"])
    assert settled.plan().causes == {("ann", "title"): "source_changed", ("bob", "title"): "edited_in_target"}
    settled.apply(settled.plan())
    settled.profiles[0]["title"] = "Clerk"
    assert settled.plan().causes == {("ann", "title"): "edited_in_target"}


def test_an_adoption_that_could_not_be_applied_stays_one(world: World) -> None:
    world.users = [user("ann", jobTitle="Boss")]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan(), skip=["ann"])
    assert world.plan().causes == {("ann", "title"): "first_adoption"}


def test_a_change_that_waited_through_a_hold_is_explained_by_an_older_run(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    settled.findings = [("ann", "warning", "no name")]
    for title in ("Clerk", "Chief", "Coach"):
        settled.of("bob")["jobTitle"] = title
        settled.apply(settled.plan())
    settled.findings = []
    assert settled.plan().causes == {("ann", "title"): "source_changed"}


def test_a_profile_deleted_in_the_target(settled: World) -> None:
    settled.profiles.pop(0)
    assert set(settled.plan().causes.values()) == {"edited_in_target"}


def test_a_profile_deleted_in_the_target_the_night_it_was_created(settled: World) -> None:
    settled.users.append(user("cy"))
    settled.apply(settled.plan())
    settled.profiles.pop()
    plan = settled.plan()
    assert plan.decisions["cy"] == "create"
    assert set(plan.causes.values()) == {"edited_in_target"}


def test_a_profile_that_could_not_be_created_is_still_what_the_source_changed(settled: World) -> None:
    settled.users.append(user("cy"))
    plan = settled.plan()
    settled.seal(plan)
    assert set(settled.plan().causes.values()) == {"source_changed"}


def test_an_earlier_source_that_is_gone_counts_as_a_changed_mapping(settled: World) -> None:
    settled.runs[0].files.source.unlink()
    settled.of("ann")["jobTitle"] = "Boss"
    assert settled.plan().causes == {("ann", "title"): "mapping_changed"}


def test_somebody_out_of_scope_whose_account_ends_is_deactivated_because_of_the_source(world: World) -> None:
    world.users = [user(key, assigned=False) for key in ("deleted", "disabled", "gone")]
    world.profiles = [profile(key) for key in ("deleted", "disabled", "gone")]
    world.apply(world.plan())
    for mine in world.profiles:
        mine["active"] = True
    world.users = [user("disabled", assigned=False, accountEnabled=False)]
    world.absent = [("deleted", "deleted"), ("gone", "gone")]
    plan = world.plan()
    assert plan.codes == {key: key for key in ("deleted", "disabled", "gone")}
    assert set(plan.causes.values()) == {"source_changed"}


def test_who_could_not_be_deleted_and_is_deactivated_instead_goes_because_of_the_source(world: World) -> None:
    world.set(deprovision={"leavers": "delete"})
    world.users = [user("ann")]
    world.apply(world.plan())
    world.of("ann")["accountEnabled"] = False
    world.apply(world.plan(), skip=["ann"])
    world.set(deprovision={"leavers": "deactivate"})
    assert world.plan().causes == {("ann", "active"): "source_changed"}
