"""Who is in scope is proven like the users are: assignments, groups and their members, and what they refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import JSONResponse

from tests.support.lossy_tenants import key, losing, tenant_of
from tests.support.prior import prior_run
from tests.support.reading import COLUMNS, read
from trueup.connectors.source_request import SourceRequest
from trueup.transforms.errors import Failed, Misused, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from tests.support.graph_server import Tenant


def with_app(users: int = 60) -> Tenant:
    tenant = tenant_of(users)
    role = {"id": "aaaaaaaa-role", "value": "Editor", "displayName": "Editors", "isEnabled": True}
    tenant.apps = [
        {
            "id": "app-1",
            "appId": "12345678-1234-1234-1234-123456789012",
            "displayName": "Pingboard",
            "appRoles": [role],
        },
        {"id": "app-2", "appId": "22345678-1234-1234-1234-123456789012", "displayName": "Pingboard Test"},
    ]
    return tenant


def assigned(outcome: Any) -> set[str]:
    return {row["id"] for row in outcome.rows if row["assigned"]}


def test_scope_assigned_is_users_and_direct_members_of_assigned_groups(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.assign(key(1), role="aaaaaaaa-role")
    tenant.group("g-1", "Staff", [key(2), key(3)])
    tenant.group("g-2", "Inner", [key(4)])
    tenant.members["g-1"].append({"@odata.type": "#microsoft.graph.group", "id": "g-2"})
    tenant.members["g-1"].append({"@odata.type": "#microsoft.graph.device", "id": "d-1"})
    tenant.assign("g-1", kind="Group")
    tenant.assign("sp-9", kind="ServicePrincipal")
    request = SourceRequest(COLUMNS | {"appRoleAssignments"})
    outcome = read(tenant, tmp_path, scope="assigned", request=request)
    assert assigned(outcome) == {key(1), key(2), key(3)}
    assert outcome.by_id[key(2)]["assigned_by"] == ["group:g-1"]
    assert outcome.by_id[key(1)]["appRoleAssignments"] == [
        {"id": "aaaaaaaa-role", "value": "Editor", "displayName": "Editors"}
    ]
    assert outcome.by_id[key(9)]["assigned"] is False
    assert len(outcome.rows) == 60
    nested = read(tenant, tmp_path, scope="assigned", nested=True, name="nested")
    assert assigned(nested) == {key(1), key(2), key(3), key(4)}


@pytest.mark.parametrize("wanted", ["Pingboard", "pingboard", "12345678-1234-1234-1234-123456789012"])
def test_the_app_is_found_by_name_or_id(tmp_path: Path, wanted: str) -> None:
    tenant = with_app()
    tenant.assign(key(1))
    assert assigned(read(tenant, tmp_path, scope="assigned", enterprise_app=wanted)) == {key(1)}


def test_an_unknown_app_names_candidates(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="Candidates.*'Pingboard'"):
        read(with_app(), tmp_path, scope="assigned", enterprise_app="Pingbord")


def test_an_ambiguous_app_names_the_object_ids(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.apps[1]["displayName"] = "Pingboard"
    with pytest.raises(Misused, match="app-1, app-2"):
        read(tenant, tmp_path, scope="assigned")


def test_an_app_name_with_a_quote_is_no_filter_injection(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.apps[1]["displayName"] = "O'Neil & Sons #1+"
    tenant.assign(key(5), app="app-2")
    assert assigned(read(tenant, tmp_path, scope="assigned", enterprise_app="O'Neil & Sons #1+")) == {key(5)}


def test_nobody_assigned_is_refused_with_the_sentence_for_free_tenants(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Nobody is in scope") as refused:
        read(with_app(), tmp_path, scope="assigned")
    assert 'scope = "all"' in refused.value.remedy


def test_scope_groups_and_rules_fill_their_columns(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.group("g-1", "Staff", [key(2), key(3)])
    tenant.group("g-7", "Kiosks", [key(3), key(9)])
    request = SourceRequest(COLUMNS, people_groups=("Kiosks",))
    outcome = read(tenant, tmp_path, scope="groups", groups=["Staff"], request=request)
    assert assigned(outcome) == {key(2), key(3)}
    assert outcome.by_id[key(3)]["groups"] == ["Kiosks", "Staff"]
    assert outcome.by_id[key(9)]["groups"] == ["Kiosks"]
    assert outcome.by_id[key(1)]["groups"] == []


def test_an_unknown_group_names_candidates(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.group("g-1", "Staff", [key(2)])
    with pytest.raises(Misused, match="'Staff'"):
        read(tenant, tmp_path, scope="groups", groups=["Staf"])


def test_members_that_do_not_match_their_count_are_read_again(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.group("g-1", "Staff", [key(n) for n in range(20)])
    tenant.assign("g-1", kind="Group")
    short = [0]

    def before(path: str, _query: dict[str, str], _request: Request) -> Response | None:
        if path != "groups/g-1/members" or short[0]:
            return None
        short[0] += 1
        return JSONResponse({"value": tenant.members["g-1"][:7]})

    tenant.before = before
    assert len(assigned(read(tenant, tmp_path, scope="assigned"))) == 20


def test_members_known_from_the_last_run_and_always_lost_are_refused(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.group("g-1", "Staff", [key(n) for n in range(20)])
    tenant.assign("g-1", kind="Group")
    before = read(tenant, tmp_path, scope="assigned", name="before")
    tenant.before = lambda path, _q, _r: (
        JSONResponse({"value": tenant.members["g-1"][:7]}) if path == "groups/g-1/members" else None
    )
    with pytest.raises(Refused, match="members of group g-1"):
        read(tenant, tmp_path, scope="assigned", request=SourceRequest(COLUMNS, previous=prior_run(before)))


def test_assignments_known_from_the_last_run_and_always_lost_are_refused(tmp_path: Path) -> None:
    tenant = with_app()
    for number in range(10):
        tenant.assign(key(number))
    before = read(tenant, tmp_path, scope="assigned", name="before")
    tenant.before = lambda path, _q, _r: (
        JSONResponse({"value": tenant.assignments["app-1"][:7]})
        if path == "servicePrincipals/app-1/appRoleAssignedTo"
        else None
    )
    with pytest.raises(Refused, match="assignments of the enterprise application"):
        read(tenant, tmp_path, scope="assigned", request=SourceRequest(COLUMNS, previous=prior_run(before)))


def test_an_assigned_user_missing_from_the_users_and_alive_refuses(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.assign(key(40))
    tenant.assign(key(1))
    tenant.before = losing(tenant, 40, times=99)
    with pytest.raises(Refused) as refused:
        read(tenant, tmp_path, scope="assigned")
    assert refused.value.refusals[0].code == "people_found_alive"


def test_an_assigned_group_that_cannot_be_found_refuses(tmp_path: Path) -> None:
    tenant = with_app()
    tenant.assign(key(1))
    tenant.assign("g-404", kind="Group")
    with pytest.raises(Refused, match="g-404"):
        read(tenant, tmp_path, scope="assigned")


@pytest.mark.parametrize(
    ("lacking", "scope"),
    [("User.Read.All", "all"), ("Application.Read.All", "assigned"), ("GroupMember.Read.All", "assigned")],
)
def test_a_missing_permission_is_named(tmp_path: Path, lacking: str, scope: str) -> None:
    tenant = with_app()
    tenant.group("g-1", "Staff", [key(2)])
    tenant.assign("g-1", kind="Group")
    tenant.roles = tuple(role for role in tenant.roles if role != lacking)
    with pytest.raises(Failed) as failed:
        read(tenant, tmp_path, scope=scope)
    assert lacking in str(failed.value)
