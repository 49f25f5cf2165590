"""The same company from elsewhere: a Graph written on another reading of the documentation, and files."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.graph_server import listening
from tests.support.other_graph import Manners, Other

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Office

pytestmark = [pytest.mark.nights, pytest.mark.xdist_group("other sources")]
SEALED = ("source", "desired", "actual", "decisions", "changes", "findings", "links")
EMPTY: dict[str, Any] = {"businessPhones": [], "assignedLicenses": []}
"""Collections are never null in Graph."""
MANNERS = Manners(size=97, says_null=True, opaque=True, gzip=True, backwards=True, annotated=True, batch_is_text=True)


def content(office: Office, plan: Any, name: str) -> list[str]:
    rows = pq.read_table(office.run_folder(plan) / f"{name}.parquet").to_pylist()
    if name == "links":
        rows = [{**row, "since": None} for row in rows]  # the run's own id
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def moved(office: Office) -> Other:
    """The sandbox's tenant, served by the other Graph."""
    tenant = office.sandbox.tenant
    people = {str(user["id"]): {**EMPTY, **user} for user in tenant.users()}
    application = tenant.application("Pingboard")
    assigned = [one for one in tenant.assignments[application.id] if one is not None]
    groups = {one.principal_id for one in assigned if one.principal_id in tenant.members}
    return Other(
        people,
        groups={key: [one for one in tenant.members[key] if one in people] for key in groups},
        assigned=[
            (one.principal_id, "Group" if one.principal_id in groups else "User")
            for one in assigned
            if one.principal_id in groups or one.principal_id in people
        ],
        bin=list(tenant.deleted),
        manners=MANNERS,
    )


def test_a_plan_is_the_same_whichever_graph_it_was_read_from(office: Office) -> None:
    here = office.plan()
    other = moved(office)
    with listening(other.application()) as other.base:
        office.configure(**{f'_url = "{office.sandbox.graph_url}"': f'_url = "{other.base}"'})
        there = office.plan()
    assert there["outcome"] == "ready"
    assert (there["counts"], there["changes"]) == (here["counts"], here["changes"])
    assert [name for name in SEALED if content(office, here, name) != content(office, there, name)] == []


PORTAL = {
    "userPrincipalName": "userPrincipalName",
    "displayName": "displayName",
    "surname": "surname",
    "mail": "mail",
    "givenName": "givenName",
    "objectId": "id",
    "userType": "userType",
    "jobTitle": "jobTitle",
    "department": "department",
    "accountEnabled": "accountEnabled",
    "usageLocation": "usageLocation",
    "streetAddress": "streetAddress",
    "physicalDeliveryOfficeName": "officeLocation",
    "mobile": "mobilePhone",
    "companyName": "companyName",
    "createdDateTime": "createdDateTime",
}


def as_graph(users: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "manager": {"id": one["manager"]} if one.get("manager") else None} for one in users]


def portal(users: list[dict[str, Any]]) -> bytes:
    told = io.StringIO()
    rows = csv.writer(told, delimiter=";")
    rows.writerow(PORTAL)
    rows.writerows([one.get(name) for name in PORTAL.values()] for one in users)
    return told.getvalue().encode("utf-16")


FILES: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "users.json": lambda users: json.dumps({"value": as_graph(users)}, indent=1).encode("utf-8-sig"),
    "users.ndjson": lambda users: "\n".join(json.dumps(one) for one in as_graph(users)).encode(),
    "users.csv": portal,
}


@pytest.mark.soak  # three plans
def test_a_plan_is_made_from_each_kind_of_file(office: Office) -> None:
    users = office.sandbox.tenant.users()
    plans = {}
    for name, write in FILES.items():
        (office.folder / name).write_bytes(write(users))
        office.configure(**{'kind = "entra"': f'kind = "file"\npath = "{name}"', 'scope = "assigned"': 'scope = "all"'})
        plans[name] = office.plan()
    whole, lines, table = plans.values()
    assert (whole["counts"], whole["changes"]) == (lines["counts"], lines["changes"])
    assert [n for n in SEALED if content(office, whole, n) != content(office, lines, n)] == []
    told = {row["id"]: row for row in pq.read_table(office.run_folder(table) / "source.parquet").to_pylist()}
    read = pq.read_table(office.run_folder(whole) / "source.parquet").to_pylist()
    shared = (set(PORTAL.values()) - {"id"}) & read[0].keys() & next(iter(told.values())).keys()
    assert {"displayName", "department", "accountEnabled", "mobilePhone"} <= shared
    assert told.keys() == {row["id"] for row in read}
    empty = {None: None, "": None}
    assert [
        (row["id"], name) for row in read for name in shared if empty.get(row[name], row[name]) != told[row["id"]][name]
    ] == []
    assert "manager" not in next(iter(told.values()))


def test_a_plan_is_made_from_the_portals_file_and_refused_when_that_is_cut_off(office: Office) -> None:
    place, body = office.folder / "users.csv", portal(office.sandbox.tenant.users())
    office.configure(**{'kind = "entra"': 'kind = "file"\npath = "users.csv"', 'scope = "assigned"': 'scope = "all"'})
    place.write_bytes(body)
    plan = office.plan()
    read = pq.read_table(office.run_folder(plan) / "source.parquet").to_pylist()
    assert {row["id"]: row["displayName"] for row in read} == {
        user["id"]: user["displayName"] for user in office.sandbox.tenant.users()
    }
    place.write_bytes(body[:-41])
    done = office.trueup("plan", "--json")
    assert done.code == 3
    assert [one["code"] for one in done.json["refusals"]] == ["source_incomplete"]
