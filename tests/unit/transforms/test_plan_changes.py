from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.plan_world import ATTRIBUTES, DEPARTMENT, MANAGER, managed, profile, user
from trueup.transforms.attributes import ManagedAttribute, TargetSchema
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.planning.plan import make_plan

if TYPE_CHECKING:
    from tests.support.plan_world import World


def test_a_second_night_after_an_apply_has_nothing_to_do(world: World) -> None:
    world.users = [user("ann"), user("bob", manager="ann", jobTitle="<script>\"'\\ \u202e\u0000é")]
    world.apply(world.plan())
    again = world.plan()
    assert again.changes == {}
    assert set(again.decisions.values()) == {"unchanged"}


def test_null_and_empty_text_are_the_same_nothing(world: World) -> None:
    world.users = [user("ann", jobTitle=None), user("bob", jobTitle="")]
    world.profiles = [profile("p1", "ann", title=""), profile("p2", "bob", title=None)]
    assert world.plan().changes == {}


def test_a_value_is_only_cleared_when_the_source_once_had_one(world: World) -> None:
    world.users = [user("ann"), user("bob", jobTitle=None)]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob")]
    world.apply(world.plan())
    world.of("ann")["jobTitle"] = None
    plan = world.plan()
    assert plan.changes == {("ann", "title"): ("Clerk", None)}
    assert plan.causes == {("ann", "title"): "source_changed"}
    world.apply(plan, skip=["ann"])
    assert world.plan().changes == {("ann", "title"): ("Clerk", None)}
    world.attributes = managed("title", when_empty="keep")
    assert world.plan().changes == {}
    world.attributes = managed("title", when_empty="clear")
    assert set(world.plan().changes) == {("ann", "title"), ("bob", "title")}


def test_what_was_cleared_of_others_and_of_other_values_takes_nothing_a_hand_filled_in(world: World) -> None:
    world.users = [user("ann"), user("bob", jobTitle=None)]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob", title="By hand")]
    world.apply(world.plan())
    world.of("ann")["jobTitle"] = None
    world.of("bob")["department"] = None
    night = world.plan()
    assert set(night.changes) == {("ann", "title"), ("bob", DEPARTMENT)}
    world.apply(night)
    assert world.plan().changes == {}


def test_what_was_once_given_is_remembered_through_a_long_hold(world: World) -> None:
    """Others, who were in step all the while, make no difference."""
    world.users = [user("ann"), user("bob")]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob")]
    world.apply(world.plan())
    world.of("ann")["jobTitle"] = None
    for _ in range(3):
        world.findings = [("ann", "warning", "no name")]
        world.apply(world.plan())
    world.findings = []
    assert world.plan().changes == {("ann", "title"): ("Clerk", None)}


def test_a_required_value_is_never_cleared(world: World) -> None:
    world.users = [user("ann"), user("new", givenName=None)]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan())
    world.of("ann")["givenName"] = None
    plan = world.plan()
    assert plan.decisions == {"ann": "hold", "new": "hold"}
    assert plan.codes == {"ann": "required_missing", "new": "required_missing"}
    assert plan.changes == {}
    said = "The target requires name.givenName, for which the source has no value; it is never cleared."
    assert [row["reason"] for row in plan.rows("decisions")] == [said, said]


def test_what_the_source_could_not_have_said_is_left_alone(world: World) -> None:
    world.users = [user("ann", jobTitle=None, department="Law")]
    world.profiles = [profile("p1", "ann")]
    world.attributes = managed("title", when_empty="clear")
    world.left_alone = {"ann": [DEPARTMENT]}
    assert set(world.plan().changes) == {("ann", "title")}
    assert world.plan(unreadable=frozenset({"jobTitle"})).changes == {}


def test_an_attribute_for_creation_only_and_a_default_never_touch_an_existing_profile(world: World) -> None:
    world.attributes = managed("title", apply="create", default="Newcomer")
    world.users = [user("ann", jobTitle="Boss"), user("new", jobTitle=None)]
    world.profiles = [profile("p1", "ann")]
    plan = world.plan()
    assert plan.decisions["ann"] == "unchanged"
    assert plan.changes[("new", "title")] == (None, "Newcomer")


