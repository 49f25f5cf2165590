"""An archive with a key: what lies on the disk says nothing, and everything that reads an archive reads this one."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.archive_runs import AT, sealed_run, settings_in
from tests.support.at_rest import PEOPLE, a_key, anew, encrypted, in_clear, whole_run
from trueup.connectors.analysis.archive import Archive as Data
from trueup.connectors.archive import add_act, check_archive, open_archive, places, vault
from trueup.connectors.archive.cipher import KEY_FILE, Keys, key_id, new_cipher, unwrapped, wrapped
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.held_to_hashes import held_to_hashes
from trueup.connectors.archive.journal import Journal, read_journal
from trueup.connectors.archive.places import vault_of
from trueup.connectors.archive.retention import prune
from trueup.connectors.archive.rewrapping import at_rest, rewrap
from trueup.connectors.archive.vault import leave
from trueup.flows.commands.review_wish import Progress
from trueup.flows.review_state import keep, kept
from trueup.transforms.duck.parquet import read_table
from trueup.transforms.errors import Failed, Misused, Refused
from trueup.transforms.history import History
from trueup.transforms.private import read_text
from trueup.transforms.vocabulary import Act, Kind


def test_what_lies_on_the_disk_names_nobody_and_is_read_as_it_was_written(tmp_path: Path, key: str) -> None:
    run = whole_run(encrypted(tmp_path))
    assert in_clear(tmp_path) == []
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]
    archive = anew(tmp_path)
    again = archive.load(run.run_id)
    assert (again.state, again.acts[0].who) == ("applied", "Chris")
    assert again.acts[0].details["notes"] == {"k-ann": "Ann asked for it"}
    assert read_table(again.files.decisions)["key"].to_pylist() == ["k-ann", "k-bob"]
    assert read_text(again.files.mapping_sql) == "SELECT 1"
    assert len(list(read_journal(again.files.journal))) == 2
    assert check_archive(archive.path) == []
    said = json.loads((archive.path / run.run_id / KEY_FILE).read_bytes())
    assert (said["run_id"], said["schema_version"], said["key_id"]) == (run.run_id, 3, key_id(base64.b64decode(key)))
    record = again.manifest.files["decisions.parquet"]
    kept = (archive.path / run.run_id / "decisions.parquet").read_bytes()
    assert (len(kept), record.rows) == (record.bytes, 2)
    assert in_clear(tmp_path) == []


def test_views_history_and_sql_read_encrypted_runs_beside_older_plain_ones(tmp_path: Path, key: str) -> None:
    plain = open_archive(settings_in(tmp_path))
    before = whole_run(plain)
    archive = anew(tmp_path)
    after = whole_run(archive, days=1)
    assert [run.run_id for run in archive.runs()] == [after.run_id, before.run_id]
    with Data(archive.path) as data:
        assert data.left_out == ()
        rows = data.connection().sql("SELECT run_id, key FROM decisions ORDER BY ALL").fetchall()
        assert rows == [(run.run_id, one) for run in (before, after) for one in ("k-ann", "k-bob")]
        assert len(data.runs().fetchall()) == 2
        assert {row[1] for row in data.history("ann@contoso.example").fetchall()} == {before.run_id, after.run_id}
        with pytest.raises(Misused, match="encrypted"):
            data.connection().sql(f"FROM '{archive.path / after.run_id / 'decisions.parquet'}'").fetchall()
    assert check_archive(archive.path) == []


def test_a_journal_goes_on_after_a_crash_in_the_middle_of_a_line(tmp_path: Path, key: str) -> None:
    run = sealed_run(encrypted(tmp_path), PEOPLE)

    async def write(*said: str) -> None:
        async with Journal(run.files.journal, sync=False) as journal:
            for one in said:
                await journal.write({"event": "intent", "key": one})

    asyncio.run(write("k-ann", "k-bob"))
    whole = run.files.journal.read_bytes()
    run.files.journal.write_bytes(whole[:-7])
    asyncio.run(write("k-cy"))
    assert [one.get("key") for one in read_journal(run.files.journal)] == ["k-ann", None, "k-cy"]
    assert in_clear(tmp_path) == []
    run.files.journal.write_bytes(whole[:20] + b"AAAA" + whole[24:])
    with pytest.raises(Failed, match="damaged in line 1"):
        list(read_journal(run.files.journal))


@pytest.mark.parametrize("what", ["other name", "other run", "cut short", "key of another run", "plain"])
def test_bytes_that_were_not_written_there_are_refused(tmp_path: Path, key: str, what: str) -> None:
    archive = encrypted(tmp_path)
    one, two = whole_run(archive), whole_run(archive, days=1)
    mine = archive.path / one.run_id
    theirs = archive.path / two.run_id
    if what == "other name":
        (mine / "decisions.parquet").write_bytes((mine / "actual.parquet").read_bytes())
    elif what == "other run":
        (mine / "decisions.parquet").write_bytes((theirs / "decisions.parquet").read_bytes())
    elif what == "cut short":
        (mine / "decisions.parquet").write_bytes((mine / "decisions.parquet").read_bytes()[:-3])
    elif what == "key of another run":
        (mine / KEY_FILE).write_bytes((theirs / KEY_FILE).read_bytes())
    else:
        (mine / "decisions.parquet").write_bytes(b"PAR1")
    archive = anew(tmp_path)
    assert [damage.run_id for damage in check_archive(archive.path)] != []
    with pytest.raises(Refused, match="damaged"):
        read_table(archive.load(one.run_id).files.decisions)


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        ("", Misused, "is not set"),
        ("too short", Misused, "32 bytes in base64"),
        ("A" * 43 + "!", Misused, "32 bytes in base64"),
        (base64.b64encode(b"k" * 31).decode(), Misused, "32 bytes in base64"),
        (base64.b64encode(b"k" * 32).decode(), Failed, "another key"),
    ],
)
def test_a_key_that_is_none_or_another_is_said(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch, value: str, error: type[Exception], says: str
) -> None:
    run = whole_run(encrypted(tmp_path))
    monkeypatch.setenv("ARCHIVE_KEY", value)
    with pytest.raises(error, match=says) as told:
        anew(tmp_path).load(run.run_id)
    assert key not in str(told.value)
    assert not value or value not in str(told.value)


def test_without_the_key_the_sentence_names_its_id(tmp_path: Path, key: str) -> None:
    archive = encrypted(tmp_path)
    run = whole_run(archive)
    places._ELSEWHERE.clear()
    with pytest.raises(Misused, match=key_id(base64.b64decode(key))):
        open_archive(settings_in(tmp_path)).load(run.run_id)


def test_a_keyset_is_opened_by_the_key_that_wrapped_it_and_only_for_its_run(key: str) -> None:
    one, other = Keys(os.urandom(32)), Keys(os.urandom(32))
    made = new_cipher(one, "20261123T010000Z-7f3a")
    kept = wrapped(one, made)
    assert unwrapped(one, made.run_id, kept).keyset == made.keyset
    assert unwrapped(Keys(other.current, one.current), made.run_id, kept).keyset == made.keyset
    with pytest.raises(Failed):
        unwrapped(other, made.run_id, kept)
    with pytest.raises(Refused):
        unwrapped(one, "20261123T010000Z-0000", kept)
    document: dict[str, Any] = json.loads(kept)
    newer = json.dumps(document | {"schema_version": 99}).encode()
    with pytest.raises(Refused, match="format 99"):
        unwrapped(one, made.run_id, newer)
    assert made.decrypt("a", made.encrypt("a", b"x" * 3_000_000)) == b"x" * 3_000_000


def test_a_new_key_wraps_keysets_and_writes_nothing_else(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = encrypted(tmp_path)
    run = whole_run(archive)
    folder = archive.path / run.run_id
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    newer = a_key()
    monkeypatch.setenv("ARCHIVE_KEY", newer)
    monkeypatch.setenv("OLD_KEY", key)
    archive = anew(tmp_path, encryption_key_previous="env:OLD_KEY")
    assert [line.status for line in at_rest(archive.path)] == ["ok", "warning"]
    assert rewrap(archive.path).rewrapped == 1
    assert rewrap(archive.path).rewrapped == 0
    changed = [path.name for path, content in before.items() if path.read_bytes() != content]
    assert changed == [KEY_FILE]
    assert anew(tmp_path).load(run.run_id).state == "applied"
    assert check_archive(archive.path) == []
    monkeypatch.setenv("ARCHIVE_KEY", key)
    with pytest.raises(Failed, match="another key"):
        anew(tmp_path).load(run.run_id)


def test_what_looks_at_files_by_itself_finds_them_as_they_were_sealed(tmp_path: Path, key: str) -> None:
    archive = encrypted(tmp_path)
    older, run = whole_run(archive), whole_run(archive, days=1)
    for one in (older, run):
        keep(archive.path, one, "Chris", Progress(("k-ann",), {"k-ann": "Ann asked"}, "of Ann"))
    assert kept(archive.path, run, "Chris").notes == {"k-ann": "Ann asked"}
    [mine] = (archive.path / ".review").glob(f"{run.run_id}.*")
    mine.write_bytes(mine.read_bytes()[:-9])
    assert kept(archive.path, run, "Chris") == Progress(), "as any other that cannot be read"

    # A plan rests only on what was sealed, wherever it was copied.
    settings, plain = settings_in(tmp_path, archive={"encryption_key": "env:ARCHIVE_KEY"}), tmp_path / "plain"
    copy_archive(settings, str(archive.path), str(plain), move=False, decrypt=True)
    (plain / "closed.json").unlink()
    copy_archive(settings, str(plain), str(tmp_path / "again"), move=False)
    (tmp_path / "again" / "closed.json").unlink()
    for place in (archive.path, plain, tmp_path / "again"):
        there = open_archive(settings_in(tmp_path, archive={"path": str(place)} | settings_key(place, plain))).load(
            run.run_id
        )
        [held] = held_to_hashes(History((there,))).runs
        assert read_table(held.files.decisions).num_rows == len(PEOPLE), place

    # A damaged act hides its own run, and no night for which that does not stand.
    way_back = sealed_run(archive, PEOPLE, days=1, kind=Kind.ROLLBACK)
    act = add_act(way_back, Act.REJECTED, "Chris", at=AT, reason="Ann asked for it")
    path = archive.path / way_back.run_id / "acts" / f"{act.number:03d}-rejected.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with Data(archive.path) as data:
        assert [one.kind for one in data.left_out] == ["damaged"]
        assert len(data.nights) == 2
    path.write_bytes(whole)

    assert [one.files.run_id for one in prune(archive, keep_days=1, who="Chris", at=AT + timedelta(days=9))]
    assert anew(tmp_path).load(older.run_id).is_pruned
    assert not [*(archive.path / ".review").glob(f"{older.run_id}.*")]
    assert check_archive(archive.path) == []
    assert in_clear(archive.path) == []


def settings_key(place: Path, plain: Path) -> dict[str, str]:
    return {} if place == plain else {"encryption_key": "env:ARCHIVE_KEY"}


def test_whoever_may_read_the_archive_and_not_write_its_cache_is_told_to_take_another(tmp_path: Path) -> None:
    cache, before = tmp_path / "cache", os.geteuid()
    cache.mkdir(mode=0o500)
    if before == 0:
        os.seteuid(65534)  # nobody: root may write anywhere
    try:
        with pytest.raises(Failed, match="TRUEUP_ARCHIVE__CACHE"):
            vault.area(cache)
    finally:
        os.seteuid(before)


def test_who_sweeps_takes_no_folder_for_dead_that_is_just_being_made(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    others: list[threading.Thread] = []

    def slowly(number: int, how: int) -> None:
        if Path(f"/proc/self/fd/{number}").readlink().name == "in-use" and not others:
            others.append(threading.Thread(target=vault.area, args=(tmp_path / "cache",)))
            others[0].start()  # as another process would begin between the two calls of this one
            others[0].join(0.5)
        real(number, how)

    monkeypatch.setattr(fcntl, "flock", slowly)
    mine = vault.area(tmp_path / "cache")
    assert mine.is_dir()
    others[0].join(10)
    assert mine.is_dir()


def test_private_files_of_dead_processes_are_swept_and_cannot_be_read(tmp_path: Path, key: str) -> None:
    archive = encrypted(tmp_path)
    left = tmp_path / "data" / "cache" / "open" / "1-dead"
    left.mkdir(parents=True)
    (left / "in-use").touch()
    mine = vault_of(archive.path).opened
    leave()
    assert mine is not None
    assert not mine.exists()
    anew(tmp_path)
    assert not left.exists()
