from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.plan_apply import carry_out
from tests.support.plan_world import MANAGER, OUTCOME, Planned, World, profile, table, user
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.errors import Refused
from trueup.transforms.history import History
from trueup.transforms.planning.request import RollbackRequest
from trueup.transforms.rollback.plan import make_rollback_plan
from trueup.transforms.run_files import RunFiles
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from tests.unit.transforms.conftest import Lived


def back(world: World, **way: Any) -> Planned:
    files = RunFiles(world.folder / f"{world.at:%Y%m%dT%H%M%SZ}-0000")
    files.work.mkdir(parents=True)
    world.write_target(files.target)
    request = RollbackRequest(
        files, world.attributes, world.schema, world.settings, History(tuple(world.runs)), world.at, **way
    )
    return Planned(files, make_rollback_plan(request))


def people(world: World) -> dict[str, dict[str, Any]]:
    return {p["userName"]: {k: v for k, v in p.items() if k != "id"} for p in copy.deepcopy(world.profiles)}


def two_people(world: World) -> None:
    world.users = [user("ann"), user("bob", manager="ann")]
    world.apply(world.plan())
    world.apply(world.plan())


@pytest.fixture
def settled(lived: Lived) -> World:
    """Two people in step, linked."""
    return lived(two_people)


def test_undoing_an_update_restores_what_was_there(settled: World) -> None:
    before = people(settled)
    settled.of("ann")["jobTitle"] = "Boss"
    settled.of("bob")["manager"] = None
    run = settled.apply(settled.plan())
    plan = back(settled, undo=run)
    assert plan.decisions == {"ann": "update", "bob": "update"}
    assert plan.changes == {("ann", "title"): ("Boss", "Clerk"), ("bob", MANAGER): (None, "ann")}
    assert set(plan.causes.values()) == {"rollback"}
    settled.apply(plan, kind=Kind.ROLLBACK)
    assert people(settled) == before
    night = settled.plan()
    assert night.changes == {}
    assert night.codes == {"ann": "rolled_back", "bob": "rolled_back"}
    assert night.findings == [
        ("ann", "rolled_back", "info", "The title was restored by a rollback and is left alone."),
        ("bob", "rolled_back", "info", "The manager was restored by a rollback and is left alone."),
    ]
    settled.apply(night)
    settled.of("ann")["jobTitle"] = "Chief"
    assert settled.plan().changes == {("ann", "title"): ("Clerk", "Chief")}


def test_a_value_that_only_a_repair_put_back_is_not_one_that_the_rollback_restored(settled: World) -> None:
    """The rollback's write failed, and what it lost on the way was put back: the source stands as before."""
    settled.of("ann")["jobTitle"] = "Boss"
    way = back(settled, undo=settled.apply(settled.plan()))
    run = settled.apply(way, kind=Kind.ROLLBACK, skip={"ann"})
    [row] = way.rows("outcome")
    assert row["result"] == "failed"
    rows = [row, {**row, "operation": "restore", "result": "applied"}]
    table(run.files.outcome, pq.read_schema(run.files.outcome), rows)
    settled.profiles[0]["title"] = "By hand"
    assert settled.plan().changes == {("ann", "title"): ("By hand", "Boss")}


def test_undoing_a_create_deactivates_or_deletes(settled: World) -> None:
    settled.users.append(user("cy"))
    run = settled.apply(settled.plan())
    assert back(settled, undo=run).changes == {("cy", "active"): (True, False)}
    settled.night += 1
    gone = back(settled, undo=run, delete_created=True)
    assert gone.decisions["cy"] == "delete"
    settled.apply(gone, kind=Kind.ROLLBACK)
    night = settled.plan()
    assert (night.decisions["cy"], night.codes["cy"]) == ("hold", "rolled_back")
    assert [one[:3] for one in night.findings] == [("cy", "rolled_back", "info")]
    settled.apply(night)
    settled.of("cy")["jobTitle"] = "Other"
    assert settled.plan().decisions["cy"] == "create"


def test_an_undone_deactivation_stays_undone_until_the_source_changes(settled: World) -> None:
    settled.of("ann")["accountEnabled"] = False
    run = settled.apply(settled.plan())
    plan = back(settled, undo=run)
    assert plan.decisions["ann"] == "reactivate"
    settled.apply(plan, kind=Kind.ROLLBACK)
    night = settled.plan()
    assert (night.decisions["ann"], night.codes["ann"]) == ("unchanged", "rolled_back")
    settled.apply(night)
    settled.users = [u for u in settled.users if u["id"] != "ann"]
    settled.absent = [("ann", "deleted")]
    assert settled.plan().decisions["ann"] == "deactivate"


