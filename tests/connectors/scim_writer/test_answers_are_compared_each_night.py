"""The body of an answer stands for reading back only once it was compared, for this kind of request, in this apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.scim_runs import Wish


def ignores_new_titles(directory: Directory) -> Callable[[dict[str, Any]], None]:
    """Takes a title with a POST, and never another; its answers say what was sent."""

    def alter(resource: dict[str, Any]) -> None:
        held = directory.users.get(resource["id"])
        if held is not None:
            resource["title"] = held["title"]

    return alter


def create(key: str) -> Wish:
    return (
        key,
        "create",
        None,
        {"userName": (None, f"{key}@x.example"), "externalId": (None, key), "title": (None, "Old")},
    )


@pytest.mark.parametrize("newcomer", [False, True])
def test_answers_to_creations_say_nothing_of_answers_to_changes(tmp_path: Path, *, newcomer: bool) -> None:
    directory = Directory(Manners(echo=True))
    directory.manners.alter = ignores_new_titles(directory)
    with serving(directory):
        first = applied(directory, plan(tmp_path / "1", directory, [create(f"k{n}") for n in range(4)]))
        assert first.dialect["answers_true"] == []
        assert first.dialect["creations_true"] == ["externalId", "title", "userName"]
        wishes: list[Wish] = [(k, "update", p, {"title": ("Old", "New")}) for k, p in first.created.items()]
        files = plan(tmp_path / "2", directory, [*wishes, *([create("k9")] if newcomer else [])])
        second = applied(directory, files, first.dialect)
        assert {outcome_of(files)[f"k{n}", "update"]["found"]["title"] for n in range(4)} == {"not_kept"}
        assert second.dialect["creations_true"] == first.dialect["creations_true"]


def test_what_an_earlier_night_believed_is_compared_again_for_each_attribute(tmp_path: Path) -> None:
    directory = Directory(Manners(echo=True))
    with serving(directory):
        for n in range(5):
            person = {"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}"}
            directory.add(person | {"title": "Old", "nickName": "N"})
        both = {"title": ("Old", "T1"), "nickName": ("N", "N1")}
        first = applied(
            directory, plan(tmp_path / "1", directory, [(f"k{n}", "update", f"p{n}", both) for n in range(5)])
        )
        assert first.dialect["answers_true"] == ["nickName", "title"]
        directory.manners.alter = ignores_new_titles(directory)
        truthful: Wish = ("k0", "update", "p0", {"nickName": ("N1", "N2")})
        untrue: list[Wish] = [(f"k{n}", "update", f"p{n}", {"title": ("T1", "T2")}) for n in range(1, 5)]
        files = plan(tmp_path / "2", directory, [truthful, *untrue])
        second = applied(directory, files, first.dialect, concurrency=1)
        rows = outcome_of(files)
        assert {rows[f"k{n}", "update"]["found"]["title"] for n in range(1, 5)} == {"not_kept"}
        assert second.dialect["answers_true"] == ["nickName"]


def test_one_deactivated_profile_of_each_night_is_looked_at(tmp_path: Path) -> None:
    """Deactivations deleted nobody for many nights, and do tonight: nobody is said to be there who is gone."""
    directory = Directory(Manners(echo=True))
    known = {"survived": 3, "deactivation": "survives", "answers_true": ["active"], "forms": {"active": "patch_path"}}
    with serving(directory):
        for n in range(4):
            directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}"})
        wishes: list[Wish] = [(f"k{n}", "deactivate", f"p{n}", {"active": (True, False)}) for n in range(4)]
        files = plan(tmp_path / "1", directory, wishes)
        directory.manners.deactivated = "deletes"
        result = applied(directory, files, known | {"dialect": "patch_path"}, concurrency=1)
        assert result.dialect["deactivation_deletes"]
        assert outcome_of(files)["k0", "deactivate"]["reason"] == "the target deletes a profile that is deactivated"
