"""django-scim2, a server built on other people's reading of the RFC: what it can keep arrives, the rest is named."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow.parquet as pq
import pytest

from tests.support.django_people.server import running
from tests.support.plan_world import user
from tests.support.scim_directory import TOKEN, Directory
from tests.support.scim_nights import MANAGER, Nights, writes
from tests.support.scim_runs import brisk, plan, settings_for
from trueup.connectors.scim import examine, snapshot
from trueup.connectors.scim.read_back import verify
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.attributes import ManagedAttribute
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.run_files import RunFiles

MAIL = "emails.value"
PATHS = [ManagedAttribute(path) for path in ("userName", "name.givenName", "name.familyName", MAIL, "title")]


@pytest.fixture
def people(tmp_path: Path) -> Iterator[httpx.Client]:
    with (
        running(str(tmp_path / "people.sqlite")) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}) as client,
    ):
        yield client


def users(people: httpx.Client) -> dict[str, dict[str, Any]]:
    found = people.get("/Users", params={"startIndex": 1, "count": 50}).json()["Resources"]
    return {user["userName"]: user for user in found}


def night(folder: Path, people: httpx.Client, wishes: list[Wish]) -> tuple[RunFiles, ApplyResult]:
    directory = Directory(url=str(people.base_url).rstrip("/"))
    files = plan(folder, directory, wishes)
    snapshot(settings_for(directory), PATHS, [], files, known=None)
    work = plan_work(files)
    result = apply_run(settings_for(directory), files, work, stop=threading.Event(), pace=brisk())
    work.close()
    return files, result


def test_what_it_can_keep_arrives_and_what_it_cannot_is_named(tmp_path: Path, people: httpx.Client) -> None:
    new: list[Wish] = [
        (
            f"k{n}",
            "create",
            None,
            {
                "userName": (None, f"u{n}@x.example"),
                "externalId": (None, f"k{n}"),
                "name.givenName": (None, "Zoë"),
                "name.familyName": (None, f"O'{n}"),
                MAIL: (None, f"u{n}@x.example"),
                "active": (None, True),
                "title": (None, "Head"),
            },
        )
        for n in range(5)
    ]
    files, result = night(tmp_path / "first", people, new)
    assert (result.applied, result.failed, result.skipped) == (5, 0, 0)
    found = users(people)
    assert set(found) == {f"u{n}@x.example" for n in range(5)}
    for n in range(5):
        user = found[f"u{n}@x.example"]
        assert (user["externalId"], user["name"]["givenName"], user["name"]["familyName"]) == (f"k{n}", "Zoë", f"O'{n}")
        assert user["emails"][0]["value"] == f"u{n}@x.example"
    for row in pq.read_table(files.outcome).to_pylist():
        lost = [entry["attribute"] for entry in row["found"] if entry["class"] == "not_kept"]
        assert lost == ["title"]

    ids = {user["externalId"]: user["id"] for user in found.values()}
    later: list[Wish] = [
        ("k0", "update", ids["k0"], {"name.givenName": ("Zoë", "Zoe"), MAIL: ("u0@x.example", "z@x.example")}),
        ("k1", "update", ids["k1"], {"name.familyName": ("O'1", "Sun"), "title": (None, "Head")}),
        ("k2", "deactivate", ids["k2"], {"active": (True, False)}),
        ("k3", "delete", ids["k3"], {}),
    ]
    files, result = night(tmp_path / "second", people, later)
    found = {user["externalId"]: user for user in users(people).values()}
    assert found["k0"]["name"]["givenName"] == "Zoe"
    assert found["k0"]["emails"][0]["value"] == "z@x.example"
    assert found["k1"]["name"]["familyName"] == "Sun"
    assert found["k2"]["active"] is False
    assert "k3" not in found
    assert result.failed == 0
    assert found["k4"] == {**found["k4"], "active": True}
    settings = settings_for(Directory(url=str(people.base_url).rstrip("/")))
    residual = verify(settings, files, into=files.path / "verified-001.parquet").records
    assert [(record["key"], record["attribute"], record["class"]) for record in residual] == [
        ("k1", "title", "not_kept")
    ]
    assert not any(line.status == "fix" for line in examine(settings))


def test_a_name_the_server_makes_of_what_was_written_is_not_put_back(tmp_path: Path, people: httpx.Client) -> None:
    """It makes ``displayName`` and ``name.formatted`` of the family name, and both were to change as well."""
    made: dict[str, tuple[Any, Any]] = {
        "userName": (None, "u@x.example"),
        "name.givenName": (None, "Zoë"),
        "name.familyName": (None, "Before"),
        MAIL: (None, "u@x.example"),
        "active": (None, True),
    }
    night(tmp_path / "first", people, [("k", "create", None, made)])
    profile = users(people)["u@x.example"]
    assert profile["displayName"] == "Zoë Before"
    changes: dict[str, tuple[Any, Any]] = {
        "externalId": (None, "k"),
        "name.familyName": ("Before", "Sun"),
        "displayName": ("Zoë Before", "Zoë Sun"),
    }
    _, result = night(tmp_path / "second", people, [("k", "update", profile["id"], changes)])
    assert [(row["operation"], row["result"]) for row in result.records] == [("update", "applied")]
    assert users(people)["u@x.example"]["displayName"] == "Zoë Sun"


def test_night_after_night_what_it_cannot_keep_is_named_once_and_then_it_is_quiet(
    tmp_path: Path, people: httpx.Client
) -> None:
    staff = [user("boss"), *(user(f"u{n}", manager="boss", nick="N") for n in range(4))]
    nights = Nights(tmp_path, str(people.base_url).rstrip("/"), staff)
    first = nights.night()
    assert (first.result.applied, first.result.failed) == (5, 0)
    assert set(first.residual.values()) == {"not_kept"}
    assert writes(nights.plan()) == {}
    left, moved = staff[2] | {"accountEnabled": False}, staff[3] | {"manager": "u0"}
    nights.users = [staff[0], staff[1] | {"givenName": "Zoe"}, left, moved, staff[4]]
    second = nights.night()
    assert writes(second.planned) == {"u0": "update", "u1": "deactivate", "u2": "update"}
    assert second.result.failed == 0, "it fails on managers, and was seen to keep none before"
    assert second.residual == {("u2", MANAGER): "not_kept"}
    found = users(people)
    assert found["u0@x.example"]["name"]["givenName"] == "Zoe"
    assert found["u1@x.example"]["active"] is False
    assert writes(nights.plan()) == {}
