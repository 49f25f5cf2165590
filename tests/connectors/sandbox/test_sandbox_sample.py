"""The sample company: what ships is what is made, and every trouble of the field notes is in it."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from tests.support.sandbox import Caller, calling
from trueup.sandbox import sample
from trueup.sandbox.assembly import directory_document, tenant_document, write
from trueup.sandbox.directory.data import ENTERPRISE
from trueup.sandbox.tenant import edits
from trueup.sandbox.tenant.properties import is_known

User = dict[str, Any]


@pytest.fixture(scope="module")
def users() -> list[User]:
    found: list[User] = sample.document("tenant")["users"]
    return found


@pytest.fixture(scope="module")
def profiles() -> list[User]:
    found: list[User] = sample.document("directory")["profiles"]
    return found


def _named(users: list[User], nickname: str) -> User:
    return next(user for user in users if user["mailNickname"] == nickname)


def test_the_files_that_ship_are_what_the_generator_makes(tmp_path: Any) -> None:
    write(tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_text("utf-8") == files("trueup.data.sample").joinpath(made.name).read_text("utf-8"), made.name


def test_there_are_at_least_300_accounts_with_known_properties_only(users: list[User]) -> None:
    assert len(users) >= 300
    assert len({user["id"] for user in users}) == len(users)
    extra = {name for user in users for name in user if not is_known(name)}
    assert extra == {"manager"}


def test_names_of_accounts_are_unique_as_entra_demands(users: list[User]) -> None:
    counted = Counter(user["userPrincipalName"].casefold() for user in users)
    assert not [name for name, times in counted.items() if times > 1]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("svc-backup", {"onPremisesDistinguishedName": "CN=svc-backup,OU=Service Accounts,DC=contoso,DC=example"}),
        ("printer-rtm-2", {"accountEnabled": True}),
        ("room-saguenay", {"accountEnabled": True, "mailboxSettings": {"userPurpose": "room"}}),
        ("room-erasmus", {"accountEnabled": False}),
        ("conf.adams", {"givenName": None, "surname": None}),
        ("info", {"mailboxSettings": {"userPurpose": "shared"}, "accountEnabled": False}),
        ("accounting", {"mailboxSettings": {"userPurpose": "shared"}, "accountEnabled": True}),
        ("suharto", {"surname": None}),
        ("no.given", {"givenName": None}),
        ("svetlana.conf", {"surname": "Conf"}),
        ("director.noid", {"employeeId": None}),
        ("old.account", {"userType": None}),
        ("nomail", {"mail": None}),
    ],
)
def test_each_trouble_is_there(users: list[User], what: str, expected: User) -> None:
    user = _named(users, what)
    assert {name: user.get(name) for name in expected} == expected


def test_guests_are_pending_accepted_and_one_became_a_member(users: list[User]) -> None:
    invited = [user for user in users if "#EXT#" in user["userPrincipalName"]]
    assert {user["externalUserState"] for user in invited} == {"Accepted", "PendingAcceptance"}
    assert Counter(user["userType"] for user in invited)["Member"] == 1


def test_break_glass_accounts_live_in_the_first_domain(users: list[User]) -> None:
    assert [user for user in users if user["userPrincipalName"].startswith("bg") and "onmicrosoft" in str(user)]


def test_a_leaver_is_still_somebodys_manager(users: list[User]) -> None:
    disabled = {user["id"] for user in users if not user["accountEnabled"]}
    assert [user for user in users if user.get("manager") in disabled]


def test_somebody_was_rehired_with_the_number_of_a_deleted_account(users: list[User]) -> None:
    gone = {user["employeeId"] for user in sample.document("tenant")["deleted"]}
    assert _named(users, "rehire.new")["employeeId"] in gone


def test_two_people_have_one_mail_in_different_case(users: list[User]) -> None:
    one, two = _named(users, "twin.one")["mail"], _named(users, "twin.two")["mail"]
    assert one != two
    assert one.casefold() == two.casefold()


def test_some_names_of_accounts_differ_from_the_mail_by_more_or_by_case(users: list[User]) -> None:
    upper = _named(users, "UPPER.Case")
    assert upper["userPrincipalName"] != upper["userPrincipalName"].lower()


def test_values_are_hostile_in_every_known_way(users: list[User]) -> None:
    text = "".join(str(value) for user in users for value in user.values())
    for hostile in ("<script>", "DROP TABLE", "=HYPERLINK", "@SUM", "\u200b", "\u202e", "🎉", "حداد", "王", "\n"):
        assert hostile in text, hostile
    assert any(unicodedata.normalize("NFC", str(u.get("givenName"))) != str(u.get("givenName")) for u in users)


def test_managers_form_a_tree_and_one_circle(users: list[User]) -> None:
    managers = {user["id"]: user.get("manager") for user in users}
    assert set(filter(None, managers.values())) <= set(managers)
    circles = 0
    for start in managers:
        seen: set[str] = set()
        place: str | None = start
        while place and place not in seen:
            seen.add(place)
            place = managers[place]
        circles += place == start
    assert circles == 2


def test_some_managers_are_out_of_scope(users: list[User]) -> None:
    with calling(tenant=sample.tenant()) as caller:
        scope = _scope(caller)
    managers = {user["manager"] for user in users if user["id"] in scope and user.get("manager")}
    assert managers - scope


def _scope(caller: Caller) -> set[str]:
    application = caller.sandbox.tenant.application("Pingboard")
    found: set[str] = set()
    for row in caller.all(f"servicePrincipals/{application.id}/appRoleAssignedTo"):
        if row["principalType"] == "User":
            found.add(row["principalId"])
        elif row["principalType"] == "Group":
            members = caller.all(f"groups/{row['principalId']}/members")
            found |= {each["id"] for each in members if each["@odata.type"].endswith("user")}
    return found


def test_the_scope_has_people_in_groups_by_hand_and_in_nested_groups_only() -> None:
    with calling(tenant=sample.tenant()) as caller:
        scope = _scope(caller)
        tenant = caller.sandbox.tenant
        night = {member for member in tenant.members[tenant.group("Night shift").id] if member}
        assert night
        assert not night & scope
        by_hand = [
            a for a in tenant.assignments[tenant.application("Pingboard").id] if a and a.principal_type == "User"
        ]
        assert len(by_hand) >= 10


def test_the_directory_is_half_right(users: list[User], profiles: list[User]) -> None:
    by_id = {user["id"]: user for user in users}
    linked = [profile for profile in profiles if profile.get("externalId") in by_id]
    right = [p for p in linked if p.get("title") == by_id[p["externalId"]].get("jobTitle")]
    assert 0 < len(right) < len(linked) < len(profiles)
    assert any(not profile["active"] for profile in profiles)
    assert any("edited by hand" in profile.get("title", "") for profile in profiles)
    assert len([profile for profile in profiles if profile["userName"].endswith("@partners.example")]) >= 3


def test_profiles_have_unique_names_and_managers_that_exist(profiles: list[User]) -> None:
    assert len({profile["userName"].casefold() for profile in profiles}) == len(profiles)
    known = {profile["id"] for profile in profiles}
    assert {p[ENTERPRISE]["manager"]["value"] for p in profiles if "manager" in p.get(ENTERPRISE, {})} <= known


@pytest.mark.parametrize("name", sample.SCENARIOS)
def test_each_scenario_plays_and_can_be_undone(name: str) -> None:
    with calling(tenant=sample.tenant(), directory=sample.directory()) as caller:
        tenant = caller.sandbox.tenant
        before = _state(caller)
        with tenant.undone_afterwards():
            edits.play(tenant, sample.edits(name))
            assert _state(caller) != before
        assert _state(caller) == before


def _state(caller: Caller) -> Any:
    people = caller.all("users?$top=999&$select=id,accountEnabled,department,surname&$expand=manager($select=id)")
    return sorted(people, key=lambda user: str(user["id"])), sorted(_scope(caller))


def test_undoing_undoes_additions_deletions_and_edits_and_deltas_tell_it() -> None:
    with calling(tenant=sample.tenant()) as caller:
        tenant = caller.sandbox.tenant
        first, second = (user["id"] for user in tenant.users()[:2])
        page = caller.get("users/delta?$select=id,department&$deltatoken=latest").json()
        with tenant.undone_afterwards():
            tenant.delete(first)
            tenant.set(second, department="Elsewhere")
            tenant.add({"id": "new", "userPrincipalName": "new@contoso.example"})
        assert tenant.table.count == len(tenant.users()) == 359
        told = caller.get(page["@odata.deltaLink"]).json()["value"]
        assert {row["id"] for row in told} == {first, second, "new"}


def test_the_second_day_has_moves_leavers_a_newcomer_and_a_reorganisation(users: list[User]) -> None:
    edits = sample.edits("second_day")
    by_id = {user["id"]: user for user in users}
    for edit in edits:
        if edit["edit"] == "set":
            before = by_id[edit["user"]]
            assert all(before.get(name) != value for name, value in edit["properties"].items()), edit
    kinds = Counter(edit["edit"] for edit in edits)
    assert {"set", "disable", "delete", "add", "add_member", "unassign"} <= set(kinds)
    assert sum("manager" in edit.get("properties", {}) for edit in edits) >= 5


def test_the_application_has_a_provisioning_schema_the_mapping_language_reads() -> None:
    from trueup.transforms.mapping import parse

    with calling(tenant=sample.tenant()) as caller:
        path = f"servicePrincipals/{caller.sandbox.tenant.application('Pingboard').id}/synchronization/jobs"
        job = caller.all(path)[0]["id"]
        rules = caller.get(f"{path}/{job}/schema").json()["synchronizationRules"]
    mappings = rules[0]["objectMappings"][0]["attributeMappings"]
    assert len(mappings) == 10
    for mapping in mappings:
        parse(mapping["source"]["expression"])


def test_a_scenario_nobody_wrote_is_an_error() -> None:
    with pytest.raises(KeyError):
        sample.edits("../tenant")


@pytest.mark.parametrize("count", [1, 50, 359, 360, 2_000])
def test_the_sample_scales_to_any_number(count: int) -> None:
    with calling(tenant=sample.tenant(count)) as caller:
        rows = caller.all("users?$top=999&$select=id,userPrincipalName&$expand=manager($select=id)")
        assert len({row["id"] for row in rows}) == len(rows) == count
        assert len({row["userPrincipalName"].casefold() for row in rows}) == count
        assert caller.get("users/$count", {"ConsistencyLevel": "eventual"}).content.decode("utf-8-sig") == str(count)


def test_a_cut_down_sample_has_no_profiles_of_those_cut_off() -> None:
    users = sample.tenant(100).users
    assert isinstance(users, list)
    ids = {user["id"] for user in users}
    linked = {p["externalId"] for p in sample.directory(100).profiles if "externalId" in p}
    assert linked
    assert linked <= ids


def test_added_people_are_assigned_have_managers_and_mostly_profiles() -> None:
    directory = sample.directory(2_000)
    with calling(tenant=sample.tenant(2_000), directory=directory) as caller:
        everybody = caller.sandbox.tenant.users()
        added = [user for user in everybody if str(user.get("employeeId", "")).startswith("E1000")]
        scope = _scope(caller)
        assert len(added) >= 1000
        assert all(user["id"] in scope for user in added)
        assert {user["manager"] for user in added if "manager" in user} <= {user["id"] for user in everybody}
        assert 0.8 < sum(p.get("externalId") in {u["id"] for u in added} for p in directory.profiles) / len(added) < 1


def test_an_added_user_is_read_and_edited_like_any_other() -> None:
    with calling(tenant=sample.tenant(1_000)) as caller:
        tenant = caller.sandbox.tenant
        user = tenant.users()[700]
        tenant.set(user["id"], department="Moved")
        assert caller.get(f"users/{user['id']}?$select=department").json()["department"] == "Moved"
        tenant.delete(user["id"])
        assert caller.get(f"users/{user['id']}").status_code == 404
        assert tenant.table.count == 999


def test_documents_are_made_the_same_each_time() -> None:
    assert json.dumps(tenant_document()) == json.dumps(tenant_document())
    assert directory_document() == directory_document()
