"""Plan, apply and erase as processes that are killed at a write to the object store; another host goes on.

The archive lies in a store that two hosts reach, each with a home and a cache of its own. Kills are spread over all
writes of a command, before the write reached the store and after it took place.
"""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import Office
from tests.end_to_end.test_a_leaver_is_erased import delete_profile, night
from tests.end_to_end.test_an_archive_in_a_store import options
from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from tests.support.archive_runs import settings_in
from tests.support.object_stores import ENVIRONMENT, Bucket, Faults, faulty, moto_served, new_bucket
from tests.support.people_in_a_store import named_in
from trueup.connectors.archive.reaching import reached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.warm_commands import Warm

NAMES = ("ann", "bob", "cara", "dora", "emil", "finn", "gina", "hugo")
KILLS = {"services": 2, "soak": 36}
WRITES = frozenset({"PUT", "POST", "DELETE"})
TRIES = pytest.mark.parametrize(
    "kills", [pytest.param(number, marks=getattr(pytest.mark, name), id=name) for name, number in KILLS.items()]
)
pytestmark = [pytest.mark.timeout(3600), pytest.mark.xdist_group("killed at a store")]


@dataclass
class Company:
    """Two hosts, and the store between them."""

    office: Office
    bucket: Bucket
    here: Office
    """Whose commands are killed: it reaches the store through the proxy."""
    there: Office
    faults: Faults
    folder: Path

    def killed(self, nth: int, *words: str, after: bool) -> int:
        """Run a command that dies with its ``nth`` write; how it ended."""
        writes = 0

        def judge(method: str, _: str) -> str:
            nonlocal writes
            writes += method in WRITES
            return ("dies after" if after else "dies") if method in WRITES and writes == nth else ""

        def begun(child: int) -> None:
            self.faults.victim = child

        self.faults.judge = judge
        assert self.here.warm is not None
        every = {**os.environ, **self.office.sandbox.environment, **self.here.environment}
        done = self.here.warm.run(words, self.here.folder, every, begun)
        self.faults.judge = lambda _method, _path: ""
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode

    def writes(self, *words: str) -> int:
        """How many writes a command sends to the store, which is let through."""
        before = len(self.faults.seen)
        done = self.here.trueup(*words)
        assert done.code == 0, done.err
        return sum(method in WRITES for method, _ in self.faults.seen[before:])

    def is_whole(self) -> None:
        verified = self.there.trueup("verify", "--archive", "--json")
        assert (verified.code, verified.json["damages"]) == (0, [])

    def titles(self) -> dict[str, Any]:
        people = self.office.everything().values()
        found = {str(one["userName"]).partition("@")[0]: one.get("title") for one in people}
        assert len(found) == len(people), "nobody is there twice"
        return found


@contextmanager
def the_company(folder: Path, warm: Warm, names: tuple[str, ...] = NAMES, **target: int) -> Iterator[Company]:
    people, profiles = [person(name) for name in names], [profile(name) for name in names]
    with (
        company(folder, warm, people, profiles) as office,
        moto_served() as endpoint,
        faulty(endpoint) as faults,
    ):
        bucket = new_bucket(endpoint)
        here = _host(office, "here", bucket.through(faults.endpoint), **target)
        there = _host(office, "there", bucket, **target)
        yield Company(office, bucket, here, there, faults, folder)


def _host(office: Office, name: str, bucket: Bucket, **target: int) -> Office:
    home = office.folder / name
    (home / "home").mkdir(parents=True)
    environment = {**office.environment, **ENVIRONMENT, "HOME": str(home / "home")}
    there = Office(home, office.sandbox, environment, office.warm)
    text = office.sandbox.configuration(bucket.address, more=f"lease_seconds = 1\n{options(bucket)}{_LOOSE}")
    said = "".join(f"{name} = {value}\n" for name, value in {"timeout_seconds": 2, **target}.items())
    there.config.write_text(text.replace("[target]\n", f"[target]\n{said}"), encoding="utf-8")
    return there


_LOOSE = '[limits]\nupdate = "100%"\nchanged = "100%"\ndeactivate = "100%"\nwindow_deactivate = "100%"\n'


