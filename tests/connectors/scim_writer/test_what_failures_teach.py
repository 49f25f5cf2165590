"""A server that fails today has said nothing about an attribute: it goes on being looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import Directory, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import MANAGER, plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish


def test_a_value_that_could_not_be_put_back_for_a_while_is_still_looked_after_for_others(tmp_path: Path) -> None:
    """Writing a title spoils the nickname; the requests that say the first one again fail, and later ones do not."""
    directory = Directory()

    def spoil(resource: dict[str, Any]) -> None:
        if directory.users.get(resource["id"], resource).get("title") != resource.get("title"):
            resource["nickName"] = "spoilt"

    def fail_for_a_while(method: str, _path: str, _number: int) -> str | None:
        return "refuse" if method != "GET" and len(directory.wrote()) in {2, 3, 4} else None

    directory.manners.alter = spoil
    with serving(directory):
        for n in range(4):
            person = {"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}"}
            directory.add(person | {"title": "Old", "nickName": "N"})
        files = plan(
            tmp_path / "run", directory, [(f"k{n}", "update", f"p{n}", {"title": ("Old", "T")}) for n in range(4)]
        )
        directory.fault = fail_for_a_while
        result = applied(directory, files, concurrency=1)
        assert result.dialect["derived"] == []
        rows = outcome_of(files)
        assert [rows[f"k{n}", "restore"]["result"] for n in range(4)] == ["failed", "applied", "applied", "applied"]
        assert [directory.users[f"p{n}"]["nickName"] for n in range(4)] == ["spoilt", "N", "N", "N"]


def test_a_reference_the_target_is_known_to_keep_has_failed_where_it_answers_500(tmp_path: Path) -> None:
    """The references go with the other attributes; that these are taken does not make a refusal of today's trouble."""
    directory = Directory()
    extension = MANAGER.rpartition(":")[0]

    def stumble(resource: dict[str, Any]) -> None:
        held = directory.users.get(resource["id"])
        if held is not None and held.get(extension) != resource.get(extension):
            raise Trouble(500)

    with serving(directory):
        directory.add({"id": "boss", "userName": "boss@x.example", "externalId": "kb"})
        people: list[Wish] = []
        for n in range(3):
            directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}", "title": "Old"})
            people.append((f"k{n}", "update", f"p{n}", {"title": ("Old", "New"), MANAGER: (None, "kb")}))
        directory.manners.alter = stumble
        files = plan(tmp_path / "run", directory, people, links={"kb": "boss"})
        known = {"forms": {MANAGER: "patch_path", "title": "patch_path"}, "dialect": "patch_path"}
        result = applied(directory, files, known)
        assert (result.applied, result.failed) == (0, 3)
        assert result.dialect["refuses"] == []
        row = outcome_of(files)["k0", "update"]
        assert row["found"] == {"title": "kept", MANAGER: "moved"}
        directory.manners.alter = None
        again = applied(
            directory,
            plan(
                tmp_path / "next",
                directory,
                [(key, kind, profile, {MANAGER: changes[MANAGER]}) for key, kind, profile, changes in people],
                links={"kb": "boss"},
            ),
            result.dialect,
        )
        assert (again.applied, again.failed) == (3, 0)


def test_a_value_a_well_server_fails_on_is_refused_though_it_kept_others_like_it_before(tmp_path: Path) -> None:
    """Unlike a reference, which is written alike for everybody."""

    def stumble(resource: dict[str, Any]) -> None:
        if resource["title"] == "New":
            raise Trouble(500)

    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old"})
        wanted = {"title": ("Old", "New"), "nickName": (None, "Ada")}
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", wanted)])
        directory.manners.alter = stumble
        result = applied(directory, files, {"forms": {"title": "patch_path"}, "dialect": "patch_path"})
        assert (result.applied, result.failed, result.is_partial) == (1, 0, True)
        assert result.dialect["refuses"] == ["title"]
        assert outcome_of(files)["k1", "update"]["found"] == {"title": "not_kept", "nickName": "kept"}