def test_a_manager_without_profile_is_left_alone_and_named(world: World) -> None:
    world.users = [user("ann", manager="out"), user("out", assigned=False), user("bob", manager="held"), user("held")]
    world.findings = [("held", "warning", "no name")]
    world.profiles = [profile("p1", "ann"), profile("p2", "held")]
    plan = world.plan()
    assert plan.decisions["ann"] == "unchanged"
    assert plan.changes[("bob", MANAGER)] == (None, "held")
    left_alone = "The manager out has no profile, so the manager is left alone."
    assert plan.findings == [
        ("ann", "manager_without_profile", "info", left_alone),
        ("held", "given", "warning", "no name"),
    ]
    make_plan(world.request(plan.files))
    assert len(plan.rows("findings")) == 2


def test_a_manager_whose_profile_goes_tonight_is_left_alone_and_named(world: World) -> None:
    world.set(deprovision={"leavers": "delete"})
    world.users = [user("ann", manager="off"), user("off", accountEnabled=False)]
    world.profiles = [profile("p1", "ann"), profile("p2", "off")]
    plan = world.plan()
    assert plan.decisions == {"ann": "unchanged", "off": "delete"}
    assert plan.changes == {}
    left_alone = "The manager off has no profile, so the manager is left alone."
    assert plan.findings == [("ann", "manager_without_profile", "info", left_alone)]


def test_a_reference_is_compared_by_person(world: World) -> None:
    world.users = [user("ann"), user("bob", manager="ann")]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob", **{MANAGER: "p1"})]
    assert world.plan().changes == {}
    world.profiles[1][MANAGER] = "stranger"
    assert world.plan().changes == {("bob", MANAGER): ("profile:stranger", "ann")}


def test_a_change_of_case_is_a_change_unless_the_target_alters_case_itself(world: World) -> None:
    world.users = [user("ann", jobTitle="CLERK"), user("bob", jobTitle="CLERK")]
    world.profiles = [profile("p1", "ann"), profile("p2", "bob")]
    plan = world.plan()
    assert set(plan.changes) == {("ann", "title"), ("bob", "title")}
    world.apply(plan, target={("ann", "title"): ("clerk", "normalised"), ("bob", "title"): ("clerk", "normalised")})
    world.of("ann")["jobTitle"] = "Clerk"
    assert world.plan().changes == {}
    world.of("ann")["jobTitle"] = "Boss"
    assert world.plan().causes == {("ann", "title"): "source_changed"}, "what the target made of it is nobody's edit"


def test_what_a_target_did_not_keep_is_not_tried_again_until_something_changes(world: World) -> None:
    world.schema = TargetSchema(digest="one")
    world.users = [user("ann", jobTitle="Boss")]
    world.profiles = [profile("p1", "ann", title=None)]
    world.apply(world.plan(), target={("ann", "title"): (None, "not_kept")})
    for _ in range(2):
        plan = world.plan()
        assert (plan.changes, plan.codes) == ({}, {"ann": "not_kept"})
        said = "The target did not keep the title as written, so it is not tried again."
        assert plan.findings == [("ann", "not_kept", "info", said)]
        world.apply(plan)
    world.of("ann")["jobTitle"] = "Chief"
    plan = world.plan()
    assert plan.changes == {("ann", "title"): (None, "Chief")}
    assert plan.causes == {("ann", "title"): "source_changed"}
    world.of("ann")["jobTitle"] = "Boss"
    world.schema = TargetSchema(digest="two")
    assert world.plan().changes == {("ann", "title"): (None, "Boss")}


def test_a_deactivation_the_target_did_not_keep_is_not_repeated(world: World) -> None:
    world.users = [user("ann", accountEnabled=False)]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan(), target={("ann", "active"): (True, "not_kept")})
    world.users.append(user("bob", accountEnabled=False))
    world.profiles.append(profile("p2", "bob"))
    plan = world.plan()
    assert plan.decisions == {"ann": "unchanged", "bob": "deactivate"}
    assert plan.codes["ann"] == "not_kept"
    world.of("ann").update(accountEnabled=True, jobTitle="Boss")
    assert ("ann", "title") in world.plan().changes, "whoever came back is looked after like anybody else"


def test_a_mapped_end_changes_nothing_but_active(world: World) -> None:
    world.mapped = {"active": lambda one: one["department"] != "Left"}
    world.users = [user("ann", department="Left", jobTitle="Boss")]
    world.profiles = [profile("p1", "ann")]
    plan = world.plan()
    assert plan.decisions == {"ann": "deactivate"}
    assert plan.changes == {("ann", "active"): (True, False)}
    assert plan.codes == {"ann": "mapped_inactive"}


