"""The sample put together: who is assigned to what, which profiles exist already, and what happens next.

``python -m trueup.sandbox.assembly`` writes the files of ``data/sample`` anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trueup.sandbox import company, edge_cases
from trueup.sandbox.profiles import directory_profiles
from trueup.sandbox.provisioning import schema
from trueup.sandbox.scenarios import scenarios
from trueup.sandbox.tenant.data import Application, Assignment, Group, object_id

User = dict[str, Any]
Document = dict[str, Any]
UNASSIGNED = (10, 20, 150)
"""Staff, by number, that nobody assigned to Pingboard; the first two lead a team."""
NESTED_ONLY = range(261, 266)
"""Staff who are members of a nested group only: not in scope unless groups are expanded."""
DIRECT = range(266, 276)
"""Staff assigned by themselves."""


def tenant_document() -> Document:
    """The whole tenant as it stands in ``data/sample/tenant.json``."""
    staff = company.staff()
    lead = staff[12]["id"]
    leavers = edge_cases.leavers(lead)
    difficult = edge_cases.difficult(lead, leavers[0]["id"])
    things, guests = edge_cases.things(), edge_cases.guests()
    users = [*staff, *difficult, *leavers, *guests, *things]
    groups = _groups(staff, [*difficult, *leavers], things, guests)
    return {
        "users": _without_order(users),
        "deleted": edge_cases.deleted(lead),
        "groups": [asdict(group) for group in groups],
        "applications": [asdict(application) for application in _applications(staff, guests, groups)],
        "things": [
            {"@odata.type": "#microsoft.graph.device", "id": object_id("device", "tablet"), "displayName": "Tablet"},
            {"@odata.type": "#microsoft.graph.orgContact", "id": object_id("contact", "agency"), "displayName": "Ag"},
        ],
    }


def directory_document() -> Document:
    """The directory at the start, as it stands in ``data/sample/directory.json``."""
    return {"profiles": directory_profiles(tenant_document()["users"])}


def _groups(staff: list[User], people: list[User], things: list[User], guests: list[User]) -> list[Group]:
    night = Group(object_id("group", "night"), "Night shift", tuple(staff[n]["id"] for n in NESTED_ONLY))
    apart = {*UNASSIGNED, *NESTED_ONLY, *DIRECT}
    warehouse = [n for n in range(240, 261) if n not in apart]
    everybody = [n for n in range(company.STAFF) if n not in apart and n not in warehouse]
    astray = [thing["id"] for thing in things if thing["mailNickname"] in ("svc-badge-system", "printer-rtm-2")]
    return [
        Group(
            object_id("group", "people"),
            "Pingboard People",
            (
                *(staff[n]["id"] for n in everybody),
                *(user["id"] for user in people),
                *astray,
                object_id("device", "tablet"),
                object_id("contact", "agency"),
            ),
        ),
        Group(object_id("group", "warehouse"), "Warehouse", (*(staff[n]["id"] for n in warehouse), night.id)),
        night,
        Group(
            object_id("group", "kiosks"),
            "Kiosks",
            tuple(thing["id"] for thing in things if thing["mailNickname"].startswith("kiosk")),
        ),
        Group(object_id("group", "board"), "Board", (staff[0]["id"], guests[10]["id"]), hidden=True),
    ]


def _applications(staff: list[User], guests: list[User], groups: list[Group]) -> list[Application]:
    editor = object_id("role", "editor")
    roles = (
        {"id": object_id("role", "user"), "value": "User", "displayName": "User", "isEnabled": True},
        {"id": editor, "value": "Editor", "displayName": "Profile editor", "isEnabled": True},
    )
    by_hand = [Assignment(staff[n]["id"]) for n in DIRECT]
    twice = Assignment(staff[1]["id"], role_id=editor)
    pingboard = Application(
        object_id("application", "pingboard"),
        object_id("app-id", "pingboard"),
        "Pingboard",
        roles,
        (
            Assignment(groups[0].id, "Group"),
            Assignment(groups[1].id, "Group"),
            *by_hand,
            twice,
            Assignment(guests[0]["id"]),
            Assignment(object_id("service", "crawler"), "ServicePrincipal"),
        ),
        schema("scim.pingboard"),
    )
    trial = Application(object_id("application", "trial"), object_id("app-id", "trial"), "Pingboard (trial)")
    payroll = Application(object_id("application", "payroll"), object_id("app-id", "payroll"), "Payroll Suite")
    return [pingboard, trial, payroll]


def _without_order(users: list[User]) -> list[User]:
    """Graph lists users in no useful order; ours is that of their ids."""
    return sorted(users, key=lambda user: str(user["id"]))


def write(folder: Path) -> None:
    """Write the files of the sample into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tenant = tenant_document()
    documents = {"tenant": tenant, "directory": directory_document(), **scenarios(tenant["users"])}
    for name, document in documents.items():
        text = json.dumps(document, ensure_ascii=True, indent=1, sort_keys=True)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "data" / "sample")
