"""What commands say of a store that is not as it should be, and how they end; nothing is lost by any of it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import TARGET, applied, approved, sealed_run, settings_in
from tests.support.object_stores import Faults, faulty
from tests.support.people_in_a_store import with_people
from tests.unit.connectors.archive.test_archive_disk import room_for
from tests.unit.connectors.archive.test_archive_in_a_store import host, store_of_bucket
from trueup.connectors.archive import copying, object_store, reaching
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.records import rendered, signed
from trueup.flows import screen
from trueup.flows.commands.cli import app
from trueup.flows.commands.ending import run_to_its_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.object_stores import Bucket, Judge


@dataclass
class Desk:
    """A folder with a configuration, and the command line in it."""

    folder: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def configure(self, section: dict[str, Any], more: str = "") -> None:
        options = section.pop("options")
        text = f'[source]\nkind = "file"\npath = "users.json"\n[target]\nurl = "{TARGET}"\ntoken = "env:T"\n[archive]\n'
        text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in section.items()) + more
        text += "[archive.options]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
        (self.folder / "trueup.toml").write_text(text, encoding="utf-8")

    def trueup(self, *words: str) -> tuple[int, str]:
        """How the command ended, and all it said."""
        self.patch.setattr(sys, "argv", ["trueup", *words])
        self.captured.readouterr()
        screen._documents.clear()  # as in a process of its own
        code = run_to_its_end(app)
        said = self.captured.readouterr()
        assert "Traceback" not in said.out + said.err
        return code, " ".join((said.out + said.err).split())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    monkeypatch.setattr(object_store, "_PAUSES", (0.0, 0.0, 0.0, 0.0))
    monkeypatch.setattr(reaching, "_READ_RETRIES", {"max_retries": 0})
    reaching._KNOWN.clear()
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "users.json").write_text("[]", encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(folder, monkeypatch, capsys)


@pytest.fixture
def faults(bucket: Bucket) -> Iterator[Faults]:
    with faulty(bucket.endpoint) as found:
        yield found


def is_whole(desk: Desk, bucket: Bucket, runs: int) -> None:
    desk.configure(bucket.section(cache="another"))
    code, said = desk.trueup("verify", "--archive", "--json")
    assert (code, json.loads(said)) == (0, {"whole": True, "runs": runs, "damages": []})


def test_a_wrong_bucket_and_missing_rights_are_said_and_exit_1(
    desk: Desk, bucket: Bucket, faults: Faults, tmp_path: Path
) -> None:
    here = host(bucket, tmp_path / "a")
    for days in (0, 3):
        applied(here, approved(here, sealed_run(here, days=days)))
    desk.configure(replace(bucket, name="another").section())
    for words in (("runs",), ("approve", "latest")):
        code, said = desk.trueup(*words)
        assert code == 1
        assert "there is no such bucket or container" in said
        assert "correct [archive] path" in said

    puts: Counter[str] = Counter()

    def no_replacing(method: str, path: str) -> str:
        puts[path] += method == "PUT"
        return "403" if method == "PUT" and puts[path] > 1 else ""

    may_not: dict[str, tuple[Judge, tuple[str, ...]]] = {
        "be listed": (lambda method, _: "403" if method == "GET" else "", ("runs",)),
        "be written to": (lambda method, _: "403" if method == "PUT" else "", ("approve", "latest")),
        "be replaced": (no_replacing, ("approve", "latest")),
        "be removed from": (lambda method, _: "denied" if method in {"DELETE", "POST"} else "", ("prune", "--yes")),
    }
    desk.configure(bucket.through(faults.endpoint).section(), "keep_days = 1\n")
    for what, (judge, command) in may_not.items():
        faults.judge = judge
        code, said = desk.trueup(*command)
        assert code == 1, said
        assert f"cannot {what.replace('be replaced', 'be written to')}: the store refuses" in said
        assert "rights to list, read, write and replace objects there, and to delete them for prune and erase" in said
    is_whole(desk, bucket, 2)


def test_a_store_without_conditions_is_refused(desk: Desk, bucket: Bucket, faults: Faults, tmp_path: Path) -> None:
    sealed_run(host(bucket, tmp_path / "a"))
    faults.drops_conditions = True
    desk.configure(bucket.through(faults.endpoint).section())
    code, said = desk.trueup("approve", "latest", "--json")
    assert (code, "store_without_conditions" in said, "If-None-Match" in said) == (3, True, True)
    assert desk.trueup("runs")[0] == 0, "whoever only reads needs none"
    is_whole(desk, bucket, 1)


def test_where_a_bucket_keeps_versions_prune_and_erase_say_what_old_ones_keep(
    desk: Desk, bucket: Bucket, tmp_path: Path
) -> None:
    bucket.keep_versions()
    here = host(bucket, tmp_path / "a")
    with_people(here)
    applied(here, approved(here, sealed_run(here, days=30)))
    desk.configure(bucket.section(), "keep_days = 1\n")
    code, said = desk.trueup("erase", "k-ann", "--reason", "request")
    assert code == 0, said
    assert "old versions of objects where a store keeps them" in said
    for how in ((), ("--json",)):
        code, said = desk.trueup("prune", "--yes", *how)
        assert code == 0, said
        assert "ld versions of objects, where the bucket keeps them, stay until its own lifecycle rule" in said
    is_whole(desk, bucket, 2)


def test_a_copy_a_half_copy_and_what_was_moved_are_closed_and_say_where_work_goes_on(
    desk: Desk, bucket: Bucket, tmp_path: Path
) -> None:
    here = host(bucket, tmp_path / "a")
    sealed_run(here)
    settings = settings_in(tmp_path / "a", archive=bucket.section())
    half, moved = f"{bucket.address}-half", f"{bucket.address}-moved"

    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    with desk.patch.context() as patched:
        patched.setattr(copying, "_refuse_incomplete", dies)
        with pytest.raises(KeyboardInterrupt):
            copy_archive(settings, bucket.address, half, move=False)
    desk.configure({**bucket.section(), "path": half})
    code, said = desk.trueup("approve", "latest")
    assert (code, "is a copy that was not finished, of" in said, bucket.address in said) == (3, True, True)
    assert desk.trueup("archive", "copy", bucket.address, half)[0] == 0, "the same command goes on"
    code, said = desk.trueup("approve", "latest")
    assert (code, "is a copy, for reading only, of" in said) == (3, True)
    assert desk.trueup("archive", "copy", bucket.address, moved, "--move")[0] == 0
    desk.configure(bucket.section())
    code, said = desk.trueup("prune", "--yes")
    assert (code, f"was moved to {moved}" in said) == (3, True)
    for address in (half, moved):
        desk.configure({**bucket.section(), "path": address})
        assert desk.trueup("verify", "--archive")[0] == 0


def test_a_run_of_a_newer_format_is_refused_and_names_what_reads_it(desk: Desk, bucket: Bucket, tmp_path: Path) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"))
    store, key = store_of_bucket(bucket, tmp_path), f"{run.run_id}/manifest.json"
    document = json.loads(store.read(key))
    document |= {"schema_version": 99, "versions": {**document["versions"], "trueup": "9.1"}}
    newer = rendered(signed({name: value for name, value in document.items() if name != "sha256"}))
    store.replace_if_match(key, newer, store.version(key))
    desk.configure(bucket.section())
    for words in (("approve", run.run_id), ("erase", "k-1", "--reason", "request")):
        code, said = desk.trueup(*words, "--json")
        assert (code, "format_newer" in said, "9.1" in said) == (3, True, True), said
    assert store.read(key) == newer


def test_a_full_disk_under_the_cache_is_said_and_what_is_in_the_store_stays(
    desk: Desk, bucket: Bucket, tmp_path: Path
) -> None:
    here = host(bucket, tmp_path / "a")
    applied(here, approved(here, sealed_run(here)))
    for size in (0, 100, 1000, 2000):
        desk.configure(bucket.section(cache=f"full-{size}"))
        with room_for(size):
            code, said = desk.trueup("verify", "--archive")
        assert code == 1, (size, said)
        assert "cache" in said
        assert "disk space" in said
    desk.configure(bucket.section(cache="full-2000"))
    assert desk.trueup("verify", "--archive")[0] == 0, "with room again the same cache does"
