"""Switches of the sandbox directory for writes do what they say, and nothing while they are off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox import ids, patch, profile, stored, weak
from trueup.sandbox import Weaknesses
from trueup.sandbox.directory.data import ENTERPRISE

PATHLESS = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "value": {"title": "Pathless"}}],
}


@pytest.mark.parametrize(
    ("form", "with_path", "pathless"),
    [("works", True, True), ("pathless", False, True), ("with_path", True, False), ("none", False, False)],
)
@pytest.mark.parametrize("status", [501, 405, 400, 500])
def test_patch_can_be_half_understood(form: str, *, with_path: bool, pathless: bool, status: int) -> None:
    with weak(1, patch=form, patch_refused_with=status) as caller:
        answer = caller.scim("PATCH", "/Users/p0", patch("title", "With path"))
        assert answer.status_code == (204 if with_path else status)
        assert caller.scim("PATCH", "/Users/p0", PATHLESS).status_code == (204 if pathless else status)


def test_patch_can_answer_with_the_profile() -> None:
    with weak(1, patch_returns_body=True) as caller:
        answer = caller.scim("PATCH", "/Users/p0", patch("title", "X"))
        assert (answer.status_code, answer.json()["title"]) == (200, "X")


def test_put_can_be_refused() -> None:
    with weak(1, put_refused=True) as caller:
        assert caller.scim("PUT", "/Users/p0", profile(0)).status_code == 405


@pytest.mark.parametrize(("what", "active"), [("clears", None), ("disables", False), ("enables", True)])
def test_a_put_without_active_can_do_anything_to_it(what: str, active: bool | None) -> None:
    with weak(1, put_without_active=what) as caller:
        document = {key: value for key, value in profile(0).items() if key != "active"}
        assert caller.scim("PUT", "/Users/p0", document).status_code == 200
        assert stored(caller).get("active") is active


def test_put_can_keep_the_emails_whatever_is_sent() -> None:
    with weak(1, put_keeps_emails=True) as caller:
        caller.scim("PUT", "/Users/p0", {**profile(0), "title": "X", "emails": []})
        assert stored(caller)["emails"] == profile(0)["emails"]
        assert stored(caller)["title"] == "X"


@pytest.mark.parametrize(("what", "status"), [("no_target", 400), ("fails", 500)])
def test_replacing_a_missing_element_can_fail(what: str, status: int) -> None:
    path = 'emails[type eq "home"].value'
    with weak(1, missing_element=what) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch(path, "x@y.example")).status_code == status
        path = path.replace("home", "work")
        assert caller.scim("PATCH", "/Users/p0", patch(path, "x@y.example")).status_code == 204


@pytest.mark.parametrize(
    ("drops", "path", "value", "read"),
    [
        (("nickName",), "nickName", "Nick", lambda p: p.get("nickName")),
        ((ENTERPRISE,), f"{ENTERPRISE}:department", "New", lambda p: p.get(ENTERPRISE, {}).get("department")),
        (
            (f"{ENTERPRISE}:department",),
            f"{ENTERPRISE}:department",
            "New",
            lambda p: p.get(ENTERPRISE, {}).get("department"),
        ),
        (("title",), "title", "New", lambda p: p.get("title")),
        (("name.givenName",), "name.givenName", "New", lambda p: p["name"]["givenName"]),
    ],
)
def test_attributes_can_be_dropped_without_a_word(drops: tuple[str, ...], path: str, value: str, read: Any) -> None:
    with weak(1, drops=drops) as caller:
        before = read(stored(caller))
        assert caller.scim("PATCH", "/Users/p0", patch(path, value)).status_code == 204
        assert read(stored(caller)) == before
        assert caller.scim("PATCH", "/Users/p0", patch("userType", "Kept")).status_code == 204
        assert stored(caller)["userType"] == "Kept"


def test_types_of_emails_can_be_dropped_on_create() -> None:
    with weak(0, drops=("emails.type", "externalId")) as caller:
        created = caller.scim("POST", "/Users", profile(3)).json()
        assert created["emails"] == [{"value": "Person3@contoso.example", "primary": True}]
        assert "externalId" not in created


@pytest.mark.parametrize("refused_with", [400, 501])
def test_attributes_can_be_refused(refused_with: int) -> None:
    with weak(1, refuses=("nickName", ENTERPRISE, "name.formatted"), refused_with=refused_with) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch("nickName", "x")).status_code == refused_with
        assert caller.scim("PATCH", "/Users/p0", patch(f"{ENTERPRISE}:division", "x")).status_code == refused_with
        assert caller.scim("PUT", "/Users/p0", profile(0)).status_code == refused_with
        assert caller.scim("PATCH", "/Users/p0", patch("title", "x")).status_code == 204
        assert caller.scim("PATCH", "/Users/p0", patch("name.givenName", "x")).status_code == 204
        assert "nickName" not in stored(caller)


def test_null_and_textual_booleans_can_be_refused() -> None:
    with weak(1, null_refused=True, text_for_active_refused=True) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch("title", None)).status_code == 400
        assert caller.scim("PATCH", "/Users/p0", patch("active", "False")).status_code == 400
        assert caller.scim("PATCH", "/Users/p0", patch("title", "a null b")).status_code == 204


def test_values_can_come_back_altered() -> None:
    with weak(
        1,
        lower_cases=("userName", "emails"),
        trims=True,
        reformats_phones=True,
        recomputes_formatted=True,
    ) as caller:
        document = {
            **profile(0),
            "title": "  Boss ",
            "displayName": "Somebody else",
            "phoneNumbers": [{"type": "work", "value": "+31 (10) 555-1000"}],
            "emails": [{"type": "work", "value": "Boss@Contoso.example", "primary": True}],
        }
        assert caller.scim("PUT", "/Users/p0", document).status_code == 200
        found = stored(caller)
        assert found["title"] == "Boss"
        assert found["emails"][0] == {"type": "work", "value": "boss@contoso.example", "primary": True}
        assert found["phoneNumbers"][0]["value"] == "+31105551000"
        assert found["displayName"] == found["name"]["formatted"] == "Person Zero0"
        assert found["userName"] == "Person0@contoso.example", "what was not written stays as it was"


def test_duplicate_user_names_can_be_allowed() -> None:
    with weak(1, duplicates_allowed=True) as caller:
        assert caller.scim("POST", "/Users", profile(0)).status_code == 201
        assert len(ids(caller, 'filter=userName eq "person0@contoso.example"')) == 2


def test_a_conflict_can_come_without_its_type() -> None:
    with weak(1, conflict_without_type=True) as caller:
        answer = caller.scim("POST", "/Users", profile(0))
        assert answer.status_code == 409
        assert answer.json()["status"] == 409
        assert "scimType" not in answer.json()


def test_delete_can_only_deactivate_and_the_name_stays_taken() -> None:
    with weak(1, delete="deactivates") as caller:
        assert caller.scim("DELETE", "/Users/p0").status_code == 204
        assert caller.scim("GET", "/Users/p0").json()["active"] is False
        assert caller.scim("POST", "/Users", profile(0)).status_code == 409
        assert caller.scim("DELETE", "/Users/nobody").status_code == 404
        caller.sandbox.directory.weaknesses = Weaknesses(delete="refused")
        assert caller.scim("DELETE", "/Users/p0").status_code == 405


def test_deactivating_can_delete() -> None:
    with weak(2, deactivated_vanish=True) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch("active", value=False)).status_code == 204
        assert caller.scim("GET", "/Users/p0").status_code == 404
        assert ids(caller, "") == ["p1"]


def test_ids_can_be_names_that_need_escaping() -> None:
    with weak(0, ids_are_names=True) as caller:
        document = {**profile(0), "userName": "jörg o'neil+%x@contoso.example"}
        place = caller.scim("POST", "/Users", document).headers["Location"]
        assert "%" in place
        path = place.removeprefix(caller.sandbox.scim_url)
        assert caller.scim("GET", path).json()["id"] == "jörg o'neil+%x@contoso.example"
        assert caller.scim("DELETE", path).status_code == 204
