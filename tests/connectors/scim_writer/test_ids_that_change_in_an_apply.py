"""A profile that got another id by our own write stays its person's, and no other profile is taken for it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from tests.support.scim_directory import ENTERPRISE, Directory, Manners, serving
from tests.support.scim_kills import applied, killed_after_intent, outcome_of
from tests.support.scim_runs import brisk, plan, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish


def test_whoever_got_another_id_by_stepping_aside_is_found_when_the_apply_goes_on(tmp_path: Path) -> None:
    with serving(Directory(Manners(ids="written"))) as directory:
        for n in (0, 1):
            directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": f"k{n}"})
        swapped = {f"k{n}": f"u{1 - n}@x.example" for n in (0, 1)}
        wishes: list[Wish] = [
            (f"k{n}", "update", f"p{n}", {"userName": (f"u{n}@x.example", swapped[f"k{n}"])}) for n in (0, 1)
        ]
        files, stop = plan(tmp_path / "run", directory, wishes), threading.Event()

        def stops(method: str, _path: str, _number: int) -> None:
            if method == "PATCH":
                stop.set()

        directory.fault = stops
        work = plan_work(files)
        assert apply_run(settings_for(directory), files, work, stop=stop, pace=brisk()).interrupted
        work.close()
        directory.fault = None
        result = applied(directory, files)
        assert (result.applied, result.skipped, result.failed) == (2, 0, 0)
        assert {held["externalId"]: held["userName"] for held in directory.users.values()} == swapped


def test_whoever_got_another_id_before_a_kill_is_found_by_the_plan_where_the_journal_kept_no_profile(
    tmp_path: Path,
) -> None:
    """Journals of earlier versions did not keep the profile with each write."""
    with serving(Directory(Manners(ids="written"))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old"})
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        applied(directory, files)
        killed_after_intent(files, 1)
        lines = [json.loads(line) for line in files.journal.read_text().splitlines()]
        kept = [{name: said for name, said in line.items() if name != "resource"} for line in lines]
        files.journal.write_text("".join(f"{json.dumps(line)}\n" for line in kept))
        sent = len(directory.wrote())
        assert applied(directory, files).applied == 1
        assert [outcome_of(files)["k1", "update"]["profile_id"]] == list(directory.users)
        assert len(directory.wrote()) == sent


def test_another_profile_with_the_same_externalid_is_not_taken_for_the_one_that_was_lost(tmp_path: Path) -> None:
    """The plan knows the other one, which was there before: whatever it is, our write did not make it."""

    def vanish(resource: dict[str, Any]) -> None:
        if resource.get("title") == "New":
            resource |= {"externalId": "other", "userName": "other@x.example"}

    with serving(Directory(Manners(ids="written", alter=vanish))) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "externalId": "k1", "title": "Old"})
        double = {"id": "p2", "userName": "ada2@x.example", "externalId": "k1", "title": "Old", "active": True}
        directory.add(dict(double))
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])
        assert applied(directory, files).failed == 1
        row = outcome_of(files)["k1", "update"]
        assert row["reason"] == "the profile does not answer since it was written, nor is it found"
        assert row["profile_id"] == "p1"
        assert directory.users["p2"] == double


def test_a_profile_that_got_its_new_id_as_somebody_elses_is_not_taken_for_the_one_that_was_lost(
    tmp_path: Path,
) -> None:
    """Two people bear one externalId; whichever is written second is nowhere to be found afterwards."""

    def second_vanishes(resource: dict[str, Any]) -> None:
        others = [held for held in directory.users.values() if held["id"] != resource["id"]]
        if any(held["title"] == "New" for held in others):
            resource |= {"externalId": "other", "userName": "other@x.example"}

    with serving(Directory(Manners(ids="written"))) as directory:
        wishes: list[Wish] = []
        for n in (0, 1):
            directory.add({"id": f"p{n}", "userName": f"u{n}@x.example", "externalId": "k", "title": "Old"})
            wishes.append((f"k{n}", "update", f"p{n}", {"title": ("Old", "New")}))
        files = plan(tmp_path / "run", directory, wishes)
        directory.manners.alter = second_vanishes
        result = applied(directory, files)
        assert (result.applied, result.failed) == (1, 1)
        followed, lost = sorted(outcome_of(files).values(), key=lambda row: str(row["result"]))
        assert directory.users[followed["profile_id"]]["externalId"] == "k"
        assert lost["reason"] == "the profile does not answer since it was written, nor is it found"
        assert lost["profile_id"] not in directory.users


def test_a_reference_that_moved_along_to_an_id_beside_the_old_one_is_not_put_back(tmp_path: Path) -> None:
    """The manager gets another id while somebody is written; asked by the old one, the profile goes on answering."""
    with serving(Directory()) as directory:
        directory.add({"id": "boss", "userName": "boss@x.example"})
        reference = {ENTERPRISE: {"manager": {"value": "boss"}}}
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Old"} | reference)
        files = plan(tmp_path / "run", directory, [("k1", "update", "p1", {"title": ("Old", "New")})])

        def boss_moves(method: str, _path: str, _number: int) -> None:
            directory.manners.ids = "stay" if method == "PATCH" else "aliased"
            if method == "PATCH" and "boss" in directory.users:
                directory.renumber("boss")

        directory.fault = boss_moves
        assert applied(directory, files, {"forms": {"title": "patch_path"}, "dialect": "patch_path"}).applied == 1
        assert directory.users["p1"][ENTERPRISE]["manager"]["value"] == directory.renamed["boss"]
        assert outcome_of(files).keys() == {("k1", "update")}
