"""Plan, apply and erase as processes that are killed at a write to the object store; another host goes on.

The archive lies in a store that two hosts reach, each with a home and a cache of its own. Kills are spread over all
writes of a command, before the write reached the store and after it took place.
"""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import Office
from tests.end_to_end.test_a_leaver_is_erased import night
from tests.end_to_end.test_an_archive_in_a_store import options
from tests.end_to_end.test_decisions_over_nights import company, key, person, profile
from tests.support.archive_runs import TARGET, applied, approved, sealed_run, settings_in
from tests.support.object_stores import ENVIRONMENT, Bucket, Faults, faulty, moto_served, new_bucket
from tests.support.people_in_a_store import ANN, named_in, with_people
from tests.support.warm_commands import PATIENCE, TRUEUP
from trueup.connectors.archive import open_archive
from trueup.connectors.archive.reaching import reached
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.warm_commands import Warm

NAMES = ("ann", "bob", "cara", "dora", "emil", "finn", "gina", "hugo")
KILLS = {"services": 2, "soak": 36}
ERASE = ("erase", "k-ann", "--reason", "request", "--json")
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


def _desk(folder: Path, bucket: Bucket) -> Path:
    """A host that only keeps the archive: nothing is asked of source and target."""
    folder.mkdir()
    (folder / "users.json").write_text("[]", encoding="utf-8")
    text = f'[source]\nkind = "file"\npath = "users.json"\n[target]\nurl = "{TARGET}"\ntoken = "env:T"\n'
    text += f'timeout_seconds = 1\n[archive]\npath = "{bucket.address}"\nlease_seconds = 2\n{options(bucket)}'
    (folder / "trueup.toml").write_text(text, encoding="utf-8")
    return folder


def _erases(folder: Path, faults: Faults, nth: int = 0, *, after: bool = False) -> tuple[int, int]:
    """Erase Ann in a process that dies with its ``nth`` write, or never; how it ended, and how many it sent."""
    writes = 0

    def judge(method: str, _: str) -> str:
        nonlocal writes
        writes += method in WRITES
        return ("dies after" if after else "dies") if method in WRITES and writes == nth else ""

    faults.judge = judge
    with subprocess.Popen([TRUEUP, *ERASE], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        faults.victim = process.pid
        _, said = process.communicate(timeout=PATIENCE)
    faults.judge = lambda _method, _path: ""
    assert b"Traceback" not in said, said
    return process.returncode, writes


def _ended(folder: Path, *words: str) -> int:
    return subprocess.run([TRUEUP, *words], cwd=folder, capture_output=True, check=False, timeout=PATIENCE).returncode


@TRIES
def test_an_erasure_killed_at_a_write_is_not_begun_or_is_finished_by_another_host(
    kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with moto_served() as endpoint, faulty(endpoint) as faults:

        def begun(number: int) -> tuple[Bucket, Path]:
            """An archive in which Ann stands, and a host that reaches it through the proxy."""
            bucket = new_bucket(endpoint)
            seed = tmp_path / f"seed-{number}"
            seed.mkdir()
            archive = open_archive(settings_in(seed, archive=bucket.section()))
            with_people(archive)
            applied(archive, approved(archive, sealed_run(archive, days=30)))
            return bucket, _desk(tmp_path / f"here-{number}", bucket.through(faults.endpoint))

        code, writes = _erases(begun(0)[1], faults)
        assert code == 0
        died = 0
        for number, (nth, after) in enumerate(moments(writes, kills), 1):
            bucket, here = begun(number)
            there = _desk(tmp_path / f"there-{number}", bucket)
            store = reached(settings_in(tmp_path, archive=bucket.section()))
            assert named_in(store, ANN)
            code, _ = _erases(here, faults, nth, after=after)
            died += code == -9
            assert code in {-9, 0}, code
            assert _ended(there, "verify", "--archive") == 0
            assert _ended(there, *ERASE) in {0, 2}, "done now, or found done: then nobody of that name is known"
            assert named_in(store, ANN) == []
            for host in (there, here):
                assert _ended(host, "verify", "--archive") == 0
            runs = open_archive(settings_in(tmp_path / f"seed-{number}", archive=bucket.section())).runs()
            assert [[act.act for act in run.acts].count(Act.ERASED) for run in runs] == [0, 1]
        assert died >= kills - 1, "each was killed in the middle of it"
