from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import ATTRIBUTES, MAIL, MANAGER, OF, profile, user
from tests.unit.transforms.test_plan_rollback import back, settled
from trueup.transforms.attributes import ManagedAttribute, TargetSchema
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.manifest import ActRecord
from trueup.transforms.planning.plan import make_plan
from trueup.transforms.rollback.restoring import unmanaged
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.plan_world import World

__all__ = ["settled"]


def released(world: World, run: Any, *keys: str) -> None:
    act = ActRecord(
        act=Act.RELEASED,
        number=9,
        at=world.at,
        who="t",
        previous_sha256="",
        details={"keys": list(keys)} if keys else {},
    )
    at = world.runs.index(run)
    world.runs[at] = type(run)(run.files, run.manifest, (*run.acts, act), run.state)


def drop_column(path: Path, name: str) -> None:
    pq.write_table(pq.read_table(path).drop_columns([name]), path)


@pytest.mark.parametrize("keys", [(), ("ann",)])
def test_a_release_lets_the_source_speak_again(settled: World, keys: tuple[str, ...]) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    undo = settled.apply(back(settled, undo=run), kind=Kind.ROLLBACK)
    assert settled.plan().changes == {}
    released(settled, undo, *keys)
    assert settled.plan().changes == {("ann", "title"): ("Clerk", "Boss")}


