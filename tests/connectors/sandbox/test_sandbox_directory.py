"""The sandbox directory as a good server: reads, writes, keeps, refuses, and is looked into from behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.sandbox import calling, patch, profile, small_company
from trueup.sandbox import DirectoryData, running
from trueup.sandbox.directory.data import ENTERPRISE


def _served(count: int = 3, **weaknesses: Any) -> Any:
    from trueup.sandbox import Weaknesses

    profiles = tuple(profile(n) for n in range(count))
    return calling(directory=DirectoryData(profiles), weaknesses=Weaknesses(**weaknesses))


def test_a_wrong_token_is_401_and_nothing_is_said() -> None:
    with _served() as caller:
        answer = caller.client.get(f"{caller.sandbox.scim_url}/Users", headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
        assert "Resources" not in answer.text
        assert caller.client.delete(f"{caller.sandbox.scim_url}/Users/p0").status_code == 401
        assert len(caller.sandbox.directory.profiles()) == 3


def test_profiles_are_listed_in_pages_with_their_ids() -> None:
    with _served(7) as caller:
        seen: list[str] = []
        start = 1
        while True:
            page = caller.scim("GET", f"/Users?startIndex={start}&count=3").json()
            assert page["totalResults"] == 7
            if not page.get("Resources"):
                break
            seen += [row["id"] for row in page["Resources"]]
            start += len(page["Resources"])
        assert seen == [f"p{n}" for n in range(7)]


def test_a_long_list_shows_what_single_reads_show_also_after_changes() -> None:
    with _served(5) as caller:
        for change in (
            lambda: None,
            lambda: caller.scim("PATCH", "/Users/p1", patch("title", "New")),
            lambda: caller.sandbox.directory.edit("p2", title="By hand"),
            lambda: caller.scim("DELETE", "/Users/p3"),
            lambda: caller.scim("POST", "/Users", profile(9)),
        ):
            change()
            listed = caller.scim("GET", "/Users?startIndex=1&count=100").json()
            slowly = caller.scim("GET", "/Users?startIndex=1&count=100&sortBy=id").json()
            for row in listed["Resources"]:
                assert row == caller.scim("GET", f"/Users/{row['id']}").json()
            assert sorted(listed["Resources"], key=lambda row: row["id"]) == slowly["Resources"]
            assert {key: listed[key] for key in listed if key != "Resources"} == {
                key: slowly[key] for key in slowly if key != "Resources"
            }


def test_the_order_of_profiles_does_not_change_when_one_is_written() -> None:
    with _served(5) as caller:
        caller.scim("PATCH", "/Users/p1", patch("title", "New"))
        caller.scim("DELETE", "/Users/p3")
        page = caller.scim("GET", "/Users").json()
        assert [row["id"] for row in page["Resources"]] == ["p0", "p1", "p2", "p4"]


def test_a_profile_is_created_changed_replaced_and_deleted() -> None:
    with _served(0) as caller:
        document = {key: value for key, value in profile(1).items() if key != "id"}
        created = caller.scim("POST", "/Users", document)
        assert created.status_code == 201
        place = created.headers["Location"]
        profile_id = created.json()["id"]
        assert place == f"{caller.sandbox.scim_url}/Users/{profile_id}"
        assert caller.scim("PATCH", f"/Users/{profile_id}", patch("active", value=False)).status_code in (200, 204)
        assert caller.sandbox.directory.profile(profile_id)["active"] is False
        body = {**document, "title": "Replaced", "active": True}
        assert caller.scim("PUT", f"/Users/{profile_id}", body).status_code == 200
        assert caller.sandbox.directory.profile("Person1@contoso.example")["title"] == "Replaced"
        assert caller.scim("DELETE", f"/Users/{profile_id}").status_code == 204
        assert caller.scim("GET", f"/Users/{profile_id}").status_code == 404
        assert caller.sandbox.directory.profiles() == []


def test_one_user_name_belongs_to_one_profile_whatever_its_case() -> None:
    with _served(1) as caller:
        answer = caller.scim("POST", "/Users", {**profile(5), "userName": "PERSON0@contoso.example"})
        assert answer.status_code == 409
        assert answer.json()["scimType"] == "uniqueness"


def test_of_many_creates_of_one_user_name_at_once_one_succeeds() -> None:
    with _served(0) as caller, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: caller.scim("POST", "/Users", profile(1)).status_code, range(8)))
        assert sorted(answers) == [201] + [409] * 7
        assert len(caller.sandbox.directory.profiles()) == 1


def test_filters_find_by_user_name_external_id_and_work_email() -> None:
    with _served(4) as caller:
        for condition in (
            'userName eq "person2@CONTOSO.example"',
            'externalId eq "e2"',
            'emails[type eq "work"].value eq "person2@contoso.example"',
            'userName eq "person2@contoso.example" and active eq true',
        ):
            rows = caller.scim("GET", f"/Users?filter={condition}").json()["Resources"]
            assert [row["id"] for row in rows] == ["p2"]
        assert caller.scim("GET", '/Users?filter=externalId eq "E2"').json()["totalResults"] == 0


def test_an_old_version_is_refused_with_412() -> None:
    with _served(1) as caller:
        version = caller.scim("GET", "/Users/p0").headers["ETag"]
        assert caller.scim("PATCH", "/Users/p0", patch("title", "A"), **{"If-Match": version}).status_code < 300
        assert caller.scim("PATCH", "/Users/p0", patch("title", "B"), **{"If-Match": version}).status_code == 412
        assert caller.sandbox.directory.profile("p0")["title"] == "A"


def test_the_manager_and_the_extension_are_kept() -> None:
    with _served(2) as caller:
        caller.scim("PATCH", "/Users/p0", patch(f"{ENTERPRISE}:manager", {"value": "p1"}))
        assert caller.sandbox.directory.profile("p0")[ENTERPRISE]["manager"] == {"value": "p1"}


def test_people_can_edit_by_hand_behind_the_servers_back() -> None:
    with _served(2) as caller:
        before = caller.scim("GET", "/Users/p0").headers["ETag"]
        caller.sandbox.directory.edit("p0", title="By hand", emails=None)
        answer = caller.scim("GET", "/Users/p0")
        assert answer.json()["title"] == "By hand"
        assert "emails" not in answer.json()
        assert answer.headers["ETag"] != before
        caller.sandbox.directory.remove("p1")
        assert caller.scim("GET", "/Users/p1").status_code == 404
        with pytest.raises(KeyError):
            caller.sandbox.directory.profile("p1")


def test_nothing_answers_outside_of_the_scim_root() -> None:
    with _served(1) as caller:
        root = caller.sandbox.scim_url.removesuffix("/scim/v2")
        for path in ("/", "/v2/Users", "/scimX/v2/Users"):
            assert caller.client.get(root + path).status_code == 404


def test_discovery_tells_what_the_server_can_do() -> None:
    with _served(0) as caller:
        told = caller.scim("GET", "/ServiceProviderConfig").json()
        assert told["patch"]["supported"]
        assert {row["name"] for row in caller.scim("GET", "/ResourceTypes").json()["Resources"]} == {"User", "Group"}
        assert caller.scim("GET", "/Schemas").json()["totalResults"] == 3


def test_a_sandbox_leaves_no_socket_and_no_thread_behind() -> None:
    import threading

    before = {thread.ident for thread in threading.enumerate()}
    with running(tenant=small_company()) as sandbox:
        httpx.get(sandbox.scim_url, trust_env=False)
    assert {thread.ident for thread in threading.enumerate()} <= before
    for url in (sandbox.scim_url, sandbox.graph_url):
        with pytest.raises(OSError, match=r"refused|reset"):
            _connect(url)


def _connect(url: str) -> None:
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=5).close()
