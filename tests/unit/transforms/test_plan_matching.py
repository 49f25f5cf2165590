from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.plan_world import MAIL, profile, user
from trueup.transforms.attributes import TargetSchema
from trueup.transforms.errors import Misused
from trueup.transforms.history import History
from trueup.transforms.planning.earlier_runs import known_links, names_not_created

if TYPE_CHECKING:
    from tests.support.plan_world import World


def test_a_link_decides_whatever_the_target_made_of_externalid_and_user_name(world: World) -> None:
    world.users = [user("ann")]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan())
    world.profiles[0] |= {"externalId": None, "userName": "other@x.example", MAIL: None}
    plan = world.plan()
    assert plan.decisions == {"ann": "update"}
    assert plan.rows("decisions")[0]["matched_by"] == "link"
    assert plan.rows("links")[0]["since"] == world.runs[0].run_id


def test_matching_ignores_case_unless_the_schema_says_otherwise(world: World) -> None:
    world.users = [user("ann", userPrincipalName="ANN@X.example", mail=None)]
    world.profiles = [profile("p1", "ann", externalId=None)]
    plan = world.plan()
    assert plan.rows("decisions")[0]["matched_by"] == "userName"
    assert plan.changes[("ann", "userName")] == ("ann@x.example", "ANN@X.example")
    world.schema = TargetSchema(case_exact={"userName": True})
    assert world.plan().decisions == {"ann": "create", "profile:p1": "unmanaged"}


def test_two_external_ids_that_differ_in_case_are_one_only_where_the_schema_says_so(world: World) -> None:
    world.users = [user("ann", mail=None)]
    world.profiles = [profile("p1", externalId="ANN", userName="other@x.example")]
    assert world.plan().decisions == {"ann": "create", "profile:p1": "unmanaged"}
    world.schema = TargetSchema(case_exact={"externalId": False})
    assert world.plan().rows("decisions")[0]["matched_by"] == "externalId"


def test_an_empty_value_matches_nobody(world: World) -> None:
    world.users = [user("ann", userPrincipalName="", mail="")]
    world.profiles = [profile("p1", externalId="", userName="", **{MAIL: ""})]
    assert world.plan().decisions["profile:p1"] == "unmanaged"


def test_two_users_who_fit_one_profile_are_in_conflict_and_so_is_the_profile(world: World) -> None:
    world.users = [user("ann"), user("bob", mail="ann@x.example")]
    world.profiles = [profile("p1", "ann", externalId=None)]
    plan = world.plan()
    assert plan.decisions == {"ann": "conflict", "bob": "conflict", "profile:p1": "conflict"}
    assert [row["profile_id"] for row in plan.rows("decisions")] == [None, None, "p1"]
    world.set(matching={"links": {"bob": "p1"}})
    settled = world.plan()
    assert settled.decisions["bob"] == "update"
    assert settled.rows("links") == [
        {"source_id": "bob", "profile_id": "p1", "matched_by": "hand", "since": settled.files.run_id}
    ]
    world.apply(settled)
    again = world.plan()
    assert again.rows("links") == settled.rows("links"), "theirs since the run that gave it to them"
    assert again.codes["bob"] == "same", "and adopted once only"


def test_a_user_whom_two_profiles_fit_is_in_conflict_with_both(world: World) -> None:
    world.users = [user("ann")]
    world.profiles = [profile("p1", "ann"), profile("p2", "ann")]
    plan = world.plan()
    assert plan.decisions == {"ann": "conflict", "profile:p1": "conflict", "profile:p2": "conflict"}
    assert plan.codes == {"ann": "several_profiles", "profile:p1": "claimed", "profile:p2": "claimed"}


def test_a_user_whose_mail_two_profiles_have_is_in_conflict_with_both(world: World) -> None:
    world.users = [user("ann")]
    world.profiles = [profile(number, externalId=None, **{MAIL: "ann@x.example"}) for number in ("p1", "p2")]
    plan = world.plan()
    assert plan.codes == {"ann": "several_profiles", "profile:p1": "claimed", "profile:p2": "claimed"}


def test_a_user_name_given_to_somebody_new_is_a_conflict_not_an_update(world: World) -> None:
    world.users = [user("ann", userPrincipalName="a@x.example", mail=None, employeeId="7")]
    world.profiles = [profile("p1", "ann", userName="a@x.example", **{MAIL: None})]
    world.apply(world.plan())
    world.users = [
        user("ann", userPrincipalName="old@x.example", mail=None),
        user("new", userPrincipalName="a@x.example", mail=None, employeeId="7"),
    ]
    plan = world.plan()
    assert plan.decisions == {"ann": "update", "new": "conflict"}
    assert plan.codes["new"] == "profile_taken"
    world.users = world.users[1:]
    world.absent = [("ann", "deleted")]
    plan = world.plan()
    assert plan.decisions == {"ann": "deactivate", "new": "conflict"}
    assert plan.codes["new"] == "probably_rehired"
    said = "Has the employee number of ann, who is gone: probably rehired."
    assert plan.findings == [("new", "probably_rehired", "info", said)]
    assert "[matching] links" in next(row["reason"] for row in plan.rows("decisions") if row["key"] == "new")
    world.set(matching={"links": {"new": "p1"}})
    assert world.plan().decisions == {"new": "update"}