def test_an_inactive_profile_of_an_enabled_person_is_reactivated_also_when_active_is_not_mapped(world: World) -> None:
    world.attributes = tuple(a for a in ATTRIBUTES if a.path != "active")
    world.users = [user("ann"), user("off", accountEnabled=False)]
    world.profiles = [profile("p1", "ann", active=False), profile("p2", "off")]
    plan = world.plan()
    assert plan.decisions == {"ann": "reactivate", "off": "deactivate"}
    assert plan.changes == {("ann", "active"): (False, True), ("off", "active"): (True, False)}


def test_only_who_was_switched_off_is_said_to_be_active_again(world: World) -> None:
    """Neither a mark that is set nor a profile that did not say whether it is active was an account switched off."""
    world.attributes = (*ATTRIBUTES, ManagedAttribute("locked", kind="boolean"))
    world.mapped["locked"] = lambda one: one["id"] != "bob"
    world.users = [user(key) for key in ("ann", "bob", "cy", "dan", "off")]
    world.profiles = [
        profile("ann", locked=False), profile("bob", locked=True), profile("cy", locked=None),
        profile("dan", locked=True, active=None), profile("off", locked=True, active=False),
    ]  # fmt: skip
    plan = world.plan()
    assert plan.changes[("dan", "active")] == (None, True)
    assert plan.decisions == dict.fromkeys(("ann", "bob", "cy", "dan"), "update") | {"off": "reactivate"}


def test_complex_values_compare_as_their_json_and_nothing_mapped_compares_nothing(world: World) -> None:
    world.attributes = tuple(replace(a, kind="complex") if a.path == "title" else a for a in ATTRIBUTES)
    world.users = [user("ann", jobTitle='[{"value":"x"}]'), user("bob", jobTitle="[]")]
    world.profiles = [profile("p1", "ann", title=None), profile("p2", "bob", title=None)]
    assert world.plan().changes == {("ann", "title"): (None, [{"value": "x"}])}
    world.attributes = tuple(replace(a, apply="create") for a in ATTRIBUTES)
    assert world.plan().changes == {}
    assert world.plan(unreadable=frozenset(c for a in ATTRIBUTES for c in a.source_columns)).changes == {}


def test_a_partial_plan_takes_nothing_from_anybody_else(world: World) -> None:
    world.users = [
        user("ann", jobTitle="Boss"), user("bob", jobTitle="Boss"), user("new"), user("off", accountEnabled=False),
        user("same"),
    ]  # fmt: skip
    world.profiles = [profile(f"p-{k}", k) for k in ("ann", "bob", "off", "same")]
    plan = world.plan(only=("ANN@x.example",))
    assert plan.decisions == {"ann": "update", "bob": "hold", "new": "hold", "off": "hold", "same": "unchanged"}
    assert {plan.codes[k] for k in ("bob", "new", "off")} == {"not_selected"}
    assert next(u for u in plan.result.limits if u.name == "hold").used == 0
    assert len(plan.rows("links")) == 4
    assert world.plan(only=("profile:p-off",)).decisions["off"] == "deactivate"
    with pytest.raises(Misused, match="number 2 of the 2"):
        world.plan(only=("ann", "nobody"))


def test_somebody_missing_without_confirmation_loses_nothing(world: World) -> None:
    world.users = [user("ann"), user("bob")]
    world.apply(world.plan())
    world.users = world.users[:1]
    assert world.plan().codes["bob"] == "absence_unconfirmed"
    world.absent = [("bob", "deleted")]
    assert world.plan().decisions["bob"] == "deactivate"
    world.apply(world.plan())
    assert (world.plan().decisions["bob"], world.plan().codes["bob"]) == ("unchanged", "deleted")
    world.set(deprovision={"leavers": "delete"})
    plan = world.plan()
    assert (plan.decisions["bob"], plan.changes) == ("delete", {})
    world.set(deprovision={"leavers": "keep"})
    assert (world.plan().decisions["bob"], world.plan().codes["bob"]) == ("unchanged", "kept")


def test_nobody_is_decided_about_without_a_verdict_or_a_scope(world: World) -> None:
    world.users = [user("ann", verdict=None), user("bob")]
    world.held = [("bob", "the expression says ignore")]
    plan = world.plan()
    assert plan.codes == {"ann": "unsure", "bob": "held_by_mapping"}
    world.held = []
    world.users[0]["verdict"] = "person"
    files = world.files()
    files.work_scope.unlink()
    make_plan(world.request(files))
    assert {"scope_unknown"} == {row["reason_code"] for row in plan.__class__(files, plan.result).rows("decisions")}


def test_a_missing_file_is_said_by_name(world: World) -> None:
    world.users = [user("ann")]
    files = world.files()
    files.desired.unlink()
    with pytest.raises(Failed, match="desired"):
        make_plan(world.request(files))