def test_a_deleted_profile_comes_back_whole_with_references_to_it(settled: World) -> None:
    settled.set(deprovision={"leavers": "delete"})
    settled.users = [u for u in settled.users if u["id"] != "ann"]
    settled.absent = [("ann", "deleted")]
    mine = settled.profiles[0]
    mine["resource"] = {"id": mine["id"], "photos": [{"value": "x"}], "meta": {}, "title": "Clerk"}
    run = settled.apply(settled.plan())
    assert [p["userName"] for p in settled.profiles] == ["bob@x.example"]
    settled.profiles[0][MANAGER] = None
    plan = back(settled, undo=run)
    assert plan.decisions == {"ann": "create", "bob": "update"}
    assert plan.changes[("ann", "photos")] == (None, [{"value": "x"}])
    assert plan.changes[("bob", MANAGER)] == (None, "ann")
    assert any("new id" in note for note in plan.result.notes)
    settled.apply(plan, kind=Kind.ROLLBACK)
    night = settled.plan()
    assert night.decisions["ann"] == "unchanged"


def test_somebody_made_anew_since_gets_back_what_the_deleted_profile_held(settled: World) -> None:
    settled.set(deprovision={"leavers": "delete"})
    ann = settled.of("ann")
    settled.users.remove(ann)
    settled.absent = [("ann", "deleted")]
    run = settled.apply(settled.plan())
    settled.users.append(ann | {"jobTitle": "Boss"})
    settled.absent = []
    again = settled.plan()
    assert again.decisions["ann"] == "create"
    settled.apply(again)
    plan = back(settled, undo=run)
    assert plan.decisions == {"ann": "update", "bob": "unchanged"}
    assert plan.changes == {("ann", "title"): ("Boss", "Clerk")}


def test_a_mark_taken_back_is_no_switching_on_or_off_of_the_account(settled: World) -> None:
    """True and false of any other attribute are an update; only ``active`` switches somebody."""
    settled.attributes = (*settled.attributes, ManagedAttribute("locked", kind="boolean"))
    settled.mapped["locked"] = lambda one: one["id"] == "bob"
    for mine, locked in zip(settled.profiles, (True, False), strict=True):
        mine["locked"] = locked
    plan = back(settled, undo=settled.apply(settled.plan()))
    assert plan.changes == {("ann", "locked"): (False, True), ("bob", "locked"): (True, False)}
    assert plan.decisions == {"ann": "update", "bob": "update"}


def test_a_reference_to_nobody_comes_back_as_it_was(settled: World) -> None:
    settled.profiles[1][MANAGER] = "never-there"
    run = settled.apply(settled.plan())
    assert settled.profiles[1][MANAGER] == settled.profiles[0]["id"]
    for way in ({"undo": run}, {"before": run}):
        plan = back(settled, **way)
        assert plan.changes == {("bob", MANAGER): ("ann", "profile:never-there")}
        settled.night += 1
    settled.apply(plan, kind=Kind.ROLLBACK)
    assert settled.profiles[1][MANAGER] == "never-there"


def test_a_reference_to_nobody_who_is_there_now_comes_back_once(settled: World) -> None:
    settled.profiles[1][MANAGER] = "p9"
    run = settled.apply(settled.plan())
    settled.profiles.append(profile("p9", "stray"))
    plan = back(settled, undo=run)
    assert [(row["key"], row["after"]) for row in plan.rows("changes")] == [("bob", '"profile:p9"')]


def test_a_reference_to_a_profile_that_went_since_is_left_alone(settled: World) -> None:
    other = profile("p9", "stray")
    settled.profiles.append(other)
    settled.profiles[1][MANAGER] = "p9"
    run = settled.apply(settled.plan())
    settled.profiles.remove(other)
    plan = back(settled, undo=run)
    assert plan.changes == {}
    said = "The manager to be restored has no profile, so the manager stays."
    assert plan.findings == [("bob", "manager_without_profile", "info", said)]


