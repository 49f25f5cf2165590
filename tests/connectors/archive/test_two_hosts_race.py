"""Two hosts and one target: one frozen between announcement and request, or killed; nothing is announced after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import approved, sealed_run, settings_in
from tests.support.object_stores import ENVIRONMENT, Bucket, moto_served, new_bucket
from trueup.connectors.archive import check_archive, open_archive
from trueup.connectors.archive.places import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.archive.store import Store

ROOT = Path(__file__).resolve().parents[3]
TRIES = 40
GROUPS = 4


class Host:
    """A process with a home and a cache of its own."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def take(self, freeze: int = -1) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"take {GROUPS} {freeze}\n")
        self.child.stdin.flush()

    def said(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline().strip()


@contextmanager
def host(folder: Path, bucket: Bucket, run_id: str, sink: Path) -> Iterator[Host]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.support.host_child", str(folder), bucket.address, bucket.endpoint]
    with subprocess.Popen(
        [*command, run_id, str(sink)],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield Host(child)
        finally:
            child.send_signal(signal.SIGCONT)
            child.kill()


def announced(store: Store) -> list[tuple[str, int]]:
    """Host and group of each announcement in order; a claim is ``("", -1)``."""
    folder = f"journals/{store.list('journals')[0]}"
    found: list[tuple[str, int]] = []
    for name in store.list(folder):
        lines = store.read(f"{folder}/{name}").splitlines()
        said = json.loads(lines[1]) if len(lines) > 1 else {"host": "", "group": -1}
        found.append((str(said["host"]), int(str(said["group"]))))
    return found


@pytest.mark.services
def test_a_frozen_holder_sends_at_most_what_it_had_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    late = 0
    with moto_served() as endpoint, ExitStack() as stack:
        bucket = new_bucket(endpoint)
        settings = settings_in(tmp_path, archive=bucket.section())
        run = approved(archive := open_archive(settings), sealed_run(archive))
        sinks = {name: tmp_path / f"{name}.requests" for name in "ab"}
        hosts = {
            name: stack.enter_context(host(tmp_path / name, bucket, run.run_id, sink)) for name, sink in sinks.items()
        }
        store = place_of(archive.path).shared
        for number in range(TRIES):
            first, second = ("a", "b") if number % 2 else ("b", "a")
            for sink in sinks.values():
                sink.write_text("", encoding="utf-8")
            before = len(announced(store)) if store.list("journals") else 0
            frozen_at = number % GROUPS
            hosts[first].take(frozen_at)
            assert hosts[first].said() == "frozen"
            hosts[second].take()
            assert hosts[second].said() == "done"
            sent = sinks[first].read_text(encoding="utf-8").count("\n")
            hosts[first].child.send_signal(signal.SIGCONT)
            ended = hosts[first].said()
            assert ended.startswith("lost: Another host") if frozen_at < GROUPS - 1 else ended == "done", ended
            more = sinks[first].read_text(encoding="utf-8").count("\n") - sent
            assert more <= 1, "only what that one announcement spoke of"
            late += more

            new = announced(store)[before:]
            mine = [group for who, group in new if who == first]
            assert mine == list(range(frozen_at + 1))
            after_claim = new[new.index(("", -1), 1) :]
            assert [one for one in after_claim if one[0] == first] == [], "nothing announced after the claim"
            assert [group for who, group in after_claim if who == second] == list(range(GROUPS))
        assert late <= TRIES
        assert check_archive(archive.path) == []
