"""What our write lost is put back in a way not known to lose it; what the target may take is not given back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import ENTERPRISE, Directory, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import DEPARTMENT, MANAGER, WORK_MAIL, plan
from trueup.connectors.scim_writer.aftercare import is_at_stake
from trueup.connectors.scim_writer.forms import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

KNOWN: dict[str, Any] = {"forms": {"title": "patch_path"}, "dialect": "patch_path"}
PATH, PUT = BY_NAME["patch_path"], BY_NAME["put"]


def loses_nickname(directory: Directory, **then: Any) -> None:
    """A new title costs the nickname; ``then`` is the trouble of whoever asks for it back."""

    def alter(resource: dict[str, Any]) -> None:
        held = directory.users.get(resource["id"], resource)
        if held.get("title") != resource.get("title"):
            resource.pop("nickName", None)
        elif then and "nickName" not in held and "nickName" in resource:
            raise Trouble(**then)

    directory.manners.alter = alter


def test_what_was_lost_is_not_put_back_in_a_way_that_takes_it_away(tmp_path: Path) -> None:
    """A PATCH without path is harmless to a title, and known to harm what is to come back."""
    with serving(Directory()) as directory:
        loses_nickname(directory)
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old", "nickName": "Ada"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        applied(directory, files, KNOWN | {"harms": {"patch_plain": {"nickname": "takes_away"}}})
        assert [method for method, _ in directory.wrote()] == ["PATCH", "PUT"]
        assert (directory.users["p1"]["title"], directory.users["p1"]["nickName"]) == ("New", "Ada")


def test_what_cannot_be_put_back_is_told_in_the_targets_words(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        loses_nickname(directory, status=403, detail="Nicknames are over.")
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old", "nickName": "Ada"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        result = applied(directory, files)
        assert result.is_partial
        assert result.dialect["also_changed"] == {"nickName": 1}
        assert result.errors == ["The target changed attributes nobody wrote: nickname."]
        row = outcome_of(files)["k1", "restore"]
        assert row["result"] == "failed"
        assert row["reason"].endswith("not put back: nickName (the target answered 403: Nicknames are over.)")


def test_a_manager_that_a_write_cost_somebody_comes_back(tmp_path: Path) -> None:
    """The manager's profile answers under the id it had: the target moved nothing along, it lost the reference."""
    with serving(Directory()) as directory:
        directory.add({"id": "boss", "userName": "boss@x.example"})
        manager = {"manager": {"value": "boss"}}
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old", ENTERPRISE: dict(manager)})

        def loses_manager(resource: dict[str, Any]) -> None:
            if resource["title"] != directory.users["p1"]["title"]:
                del resource[ENTERPRISE]

        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        directory.manners.alter = loses_manager
        assert applied(directory, files, KNOWN).applied == 1
        assert (directory.users["p1"]["title"], directory.users["p1"][ENTERPRISE]) == ("New", manager)
        assert outcome_of(files)["k1", "restore"]["written"] == {MANAGER: "profile:boss"}


@pytest.mark.parametrize("leaves", [True, False])
def test_roles_are_given_back_to_whoever_stays_and_not_to_whoever_is_deactivated(
    tmp_path: Path, *, leaves: bool
) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old", "roles": [{"value": "editor"}]})

        def revoke(resource: dict[str, Any]) -> None:
            held = directory.users["p1"]
            if (held["title"], held["active"]) != (resource["title"], resource["active"]):
                resource.pop("roles", None)

        wish = ("deactivate", {"active": (True, False)}) if leaves else ("update", {"title": ("Old", "New")})
        files = plan(tmp_path / "run", directory, [("k1", wish[0], "p1", wish[1])])
        directory.manners.alter = revoke
        result = applied(directory, files)
        assert (result.applied, result.failed) == (1, 0)
        assert directory.users["p1"].get("roles") == (None if leaves else [{"value": "editor"}])
        assert (("k1", "restore") in outcome_of(files)) is not leaves


@pytest.mark.parametrize(
    ("held", "written", "is_risky"),
    [
        ({"title": "Old"}, "title", True),
        ({"name": {"givenName": "Ada", "familyName": "L"}}, "name.givenName", True),
        ({"name": {"givenName": "Ada"}}, "name.givenName", False),
        ({}, "name.givenName", False),
        ({"emails": [{"type": "work", "value": "a@x.example"}]}, WORK_MAIL, True),
        ({ENTERPRISE: {"department": "Law", "costCenter": "C1"}}, DEPARTMENT, True),
        ({ENTERPRISE: {"department": "Law"}}, DEPARTMENT, False),
    ],
)
def test_a_write_is_watched_for_harm_where_something_stands_beside_it(
    held: dict[str, Any], written: str, is_risky: bool
) -> None:
    assert is_at_stake(PATH, {"id": "p1"} | held, [written]) is is_risky


def test_a_put_is_watched_for_harm_wherever_the_profile_has_anything_else() -> None:
    assert is_at_stake(PUT, {"id": "p1", "title": "Old", "nickName": "Ada"}, ["title"])
    assert not is_at_stake(PUT, {"id": "p1", "title": "Old"}, ["title"])
