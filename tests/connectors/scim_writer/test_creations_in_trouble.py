"""Somebody who cannot be created at once: tried so often and no more, adopted once, told in the target's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import Directory, Manners, Trouble, serving
from tests.support.scim_kills import applied, outcome_of
from tests.support.scim_runs import plan
from trueup.connectors.archive.journal import read_journal
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish

ADA: Wish = (
    "k1",
    "create",
    None,
    {"userName": (None, "ada@x.example"), "externalId": (None, "k1"), "nickName": (None, "Ada")},
)


def test_a_creation_the_target_is_too_busy_for_is_given_up_after_four_attempts(tmp_path: Path) -> None:
    def busy(_resource: dict[str, Any]) -> None:
        raise Trouble(503)

    with serving(Directory(Manners(alter=busy))) as directory:
        files = plan(tmp_path / "run", directory, [ADA])
        assert applied(directory, files).failed == 1
        assert outcome_of(files)["k1", "create"]["reason"] == "the target answered 503, 4 times"
        assert directory.wrote() == [("POST", "/Users")] * 4


def test_a_creation_that_arrives_late_is_adopted_as_soon_as_the_second_one_meets_it(tmp_path: Path) -> None:
    """The first request is on its way for so long that it arrives just before the one that repeats it."""
    with serving(Directory()) as directory:
        directory.add({"id": "p0", "userName": "known@x.example"})
        files = plan(tmp_path / "run", directory, [ADA])

        def late(method: str, _path: str, _number: int) -> str | None:
            if method != "POST":
                return None
            if len(directory.wrote()) == 1:
                return "refuse"
            directory.add({"id": "late", "userName": "ada@x.example", "externalId": "k1", "nickName": "Ada"})
            return None

        directory.fault = late
        result = applied(directory, files)
        assert result.created == {"k1": "late"}
        assert sorted(directory.users) == ["late", "p0"]
        last = max(n for n, (method, _) in enumerate(directory.log) if method == "POST")
        by_name_by_id_and_itself = ["/Users", "/Users", "/Users/late"]
        assert [path for _, path in directory.log[last + 1 :]] == by_name_by_id_and_itself


def test_a_new_profile_whose_id_the_target_does_not_tell_is_found_and_not_made_again(tmp_path: Path) -> None:
    with serving(Directory()) as directory:

        def makes_and_says_nothing(resource: dict[str, Any]) -> None:
            directory.users[resource["id"]] = resource
            raise Trouble(202)

        directory.manners.alter = makes_and_says_nothing
        files = plan(tmp_path / "run", directory, [ADA])
        result = applied(directory, files)
        assert result.created == dict.fromkeys(["k1"], *directory.users)
        assert outcome_of(files)["k1", "create"]["found"] == dict.fromkeys(ADA[3], "kept")
        assert directory.wrote() == [("POST", "/Users")]


@pytest.mark.parametrize("stated", [None, 9])
def test_a_list_is_at_its_end_where_a_page_is_refused_after_as_many_as_it_stated_and_not_before(
    tmp_path: Path, stated: int | None
) -> None:
    """Nobody is created while a page that may show them cannot be read."""
    with serving(Directory(Manners(filters="ignored", page=2, past_end="error"))) as directory:
        for n in range(4):
            directory.add({"id": f"p{n}", "userName": f"known{n}@x.example"})
        files = plan(tmp_path / "run", directory, [ADA])
        directory.manners.total = stated
        if stated is None:
            assert applied(directory, files).applied == 1
        else:
            with pytest.raises(Failed, match="cannot be ruled out that a profile exists already"):
                applied(directory, files)
        assert directory.wrote() == [("POST", "/Users")] * (stated is None)


def test_what_was_refused_on_an_earlier_night_holds_up_no_creation(tmp_path: Path) -> None:
    """It is sent by itself, once the profile is there."""
    with serving(Directory(Manners(refuses=frozenset({"nickName"}), put=False))) as directory:
        files = plan(tmp_path / "run", directory, [ADA])
        assert applied(directory, files, {"refuses": ["nickName"]}).applied == 1
        assert directory.wrote()[0] == ("POST", "/Users")
        assert {method for method, _ in directory.wrote()[1:]} == {"PATCH"}
        assert [user["userName"] for user in directory.users.values()] == ["ada@x.example"]


def test_whoever_cannot_be_created_is_told_in_what_the_target_said_to_all_of_it(tmp_path: Path) -> None:
    """What it says to less and less speaks of what was left out."""

    def picky(resource: dict[str, Any]) -> None:
        raise Trouble(400, detail="Ada is no nickname." if "nickName" in resource else "A nickname is missing.")

    with serving(Directory(Manners(alter=picky))) as directory:
        files = plan(tmp_path / "run", directory, [ADA])
        assert applied(directory, files).failed == 1
        assert outcome_of(files)["k1", "create"]["reason"] == "the target answered 400: Ada is no nickname."


@pytest.mark.parametrize("says_no", [True, False])
def test_what_is_refused_of_a_new_profile_is_told_apart_from_what_is_not_kept(tmp_path: Path, *, says_no: bool) -> None:
    nickname = frozenset({"nickName"})
    with serving(Directory(Manners(refuses=nickname) if says_no else Manners(drops=nickname))) as directory:
        files = plan(tmp_path / "run", directory, [ADA])
        result = applied(directory, files)
        assert (result.applied, result.is_partial) == (1, says_no)
        assert [held["externalId"] for held in directory.users.values()] == ["k1"]
        [settled] = [record for record in read_journal(files.journal) if record["event"] == "settled"]
        assert settled.get("refused", []) == (["nickName"] if says_no else [])
        row = outcome_of(files)["k1", "create"]
        assert row["found"]["nickName"] == "not_kept"
        assert row["reason"].startswith("the target did not keep nickName")


@pytest.mark.timeout(30)
def test_of_two_people_with_one_user_name_the_second_finds_the_profile_of_the_first(tmp_path: Path) -> None:
    """The target itself would make two of them: it takes a user name twice."""
    with serving(Directory(Manners(unique=False))) as directory:
        wishes: list[Wish] = [
            (f"k{n}", "create", None, {"userName": (None, name)})
            for n, name in enumerate(("ada@x.example", "Ada@X.example"))
        ]
        files = plan(tmp_path / "run", directory, wishes)
        result = applied(directory, files)
        assert (result.applied, result.skipped) == (1, 1)
        [made] = directory.users
        told = sorted(row["reason"] for row in outcome_of(files).values())
        assert told == ["", f"a profile with this userName or externalId appeared since the snapshot: {made}"]


def test_what_the_target_said_no_to_and_did_all_the_same_is_not_told_as_refused(tmp_path: Path) -> None:
    with serving(Directory()) as directory:

        def says_no(resource: dict[str, Any]) -> None:
            held = directory.users.get(resource["id"])
            if held is not None and resource.get("title") == held.get("title"):
                directory.users[resource["id"]] = resource
                raise Trouble(400, detail="Not this one.")

        directory.manners.alter = says_no
        wanted = {"userName": (None, "ada@x.example"), "nickName": (None, "Ada"), "title": (None, "Boss")}
        files = plan(tmp_path / "run", directory, [("k1", "create", None, wanted)])
        result = applied(directory, files, {"refuses": ["nickName", "title"]})
        [made] = directory.users.values()
        assert (made["nickName"], made["title"]) == ("Ada", "Boss")
        assert outcome_of(files)["k1", "create"]["found"] == dict.fromkeys(wanted, "kept")
        assert not result.is_partial
