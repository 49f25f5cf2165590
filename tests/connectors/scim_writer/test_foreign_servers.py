"""Other people's tester against our sandbox, and our nights against other people's server."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.support.first_night import people, profile_before
from tests.support.scim_nights import Nights, writes
from trueup.sandbox import DirectoryData, running
from trueup.sandbox.serving import serving_wsgi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from wsgiref.types import WSGIApplication

BEFORE = ("old", "left", "stranger")


@pytest.fixture
def sandbox() -> Iterator[httpx2.Client]:
    with running(users=1, directory=DirectoryData()) as sandbox:
        signed_in = {"Authorization": f"Bearer {sandbox.scim_token}"}
        with httpx2.Client(base_url=sandbox.scim_url, headers=signed_in) as client:
            yield client


def test_the_sandbox_directory_has_no_error_in_the_eyes_of_scim2_tester(sandbox: httpx2.Client) -> None:
    """It sends a bare ``application/json``."""
    found = check_server(SyncSCIMClient(sandbox))
    bad = [f"{one.title}: {one.reason}" for one in found if one.status in {Status.ERROR, Status.CRITICAL}]
    assert bad == []
    assert collections.Counter(one.status for one in found)[Status.SUCCESS] > 50


def test_the_sandbox_directory_takes_plain_json(sandbox: httpx2.Client) -> None:
    bare = {"Content-Type": "application/json"}
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@x.example"}
    made = sandbox.post("/Users", json=body, headers=bare)
    assert made.status_code == 201
    operations = [{"op": "replace", "path": "title", "value": "Chief"}]
    patch = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    answer = sandbox.patch(f"/Users/{made.json()['id']}", json=patch, headers=bare)
    assert answer.status_code in {200, 204}
    assert sandbox.get(f"/Users/{made.json()['id']}").json()["title"] == "Chief"
    assert sandbox.post("/Users", content=b"userName=x", headers={"Content-Type": "text/plain"}).status_code >= 400


def test_two_nights_and_a_way_back_on_pytest_scim2_server(tmp_path: Path, scim2_server_app: WSGIApplication) -> None:
    """Served by us: its own fixture leaves the listening socket open."""
    with serving_wsgi(scim2_server_app) as url, httpx2.Client(base_url=url) as client:
        core = "urn:ietf:params:scim:schemas:core:2.0:User"
        ids = {}
        for name in BEFORE:
            body = {"schemas": [core]} | {k: v for k, v in profile_before(name).items() if k != "id"}
            made = client.post("/Users", json=body, headers={"Content-Type": "application/scim+json"})
            assert made.status_code == 201, made.text
            ids[name] = made.json()["id"]

        def held() -> dict[str, object]:
            rows = client.get("/Users", params={"count": "100"}).json()["Resources"]
            return {row["id"]: {k: v for k, v in row.items() if k != "meta"} for row in rows}

        before = held()
        nights = Nights(tmp_path, url, people(odd="odd@x.example"))
        first = nights.night()
        assert first.residual == {}
        assert (first.result.failed, first.result.skipped) == (0, 0)
        assert writes(nights.plan()) == {}
        assert held()[ids["stranger"]] == before[ids["stranger"]]
        nights.users = [one for one in nights.users if one["id"] != "new"]
        back = nights.roll_back(first.run)
        assert back.residual == {}
        after = held()
        assert {one: after[one] for one in before} == before