def test_an_external_id_of_somebody_new_on_a_known_profile_is_a_conflict(world: World) -> None:
    world.users = [user("ann")]
    world.profiles = [profile("p1", "ann")]
    world.apply(world.plan())
    world.profiles[0]["externalId"] = "new"
    world.users.append(user("new"))
    plan = world.plan()
    assert (plan.decisions["new"], plan.codes["new"]) == ("conflict", "profile_taken")
    assert plan.decisions["ann"] == "update", "the profile stays with whom it is linked to"


def test_an_externalid_that_is_another_known_users_id_is_a_conflict(world: World) -> None:
    world.users = [user("ann", userPrincipalName="x@x.example", mail=None), user("bob")]
    world.profiles = [profile("p1", "bob"), profile("p2", "bob", userName="x@x.example", **{MAIL: None})]
    world.apply(world.plan(only=("ann",)))
    plan = world.plan()
    assert plan.codes["bob"] == "several_profiles"
    assert plan.codes["ann"] == "external_id_of_another"


def test_hand_written_links_that_fit_nothing_are_said_and_not_used(world: World) -> None:
    world.users = [user("ann")]
    world.set(matching={"links": {"ann": "nowhere", "ghost": "p1"}})
    plan = world.plan()
    assert plan.decisions == {"ann": "create"}
    assert any("2 of the entries" in note for note in plan.result.notes)


def test_one_profile_given_to_two_users_by_hand_is_in_conflict(world: World) -> None:
    world.users = [user("ann"), user("bob")]
    world.profiles = [profile("p1", "nobody")]
    world.set(matching={"links": {"ann": "p1", "bob": "p1"}})
    plan = world.plan()
    assert plan.decisions == {"ann": "conflict", "bob": "conflict", "profile:p1": "conflict"}
    assert plan.codes["ann"] == "hand_contested"
    world.profiles.append(profile("p2", "bob"))
    assert world.plan().decisions == plan.decisions | {"profile:p2": "unmanaged"}, "nor is another looked for"


def test_what_matching_needs_and_could_not_be_read_creates_nobody(world: World) -> None:
    world.users = [user("ann", mail=None)]
    world.left_alone = {"ann": [MAIL]}
    plan = world.plan()
    assert (plan.decisions["ann"], plan.codes["ann"]) == ("hold", "match_unknown")
    world.left_alone = {}
    assert world.plan(unreadable=frozenset({"mail"})).codes["ann"] == "match_unknown"


def test_matching_by_what_the_mapping_does_not_fill_is_a_misuse(world: World) -> None:
    world.users = [user("ann")]
    world.set(matching={"by": ["nickName"]})
    with pytest.raises(Misused, match="nickName"):
        world.plan()


def test_the_links_an_apply_left_are_known_to_the_next_reads(world: World) -> None:
    assert known_links(History(), world.folder / "known.parquet") is None
    world.users = [user("ann")]
    world.apply(world.plan())
    path = known_links(History(tuple(world.runs)), world.folder / "known.parquet")
    assert path is not None
    assert pq.read_table(path).to_pylist() == [
        {"source_id": "ann", "profile_id": "n0-ann", "matched_by": "created", "since": world.runs[0].run_id}
    ]


def test_a_profile_deleted_by_hand_in_the_target_is_made_anew(world: World) -> None:
    world.users = [user("ann")]
    world.apply(world.plan())
    world.apply(world.plan())
    world.profiles.clear()
    plan = world.plan()
    assert plan.decisions == {"ann": "create"}
    assert set(plan.causes.values()) == {"edited_in_target"}


def test_an_employee_number_of_somebody_gone_is_offered_as_a_rehire(world: World) -> None:
    world.users = [user("ann", employeeId="7")]
    world.apply(world.plan())
    world.users = [user("new", employeeId="7")]
    world.absent = [("ann", "gone")]
    plan = world.plan()
    assert plan.decisions == {"ann": "deactivate", "new": "create"}
    said = "Has the employee number of ann, who is gone: probably rehired."
    assert plan.findings == [("new", "probably_rehired", "info", said)]


def test_user_names_that_could_not_be_created_are_known_to_the_next_read(world: World) -> None:
    assert names_not_created(History()) == ()
    world.users = [user(name) for name in ("ann", "bob", "cy")]
    world.profiles = [profile("p4", "dan"), profile("p5", "eve")]
    world.users += [user("dan", jobTitle="Boss"), user("eve", jobTitle="Boss")]
    plan = world.plan()
    world.apply(plan, skip={"ann", "cy", "dan"})
    names = {key: after for (key, attribute), (_, after) in plan.changes.items() if attribute == "userName"}
    assert names_not_created(History(tuple(world.runs))) == (names["ann"], names["cy"])
