"""An archive with a key that is copied, moved, erased from, or kept in a store."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from tests.support.archive_runs import AT, settings_in
from tests.support.at_rest import WORDS, anew, encrypted, in_clear, whole_run
from tests.support.people_in_a_store import erase
from tests.unit.connectors.archive.test_erasing import KEPT
from trueup.connectors.archive import check_archive, erasing, open_archive, places, reading
from trueup.connectors.archive.cipher import KEY_FILE
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.rewrapping import at_rest
from trueup.transforms.duck.parquet import read_table
from trueup.transforms.erasure.person import find
from trueup.transforms.private import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.transforms.run_files import RunFiles


def test_a_copy_in_clear_and_back_is_whole_and_says_the_same(tmp_path: Path, key: str) -> None:
    archive = encrypted(tmp_path)
    run = whole_run(archive)
    settings = settings_in(tmp_path, archive={"encryption_key": "env:ARCHIVE_KEY"})
    plain, again = tmp_path / "plain", tmp_path / "again"
    copy_archive(settings, str(archive.path), str(plain), move=False, decrypt=True)
    places._ELSEWHERE.clear()
    there = open_archive(settings_in(tmp_path, archive={"path": str(plain)}), writable=False)
    found = there.load(run.run_id)
    assert (found.state, found.acts[0].details["notes"]) == ("applied", {"k-ann": "Ann asked for it"})
    assert (plain / run.run_id / "decisions.parquet").read_bytes()[:4] == b"PAR1"
    assert (plain / run.run_id / "mapping.sql").read_text(encoding="utf-8") == "SELECT 1"
    assert not (plain / run.run_id / KEY_FILE).exists()
    assert check_archive(plain) == []
    (plain / "closed.json").unlink()
    copy_archive(settings, str(plain), str(again), move=False)
    places._ELSEWHERE.clear()
    both = {"path": str(again), "encryption_key": "env:ARCHIVE_KEY"}
    back = open_archive(settings_in(tmp_path, archive=both), writable=False)
    assert (back.load(run.run_id).state, check_archive(again)) == ("applied", [])
    assert in_clear(again) == []


def test_runs_from_before_the_key_are_encrypted_when_the_archive_is_moved(tmp_path: Path, key: str) -> None:
    run = whole_run(open_archive(settings_in(tmp_path)))
    settings = settings_in(tmp_path, archive={"encryption_key": "env:ARCHIVE_KEY"})
    [older] = at_rest(encrypted(tmp_path).path)
    assert (older.status, older.text) == ("warning", "1 runs are older than the key and lie in clear.")
    moved = tmp_path / "moved"
    copy_archive(settings, str(tmp_path / "data" / "runs"), str(moved), move=True)
    assert in_clear(moved) == []
    there = anew(tmp_path, path=str(moved))
    assert there.load(run.run_id).state == "applied"
    after = whole_run(there, days=1)
    assert after.manifest.previous_manifest_sha256 is not None
    assert check_archive(moved) == []
    assert [line.status for line in at_rest(moved)] == ["ok"]


def test_a_person_is_erased_from_encrypted_runs(tmp_path: Path, key: str) -> None:
    archive = encrypted(tmp_path)
    run = whole_run(archive)
    person = find(tuple(reading.sealed(archive.path)), ("ann@contoso.example",), erasing.new_number())
    done = erasing.erase(archive, person, reason="request", who="Chris", at=AT, render=anew_rendered)
    assert (done.runs, done.unread) == (1, ())
    archive = anew(tmp_path)
    again = archive.load(run.run_id)
    assert read_table(again.files.decisions)["key"].to_pylist() == ["k-bob"]
    assert read_table(again.files.outcome)["key"].to_pylist() == ["k-bob"]
    assert "k-ann" not in str(again.acts)
    assert check_archive(archive.path) == []
    assert in_clear(tmp_path) == []


def test_an_encrypted_archive_in_a_store_is_read_by_another_host(tmp_path: Path, key: str, bucket: Bucket) -> None:
    section = bucket.section(lease_seconds=2, encryption_key="env:ARCHIVE_KEY")
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    archive = open_archive(settings_in(here, archive=section))
    run = whole_run(archive)
    place = place_of(archive.path)
    assert isinstance(place, RemotePlace)
    kept = {name: place.objects.read(name) for name in place.objects.every()}
    for name, content in kept.items():
        said = json.loads(content).values() if name.startswith("claims/") else ()
        opened = content + b"".join(base64.b64decode(one) for one in said if _is64(one))
        assert not [word for word in WORDS if word in opened], name
    assert in_clear(tmp_path) == []
    places._ELSEWHERE.clear()
    other = open_archive(settings_in(there, archive=section))
    again = other.load(run.run_id)
    assert (again.state, again.acts[0].details["notes"]) == ("applied", {"k-ann": "Ann asked for it"})
    assert read_table(again.files.decisions)["key"].to_pylist() == ["k-ann", "k-bob"]
    assert check_archive(other.path) == []
    whole_run(other, days=1)
    assert check_archive(other.path) == []
    assert in_clear(tmp_path) == []


def _is64(said: object) -> bool:
    try:
        return isinstance(said, str) and bool(base64.b64decode(said, validate=True))
    except ValueError:
        return False


def test_a_person_is_erased_from_runs_of_an_older_format_in_an_encrypted_store(
    tmp_path: Path, key: str, bucket: Bucket
) -> None:
    shutil.copytree(KEPT / "people_in_acts", tmp_path / "kept")
    section = bucket.section(lease_seconds=2, encryption_key="env:ARCHIVE_KEY")
    settings = settings_in(tmp_path, archive=section)
    copy_archive(settings, str(tmp_path / "kept"), bucket.address, move=True)
    archive = open_archive(settings)
    place = place_of(archive.path)
    assert isinstance(place, RemotePlace)
    newest = archive.runs()[0]
    name = f"{newest.run_id}/manifest.json"
    kept_there = place.objects.read(name)
    head = {"fresh": "1", "number": 1, "run_id": newest.run_id, "manifest": kept_there.decode()}
    head["sha256"] = reading.read_manifest(newest.files)[1]
    place.objects.create_if_absent("head", json.dumps(head).encode())
    erase(archive, "k-ann")
    said = json.loads(place.objects.read("head"))
    opened = place.vault.open(name, said["manifest"].encode())
    assert b"k-ann" in place.vault.open(name, kept_there)
    assert b"k-ann" not in opened
    assert hashlib.sha256(opened).hexdigest() == said["sha256"] == reading.read_manifest(newest.files)[1]
    for run in archive.runs():
        for one in place.contents(run.run_id):
            text = place.vault.said(f"{run.run_id}/{one.name}", place.objects.read(f"{run.run_id}/{one.name}"))
            assert b"k-ann" not in text, one.name
    assert check_archive(archive.path) == []
    whole_run(archive, days=60)
    assert check_archive(archive.path) == []


def anew_rendered(files: RunFiles, *_: object) -> None:
    write_text(files.report_md, "# a report")
