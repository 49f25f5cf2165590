from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.plan_world import MANAGER, World, profile, user

if TYPE_CHECKING:
    from tests.support.plan_world import World


def test_a_clean_person_without_profile_is_created_with_every_value_the_source_has(world: World) -> None:
    world.users = [user("ann"), user("bob", manager="ann", jobTitle=None)]
    plan = world.plan()
    assert plan.decisions == {"ann": "create", "bob": "create"}
    assert plan.changes[("bob", MANAGER)] == (None, "ann")
    assert ("bob", "title") not in plan.changes
    assert plan.changes[("ann", "active")] == (None, True)
    assert set(plan.causes.values()) == {"source_changed"}
    assert plan.result.first_run
    assert plan.result.counts["create"] == 2


def test_every_row_of_the_table_of_decisions(world: World) -> None:
    world.users = [
        user("clean"),
        user("same"),
        user("moved", jobTitle="Boss"),
        user("back"),
        user("warn"),
        user("warnp"),
        user("unsure", verdict="unsure"),
        user("robot", verdict="service_account"),
        user("robotp", verdict="printer_or_device"),
        user("out", assigned=False),
        user("outp", assigned=False),
        user("off", accountEnabled=False),
        user("offp", accountEnabled=False),
    ]
    world.findings = [
        ("warn", "warning", "no name"),
        ("warnp", "warning", "no name"),
        ("offp", "warning", "no name"),
        ("same", "info", "odd"),
    ]
    world.profiles = [
        profile("p-same", "same"),
        profile("p-moved", "moved"),
        profile("p-back", "back", active=False),
        profile("p-warnp", "warnp"),
        profile("p-robotp", "robotp"),
        profile("p-outp", "outp"),
        profile("p-offp", "offp"),
        profile("p-none", "nobody"),
    ]
    plan = world.plan()
    assert plan.decisions == {
        "clean": "create",
        "same": "unchanged",
        "moved": "update",
        "back": "reactivate",
        "warn": "hold",
        "warnp": "hold",
        "unsure": "hold",
        "robot": "out_of_scope",
        "robotp": "hold",
        "out": "out_of_scope",
        "outp": "deactivate",
        "off": "out_of_scope",
        "offp": "deactivate",
        "profile:p-none": "unmanaged",
    }
    assert plan.changes[("offp", "active")] == (True, False)
    assert [key for key in plan.changes if key[0] == "offp"] == [("offp", "active")]
    assert sum(plan.result.counts.values()) == len(plan.decisions)
    assert all("{" not in row["reason"] and row["reason"] != row["reason_code"] for row in plan.rows("decisions"))
    assert plan.causes[("moved", "title")] == "first_adoption"
    reasons = {row["key"]: row["reason"] for row in plan.rows("decisions")}
    outside = "The account exists but is not in scope: not assigned to Pingboard."
    assert reasons["outp"] == f"{outside} The profile is deactivated and kept."
    assert reasons["out"] == f"{outside} It has no profile."
