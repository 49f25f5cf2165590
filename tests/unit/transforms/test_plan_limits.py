from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.plan_world import LOOSE, profile, user
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from tests.support.plan_world import Planned, World

PEOPLE = 20


def tripped(plan: Planned) -> dict[str, int]:
    return {use.name: use.used for use in plan.result.limits if use.tripped}


@pytest.fixture
def staff(world: World) -> World:
    world.users = [user(f"u{n:02}") for n in range(PEOPLE)]
    world.profiles = [profile(f"p{n:02}", f"u{n:02}") for n in range(PEOPLE)]
    return world.set(limits=LOOSE | {"at_least": 0})


def spoil(world: World, how: str, number: int) -> None:
    for one, held in zip(world.users[:number], world.profiles[:number], strict=True):
        if how == "update":
            one["jobTitle"] = "Boss"
        elif how == "deactivate":
            one["accountEnabled"] = False
        elif how == "reactivate":
            held["active"] = False
        elif how == "hold":
            world.findings.append((one["id"], "warning", "no name"))
        else:
            held["externalId"], held["userName"] = None, f"else-{held['id']}"
            held['emails[type eq "work"].value'] = None


@pytest.mark.parametrize("how", ["update", "deactivate", "hold"])
@pytest.mark.parametrize(("number", "bound"), [(3, "20%"), (4, "20%"), (5, "20%"), (3, 4), (4, 4), (5, 4), (1, 0)])
def test_a_limit_trips_only_over_its_bound(staff: World, how: str, number: int, bound: Any) -> None:
    staff.set(limits=LOOSE | {"at_least": 0, how: bound})
    spoil(staff, how, number)
    allowed = 4 if bound else 0
    assert tripped(staff.plan()) == ({how: number} if number > allowed else {})


def test_a_reactivation_has_active_profiles_for_its_base(staff: World) -> None:
    staff.set(limits=LOOSE | {"at_least": 0, "reactivate": "20%"})
    spoil(staff, "reactivate", 4)
    assert tripped(staff.plan()) == {"reactivate": 4}


def test_creating_is_limited_but_not_on_a_first_run_against_an_empty_target(staff: World) -> None:
    staff.set(limits=LOOSE | {"at_least": 0, "create": "20%"})
    spoil(staff, "create", 4)
    assert tripped(staff.plan()) == {"create": 4}
    staff.profiles.clear()
    plan = staff.plan()
    assert tripped(plan) == {}
    exempt = {use.name: (use.used, use.base) for use in plan.result.limits if use.exempt == "first run"}
    assert exempt == {"create": (20, 0), "source_drop": (0, 0)}


def test_a_share_never_trips_below_so_many_rows(staff: World) -> None:
    spoil(staff, "update", 9)
    staff.set(limits=LOOSE | {"at_least": 10, "update": "1%"})
    assert tripped(staff.plan()) == {}
    spoil(staff, "update", 10)
    assert tripped(staff.plan()) == {"update": 10}
    staff.set(limits=LOOSE | {"at_least": 100, "update": 9})
    assert tripped(staff.plan()) == {"update": 10}


def test_each_attribute_has_limits_of_its_own_with_a_remedy(staff: World) -> None:
    staff.apply(staff.plan())
    for one in staff.users[:5]:
        one["jobTitle"] = None
    staff.set(limits=LOOSE | {"at_least": 0, "changed": "24%", "emptied": "24%"})
    plan = staff.plan()
    assert tripped(plan) == {"changed:title": 5, "emptied:title": 5}
    refusal = next(r for r in plan.result.refusals if r.code == "limit_emptied:title")
    assert refusal.message == "The title is emptied for 5 of 20 profiles (25 %); the limit is 24 %."
    assert refusal.overridable
    assert f"trueup approve {plan.files.run_id} --allow emptied:title" in refusal.remedy


def test_a_source_that_shrank_since_the_last_applied_run_is_refused(staff: World) -> None:
    staff.apply(staff.plan())
    staff.set(limits=LOOSE | {"at_least": 0, "source_drop": "10%"})
    staff.absent = [(one["id"], "deleted") for one in staff.users[:3]]
    staff.users = staff.users[3:]
    assert tripped(staff.plan()) == {"source_drop": 3}


def test_many_small_nights_add_up(staff: World) -> None:
    staff.set(limits=LOOSE | {"at_least": 0, "window_deactivate": "20%", "window_days": 3})
    staff.apply(staff.plan())
    for night in range(4):
        staff.users[night]["accountEnabled"] = False
        plan = staff.plan()
        assert tripped(plan) == ({"window_deactivate": 4} if night == 3 else {})
        if night < 3:
            staff.apply(plan)
    staff.night += 5
    assert tripped(staff.plan()) == {}


def test_deactivations_count_as_deletes_where_they_were_seen_to_be(staff: World) -> None:
    spoil(staff, "deactivate", 1)
    assert any("irreversible" in note for note in staff.plan().result.notes)
    run = staff.seal(staff.plan())
    for said, count in (({"dialect": {"deactivation": "survives"}}, 0), ({"deactivation_deletes": True}, 1)):
        act = ActRecord(act=Act.APPLIED, number=1, at=staff.at, who="t", previous_sha256="", details=said)
        staff.runs[0] = type(run)(run.files, run.manifest, (act,), "applied")
        plan = staff.plan()
        assert next(u for u in plan.result.limits if u.name == "delete").used == count
        assert any("deletes profiles" in note for note in plan.result.notes) is bool(count)
        assert not any("irreversible" in note for note in plan.result.notes)


def test_deleting_is_never_allowed_by_default(staff: World) -> None:
    staff.schema = TargetSchema()
    spoil(staff, "deactivate", 1)
    staff.set(limits=LOOSE | {"delete": 0}, deprovision={"leavers": "delete"})
    plan = staff.plan()
    assert tripped(plan) == {"delete": 1}
    assert plan.result.refusals[0].limit == 0
