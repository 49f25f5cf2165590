"""An apply that was broken off and given up is taken back all the same: by its journal, and a look at each profile."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.first_night import profile_before
from tests.support.plan_world import user
from tests.support.scim_directory import Directory, Manners, serving
from tests.support.scim_nights import Nights, writes
from tests.support.scim_runs import brisk
from trueup.connectors.outcome import of_broken_off
from trueup.connectors.scim_writer.applying import apply_run
from trueup.transforms.errors import Refused
from trueup.transforms.manifest import ActRecord
from trueup.transforms.vocabulary import Act
from trueup.transforms.work import plan_work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.plan_world import Planned
    from trueup.transforms.history import PriorRun

KEYS = ("ann", "bea", *(f"p{number:02}" for number in range(10)))


@pytest.fixture
def directory() -> Iterator[Directory]:
    with serving(Directory(Manners())) as directory:
        for key in KEYS:
            directory.add(profile_before(key))
        yield directory


def titles(directory: Directory) -> dict[str, Any]:
    return {str(held["externalId"]): held.get("title") for held in directory.users.values() if held["active"]}


def given_up(nights: Nights, planned: Planned) -> PriorRun:
    """The run, interrupted and rejected."""
    acts = (
        ActRecord(act=act, number=number, at=nights.world.at, who="ann", previous_sha256="")
        for number, act in enumerate((Act.INTERRUPTED, Act.REJECTED), start=1)
    )
    return nights.world.seal(planned, acts=acts)


def broken_off(nights: Nights, directory: Directory, *, after: int) -> Planned:
    """Everybody becomes a head, one is new; stopped once ``after`` writes were sent."""
    for one in nights.users:
        one["jobTitle"] = "Head"
    nights.users.append(user("new"))
    planned, stop, sent = nights.plan(), threading.Event(), len(directory.wrote())
    directory.fault = lambda *_: stop.set() if len(directory.wrote()) - sent >= after else None
    work = plan_work(planned.files)
    try:
        result = apply_run(nights.world.settings, planned.files, work, stop=stop, pace=brisk())
    finally:
        work.close()
    directory.fault = None
    assert result.interrupted
    assert not planned.files.outcome.exists()
    return planned


def test_what_was_written_until_then_is_taken_back_and_whoever_was_created_ends(
    tmp_path: Path, directory: Directory
) -> None:
    nights = Nights(tmp_path, directory.url, [user(key) for key in KEYS], target={"concurrency": 1})
    nights.night()
    before = titles(directory)
    run = given_up(nights, broken_off(nights, directory, after=2))
    there = titles(directory)
    assert "new" in there
    assert sum(title == "Head" for key, title in there.items() if key != "new") > 0
    with pytest.raises(Refused, match="was never applied"):
        nights.roll_back(run)
    nights.world.night += 1
    nights.users = [one | {"jobTitle": "Clerk"} for one in nights.users if one["id"] != "new"]
    aside = tmp_path / "aside"
    aside.mkdir()
    told = of_broken_off(nights.world.runs, aside)
    assert set(told) == {run.run_id}
    back = nights.roll_back(run, broken_off=told)
    assert back.residual == {}
    assert titles(directory) == before
    assert writes(nights.plan()) == {}


def test_what_was_sent_and_never_answered_is_taken_back_where_it_was_carried_out(
    tmp_path: Path, directory: Directory
) -> None:
    nights = Nights(tmp_path, directory.url, [user(key) for key in KEYS])
    nights.night()
    before = titles(directory)
    nights.users[0]["jobTitle"] = nights.users[1]["jobTitle"] = "Head"
    planned = nights.plan()
    killed = nights.apply(planned)
    journal = planned.files.journal
    lines = journal.read_bytes().splitlines(keepends=True)
    settled = [n for n, line in enumerate(lines) if json.loads(line)["event"] == "settled"]
    journal.write_bytes(b"".join(line for n, line in enumerate(lines) if n not in settled))
    for path in (planned.files.outcome, planned.files.target_after):
        path.unlink()
    nights.world.runs.remove(killed.run)
    ann = next(held for held in directory.users.values() if held["externalId"] == "ann")
    ann["title"] = "Clerk"  # as if hers had never arrived
    nights.world.night -= 1
    run = given_up(nights, planned)
    aside = tmp_path / "aside"
    aside.mkdir()
    back = nights.roll_back(run, broken_off=of_broken_off(nights.world.runs, aside))
    assert [row["key"] for row in back.result.records] == ["bea"]
    assert titles(directory) == before