def test_edits_made_since_are_kept_unless_told_otherwise(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.profiles[0]["title"] = "Edited"
    plan = back(settled, undo=run)
    assert plan.changes == {}
    assert plan.codes["ann"] == "edited_since"
    assert plan.findings == [
        ("ann", "edited_since", "info", "The title was edited in the target since and is kept."),
    ]
    assert plan.result.notes == (
        "1 values were edited in the target since and are kept; --overwrite takes them back too.",
    )
    settled.night += 1
    assert back(settled, undo=run, overwrite=True).changes == {("ann", "title"): ("Edited", "Clerk")}


def test_a_value_that_the_target_spelt_in_its_own_way_is_nobodys_edit_and_is_taken_back(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    settled.of("bob")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan(), target={("ann", "title"): ("BOSS", "normalised")})
    settled.profiles[1]["title"] = "BOSS"
    plan = back(settled, undo=run)
    assert plan.changes == {("ann", "title"): ("BOSS", "Clerk")}
    assert plan.codes == {"ann": "restored", "bob": "edited_since"}


def test_going_before_a_run_takes_back_everything_since(settled: World) -> None:
    before = people(settled)
    settled.of("ann")["jobTitle"] = "Boss"
    first = settled.apply(settled.plan())
    settled.of("ann")["jobTitle"] = "Chief"
    settled.of("bob")["department"] = "Law"
    settled.apply(settled.plan())
    settled.profiles[1]["name.givenName"] = "Bobby"
    plan = back(settled, before=first)
    assert set(plan.changes) == {
        ("ann", "title"),
        ("bob", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
    }
    settled.night += 1
    plan = back(settled, before=first, overwrite=True)
    settled.apply(plan, kind=Kind.ROLLBACK)
    assert people(settled) == before


def test_going_before_a_run_takes_back_what_an_apply_broken_off_since_wrote(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    first = settled.apply(settled.plan())
    settled.of("ann")["jobTitle"] = "Chief"
    settled.of("bob")["jobTitle"] = "Boss"
    planned = settled.plan()
    carry_out(settled, planned, skip=frozenset(), altered={})
    told = planned.files.outcome.rename(settled.folder / "told.parquet")
    run = settled.seal(planned)
    plan = back(settled, before=first, broken_off={run.run_id: told})
    assert plan.changes == {("ann", "title"): ("Chief", "Clerk"), ("bob", "title"): ("Boss", "Clerk")}
    [note] = plan.result.notes
    assert note.startswith(f"The apply of run {run.run_id} was broken off: "), "of the other one there is no doubt"


def test_a_profile_made_anew_since_ends_and_is_referred_to_again_unless_it_is_deleted(settled: World) -> None:
    """Others deleted Ann's profile, so a later run made another: of that one there is no earlier value to restore."""
    first = settled.apply(settled.plan())
    del settled.profiles[0]
    settled.profiles[0][MANAGER] = None
    settled.apply(settled.plan())
    settled.of("ann")["jobTitle"] = "Boss"
    settled.of("bob")["manager"] = None
    settled.apply(settled.plan())
    reference = {("bob", MANAGER): (None, "ann")}
    assert back(settled, before=first).changes == {("ann", "active"): (True, False)} | reference
    settled.night += 1
    plan = back(settled, before=first, delete_created=True)
    assert (plan.decisions, plan.changes) == ({"ann": "delete", "bob": "unchanged"}, {})
    assert [one[:2] for one in plan.findings] == [("bob", "manager_without_profile")]
    settled.night += 1
    assert back(settled, before=first, only_attributes=("title",)).changes == {}


def test_only_the_people_and_attributes_asked_for_are_taken_back(settled: World) -> None:
    for key in ("ann", "bob"):
        settled.of(key)["jobTitle"] = "Boss"
        settled.of(key)["department"] = "Law"
    run = settled.apply(settled.plan())
    plan = back(settled, undo=run, only=("ANN@x.example",), only_attributes=("title",))
    assert plan.changes == {("ann", "title"): ("Boss", "Clerk")}


def test_a_rollback_can_be_taken_back(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    after = people(settled)
    undo = settled.apply(back(settled, undo=run), kind=Kind.ROLLBACK)
    settled.apply(back(settled, undo=undo), kind=Kind.ROLLBACK)
    assert people(settled) == after


def test_a_report_is_followed_by_e_mail(settled: World, tmp_path: Any) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"email": "ANN@x.example", "title": "Owner"}, {"email": "nobody@x.example", "title": "Ghost"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "report.parquet")
    assert back(settled, report=tmp_path / "report.parquet").changes == {("ann", "title"): ("Clerk", "Owner")}


def test_a_run_that_was_never_applied_cannot_be_undone(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.seal(settled.plan())
    with pytest.raises(Refused, match="never applied"):
        back(settled, undo=run)


def test_a_first_apply_that_was_broken_off_is_taken_back_also_where_it_gave_a_profile_another_id(world: World) -> None:
    world.users = [user("ann"), user("bob", jobTitle="Boss")]
    world.profiles = [profile("p1", "bob")]
    planned = world.plan()
    carry_out(world, planned, skip=frozenset(), altered={})
    world.profiles[0]["id"] = "p2"
    rows = [row | {"profile_id": "p2"} if row["key"] == "bob" else row for row in planned.rows("outcome")]
    planned.files.outcome.unlink()  # what its journal says lies elsewhere
    table(world.folder / "told.parquet", OUTCOME, rows)
    run = world.seal(planned)
    plan = back(world, undo=run, broken_off={run.run_id: world.folder / "told.parquet"})
    assert plan.changes == {("ann", "active"): (True, False), ("bob", "title"): ("Boss", "Clerk")}
    assert {row["key"]: row["profile_id"] for row in plan.rows("decisions")} == {"ann": "n0-ann", "bob": "p2"}


def test_profiles_nobody_has_are_never_touched(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    settled.profiles.append(profile("stray"))
    assert back(settled, before=run, overwrite=True).decisions["profile:stray"] == "unmanaged"
