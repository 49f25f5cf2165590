"""Assignments, groups and their members as the field notes say (§§3 and 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.sandbox import EVENTUAL, Caller, calling, small_company, uid
from trueup.sandbox import Application, Assignment, Group
from trueup.sandbox.tenant.data import DEFAULT_ACCESS, object_id

if TYPE_CHECKING:
    from typing import Any

APP, APP_ID, ALL = object_id("sp", "app"), object_id("app", "app"), object_id("group", "all")
INNER, TABLET = object_id("group", "inner"), object_id("thing", "1")


def _assigned(caller: Caller, path: str = "") -> list[dict[str, Any]]:
    return caller.all(path or f"servicePrincipals/{APP}/appRoleAssignedTo")


def test_assignments_say_who_what_and_in_which_role(caller: Caller) -> None:
    rows = _assigned(caller)
    assert {(row["principalId"], row["principalType"]) for row in rows} == {(ALL, "Group"), (uid(4), "User")}
    for name in ("id", "appRoleId", "createdDateTime", "deletedDateTime", "resourceId", "resourceDisplayName"):
        assert all(name in row for row in rows)
    assert {row["principalDisplayName"] for row in rows} == {"All", "Person 4"}


def test_assignments_are_found_by_app_id_too(caller: Caller) -> None:
    assert _assigned(caller, f"servicePrincipals(appId='{APP_ID}')/appRoleAssignedTo") == _assigned(caller)


def test_one_principal_can_have_several_assignments_each_with_an_id(caller: Caller) -> None:
    rows = [row for row in _assigned(caller) if row["principalId"] == uid(4)]
    assert len({row["id"] for row in rows}) == len(rows) == 2


def test_the_role_of_nought_is_default_access_and_others_are_in_the_app_roles(caller: Caller) -> None:
    roles = {role["id"] for role in caller.get(f"servicePrincipals/{APP}").json()["appRoles"]}
    assert {row["appRoleId"] for row in _assigned(caller)} <= roles | {DEFAULT_ACCESS}


def test_assignments_come_in_pages(caller: Caller) -> None:
    pages = list(caller.pages(f"servicePrincipals/{APP}/appRoleAssignedTo?$top=1"))
    assert [len(page["value"]) for page in pages] == [1, 1, 1]


def test_assignments_can_be_counted(caller: Caller) -> None:
    path = f"servicePrincipals/{APP}/appRoleAssignedTo"
    assert caller.refusal(f"{path}/$count")[0] == 400
    assert caller.get(f"{path}/$count", EVENTUAL).content.decode("utf-8-sig") == "3"
    assert caller.get(f"{path}?$count=true", EVENTUAL).json()["@odata.count"] == 3


def test_a_deleted_user_is_assigned_no_longer_and_again_when_restored(own: Caller) -> None:
    own.sandbox.tenant.delete(uid(4))
    assert {row["principalId"] for row in _assigned(own)} == {ALL}
    own.sandbox.tenant.restore(uid(4))
    assert uid(4) in {row["principalId"] for row in _assigned(own)}


def test_service_principals_are_filtered_by_name_and_app_id(caller: Caller) -> None:
    for condition in ("displayName eq 'app'", f"appId eq '{APP_ID}'", "startswith(displayName,'Ap')"):
        rows = caller.all(f"servicePrincipals?$filter={condition}&$select=id,displayName")
        assert rows == [{"id": APP, "displayName": "App"}]
    assert caller.all("servicePrincipals?$filter=displayName eq 'Nothing'") == []
    assert caller.refusal("servicePrincipals?$select=colour")[0] == 400
    assert caller.refusal(f"servicePrincipals/{uid(1)}") == (404, "Request_ResourceNotFound")


def test_two_applications_may_have_one_name() -> None:
    twins = tuple(Application(object_id("twin", str(n)), object_id("twin-app", str(n)), "Twin") for n in range(2))
    with calling(tenant=small_company(applications=twins)) as caller:
        assert len(caller.all("servicePrincipals?$filter=displayName eq 'Twin'")) == 2


def test_the_provisioning_schema_is_read_by_job(caller: Caller) -> None:
    jobs = caller.all(f"servicePrincipals/{APP}/synchronization/jobs")
    path = f"servicePrincipals/{APP}/synchronization/jobs/{jobs[0]['id']}/schema"
    assert caller.get(path).json()["synchronizationRules"] == []
    assert caller.refusal(path.replace("scim.job", "other")) == (404, "Request_ResourceNotFound")


def test_members_are_direct_and_of_every_kind(caller: Caller) -> None:
    rows = caller.all(f"groups/{ALL}/members")
    assert {(row["id"], row["@odata.type"].rpartition(".")[2]) for row in rows} == {
        (uid(1), "user"),
        (uid(2), "user"),
        (INNER, "group"),
        (TABLET, "device"),
    }


def test_transitive_members_are_flat_over_all_nesting(caller: Caller) -> None:
    rows = caller.all(f"groups/{ALL}/transitiveMembers?$select=id")
    assert {row["id"] for row in rows} == {uid(1), uid(2), uid(3), INNER, TABLET}


def test_groups_that_hold_each_other_do_not_turn_for_ever() -> None:
    first, second = object_id("group", "1"), object_id("group", "2")
    groups = (Group(first, "One", (second, uid(1))), Group(second, "Two", (first, uid(1), uid(2))))
    with calling(tenant=small_company(groups=groups, applications=())) as caller:
        rows = caller.all(f"groups/{first}/transitiveMembers")
        assert sorted(row["id"] for row in rows) == sorted([second, uid(1), uid(2)])


@pytest.mark.parametrize("relation", ["members", "transitiveMembers"])
def test_a_cast_needs_the_header_and_count_and_gives_users_only(caller: Caller, relation: str) -> None:
    path = f"groups/{ALL}/{relation}/microsoft.graph.user?$select=id&$top=999"
    assert caller.refusal(path)[0] == 400
    assert caller.refusal(f"{path}&$count=true")[0] == 400
    answer = caller.get(f"{path}&$count=true", EVENTUAL).json()
    expected = {uid(1), uid(2)} | ({uid(3)} if relation == "transitiveMembers" else set())
    assert {row["id"] for row in answer["value"]} == expected
    assert answer["@odata.count"] == len(expected)


def test_members_can_be_counted_with_and_without_a_cast(caller: Caller) -> None:
    assert caller.refusal(f"groups/{ALL}/members/$count")[0] == 400
    assert caller.get(f"groups/{ALL}/members/$count", EVENTUAL).content.decode("utf-8-sig") == "4"
    path = f"groups/{ALL}/members/microsoft.graph.user/$count"
    assert caller.get(path, EVENTUAL).content.decode("utf-8-sig") == "2"


def test_what_the_app_may_not_read_comes_with_type_and_id_only() -> None:
    with calling() as caller:
        caller.sandbox.tenant.granted = {"GroupMember.Read.All"}
        caller.sign_in()
        rows = caller.all(f"groups/{ALL}/members")
        assert {tuple(sorted(row)) for row in rows if row["@odata.type"].endswith("user")} == {("@odata.type", "id")}


def test_the_default_page_of_members_has_100_and_up_to_999_can_be_asked_for() -> None:
    big = Group(object_id("group", "big"), "Big", tuple(uid(n) for n in range(150)))
    with calling(tenant=small_company(150, groups=(big,), applications=())) as caller:
        assert len(caller.get(f"groups/{big.id}/members").json()["value"]) == 100
        assert len(caller.get(f"groups/{big.id}/members?$top=999").json()["value"]) == 150
        assert caller.refusal(f"groups/{big.id}/members?$top=1000")[0] == 400


def test_hidden_membership_needs_a_permission_of_its_own() -> None:
    hidden = Group(object_id("group", "hidden"), "Hidden", (uid(1),), hidden=True)
    with calling(tenant=small_company(groups=(hidden,), applications=())) as caller:
        assert caller.refusal(f"groups/{hidden.id}/members") == (403, "Authorization_RequestDenied")
        caller.sandbox.tenant.granted.add("Member.Read.Hidden")
        caller.sign_in()
        assert len(caller.all(f"groups/{hidden.id}/members")) == 1


def test_soft_deleted_users_stay_members_and_do_not_show_until_purged(own: Caller) -> None:
    tenant = own.sandbox.tenant
    tenant.delete(uid(1))
    assert uid(1) not in {row["id"] for row in own.all(f"groups/{ALL}/members")}
    tenant.restore(uid(1))
    assert uid(1) in {row["id"] for row in own.all(f"groups/{ALL}/members")}
    tenant.purge(uid(1))
    tenant.add({"id": uid(1), "userPrincipalName": "again@contoso.example"})
    assert uid(1) not in {row["id"] for row in own.all(f"groups/{ALL}/members")}


def test_memberships_and_assignments_can_be_edited(own: Caller) -> None:
    tenant = own.sandbox.tenant
    tenant.add_member("All", uid(7))
    tenant.remove_member("All", uid(1))
    tenant.assign("App", Assignment(uid(8)))
    tenant.unassign("App", uid(4))
    members = {row["id"] for row in own.all(f"groups/{ALL}/members")}
    assert uid(7) in members
    assert uid(1) not in members
    assert {row["principalId"] for row in _assigned(own)} == {ALL, uid(8)}


def test_groups_are_filtered_by_name(caller: Caller) -> None:
    assert [row["id"] for row in caller.all("groups?$filter=displayName eq 'inner'")] == [INNER]
    assert caller.get(f"groups/{INNER}?$select=displayName").json()["displayName"] == "Inner"
    assert caller.refusal(f"groups/{uid(1)}") == (404, "Request_ResourceNotFound")
    assert caller.refusal(f"groups/{uid(1)}/members") == (404, "Request_ResourceNotFound")
