"""An apply that goes on after a kill takes up each step as it was begun, and knows what was there before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_kills import applied, killed_after_intent, outcome_of
from tests.support.scim_runs import MANAGER, WORK_MAIL, plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.scim_runs import Wish

KNOWN: dict[str, Any] = {"forms": {MANAGER: "patch_path", "title": "patch_path"}, "dialect": "patch_path"}


def with_managers(directory: Directory, many: int) -> list[Wish]:
    """People whose title and manager change."""
    directory.add({"id": "old", "userName": "old@x.example", "externalId": "ko"})
    directory.add({"id": "boss", "userName": "boss@x.example", "externalId": "kb"})
    people: list[Wish] = []
    for n in range(many):
        extension = {"manager": {"value": "old"}}
        directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}", "title": "Old"})
        directory.users[f"p{n}"][MANAGER.rpartition(":")[0]] = extension
        people.append((f"k{n}", "update", f"p{n}", {"title": ("Old", "New"), MANAGER: ("ko", "kb")}))
    return people


LINKS = {"ko": "old", "kb": "boss"}


@pytest.mark.parametrize("lowers", [False, True])
def test_what_was_sent_together_goes_on_together_though_nothing_is_remembered(tmp_path: Path, *, lowers: bool) -> None:
    def lower(resource: dict[str, Any]) -> None:
        if resource.get("title") == "New":
            resource["title"] = "new"

    with serving(Directory(Manners(alter=lower if lowers else None))) as directory:
        files = plan(tmp_path / "run", directory, with_managers(directory, 1), links=LINKS)
        applied(directory, files, KNOWN)
        killed_after_intent(files, 1)
        sent = len(directory.wrote())
        applied(directory, files)
        row = outcome_of(files)["k0", "update"]
        assert row["result"] == "applied"
        assert row["before"] == {"title": "Old", MANAGER: "ko"}
        assert row["written"] == {"title": "New", MANAGER: "kb"}
        assert len(directory.wrote()) == sent


def forgets(name: str, directory: Directory) -> Callable[[dict[str, Any]], None]:
    """A server that loses ``name`` of whoever gets another title."""

    def alter(resource: dict[str, Any]) -> None:
        if directory.users.get(resource["id"], resource).get("title") != resource.get("title"):
            resource.pop(name, None)

    return alter


def test_what_a_form_held_to_be_harmless_lost_before_a_kill_is_put_back(tmp_path: Path) -> None:
    directory = Directory()
    directory.manners.alter = forgets("nickName", directory)
    with serving(directory):
        ada = {"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old", "nickName": "N"}
        directory.add(ada)
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        known = {"forms": {"title": "patch_path"}, "dialect": "patch_path", "harmless": {"patch_path": ["title"]}}
        applied(directory, files, known)
        killed_after_intent(files, 1)
        del directory.users["p1"]["nickName"]
        applied(directory, files, known)
        assert directory.users["p1"] == ada | {"active": True, "title": "New"}
        assert outcome_of(files)["k1", "restore"]["written"] == {"nickName": "N"}


def test_after_a_kill_what_is_missing_comes_back_and_nothing_somebody_did_gives_way(tmp_path: Path) -> None:
    directory = Directory()
    directory.manners.alter = forgets("nickName", directory)
    mails = [{"type": "work", "value": "a@x.example"}, {"type": "home", "value": "a@home.example"}]
    change = {"title": ("Old", "New"), WORK_MAIL: ("a@x.example", "b@x.example")}
    with serving(directory):
        ada = {"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old", "nickName": "N"}
        directory.add(ada | {"locale": "de", "emails": mails, "name": {"givenName": "Ada", "familyName": "L"}})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", change)])
        applied(directory, files)
        killed_after_intent(files, 1)
        after = directory.users["p1"]
        del after["nickName"]
        by_hand = [
            {"type": "work", "value": "b@x.example"},
            {"type": "home", "value": "edited@home.example"},
            {"type": "other", "value": "added@x.example"},
        ]
        after.update(locale="fr", emails=list(by_hand), name={"givenName": "Augusta"})
        learned = applied(directory, files).dialect
        held = directory.users["p1"]
        assert (held["nickName"], held["locale"], held["title"]) == ("N", "fr", "New")
        assert held["emails"] == by_hand
        assert held["name"] == {"givenName": "Augusta", "familyName": "L"}
        assert learned["harms"] == {}


@pytest.mark.parametrize("lowers", [False, True])
def test_all_that_was_sent_in_one_step_is_known_after_a_kill(tmp_path: Path, *, lowers: bool) -> None:
    """The second of two requests of a step was under way: it, too, is ours, and a way back takes it back."""

    def lower(resource: dict[str, Any]) -> None:
        if lowers and resource.get("nickName") == "MM":
            resource["nickName"] = "mm"

    with serving(Directory(Manners(alter=lower))) as directory:
        ada = {"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old", "nickName": "N"}
        directory.add(ada)
        wanted = {"title": ("Old", "New"), "nickName": ("N", "MM")}
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", wanted)])
        apart = {"refuses": ["nickName"]}
        applied(directory, files, apart)
        killed_after_intent(files, 2)
        applied(directory, files, apart)
        row = outcome_of(files)["k1", "update"]
        assert (row["result"], row["reason"]) == ("applied", "")
        assert row["before"] == {"title": "Old", "nickName": "N"}
        assert row["written"] == {"title": "New", "nickName": "MM"}


@pytest.mark.parametrize(("first", "then"), [(None, KNOWN), (KNOWN, None)])
def test_whoever_failed_and_was_written_later_in_another_way_has_not_failed(
    tmp_path: Path, first: dict[str, Any] | None, then: dict[str, Any] | None
) -> None:
    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, with_managers(directory, 2), links=LINKS)
        directory.fault = lambda _method, path, _number: "refuse" if path.endswith("/p0") else None
        stopped = applied(directory, files, first, concurrency=1, limits={"apply_errors": 0})
        assert stopped.interrupted
        directory.fault = None
        result = applied(directory, files, then)
        assert (result.applied, result.failed, result.is_partial) == (2, 0, False)
        row = outcome_of(files)["k0", "update"]
        assert row["reason"] == ""
        assert row["written"] == {"title": "New", MANAGER: "kb"}


def test_whom_a_deactivation_deleted_before_a_kill_was_active_before_it(tmp_path: Path) -> None:
    with serving(Directory(Manners(deactivated="deletes"))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "externalId": "k1"})
        files = plan(tmp_path / "run", directory, [("k1", "deactivate", "p1", {"active": (True, False)})])
        applied(directory, files)
        killed_after_intent(files, 1)
        result = applied(directory, files)
        assert result.details["deactivation_deletes"] is True
        row = outcome_of(files)["k1", "deactivate"]
        assert (row["result"], row["reason"]) == ("applied", "the target deletes a profile that is deactivated")
        assert (row["before"], row["written"]) == ({"active": True}, {"active": False})


def test_what_was_begun_one_by_one_goes_on_so_though_by_now_it_would_be_sent_together(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        files = plan(tmp_path / "run", directory, with_managers(directory, 1), links=LINKS)
        applied(directory, files)
        killed_after_intent(files, 1)
        sent = len(directory.wrote())
        applied(directory, files, KNOWN)
        row = outcome_of(files)["k0", "update"]
        assert row["result"] == "applied"
        assert (row["before"]["title"], row["written"]["title"]) == ("Old", "New")
        assert len(directory.wrote()) == sent


def test_what_may_have_been_sent_before_a_kill_and_is_refused_after_it_is_not_said_to_be_never_kept(
    tmp_path: Path,
) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        applied(directory, files)
        killed_after_intent(files, 1)
        directory.users["p1"]["title"] = "Old"
        directory.manners.refuses = frozenset({"title"})
        applied(directory, files)
        assert outcome_of(files)["k1", "update"]["found"] == {"title": "moved"}
