"""A plan that waited while another settled some of its people: what is there counts, anything else of them is left."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from tests.support.scim_directory import ENTERPRISE, Directory, serving
from tests.support.scim_runs import MANAGER, brisk, plan, settings_for
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.approval.since import Since
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.run_files import RunFiles


def applied(
    directory: Directory, files: RunFiles, since: dict[str, Since], stop: threading.Event | None = None
) -> ApplyResult:
    work = plan_work(files)
    try:
        return apply_run(
            settings_for(directory), files, work, stop=stop or threading.Event(), pace=brisk(), since=since
        )
    finally:
        work.close()


def test_what_is_there_counts_as_applied_and_anything_else_of_them_is_skipped_as_stale(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p1", "userName": "ada@x.example", "title": "Head", "active": True})
        directory.add({"id": "p2", "userName": "bob@x.example", "title": "Clerk", "active": True})
        directory.add({"id": "p3", "userName": "cid@x.example", "active": False})
        directory.add({"id": "p4", "userName": "dee@x.example", "active": True})
        directory.add({"id": "p5", "userName": "eve@x.example", "title": "Clerk", "active": True})
        directory.add({"id": "p6", "userName": "new@x.example", "externalId": "k6", "title": "Made", "active": True})
        wishes: list[Wish] = [
            ("k1", "update", "p1", {"title": ("Clerk", "Head")}),  # already there
            ("k2", "update", "p2", {"title": ("Clerk", "Head")}),  # unmoved since the snapshot, and stale all the same
            ("k3", "deactivate", "p3", {"active": (True, False)}),  # already there
            ("k4", "delete", "p4", {}),
            ("k5", "update", "p5", {"title": ("Clerk", "Head"), MANAGER: (None, "k6")}),  # nobody settled this one
            ("k6", "create", None, {"userName": (None, "new@x.example"), "title": (None, "Made")}),  # already made
            ("k7", "create", None, {"userName": (None, "left@x.example"), "title": (None, "Made")}),  # left meanwhile
        ]
        files = plan(tmp_path / "run", directory, wishes)
        profiles = {"k1": "p1", "k2": "p2", "k3": "p3", "k4": "p4", "k6": "p6", "k7": None}
        since = {key: Since("20261123T080000Z-0001", profile) for key, profile in profiles.items()}
        result = applied(directory, files, since)
        told = {record["key"]: (record["operation"], record["result"]) for record in result.records}
        assert told == {
            "k1": ("update", "applied"),
            "k2": ("update", "skipped"),
            "k3": ("deactivate", "applied"),
            "k4": ("delete", "skipped"),
            "k5": ("update", "applied"),
            "k6": ("update", "applied"),
            "k7": ("create", "skipped"),
        }
        reasons = {record["key"]: record["reason"] for record in result.records}
        assert reasons["k1"] == reasons["k3"] == reasons["k6"] == "already so"
        assert all("stale: run 20261123T080000Z-0001" in reasons[key] for key in ("k2", "k4", "k7"))
        assert directory.users["p2"]["title"] == "Clerk"
        assert set(directory.users) == {"p1", "p2", "p3", "p4", "p5", "p6"}
        assert directory.users["p5"]["title"] == "Head"
        rows = {row["key"]: row for row in pq.read_table(files.outcome).to_pylist()}
        assert rows["k6"]["profile_id"] == "p6"
        assert rows["k6"]["written"] == [], "what this run did not make, taking it back must not end"
        assert {path.rsplit("/", 1)[-1] for _, path in directory.wrote()} == {"p5"}


def test_whom_another_plan_deleted_is_not_brought_back_by_undoing_this_one(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        directory.add({"id": "p9", "userName": "u9", "active": True})
        files = plan(tmp_path / "run", directory, [("k9", "delete", "p9", {})])
        directory.users.clear()
        [record] = applied(directory, files, {"k9": Since("20261123T080000Z-0001", "p9")}).records
        assert (record["operation"], record["result"], record["reason"]) == ("update", "applied", "was already gone")


def test_whoever_stepped_aside_before_another_plan_settled_them_keeps_no_passing_value(tmp_path: Path) -> None:
    with serving(Directory()) as directory:
        for n in (0, 1):
            directory.add({"id": f"p{n}", "userName": f"u{n}"})
        wishes: list[Wish] = [(f"k{n}", "update", f"p{n}", {"userName": (f"u{n}", f"u{1 - n}")}) for n in (0, 1)]
        files, stop = plan(tmp_path / "run", directory, wishes), threading.Event()

        def stops(method: str, _path: str, _n: int) -> None:
            if method == "PATCH":
                stop.set()

        directory.fault = stops
        applied(directory, files, {}, stop)
        directory.fault = None
        [aside] = [profile for profile, one in directory.users.items() if one["userName"].startswith("moving-")]
        applied(directory, files, {f"k{aside[1:]}": Since("20261123T080000Z-0001", aside)})
        assert {profile: one["userName"] for profile, one in directory.users.items()} == {"p0": "u1", "p1": "u0"}


def test_a_profile_that_went_to_somebody_else_is_not_written_nor_referred_to_in_the_name_of_whom_it_was_meant_for(
    tmp_path: Path,
) -> None:
    with serving(Directory()) as directory:
        for number in range(1, 6):
            directory.add({"id": f"p{number}", "userName": f"u{number}", "title": "Clerk", "active": True})
        wishes: list[Wish] = [
            ("k1", "update", "p1", {"title": ("Clerk", "Head")}),  # nothing of what it writes has moved
            ("k2", "update", "p2", {"title": ("Boss", "Clerk")}),  # already so, and not theirs all the same
            ("k3", "deactivate", "p3", {"active": (True, False)}),
            ("k4", "delete", "p4", {}),
            ("k5", "update", "p5", {"title": ("Clerk", "Head"), MANAGER: (None, "k1")}),  # k1 has no profile now
        ]
        files = plan(tmp_path / "run", directory, wishes)
        lost = {f"k{n}": Since("20261123T080000Z-0001", None, lost_profile=True) for n in range(1, 5)}
        records = {record["key"]: record for record in applied(directory, files, lost).records}
        assert {key: one["result"] for key, one in records.items()} == dict.fromkeys(records, "skipped")
        assert all("gave this profile to somebody else" in records[f"k{n}"]["reason"] for n in range(1, 5))
        assert "k1 has no profile" in records["k5"]["reason"]
        assert {path.rsplit("/", 1)[-1] for _, path in directory.wrote()} == {"p5"}
        assert directory.users["p5"]["title"] == "Head"
        assert not any("manager" in key.lower() for key in directory.users["p5"])


def test_a_reference_to_somebody_whose_profile_went_to_another_means_the_profile_they_have_instead(
    tmp_path: Path,
) -> None:
    with serving(Directory()) as directory:
        for number in range(1, 4):
            directory.add({"id": f"p{number}", "userName": f"u{number}", "title": "Clerk", "active": True})
        wishes: list[Wish] = [
            ("k1", "update", "p1", {"title": ("Clerk", "Head")}),
            ("k2", "update", "p2", {MANAGER: (None, "k1")}),
        ]
        files = plan(tmp_path / "run", directory, wishes)
        since = {"k1": Since("20261123T080000Z-0001", "p3", lost_profile=True)}
        records = {record["key"]: record["result"] for record in applied(directory, files, since).records}
        assert records == {"k1": "skipped", "k2": "applied"}
        assert directory.users["p2"][ENTERPRISE]["manager"] == {"value": "p3"}
