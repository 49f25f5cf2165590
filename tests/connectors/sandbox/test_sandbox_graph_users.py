"""One test per sentence of the field notes on GET /users that the sandbox tenant claims to follow."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sandbox import EVENTUAL, Caller, calling, small_company, uid
from trueup.sandbox import Fault

DEFAULT = {
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
}


def test_a_list_has_values_and_an_absolute_link_on_the_same_host(caller: Caller) -> None:
    page = caller.get("users?$top=3").json()
    assert len(page["value"]) == 3
    link = urlsplit(page["@odata.nextLink"])
    assert f"{link.scheme}://{link.netloc}" == caller.sandbox.graph_url
    assert "$skiptoken=" in link.query


def test_without_select_only_the_default_properties_come(caller: Caller) -> None:
    assert all(set(row) == DEFAULT for row in caller.all("users"))


def test_with_select_exactly_what_was_asked_for_comes(caller: Caller) -> None:
    rows = caller.all("users?$select=id,department,accountEnabled")
    assert all(set(row) == {"id", "department", "accountEnabled"} for row in rows)


def test_an_empty_property_that_was_asked_for_is_null_and_an_empty_list_is_a_list(caller: Caller) -> None:
    row = caller.get("users?$select=faxNumber,businessPhones,proxyAddresses&$top=1").json()["value"][0]
    assert row == {"faxNumber": None, "businessPhones": [], "proxyAddresses": []}


def test_an_unknown_property_is_refused(caller: Caller) -> None:
    assert caller.refusal("users?$select=id,shoeSize") == (400, "Request_BadRequest")


@pytest.mark.parametrize("top", ["0", "1000", "-1", "many"])
def test_a_page_size_outside_1_to_999_is_refused(caller: Caller, top: str) -> None:
    answer = caller.get(f"users?$top={top}")
    assert answer.status_code == 400
    assert "Must be between 1 and 999 inclusive" in answer.json()["error"]["message"]


def test_the_default_page_has_100_users() -> None:
    with calling(tenant=small_company(130)) as caller:
        assert len(caller.get("users").json()["value"]) == 100


def test_skip_is_not_supported(caller: Caller) -> None:
    assert caller.refusal("users?$skip=3") == (400, "Request_BadRequest")


def test_an_option_nobody_knows_is_refused(caller: Caller) -> None:
    assert caller.refusal("users?$first=3") == (400, "Request_BadRequest")


def test_with_sign_in_activity_pages_are_smaller_than_asked_for() -> None:
    with calling(tenant=small_company(300)) as caller:
        assert len(caller.get("users?$select=id,signInActivity&$top=999").json()["value"]) == 120


def test_what_only_a_single_user_has_is_not_implemented_on_the_collection(caller: Caller) -> None:
    assert caller.refusal("users?$select=id,mailboxSettings") == (501, "NotImplemented")
    assert caller.refusal("users?$select=aboutMe") == (501, "NotImplemented")


def test_the_manager_comes_with_expand_and_is_missing_where_there_is_none(caller: Caller) -> None:
    rows = {row["id"]: row for row in caller.all("users?$select=id&$expand=manager($select=id)")}
    assert "manager" not in rows[uid(0)]
    assert rows[uid(1)]["manager"] == {"@odata.type": "#microsoft.graph.user", "id": uid(0)}


def test_a_plain_expand_gives_the_managers_default_properties(caller: Caller) -> None:
    row = caller.get(f"users/{uid(1)}?$select=id&$expand=manager").json()
    assert set(row["manager"]) == DEFAULT | {"@odata.type"}


def test_levels_need_count_and_the_header(caller: Caller) -> None:
    path = "users?$select=id&$expand=manager($levels=max;$select=id)"
    assert caller.refusal(path) == (400, "Request_UnsupportedQuery")
    assert caller.refusal(f"{path}&$count=true") == (400, "Request_UnsupportedQuery")
    assert caller.get(f"{path}&$count=true", EVENTUAL).status_code == 200


def test_levels_go_up_as_far_as_asked(own: Caller) -> None:
    own.sandbox.tenant.set(uid(2), manager=uid(1))
    path = f"users/{uid(2)}?$select=id&$expand=manager($levels=2;$select=id)&$count=true"
    row = own.get(path, EVENTUAL).json()
    assert row["manager"]["id"] == uid(1)
    assert row["manager"]["manager"]["id"] == uid(0)


def test_expand_is_otherwise_not_allowed_with_advanced_queries(caller: Caller) -> None:
    assert caller.refusal("users?$expand=manager&$count=true", EVENTUAL) == (400, "Request_UnsupportedQuery")


@pytest.mark.parametrize(
    "condition",
    [
        "department ne 'Sales'",
        "not(department eq 'Sales')",
        "endsWith(mail,'@contoso.example')",
        "assignedLicenses/$count eq 0",
        "companyName ne null",
        "onPremisesExtensionAttributes/extensionAttribute1 eq 'x'",
    ],
)
def test_advanced_filters_need_the_header_and_count(caller: Caller, condition: str) -> None:
    path = f"users?$filter={condition}"
    assert caller.refusal(path) == (400, "Request_UnsupportedQuery")
    assert caller.refusal(path, EVENTUAL) == (400, "Request_UnsupportedQuery")
    assert caller.refusal(f"{path}&$count=true") == (400, "Request_UnsupportedQuery")
    assert caller.get(f"{path}&$count=true", EVENTUAL).status_code == 200


def test_ends_with_works_on_addresses_only(caller: Caller) -> None:
    path = "users?$filter=endsWith(department,'es')&$count=true"
    assert caller.refusal(path, EVENTUAL) == (400, "Request_UnsupportedQuery")


def test_count_is_silently_ignored_without_the_header(caller: Caller) -> None:
    assert "@odata.count" not in caller.get("users?$count=true").json()
    assert caller.get("users?$count=true", EVENTUAL).json()["@odata.count"] == 12


def test_the_count_by_itself_needs_the_header(caller: Caller) -> None:
    assert caller.refusal("users/$count") == (400, "Request_BadRequest")
    answer = caller.get("users/$count", EVENTUAL)
    assert answer.content.decode("utf-8-sig") == "12"
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        ("accountEnabled eq false", {5}),
        ("userType eq 'Guest'", {6}),
        ("department eq 'sales'", {1, 3, 5, 7, 9, 11}),
        ("startsWith(displayName,'person 1')", {1, 10, 11}),
        ("surname in ('2','4','99')", {2, 4}),
        ("department eq 'Sales' and accountEnabled eq true", {1, 3, 7, 9, 11}),
        ("surname eq '2' or (surname eq '3' and userType eq 'Member')", {2, 3}),
        ("displayName eq 'O''Nobody'", set()),
    ],
)
def test_plain_filters_work_by_default(caller: Caller, condition: str, numbers: set[int]) -> None:
    rows = caller.all(f"users?$select=id&$top=2&$filter={condition}")
    assert {row["id"] for row in rows} == {uid(n) for n in numbers}


@pytest.mark.parametrize(
    "condition", ["department", "department eq", "shoeSize eq 1", "department eq 'x", "(department eq 'x'", "a ~ b"]
)
def test_a_filter_that_makes_no_sense_is_refused(caller: Caller, condition: str) -> None:
    assert caller.refusal(f"users?$filter={condition}") == (400, "Request_BadRequest")


def test_sorting_and_searching_are_refused_rather_than_ignored(caller: Caller) -> None:
    assert caller.refusal("users?$orderby=displayName") == (400, "Request_UnsupportedQuery")
    assert caller.refusal("users?$search=%22displayName:x%22", EVENTUAL) == (400, "Request_UnsupportedQuery")


def test_extension_attributes_come_as_one_object_with_all_fifteen(own: Caller) -> None:
    own.sandbox.tenant.set(uid(1), onPremisesExtensionAttributes={"extensionAttribute3": "x"})
    row = own.get(f"users/{uid(1)}?$select=onPremisesExtensionAttributes").json()
    assert len(row["onPremisesExtensionAttributes"]) == 15
    assert row["onPremisesExtensionAttributes"]["extensionAttribute3"] == "x"


def test_directory_extensions_are_selected_by_their_full_name(own: Caller) -> None:
    own.sandbox.tenant.set(uid(1), extension_0123_badge="B7")
    assert own.get(f"users/{uid(1)}?$select=extension_0123_badge").json()["extension_0123_badge"] == "B7"


def test_empty_pages_with_a_link_happen_and_nothing_is_lost_by_going_on() -> None:
    with calling(tenant=small_company(40)) as caller:
        pages = list(caller.pages("users?$select=id&$top=3"))
        assert any(not page["value"] and "@odata.nextLink" in page for page in pages)
        assert sorted(row["id"] for page in pages for row in page["value"]) == sorted(uid(n) for n in range(40))


def test_users_come_in_no_useful_order() -> None:
    from trueup.sandbox import sample

    users = sample.tenant().users
    assert isinstance(users, list)
    for name in ("displayName", "userPrincipalName", "createdDateTime"):
        values = [str(user.get(name)) for user in users]
        assert values != sorted(values)


def test_a_user_is_found_by_id_and_by_name_and_else_not_at_all(caller: Caller) -> None:
    assert caller.get(f"users/{uid(1)}").json()["displayName"] == "Person 1"
    assert caller.get("users/PERSON1@contoso.example").json()["id"] == uid(1)
    assert caller.refusal("users/nobody@contoso.example") == (404, "Request_ResourceNotFound")
    assert caller.refusal(f"users/{uid(99)}") == (404, "Request_ResourceNotFound")


def test_the_manager_of_one_user_is_a_resource_of_its_own(caller: Caller) -> None:
    assert caller.get(f"users/{uid(1)}/manager?$select=id").json()["id"] == uid(0)
    assert caller.refusal(f"users/{uid(0)}/manager") == (404, "Request_ResourceNotFound")


def test_a_skiptoken_somebody_made_up_is_refused(caller: Caller) -> None:
    assert caller.refusal("users?$skiptoken=abc") == (400, "Request_BadRequest")


def test_pages_stay_true_while_users_come_and_go() -> None:
    with calling(tenant=small_company(30)) as caller:
        first = caller.get("users?$select=id&$top=5").json()
        caller.sandbox.tenant.delete(uid(2))
        caller.sandbox.tenant.add({"id": uid(500), "userPrincipalName": "new@contoso.example"})
        rest = caller.all(first["@odata.nextLink"])
        seen = [row["id"] for row in [*first["value"], *rest]]
        assert sorted(seen) == sorted([*(uid(n) for n in range(30)), uid(500)])


@pytest.mark.parametrize("path", ["groupsX", "users/x/photo", "me"])
def test_what_the_sandbox_does_not_have_it_refuses(caller: Caller, path: str) -> None:
    assert caller.get(path).status_code in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_nothing_can_be_written_to_the_tenant_through_graph(caller: Caller, method: str) -> None:
    headers = {"Authorization": f"Bearer {caller.token}"}
    url = f"{caller.sandbox.graph_url}/v1.0/users/{uid(1)}"
    assert caller.client.request(method, url, headers=headers).status_code == 405


@settings(max_examples=60, deadline=None)
@given(
    top=st.integers(1, 12),
    gone=st.sets(st.integers(0, 24), max_size=8),
    every=st.integers(0, 3),
)
def test_every_user_comes_exactly_once_whatever_the_page_size(top: int, gone: set[int], every: int) -> None:
    with calling(tenant=small_company(25)) as caller:
        caller.sandbox.tenant.empty_page_every = every
        for number in gone:
            caller.sandbox.tenant.delete(uid(number))
        rows = caller.all(f"users?$select=id&$top={top}")
        assert sorted(row["id"] for row in rows) == sorted(uid(n) for n in range(25) if n not in gone)


def test_lost_users_are_missing_from_lists_and_counts_but_found_by_id(own: Caller) -> None:
    own.sandbox.tenant.lose([uid(4)])
    assert uid(4) not in {row["id"] for row in own.all("users?$select=id")}
    assert own.get("users/$count", EVENTUAL).content.decode("utf-8-sig") == "11"
    assert own.get(f"users/{uid(4)}").status_code == 200


@pytest.mark.parametrize(
    ("kind", "rows"), [("repeat_users", 18), ("missing_users", 11), ("no_link", 4), ("missing_page", 8)]
)
def test_a_page_can_be_bent(kind: str, rows: int) -> None:
    fault = Fault.from_json({"kind": kind, "path": "GET /v1.0/users", "times": 3 if kind == "repeat_users" else 1})
    with calling(faults=(fault,)) as caller:
        caller.sandbox.tenant.empty_page_every = 0
        assert len(caller.all("users?$select=id&$top=4")) == rows
