"""Two hosts, one target, and a real directory behind: one host stands still between announcement and request, or dies.

Each host has a home and a cache of its own, and what they write of the time is five minutes apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import AT, manifest_of, settings_in
from tests.support.object_stores import ENVIRONMENT, moto_served, new_bucket
from tests.support.scim_runs import plan
from trueup.connectors.archive import check_archive, open_archive, seal
from trueup.connectors.archive.places import place_of
from trueup.sandbox import DirectoryData, Weaknesses, running
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.archive import Archive
    from trueup.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[3]
PEOPLE = 6
APART = 300
"""Seconds between the hosts' clocks."""
WAYS = ("frozen", "woken meanwhile", "killed", "both at once")
TRIES = pytest.mark.parametrize(
    "tries",
    [
        pytest.param(20, marks=pytest.mark.services, id="services"),
        *(pytest.param(100, marks=pytest.mark.soak, id=f"soak {part}") for part in range(5)),
    ],
)
pytestmark = pytest.mark.timeout(3600)


class Host:
    """A process with a home, a cache and a clock of its own; begun anew where it was killed."""

    def __init__(self, folder: Path, sections: dict[str, Any], clock: int) -> None:
        folder.mkdir()
        self._command = [
            sys.executable,
            "-m",
            "tests.support.racing_host",
            str(folder),
            json.dumps(sections),
            f"{clock}",
        ]
        self._environment = {**os.environ, **ENVIRONMENT, "HOME": str(folder)}
        self.begin()

    def begin(self) -> None:
        self.child = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.said() == "ready"

    def apply(self, run_id: str, freeze: int = 0) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{run_id} {freeze}\n")
        self.child.stdin.flush()

    def said(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline().strip()

    def applied(self, run_id: str) -> None:
        """Until it is done: a host that is slower than its lease gives up, and is asked again."""
        said = []
        for _ in range(20):
            self.apply(run_id)
            said.append(self.said())
            if said[-1] == "done":
                return
        raise AssertionError(said)

    def wake(self) -> None:
        self.child.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.child.kill()
        with self.child:
            pass


@dataclass
class Race:
    """The hosts, what they share, and what was counted."""

    hosts: dict[str, Host]
    archive: Archive
    sandbox: Sandbox
    sent_late: int = 0
    """Requests a host sent after it was woken, though another one had taken the target over."""
    took_place: int = 0
    """How many of them the directory carried out."""
    most: int = 0
    largest: int = 0
    """The most requests that one segment announces."""
    seen: int = 0
    holder: str = ""

    def planned(self, number: int) -> str:
        """Everybody gets another title; the run's id."""
        files = self.archive.new_run(Kind.RECONCILE, AT)
        known: Any = SimpleNamespace(
            url=self.sandbox.scim_url,
            users={one["id"]: one for one in self.sandbox.directory.profiles()},
            shown=lambda profile: profile,
        )
        wishes = [
            (f"k-{n}", "update", f"p-{n}", {"title": (_title(number - 1), _title(number))}) for n in range(PEOPLE)
        ]
        plan(files.path, known, wishes)
        seal(files, manifest_of(files, target=self.sandbox.scim_url))
        return files.run_id

    def written(self, since: int) -> list[int]:
        """Answers to the writes the directory was sent since then."""
        return [seen.status for seen in [*self.sandbox.directory.requests][since:] if seen.method != "GET"]

    def count(self, since: int) -> None:
        """Take down what was sent by a host that was woken after another one had ended."""
        late = self.written(since)
        self.sent_late += len(late)
        self.took_place += sum(status < 300 for status in late)
        self.most = max(self.most, len(late))

    def announced(self) -> list[tuple[str, str, int]]:
        """Of the segments in order: who wrote it, for which run (a claim for none), how many requests it announces."""
        store, found = place_of(self.archive.path).shared, list[tuple[str, str, int]]()
        for folder in store.list("journals"):
            for name in store.list(f"journals/{folder}")[self.seen :]:
                head, _, lines = store.read(f"journals/{folder}/{name}").partition(b"\n")
                said = json.loads(head)
                found.append((str(said.get("host", "")), str(said["run"]), lines.count(b'"event":"intent"')))
        return found

    def clocks_apart(self) -> float:
        """By how many seconds the journals of the two hosts are apart, at least."""
        store, times = place_of(self.archive.path).shared, dict[str, set[datetime]]()
        for folder in store.list("journals"):
            for name in store.list(f"journals/{folder}"):
                head, *lines = map(json.loads, store.read(f"journals/{folder}/{name}").splitlines())
                times.setdefault(head.get("host", ""), set()).update(datetime.fromisoformat(one["at"]) for one in lines)
        return (max(times["b"]) - max(times["a"])).total_seconds()

    def look_through(self) -> None:
        """Nobody announces anything after another one's claim; what was looked at is not looked at again."""
        new = self.announced()
        self.seen += len(new)
        for host, run, intents in new:
            if not run:
                self.holder = host
            assert host == self.holder, "announced after another host's claim"
            self.largest = max(self.largest, intents)


def _title(number: int) -> str:
    return f"Title {number}"


@contextmanager
def race(folder: Path, **weaknesses: Any) -> Iterator[Race]:
    profiles = tuple(
        {"id": f"p-{n}", "userName": f"u{n}@x.example", "active": True, "title": _title(0)} for n in range(PEOPLE)
    )
    with (
        moto_served() as endpoint,
        running(users=1, directory=DirectoryData(profiles), weaknesses=Weaknesses(**weaknesses)) as sandbox,
        sandbox.in_environment(),
        ExitStack() as stack,
    ):
        bucket = new_bucket(endpoint)
        target = {"url": sandbox.scim_url, "token": "env:TRUEUP_SCIM_TOKEN", "timeout_seconds": 0.5, "concurrency": 1}
        sections = {"archive": bucket.section(lease_seconds=3), "target": target}
        hosts = {name: Host(folder / name, sections, clock) for name, clock in (("a", 0), ("b", APART))}
        for host in hosts.values():
            stack.callback(host.kill)
        yield Race(hosts, open_archive(settings_in(folder, **sections)), sandbox)


def _try(this: Race, number: int, run_id: str) -> None:
    """One host is broken off, or both begin at once; in the end the run is applied."""
    one, other = (this.hosts[name] for name in ("ab" if number % 2 else "ba"))
    way = WAYS[number // 2 % len(WAYS)]
    if way == "both at once":
        one.apply(run_id)
        other.apply(run_id)
        said = {one.said(), other.said()}
        assert "done" in said or all("taken" in word for word in said), said
        one.applied(run_id)
        return
    one.apply(run_id, 1 + number % 3)
    if (said_first := one.said()) != "frozen":
        assert said_first == "done" or "taken" in said_first, said_first
        one.applied(run_id)
        return
    if way == "killed":
        one.kill()
        other.applied(run_id)
        one.begin()
        return
    if way == "woken meanwhile":
        before = len(this.announced())
        other.apply(run_id)
        while len(this.announced()) == before:
            time.sleep(0.01)  # until it has claimed the target
        one.wake()
        if other.said() != "done":
            other.applied(run_id)
        assert one.said() != "frozen"
        return
    other.applied(run_id)
    since = len(this.sandbox.directory.requests)
    one.wake()
    assert one.said().startswith("lost: Another host")
    this.count(since)


def _is_as_planned(this: Race, number: int, run_id: str) -> None:
    profiles = this.sandbox.directory.profiles()
    assert [one["title"] for one in profiles] == [_title(number)] * PEOPLE
    this.look_through()
    place_of(this.archive.path).look_again()
    assert this.archive.load(run_id).state == "applied"


@TRIES
def test_of_two_hosts_one_writes_each_value_once_and_a_woken_one_is_refused_where_there_are_etags(
    tries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with race(tmp_path) as this:
        for number in range(1, tries + 1):
            run_id = this.planned(number)
            since = len(this.sandbox.directory.requests)
            _try(this, number, run_id)
            _is_as_planned(this, number, run_id)
            assert sum(status < 300 for status in this.written(since)) == PEOPLE, "each once"
        assert this.took_place == 0, "If-Match keeps out what comes late"
        assert this.clocks_apart() > APART / 2, "their clocks were as wrong as they were to be"
        record_property("sent late", (this.sent_late, this.most))
        assert check_archive(this.archive.path) == []


@TRIES
def test_without_etags_a_woken_host_sends_at_most_what_its_one_segment_announced(
    tries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with race(tmp_path, etags="absent") as this:
        for number in range(1, tries + 1):
            run_id = this.planned(number)
            _try(this, number, run_id)
            _is_as_planned(this, number, run_id)
        assert this.most <= this.largest, "only what one announcement spoke of"
        record_property("sent late", (this.sent_late, this.took_place, this.most))
        assert check_archive(this.archive.path) == []