def test_a_release_of_somebody_else_changes_nothing(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    undo = settled.apply(back(settled, undo=run), kind=Kind.ROLLBACK)
    released(settled, undo, "bob")
    assert settled.plan().changes == {}


def test_a_rollback_without_an_earlier_plan_holds_nothing_back(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.apply(settled.plan())
    undo = settled.apply(back(settled, undo=run), kind=Kind.ROLLBACK)
    settled.runs = [undo]
    assert settled.plan().changes == {("ann", "title"): ("Clerk", "Boss")}


def test_a_target_without_a_column_has_no_value_there(world: World) -> None:
    world.attributes = (*ATTRIBUTES, ManagedAttribute("nickName"), ManagedAttribute("flag", kind="boolean"))
    world.mapped = {"nickName": lambda _: "Nick", "flag": lambda _: True}
    world.users = [user("ann")]
    world.profiles = [profile("p1", "ann")]
    files = world.files()
    drop_column(files.target, "nickName")
    drop_column(files.target, "flag")
    assert make_plan(world.request(files)).changes == 2


def test_what_a_first_apply_learnt_before_it_was_broken_off_says_which_address_is_meant(world: World) -> None:
    """No plan has been applied yet, so nothing is known of what the list held: its only entry is the one."""
    world.schema = TargetSchema(bare=frozenset({"emails"}))
    world.users = [user("ann")]
    kept = {"id": "p1", "emails": [{"value": "aged@x.example"}]}
    world.profiles = [profile("p1", "ann", resource=kept, **{MAIL: None})]
    first = world.plan()
    assert first.changes == {("ann", MAIL): (None, "ann@x.example")}
    learnt = {"dialect": {"untyped": ["emails"]}}
    act = ActRecord(act=Act.INTERRUPTED, number=1, at=world.at, who="t", previous_sha256="", details=learnt)
    world.seal(first, acts=(act,))
    assert world.plan().changes == {("ann", MAIL): ("aged@x.example", "ann@x.example")}


def test_an_address_is_told_from_an_entry_of_another_list_that_has_the_same_text(world: World) -> None:
    """What somebody is called in a chat, often an aged address, claims no entry among the e-mails."""
    chat = 'ims[type eq "chat"].value'
    world.schema = TargetSchema(bare=frozenset({"emails"}))
    world.attributes = (*ATTRIBUTES, ManagedAttribute(chat))
    world.mapped[chat] = lambda _: "aged@x.example"
    world.users = [user("ann")]
    kept = {"id": "p1", "emails": [{"value": "aged@x.example"}]}
    world.profiles = [profile("p1", "ann", resource=kept, **{MAIL: None, chat: "aged@x.example"})]
    learnt = {"dialect": {"untyped": ["emails"]}}
    act = ActRecord(act=Act.INTERRUPTED, number=1, at=world.at, who="t", previous_sha256="", details=learnt)
    world.seal(world.plan(), acts=(act,))
    assert world.plan().changes == {("ann", MAIL): ("aged@x.example", "ann@x.example")}


def test_a_matching_attribute_the_snapshot_lacks_is_a_failure(world: World) -> None:
    world.users = [user("ann")]
    world.attributes = (*ATTRIBUTES, ManagedAttribute("nickName"))
    world.mapped = {"nickName": lambda _: "Nick"}
    world.set(matching={"by": ["nickName"]})
    files = world.files()
    drop_column(files.target, "nickName")
    with pytest.raises(Failed, match="nickName"):
        make_plan(world.request(files))


def test_a_source_without_employee_numbers_offers_no_rehire(world: World) -> None:
    world.users = [user("ann", employeeId="7")]
    run = world.apply(world.plan())
    drop_column(run.files.source, "employeeId")
    world.users = [user("new", employeeId="7")]
    world.absent = [("ann", "gone")]
    assert world.plan().rows("findings") == []


def test_a_person_created_without_anything_readable_gets_nothing_and_is_counted(world: World) -> None:
    world.attributes = tuple(replace(a, required=False) for a in ATTRIBUTES)
    world.users = [user("ann")]
    columns = frozenset(c for a in ATTRIBUTES for c in a.source_columns) - {"userPrincipalName", "mail"}
    plan = world.plan(unreadable=columns)
    assert {path for _, path in plan.changes} == {"userName", 'emails[type eq "work"].value'}
    world.set(matching={"by": []})
    everything = frozenset(c for a in ATTRIBUTES for c in a.source_columns)
    assert world.plan(unreadable=everything).changes == {}


def test_pruned_and_missing_archives_refuse_the_way_back(settled: World) -> None:
    run = settled.runs[0]
    act = ActRecord(act=Act.PRUNED, number=9, at=settled.at, who="t", previous_sha256="")
    with pytest.raises(Refused, match="pruned"):
        back(settled, undo=type(run)(run.files, run.manifest, (act,), run.state))
    settled.night += 1
    run.files.source.unlink()
    with pytest.raises(Refused, match="who the people are"):
        back(settled, undo=run)


def test_active_is_restored_also_when_the_mapping_does_not_manage_it(world: World) -> None:
    world.attributes = tuple(a for a in ATTRIBUTES if a.path != "active")
    world.users = [user("ann")]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan())
    world.users[0]["accountEnabled"] = False
    run = world.apply(world.plan())
    assert back(world, undo=run).changes == {("ann", "active"): (False, True)}


def test_going_before_a_run_nothing_came_after_changes_nothing(settled: World) -> None:
    settled.of("ann")["jobTitle"] = "Boss"
    run = settled.seal(settled.plan())
    assert back(settled, before=run).changes == {}


def test_a_profile_deleted_and_made_again_gets_back_what_it_was(settled: World) -> None:
    settled.set(deprovision={"leavers": "delete"})
    settled.of("ann")["accountEnabled"] = False
    run = settled.apply(settled.plan())
    settled.of("ann").update(accountEnabled=True, jobTitle="Boss")
    settled.apply(settled.plan())
    plan = back(settled, before=run)
    assert plan.changes == {("ann", "title"): ("Boss", "Clerk")}


def test_an_actual_of_another_mapping_is_read_as_far_as_it_goes(settled: World) -> None:
    settled.set(deprovision={"leavers": "delete"})
    settled.of("ann")["accountEnabled"] = False
    run = settled.apply(settled.plan())
    drop_column(run.files.actual, MANAGER)
    assert back(settled, undo=run).decisions["ann"] == "create"


def test_what_a_resource_holds_beyond_the_mapping_is_found() -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    text = (
        '{"id":"1","meta":{},"title":"T","photos":[{"value":"x"}],"nothing":[],'
        f'"{urn}":{{"manager":{{"value":"2"}},"division":"D"}}}}'
    )
    found = dict(unmanaged(text, frozenset({"title"})))
    assert found == {"photos": '[{"value":"x"}]', f"{urn}:division": '"D"'}


def test_reasons_never_lack_their_particular(world: World) -> None:
    world.users = [user("ann", assigned=False)]
    files = world.files()
    table = pq.read_table(files.work_scope)
    at = table.schema.get_field_index("excluded_by")
    pq.write_table(table.set_column(at, "excluded_by", pa.array([None], pa.string())), files.work_scope)
    make_plan(world.request(files))
    [decided] = pq.read_table(files.decisions).to_pylist()
    assert decided["reason"] == "The account exists but is not in scope: unknown. It has no profile."
    assert set(OF) >= {"title"}


def test_a_rollback_of_nothing_changes_nothing(settled: World) -> None:
    assert back(settled).changes == {}