def moments(writes: int, kills: int) -> list[tuple[int, bool]]:
    """So many writes, spread over all a command sends, and whether the process dies after it; in no order."""
    every = [(nth, after) for nth in range(1, writes + 1) for after in (False, True)]
    chosen = [every[number * len(every) // kills] for number in range(kills)] if kills < len(every) else every
    chosen += random.choices(every, k=kills - len(chosen))  # noqa: S311 - nothing is kept secret by it
    return random.sample(chosen, len(chosen))


@TRIES
def test_a_plan_killed_at_a_write_never_happened_or_is_whole_and_another_host_plans(
    kills: int, tmp_path: Path, warm: Warm
) -> None:
    with the_company(tmp_path, warm) as one:
        night(one.there)
        died = 0
        for number, (nth, after) in enumerate(moments(one.writes("plan", "--json"), kills)):
            one.office.sandbox.tenant.set(key("ann"), jobTitle=f"Title {number}")
            code = one.killed(nth, "plan", "--json", after=after)
            died += code == -9
            assert code in {-9, 0}, code
            one.is_whole()
            before = {run["run_id"] for run in one.there.trueup("runs", "--json").json}
            plan = night(one.there)
            assert plan["counts"]["update"] == 1
            after_it = {run["run_id"] for run in one.there.trueup("runs", "--json").json}
            assert after_it == before | {plan["run_id"]}, "a run that was sealed stays, one that was not never comes"
            assert one.titles()["ann"] == f"Title {number}"
            one.is_whole()
        assert died >= kills - 1, "each was killed in the middle of it"


@TRIES
def test_an_apply_killed_at_a_write_is_finished_by_another_host_and_each_value_is_written_once(
    kills: int, tmp_path: Path, warm: Warm
) -> None:
    with the_company(tmp_path, warm, concurrency=1) as one:
        tenant, directory = one.office.sandbox.tenant, one.office.sandbox.directory
        night(one.there)

        def approved(number: int) -> Any:
            for name in NAMES:
                tenant.set(key(name), jobTitle=f"Title {number}")
            plan = one.there.plan()
            one.there.accept(plan)
            return plan

        writes = one.writes("apply", approved(0)["run_id"])
        died = 0
        for number, (nth, after) in enumerate(moments(writes, kills), 1):
            plan = approved(number)
            directory.requests.clear()
            code = one.killed(nth, "apply", plan["run_id"], "--json", after=after)
            died += code == -9
            assert code in {-9, 0}, code
            done = one.there.apply(plan)
            assert (done["state"], done["failed"], done["skipped"]) == ("applied", 0, 0)
            assert one.titles() == dict.fromkeys(NAMES, f"Title {number}")
            sent = [seen.path for seen in directory.requests if seen.method != "GET" and seen.status < 300]
            assert sorted(sent) == sorted({*sent}), "nobody was written twice"
            assert len(sent) == len(NAMES), "and nobody never"
            again = one.there.apply(plan)
            assert again["applied"] == 0
            one.is_whole()
        assert died >= kills - 1, "each was killed in the middle of it"


@TRIES
def test_an_erasure_killed_at_a_write_is_not_begun_or_is_finished_by_another_host(
    kills: int, tmp_path: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    leavers = [f"leaver{number:03}" for number in range(kills + 1)]
    with the_company(tmp_path, warm, (*NAMES, *leavers)) as one:
        store = reached(settings_in(tmp_path, archive=one.bucket.section()))
        night(one.there)
        for name in leavers:
            one.office.sandbox.tenant.delete(key(name))
        night(one.there)
        for name in leavers:
            delete_profile(one.office, f"p-{name}")
        assert night(one.there)["outcome"] == "nothing_to_do"
        runs = {run["run_id"]: run["state"] for run in one.there.trueup("runs", "--json").json}

        def words(name: str) -> tuple[str, ...]:
            return key(name), f"{name}@contoso.example", f"p-{name}", f"E-{name}"

        how = ("--reason", "request", "--as", "Data Protection", "--json")
        writes = one.writes("erase", key(leavers[-1]), *how)
        died = 0
        for name, (nth, after) in zip(leavers, moments(writes, kills), strict=False):
            assert named_in(store, words(name)), name
            code = one.killed(nth, "erase", key(name), *how, after=after)
            died += code == -9
            assert code in {-9, 0}, code
            one.is_whole()
            finished = one.there.trueup("erase", key(name), *how)
            assert finished.code in {0, 2}, finished.err
            assert named_in(store, words(name)) == []
            one.is_whole()
            assert {run["run_id"]: run["state"] for run in one.there.trueup("runs", "--json").json} == runs
        assert died >= kills - 1, "each was killed in the middle of it"
        assert one.titles() == dict.fromkeys(NAMES, "Engineer")
        assert night(one.there)["outcome"] == "nothing_to_do"
