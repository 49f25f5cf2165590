"""A server that insists on its schema, and profiles that are spelt or typed otherwise than the RFC says."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.first_night import profile_before
from tests.support.listening import handling
from tests.support.other_scim import CORE, ENTERPRISE, Other, serving
from tests.support.other_scim import _Handler as OtherHandler
from tests.support.plan_world import user
from tests.support.scim_nights import NICK, PHONE, Nights, writes
from trueup.connectors.scim import examine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUBS: dict[str, set[str]] = {"emails": {"value", "primary"}, "name": {"formatted", "givenName", "familyName"}}
_SCHEMA = {
    "id": CORE,
    "attributes": [
        {"name": "userName", "type": "string", "required": True, "mutability": "immutable"},
        {"name": "externalId", "type": "string", "mutability": "readOnly"},
        {"name": "title", "type": "string"},
        {"name": "nickName", "type": "integer"},
        {"name": "active", "type": "boolean"},
        {
            "name": "name",
            "type": "complex",
            "required": True,
            "subAttributes": [
                {"name": "formatted", "type": "string", "required": True},
                {"name": "givenName", "type": "string"},
                {"name": "familyName", "type": "string"},
            ],
        },
        {
            "name": "emails",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [{"name": "value", "type": "string"}, {"name": "primary", "type": "boolean"}],
        },
        {"name": "phoneNumbers", "type": "complex", "multiValued": True},
    ],
}


class _Insisting(OtherHandler):
    """Another directory, whose schema is meant as it stands."""

    def _answer(self, path: str, query: dict[str, list[str]], said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if path == "/Schemas":
            extension = {
                "id": ENTERPRISE,
                "attributes": [{"name": "department"}, {"name": "manager", "type": "complex"}],
            }
            return 200, {"Resources": [_SCHEMA, extension]}, {}
        body = said
        if self.command == "PATCH":
            body = {}
            for operation in said["Operations"]:
                where = str(operation.get("path") or "")
                body |= {where: operation.get("value")} if where else operation["value"]
        if self.command in {"POST", "PATCH", "PUT"} and (wrong := _wrong(body, creating=self.command == "POST")):
            return 400, {"status": "400", "detail": wrong, "scimType": "invalidValue"}, {}
        return super()._answer(path, query, said)


def _wrong(body: dict[str, Any], *, creating: bool) -> str:
    emails = body.get("emails")
    elements = emails if isinstance(emails, list) else []
    checks = {
        "Field 'name.formatted' is required": creating and not body.get("name", {}).get("formatted"),
        "externalId is read-only": creating and "externalId" in body,
        "userName is immutable": not creating and "userName" in body and "schemas" not in body,
        "nickName must be a number": isinstance(body.get("nickName"), str),
        "emails has no type": any(path.startswith("emails[") for path in body),
        "emails has value and primary": any(set(element) - _SUBS["emails"] for element in elements),
    }
    return next((words for words, is_wrong in checks.items() if is_wrong), "")


@contextmanager
def insisting() -> Iterator[Other]:
    other = Other()
    with handling(_Insisting, other=other) as root:
        other.url = f"{root}/scim/v2"
        yield other


def test_bodies_are_shaped_by_what_the_schema_says(tmp_path: Path) -> None:
    with insisting() as directory:
        nights = Nights(tmp_path, directory.url, [user("ann", nick="7"), user("bob", nick="8", manager="ann")])
        night = nights.night()
        assert {row["result"] for row in night.result.records} == {"applied"}, night.result.records
        assert set(night.residual) == {("ann", "externalId"), ("bob", "externalId")}
        people = {one["userName"]: one for one in directory.people.values()}
        ann = people["ann@x.example"]
        assert ann["name"] == {"givenName": "Ann", "formatted": "Ann"}
        assert (ann["nickName"], ann["emails"]) == (7, [{"value": "ann@x.example", "primary": True}])
        assert [path for method, path in directory.wrote() if method == "POST"] == ["/Users", "/Users"], "once each"
        assert writes(nights.plan()) == {}
        nights.users[0] |= {"userPrincipalName": "anna@x.example", "jobTitle": "Chief", "mail": "anna@x.example"}
        directory.log.clear()
        night = nights.night()
        assert set(night.residual) == {("ann", "userName")}, "immutable: named, never sent"
        assert "read-only" not in str(night.result.records)
        ann = directory.people[ann["id"]]
        assert (ann["title"], [one["value"] for one in ann["emails"]]) == ("Chief", ["anna@x.example"])
        assert any("user name may not be written" in note for note in night.planned.result.notes)
        assert writes(nights.plan()) == {}


def test_what_the_schema_demands_is_said_before_the_first_write(tmp_path: Path) -> None:
    with insisting() as directory:
        nights = Nights(tmp_path, directory.url, [user("ann")])
        nights.world.attributes = tuple(a for a in nights.world.attributes if not a.path.startswith("name"))
        plan = nights.plan()
        assert any("requires name, full name" in note for note in plan.result.notes), plan.result.notes
        text = " ".join(line.text for line in examine(nights.world.settings, nights.world.attributes))
        assert "demands name, name.formatted" in text
        assert "externalId will not be written" in text
        assert "nickName: the mapping gives text, the target's schema wants integer" in text
        assert f"{PHONE}: the mapping" not in text


def test_a_target_that_answers_with_numbers_is_taken_back_exactly(tmp_path: Path) -> None:
    with serving(Other()) as directory:
        profile = directory.add(profile_before("ann", nickName=1043, title="Clerk"))
        nights = Nights(tmp_path, directory.url, [user("ann", nick="1043")])
        nights.night()
        assert directory.people[profile]["nickName"] == 1043, "the same value in another type is not a change"
        nights.users[0]["nick"] = "2000"
        night = nights.night()
        assert night.planned.changes == {("ann", NICK): ("1043", "2000")}
        directory.people[profile]["nickName"] = 2000
        back = nights.roll_back(night.run)
        assert str(directory.people[profile]["nickName"]) == "1043", back.planned.rows("decisions")


@pytest.mark.parametrize("prefixed", [False, True])
def test_names_of_attributes_ignore_case(tmp_path: Path, prefixed: bool) -> None:
    with serving(Other()) as directory:
        odd = copy.deepcopy(profile_before("ann", Title="Clerk"))
        del odd["title"]
        odd["EMAILS"] = [{"Type": "work", "VALUE": "ann@x.example"}]
        del odd["emails"]
        extension = odd.pop(ENTERPRISE)
        odd |= {f"{ENTERPRISE}:Department": "Sales"} if prefixed else {ENTERPRISE.lower(): extension}
        profile = directory.add(odd)
        nights = Nights(tmp_path, directory.url, [user("ann")])
        assert nights.plan().changes == {}
        nights.users[0]["jobTitle"] = "Chief"
        night = nights.night()
        assert night.planned.changes == {("ann", "title"): ("Clerk", "Chief")}
        assert [row["result"] for row in night.result.records] == ["applied"], night.result.records
        held = directory.people[profile]
        assert json.dumps(held).count("Chief") == 1
        assert not {"Clerk"} & {held.get("Title"), held.get("title")}, "one spelling, one value"
        assert writes(nights.plan()) == {}
