"""An apply killed at any moment, on a directory that loses answers, ends as planned when it is applied again."""

from __future__ import annotations

import json
import multiprocessing
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support import scim_apply_child
from tests.support.scim_directory import ENTERPRISE, Directory, Manners, serving
from tests.support.scim_runs import MANAGER, brisk, plan, settings_for
from trueup.connectors.archive.journal import read_journal
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.scim_runs import Wish
    from trueup.transforms.run_files import RunFiles

CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["tests.support.scim_apply_child", "trueup.connectors.scim_writer.sender"])
PEOPLE = 24
FAULTS = ("lost", "500", "refuse", "429 0")
FILTERS = ("good", "ignored", "empty", "case")


def world(directory: Directory, chance: random.Random) -> list[Wish]:
    """People of every kind, a circle of user names and managers who are created in the same run."""
    wishes: list[Wish] = []
    for number in range(PEOPLE):
        kind = ("create", "update", "deactivate", "delete", "reactivate", "swap")[number % 6]
        key, name = f"k{number:02}", f"u{number}@x.example"
        boss = f"k{chance.randrange(PEOPLE // 6) * 6:02}"
        if kind == "create":
            wishes.append(
                (
                    key,
                    kind,
                    None,
                    {
                        "userName": (None, name),
                        "externalId": (None, key),
                        "active": (None, True),
                        "title": (None, "New"),
                        MANAGER: (None, boss),
                    },
                )
            )
            continue
        profile = directory.add(
            {"id": f"p{number:02}", "userName": name, "title": "Old", "externalId": key, "active": kind != "reactivate"}
        )
        if kind == "update":
            wishes.append((key, kind, profile, {"title": ("Old", "New"), MANAGER: (None, boss)}))
        elif kind == "deactivate":
            wishes.append((key, kind, profile, {"active": (True, False)}))
        elif kind == "delete":
            wishes.append((key, kind, profile, {}))
        elif kind == "reactivate":
            wishes.append((key, kind, profile, {"active": (False, True), "title": ("Old", "New")}))
        else:
            after = f"u{(number + 6 - 1) % PEOPLE // 6 * 6 + 5}@x.example"
            wishes.append((key, "update", profile, {"userName": (name, after)}))
    return wishes


def is_as_planned(directory: Directory, wishes: list[Wish]) -> None:
    users = list(directory.users.values())
    by_key: dict[str, list[dict[str, Any]]] = {}
    for user in users:
        by_key.setdefault(str(user.get("externalId")), []).append(user)
    assert all(len(found) == 1 for found in by_key.values()), "a profile is doubled"
    for key, decision, _, changes in wishes:
        if decision == "delete":
            assert key not in by_key
            continue
        user = by_key[key][0]
        for attribute, (_, after) in changes.items():
            if attribute == MANAGER:
                assert user[ENTERPRISE]["manager"]["value"] == by_key[after][0]["id"], (key, attribute)
            else:
                assert user[attribute] == after, (key, attribute)
    assert len(users) == sum(decision != "delete" for _, decision, _, _ in wishes), "a profile is lost"


def journal_agrees(files: RunFiles, wishes: list[Wish]) -> None:
    numbers = [record["n"] for record in read_journal(files.journal)]
    assert numbers == sorted(set(numbers))
    rows = {row["key"]: row for row in pq.read_table(files.outcome).to_pylist()}
    assert {key: row["result"] for key, row in rows.items()} == {key: "applied" for key, *_ in wishes}
    for key, _, _, changes in wishes:
        before = {entry["attribute"]: entry["value"] for entry in rows[key]["before"]}
        for attribute, (was, _) in changes.items():
            if attribute in before:
                assert before[attribute] == (None if was is None else json.dumps(was)), (key, attribute)


def killed_and_resumed(folder: Path, seed: int) -> int:
    """One run under one seed; returns how often it was killed."""
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated, no secret
    directory = Directory(
        Manners(
            latency=0.004,
            unique=chance.random() < 0.5,
            filters=chance.choice(FILTERS),
            etags=chance.random() < 0.3,
            body=chance.random() < 0.7,
        )
    )
    with serving(directory):
        wishes = world(directory, chance)
        files = plan(folder / f"run{seed}", directory, wishes)
        faults = {number: chance.choice(FAULTS) for number in range(1000) if chance.random() < 0.06}
        directory.fault = lambda method, _, number: faults.get(number) if method != "GET" else None
        killed = 0
        for _ in range(chance.choice((1, 2, 3))):
            killed += child_killed(files, directory, after=chance.uniform(0.0, 0.35))
        directory.fault = None
        time.sleep(0.02)
        work = plan_work(files)
        result = apply_run(settings_for(directory), files, work, stop=threading.Event(), pace=brisk())
        work.close()
        assert not result.interrupted
        is_as_planned(directory, wishes)
        journal_agrees(files, wishes)
    return killed


def child_killed(files: RunFiles, directory: Directory, *, after: float) -> bool:
    """Apply in a process of its own and kill it ``after`` its first request; whether it was still at it."""
    child = CHILDREN.Process(target=scim_apply_child.main, args=(str(files.path), directory.url), daemon=True)
    before = len(directory.log)
    child.start()
    deadline = time.monotonic() + 60
    while len(directory.log) == before and time.monotonic() < deadline and child.is_alive():
        time.sleep(0.002)
    time.sleep(after)
    was_running = child.is_alive()
    child.kill()
    child.join()
    child.close()
    return was_running


@pytest.mark.parametrize("seed", range(20))
def test_a_killed_apply_ends_as_planned_when_applied_again(tmp_path: Path, seed: int) -> None:
    killed_and_resumed(tmp_path, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_two_hundred_killed_applies_end_as_planned(
    tmp_path: Path, seed: int, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property("kills", killed_and_resumed(tmp_path, seed))
