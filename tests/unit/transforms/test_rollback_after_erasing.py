"""The way back to a run that somebody was erased from, or whose snapshots are gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.plan_world import MANAGER, World, user
from tests.unit.transforms.test_plan_rollback import back
from trueup.transforms.erasure import tables
from trueup.transforms.erasure.person import find
from trueup.transforms.errors import Refused
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from typing import Any

    from trueup.transforms.history import PriorRun


@pytest.fixture
def settled(world: World) -> World:
    """Three people in step; Ann is Bob's manager."""
    world.users = [user("ann"), user("bob", manager="ann"), user("cleo")]
    world.apply(world.plan())
    world.apply(world.plan())
    return world


def with_act(world: World, run: PriorRun, act: Act, **details: Any) -> PriorRun:
    record = ActRecord(act=act, number=99, at=world.at, who="Chris", previous_sha256="", details=details)
    changed = replace(run, acts=(*run.acts, record))
    world.runs = [changed if one.run_id == run.run_id else one for one in world.runs]
    return changed


def erased(world: World, run: PriorRun, key: str) -> PriorRun:
    person = find([run.files], [key], "0123456789abcdef")
    for path in run.files.path.glob("*.parquet"):
        aside = path.with_suffix(".without")
        if tables.write_without(path, aside, person):
            aside.replace(path)
    return with_act(world, run, Act.ERASED, number="0123456789abcdef", before={}, records={})


def test_a_reference_to_somebody_erased_is_left_alone_and_said(settled: World) -> None:
    settled.of("bob")["manager"] = "cleo"
    settled.of("bob")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.users = [one for one in settled.users if one["id"] != "ann"]
    settled.profiles = [one for one in settled.profiles if one["userName"] != "ann@contoso.example"]
    settled.absent = [("ann", "deleted")]
    for one in list(settled.runs):
        erased(settled, one, "ann")
    settled.apply(settled.plan())
    plan = back(settled, before=next(one for one in settled.runs if one.run_id == run.run_id))
    assert ("bob", MANAGER) not in plan.changes
    assert plan.changes == {("bob", "title"): ("Boss", "Clerk")}
    assert any("erased since" in note for note in plan.result.notes)


def test_who_came_since_a_run_somebody_was_erased_from_is_left_alone_and_counted(settled: World) -> None:
    run = settled.apply(settled.plan())
    settled.users.append(user("dora"))
    settled.apply(settled.plan())
    assert back(settled, before=run).decisions.get("dora") == "deactivate"
    settled.night += 1
    plan = back(settled, before=erased(settled, run, "cleo"))
    assert plan.decisions.get("dora") != "deactivate"
    assert any("1 who have no row in it are left alone" in note for note in plan.result.notes)


def test_a_way_back_without_its_snapshots_is_refused_and_says_so(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.apply(settled.plan())
    gone = with_act(settled, run, Act.PRUNED, files=["source.parquet", "target.parquet"], snapshots=True)
    for way in ({"undo": gone}, {"before": gone}):
        with pytest.raises(Refused, match="snapshots of run .* were pruned"):
            back(settled, **way)
        settled.night += 1


def test_a_night_since_that_wrote_nothing_needs_neither_outcome_nor_snapshots(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    quiet = settled.seal(settled.plan())
    assert quiet.was_applied
    assert not quiet.files.outcome.exists()
    with_act(settled, quiet, Act.PRUNED, files=["source.parquet", "target.parquet"], snapshots=True)
    assert back(settled, before=run).changes == {("ann", "title"): ("Boss", "Clerk")}


def test_what_was_planned_before_a_run_and_deleted_somebody_since_needs_its_snapshots_too(settled: World) -> None:
    settled.set(deprovision={"leavers": "delete"})
    settled.of("ann")["accountEnabled"] = False
    planned = settled.plan()
    late = settled.apply(planned, counts=planned.result.counts)
    before = settled.apply(settled.plan())
    applied = late.acts[0].model_copy(update={"at": before.manifest.started + timedelta(hours=1)})
    settled.runs = [replace(one, acts=(applied,)) if one.run_id == late.run_id else one for one in settled.runs]
    late = next(one for one in settled.runs if one.run_id == late.run_id)
    assert back(settled, before=before).decisions["ann"] == "create"
    settled.night += 1
    with_act(settled, late, Act.PRUNED, files=["source.parquet", "target.parquet"], snapshots=True)
    with pytest.raises(Refused, match=f"snapshots of run {late.run_id} were pruned"):
        back(settled, before=before)
