"""Every switch of the sandbox directory does what it says, and nothing while it is off."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.sandbox import DirectoryData, Weaknesses
from connectors.sandbox.directory.data import ENTERPRISE
from connectors.sandbox.directory.weaknesses import PINGBOARD_LIKE
from tests.support.sandbox import Caller, calling, patch, profile


def weak(count: int = 6, **switches: Any) -> Any:
    profiles = tuple(profile(n) for n in range(count))
    return calling(directory=DirectoryData(profiles), weaknesses=Weaknesses(**switches))


def ids(caller: Caller, query: str) -> list[str]:
    return [row["id"] for row in caller.scim("GET", f"/Users?{query}").json().get("Resources", [])]


def stored(caller: Caller, key: str = "p0") -> dict[str, Any]:
    return caller.sandbox.directory.profile(key)


# Discovery


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("plain_lists", list), ("right", dict)],
)
def test_schemas_can_be_a_plain_list_with_strange_members(kind: str, expected: type) -> None:
    with weak(discovery=kind) as caller:
        document = caller.scim("GET", "/Schemas").json()
        assert isinstance(document, expected)
        if isinstance(document, list):
            assert all("vendorNote" in row for row in document)


def test_discovery_can_be_missing_or_a_web_page() -> None:
    with weak(discovery="missing") as caller:
        assert caller.scim("GET", "/ServiceProviderConfig").status_code == 404
        caller.sandbox.directory.weaknesses = Weaknesses(discovery="html")
        assert caller.scim("GET", "/ServiceProviderConfig").headers["content-type"] == "text/html"


def test_the_configuration_can_be_wrong_either_way() -> None:
    with weak(discovery="denies") as caller:
        assert caller.scim("GET", "/ServiceProviderConfig").json()["filter"]["supported"] is False
        caller.sandbox.directory.weaknesses = Weaknesses(discovery="boasts", patch="none")
        assert caller.scim("GET", "/ServiceProviderConfig").json()["patch"]["supported"] is True
        caller.sandbox.directory.weaknesses = Weaknesses(patch="none", largest_page=5)
        told = caller.scim("GET", "/ServiceProviderConfig").json()
        assert (told["patch"]["supported"], told["filter"]["maxResults"]) == (False, 5)


# Reading


def test_a_page_can_be_cut_silently_or_refused() -> None:
    with weak(largest_page=2) as caller:
        assert ids(caller, "startIndex=1&count=5") == ["p0", "p1"]
        assert ids(caller, "") == ["p0", "p1"]
    with weak(largest_page=2, large_page_refused=True) as caller:
        assert caller.scim("GET", "/Users?count=3").status_code == 400


def test_the_default_page_can_be_small() -> None:
    with weak(default_page=4) as caller:
        assert len(ids(caller, "")) == 4
        assert len(ids(caller, "count=6")) == 6


def test_rows_can_need_explicit_paging() -> None:
    with weak(explicit_paging_only=True) as caller:
        assert ids(caller, "") == []
        assert ids(caller, "startIndex=1") == []
        assert len(ids(caller, "startIndex=1&count=10")) == 6


def test_count_can_be_beyond_the_server() -> None:
    with weak(count_fails=True) as caller:
        assert caller.scim("GET", "/Users?startIndex=1&count=10").status_code == 500
        assert len(ids(caller, "startIndex=1")) == 6


def test_a_start_of_nought_or_a_negative_count_can_be_refused() -> None:
    with weak(strict_start=True) as caller:
        assert caller.scim("GET", "/Users?startIndex=0").status_code == 400
        assert caller.scim("GET", "/Users?count=-1").status_code == 400
        assert caller.scim("GET", "/Users?startIndex=1&count=1").status_code == 200


def test_past_the_end_comes_the_first_page_again_or_the_last() -> None:
    with weak(past_the_end="first_page") as caller:
        assert ids(caller, "startIndex=7&count=4") == ["p0", "p1", "p2", "p3"]
        assert ids(caller, "startIndex=5&count=4") == ["p4", "p5"]
    with weak(past_the_end="last_page") as caller:
        assert ids(caller, "startIndex=7&count=4") == ["p2", "p3", "p4", "p5"]


def test_the_total_can_disagree_with_the_rows() -> None:
    with weak(total_off_by=3) as caller:
        assert caller.scim("GET", "/Users").json()["totalResults"] == 9


def test_rows_can_repeat_between_pages_and_so_be_missed() -> None:
    with weak(rows_repeat=True) as caller:
        assert ids(caller, "startIndex=1&count=3") == ["p0", "p1", "p2"]
        assert ids(caller, "startIndex=4&count=3") == ["p2", "p3", "p4"]


def test_rows_can_be_missing_without_a_word() -> None:
    with weak(rows_missing=2) as caller:
        assert ids(caller, "startIndex=1&count=3") == ["p2"]
        assert caller.scim("GET", "/Users?startIndex=1&count=3").json()["totalResults"] == 6


def test_the_order_can_be_unsteady_unless_sorted_by_id() -> None:
    with weak(unsteady_order=True) as caller:
        assert len({tuple(ids(caller, "")) for _ in range(6)}) > 1
        assert {tuple(ids(caller, "sortBy=id")) for _ in range(6)} == {tuple(f"p{n}" for n in range(6))}


def test_sorting_can_be_refused() -> None:
    with weak(sort_refused=True) as caller:
        assert caller.scim("GET", "/Users?sortBy=id").status_code == 400


def test_a_filter_can_be_ignored_and_give_everybody() -> None:
    with weak(filter_ignored=True) as caller:
        assert len(ids(caller, 'filter=userName eq "person3@contoso.example"')) == 6
        assert len(ids(caller, 'filter=userName eq "nobody"')) == 6


def test_a_filter_can_be_refused() -> None:
    with weak(filter_refused=True) as caller:
        assert caller.scim("GET", '/Users?filter=userName eq "x"').status_code == 400


def test_and_can_find_nothing() -> None:
    with weak(and_finds_nothing=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example" and active eq true') == []
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == ["p3"]


def test_external_id_can_be_beyond_the_filter() -> None:
    with weak(external_id_filter="nothing") as caller:
        assert ids(caller, 'filter=externalId eq "e3"') == []
        caller.sandbox.directory.weaknesses = Weaknesses(external_id_filter="fails")
        assert caller.scim("GET", '/Users?filter=externalId eq "e3"').status_code == 500


def test_user_names_can_be_compared_with_case() -> None:
    with weak(user_name_case_exact=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == []
        assert ids(caller, 'filter=userName eq "Person3@contoso.example"') == ["p3"]


def test_a_filter_can_bring_a_stranger_first() -> None:
    with weak(filter_doubles=True) as caller:
        assert ids(caller, 'filter=userName eq "person3@contoso.example"') == ["p0", "p3"]


def test_deactivated_profiles_can_be_unlisted_though_still_there() -> None:
    with weak(inactive_unlisted=True) as caller:
        caller.scim("PATCH", "/Users/p2", patch("active", value=False))
        assert "p2" not in ids(caller, "")
        assert caller.scim("GET", "/Users").json()["totalResults"] == 5
        assert ids(caller, 'filter=externalId eq "e2"') == []
        assert caller.scim("GET", "/Users/p2").json()["active"] is False


def test_active_can_be_missing_or_text() -> None:
    with weak(active_missing=True) as caller:
        assert "active" not in caller.scim("GET", "/Users/p0").json()
        caller.scim("PATCH", "/Users/p0", patch("active", value=False))
        assert caller.scim("GET", "/Users/p0").json()["active"] is False
    with weak(active_as_text=True) as caller:
        assert caller.scim("GET", "/Users").json()["Resources"][0]["active"] == "True"


@pytest.mark.parametrize("kind", ["offered", "only"])
def test_profiles_can_be_paged_by_cursor(kind: str) -> None:
    with weak(cursors=kind) as caller:
        seen: list[str] = []
        query = "/Users?count=4&cursor="
        while True:
            page = caller.scim("GET", query).json()
            seen += [row["id"] for row in page["Resources"]]
            if "nextCursor" not in page:
                break
            query = f"/Users?count=4&cursor={page['nextCursor']}"
        assert sorted(seen) == [f"p{n}" for n in range(6)]
        assert (caller.scim("GET", "/Users?startIndex=1&count=4").status_code == 200) is (kind == "offered")


def test_cursors_can_be_switched_on_while_the_server_runs() -> None:
    with weak() as caller:
        assert caller.scim("GET", "/Users?cursor=").status_code == 501
        caller.sandbox.directory.weaknesses = Weaknesses(cursors="offered")
        assert caller.scim("GET", "/Users?cursor=").status_code == 200


# Writing

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


# Answering


def test_a_created_profile_can_come_without_location() -> None:
    with weak(0, no_location=True) as caller:
        answer = caller.scim("POST", "/Users", profile(0))
        assert "Location" not in answer.headers
        assert "location" not in answer.json()["meta"]


def test_versions_can_be_ignored_or_absent() -> None:
    with weak(1, etags="ignored") as caller:
        assert "ETag" in caller.scim("GET", "/Users/p0").headers
        answer = caller.scim("PATCH", "/Users/p0", patch("title", "x"), **{"If-Match": 'W/"old"'})
        assert answer.status_code == 204
    with weak(1, etags="absent") as caller:
        answer = caller.scim("GET", "/Users/p0")
        assert "ETag" not in answer.headers
        assert "version" not in answer.json()["meta"]
        assert "version" not in caller.scim("GET", "/Users").json()["Resources"][0]["meta"]


@pytest.mark.parametrize(("kind", "content"), [("html", "<html>"), ("text", "something"), ("empty", "")])
def test_errors_can_have_any_body(kind: str, content: str) -> None:
    with weak(1, errors=kind) as caller:
        answer = caller.scim("GET", "/Users/nobody")
        assert answer.status_code == 404
        assert content in answer.text
        assert "schemas" not in answer.text
        url = f"{caller.sandbox.scim_url}/Users"
        refused = caller.client.get(url, headers={"Authorization": "Bearer wrong"})
        assert refused.status_code == 401
        assert "schemas" not in refused.text


def test_the_content_type_can_be_plain_json() -> None:
    with weak(1, plain_json=True) as caller:
        assert caller.scim("GET", "/Users/p0").headers["content-type"] == "application/json"


# Failing


def test_a_write_can_take_place_and_answer_500() -> None:
    with weak(1, every_write_fails_after=2) as caller:
        answers = [caller.scim("PATCH", "/Users/p0", patch("title", f"T{n}")).status_code for n in range(4)]
        assert answers == [204, 500, 204, 500]
        assert stored(caller)["title"] == "T3"


def test_a_write_can_take_place_and_its_answer_be_lost() -> None:
    with weak(0, every_write_lost=1) as caller:
        with pytest.raises(httpx.RemoteProtocolError):
            caller.scim("POST", "/Users", profile(0))
        assert len(caller.sandbox.directory.profiles()) == 1
        assert not caller.sandbox.directory.requests[-1].answered
        assert caller.scim("GET", "/Users").status_code == 200


def test_a_write_can_fail_before_and_a_read_too() -> None:
    with weak(1, every_write_fails_before=1, every_read_fails=2) as caller:
        assert caller.scim("PATCH", "/Users/p0", patch("title", "x")).status_code == 503
        assert stored(caller).get("title") != "x"
        assert [caller.scim("GET", "/Users").status_code for _ in range(2)] == [200, 503]


def test_a_body_can_end_half_way() -> None:
    with weak(1, every_body_cut=1) as caller, pytest.raises(httpx.RemoteProtocolError):
        caller.scim("GET", "/Users")


@pytest.mark.parametrize("kind", ["seconds", "date", "none"])
def test_too_many_requests_are_turned_away(kind: str) -> None:
    with weak(1, requests_per_second=2, retry_after=kind) as caller:
        answers = [caller.scim("GET", "/Users") for _ in range(12)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        said = refused[0].headers.get("Retry-After")
        assert (said is None) is (kind == "none")
        assert (said == "1") is (kind == "seconds")


def test_answers_can_take_their_time() -> None:
    with weak(1, latency_seconds=0.05) as caller:
        answer = caller.scim("GET", "/Users")
        assert answer.elapsed.total_seconds() >= 0.05


def test_switches_are_told_and_can_be_read_from_json() -> None:
    made = Weaknesses.from_json({"drops": ["nickName"], "trims": True})
    assert made == Weaknesses(drops=("nickName",), trims=True)
    assert made.switched_on == ("drops", "trims")
    assert made.but(trims=False).switched_on == ("drops",)
    assert Weaknesses().switched_on == ()
    assert "etags" in PINGBOARD_LIKE.switched_on
    with pytest.raises(TypeError):
        Weaknesses.from_json({"earthquake": True})


def test_every_switch_has_a_place_in_the_docs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert [each.name for each in fields(Weaknesses) if f"`{each.name}`" not in text] == []


def test_every_switch_has_a_test_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [each.name for each in fields(Weaknesses) if f"{each.name}=" not in text] == []
