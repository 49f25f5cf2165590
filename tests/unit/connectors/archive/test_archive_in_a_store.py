"""An archive in an object store: the same runs, seals and acts, and two hosts that never fork them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import AT, TARGET, applied, approved, begin_journal, sealed_run, settings_in
from tests.support.object_stores import IN_EVERY_STORE, one_of_two_wins
from tests.support.people_in_a_store import every_object, place_in
from trueup.connectors.archive import (
    add_act,
    apply_lock,
    check_archive,
    check_run,
    open_archive,
    refuse_damaged,
    segments,
)
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.object_store import ObjectStore
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.reaching import reached, refuse_without_conditions
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.retention import prune
from trueup.connectors.archive.views import history_of
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.connectors.archive import Archive


def store_of_bucket(bucket: Bucket, folder: Path) -> ObjectStore:
    return reached(settings_in(folder, archive=bucket.section()))


def host(bucket: Bucket, folder: Path, *, writable: bool = True) -> Archive:
    """The archive as a host with a cache of its own sees it now."""
    folder.mkdir(exist_ok=True)
    return open_archive(settings_in(folder, archive=bucket.section(lease_seconds=2)), writable=writable)


@IN_EVERY_STORE
def test_of_two_who_replace_what_they_saw_one_wins_200_times(bucket: Bucket, tmp_path: Path) -> None:
    store = store_of_bucket(bucket, tmp_path)
    one_of_two_wins(store, 200)


@IN_EVERY_STORE
def test_a_store_that_keeps_two_writers_apart_is_fit(bucket: Bucket, tmp_path: Path) -> None:
    store = store_of_bucket(bucket, tmp_path)
    refuse_without_conditions(store)
    refuse_without_conditions(store)
    assert store.list() == ["probe"], "one object, however often it is tried"
    with pytest.raises(FileExistsError):
        store.create_if_absent("probe", b"again")


@IN_EVERY_STORE
def test_another_host_sees_the_same_runs_files_and_acts(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    first = applied(here, approved(here, sealed_run(here)))
    second = sealed_run(here, days=1)

    there = host(bucket, tmp_path / "b", writable=False)
    assert [run.run_id for run in there.runs()] == [second.run_id, first.run_id]
    seen = there.load(first.run_id)
    assert (seen.state, seen.acts, seen.manifest) == ("applied", first.acts, first.manifest)
    raw = seen.files.path
    assert not (raw / "decisions.parquet").exists(), "data comes when it is used"
    assert pq.read_table(seen.files.decisions).to_pylist() == pq.read_table(first.files.decisions).to_pylist()
    assert (raw / "decisions.parquet").stat().st_mode & 0o777 == 0o600
    assert check_run(seen) == []
    assert check_archive(there.path) == []
    assert {row["run_id"] for row in history_of(there, "k-1")} == {first.run_id, second.run_id}


def test_a_run_begun_by_two_hosts_in_one_second_is_one_chain(bucket: Bucket, tmp_path: Path) -> None:
    hosts = [host(bucket, tmp_path / name) for name in "abcd"]
    targets = [f"https://directory-{number}.example/scim" for number in range(4)]

    def seal_some(number: int) -> list[str]:
        return [sealed_run(hosts[number], days=day, target=targets[number]).run_id for day in range(3)]

    with ThreadPoolExecutor(4) as several:
        sealed = [run_id for some in several.map(seal_some, range(4)) for run_id in some]
    archive = host(bucket, tmp_path / "e")
    assert sorted(sealed) == sorted(run.run_id for run in archive.runs())
    assert check_archive(archive.path) == []


def test_a_bucket_with_versioning_does_as_well(bucket: Bucket, tmp_path: Path) -> None:
    bucket.keep_versions()
    refuse_without_conditions(store_of_bucket(bucket, tmp_path))
    here = host(bucket, tmp_path / "a")
    run = approved(here, sealed_run(here))
    there = host(bucket, tmp_path / "b")
    assert there.load(run.run_id).files.decisions.exists()
    sealed_run(there, days=1)
    assert check_archive(host(bucket, tmp_path / "a").path) == []


@IN_EVERY_STORE
def test_a_copy_is_for_reading_and_what_was_moved_is_closed(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    run = applied(here, approved(here, sealed_run(here)))
    settings = settings_in(tmp_path / "a", archive=bucket.section())
    done = copy_archive(settings, bucket.address, str(tmp_path / "copy"), move=False)
    assert done.runs == 1
    copied = settings_in(tmp_path, archive={"path": str(tmp_path / "copy")})
    seen = open_archive(copied, writable=False)
    assert check_archive(seen.path) == []
    assert seen.load(run.run_id).acts == run.acts
    assert (seen.path / run.run_id / "decisions.parquet").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="is a copy, for reading only"):
        open_archive(copied)
    with pytest.raises(Refused, match="another archive already"):
        copy_archive(settings, bucket.address, str(here.path), move=False)

    moved = f"{bucket.address}-moved"
    copy_archive(settings, bucket.address, moved, move=True)
    with pytest.raises(Refused, match="was moved to"):
        host(bucket, tmp_path / "b")
    there = open_archive(settings_in(tmp_path / "a", archive={**bucket.section(), "path": moved}))
    add_act(there.load(run.run_id), Act.VERIFIED, "ann", at=AT)
    sealed_run(there, days=1)
    assert check_archive(there.path) == []


def test_acts_of_two_hosts_get_different_numbers(bucket: Bucket, tmp_path: Path) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"))
    runs = [host(bucket, tmp_path / name).load(run.run_id) for name in "abcd"]

    def approve(number: int) -> int:
        return add_act(runs[number], Act.APPROVED, f"person {number}", at=AT, fingerprint="f").number

    with ThreadPoolExecutor(4) as several:
        assert sorted(several.map(approve, range(4))) == [1, 2, 3, 4]
    archive = host(bucket, tmp_path / "e")
    assert len(archive.load(run.run_id).acts) == 4
    assert check_archive(archive.path) == []


def test_no_approval_comes_after_a_rejection_by_another_host(bucket: Bucket, tmp_path: Path) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"))
    other = host(bucket, tmp_path / "b").load(run.run_id)
    add_act(run, Act.REJECTED, "ann", at=AT)
    with pytest.raises(Refused, match="was rejected while it was being approved"):
        add_act(other, Act.APPROVED, "bob", at=AT, fingerprint="f")


@IN_EVERY_STORE
def test_a_manifest_whose_writer_died_after_the_head_is_put_in_its_place(bucket: Bucket, tmp_path: Path) -> None:
    archive = host(bucket, tmp_path / "a")
    first, second = sealed_run(archive), sealed_run(archive, days=1)
    add_act(second, Act.APPROVED, "ann", at=AT, fingerprint="f")
    store = store_of_bucket(bucket, tmp_path)
    manifest, act = f"{second.run_id}/manifest.json", f"{second.run_id}/acts/001-approved.json"
    before = store.read(manifest), store.read(act)
    store.remove([manifest, act])

    there = host(bucket, tmp_path / "b")
    assert [run.run_id for run in there.runs()] == [second.run_id, first.run_id]
    assert (store.read(manifest), store.read(act)) == before
    third = sealed_run(there, days=2)
    assert check_archive(host(bucket, tmp_path / "c").path) == []
    assert third.manifest.previous_manifest_sha256 is not None


def test_what_was_changed_in_the_store_is_damage_and_is_not_used(bucket: Bucket, tmp_path: Path) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"))
    store = store_of_bucket(bucket, tmp_path)
    key = f"{run.run_id}/decisions.parquet"
    store.replace_if_match(key, store.read(f"{run.run_id}/changes.parquet"), store.version(key))
    for name in "ab":  # the host that made it has its own copy, which is not what the archive is
        seen = host(bucket, tmp_path / name).load(run.run_id)
        with pytest.raises(Refused, match="decisions.parquet"):
            refuse_damaged(seen)
        assert [damage.file for damage in check_run(seen)] == ["decisions.parquet"]
    store.remove([f"{run.run_id}/desired.parquet"])
    store.create_if_absent(f"{run.run_id}/stray.parquet", b"whose")
    archive = host(bucket, tmp_path / "a")
    assert [(d.file, d.kind) for d in check_archive(archive.path)] == [
        ("decisions.parquet", "changed"),
        ("desired.parquet", "missing"),
        ("stray.parquet", "unknown"),
    ]


def test_a_changed_file_of_the_cache_is_brought_anew(bucket: Bucket, tmp_path: Path) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"))
    there = host(bucket, tmp_path / "b").load(run.run_id)
    right = there.files.decisions.read_bytes()
    for path in (there.files.path / "decisions.parquet", there.files.manifest):
        path.write_bytes(b"something else")
    place = place_of(there.files.path.parent)
    assert isinstance(place, RemotePlace)
    place.mirror._checked.clear()  # as for another process
    again = host(bucket, tmp_path / "b").load(run.run_id)
    assert again.files.decisions.read_bytes() == right
    assert again.manifest == run.manifest


@IN_EVERY_STORE
def test_prune_removes_from_the_store_and_from_every_cache(bucket: Bucket, tmp_path: Path) -> None:
    here, there = host(bucket, tmp_path / "a"), host(bucket, tmp_path / "b")
    old = sealed_run(here)
    applied(here, approved(here, sealed_run(here, days=500)))
    seen = host(bucket, tmp_path / "b").load(old.run_id)
    assert seen.files.decisions.exists()
    gone = prune(host(bucket, tmp_path / "a"), keep_days=400, who="ann", at=AT + timedelta(days=900))
    assert [one.files.run_id for one in gone] == [old.run_id]
    names = store_of_bucket(bucket, tmp_path).list(old.run_id)
    assert names == ["acts", "manifest.json"]
    there = host(bucket, tmp_path / "b")
    assert not (there.path / old.run_id / "decisions.parquet").exists()
    assert there.load(old.run_id).is_pruned
    assert check_archive(there.path) == []


@IN_EVERY_STORE
def test_a_journal_leaves_in_segments_and_another_host_has_it(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    run = approved(here, sealed_run(here))
    lines = [json.dumps({"n": n, "event": "intent"}).encode() + b"\n" for n in range(3)]
    with apply_lock(here.path, TARGET, f"apply {run.run_id}"):
        announce = place_of(here.path).announcing(run.files)
        assert announce is not None
        for line in lines:
            announce(line)
    there = host(bucket, tmp_path / "b")
    seen = there.load(run.run_id)
    assert seen.state == "interrupted"
    assert seen.files.journal.read_bytes() == b"".join(lines)
    with apply_lock(there.path, TARGET, f"apply {run.run_id}"):
        begin_journal(seen)
        add_act(seen, Act.INTERRUPTED, "trueup", at=AT, files=(seen.files.journal,))
    again = host(bucket, tmp_path / "a").load(run.run_id)
    assert again.files.journal.read_bytes() == seen.files.journal.read_bytes()
    assert check_archive(host(bucket, tmp_path / "c").path) == []


def test_who_was_taken_over_can_announce_nothing(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    run = approved(here, sealed_run(here))
    with apply_lock(here.path, TARGET, "apply"):
        announce = place_of(here.path).announcing(run.files)
        assert announce is not None
        announce(b"{}\n")
        store = store_of_bucket(bucket, tmp_path)
        lease, seen = store.get(name := f"leases/{store.list('leases')[0]}")
        store.replace_if_match(name, lease.replace(b'"ended": false', b'"ended": true'), seen)
        there = host(bucket, tmp_path / "b")
        with apply_lock(there.path, TARGET, "apply"), pytest.raises(Failed, match="taken the target over"):
            announce(b"{}\n")


@pytest.mark.parametrize("moment", ["before", "the journal is joined", "files are sent", "the act is made"])
def test_who_was_taken_over_closes_no_run_and_replaces_no_file(
    moment: str, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that stands still there and wakes when another one has done its work, and closed the run."""
    here = host(bucket, tmp_path / "a")
    run = approved(here, sealed_run(here))
    store = store_of_bucket(bucket, tmp_path)
    then = dict[str, str]()
    stands = False

    def frozen() -> None:
        """Until another host is done."""
        nonlocal stands
        if stands:
            return
        stands = True
        lease, seen = store.get(name := f"leases/{store.list('leases')[0]}")
        store.replace_if_match(name, lease.replace(b'"ended": false', b'"ended": true'), seen)
        there = host(bucket, tmp_path / "b")
        with apply_lock(there.path, TARGET, "apply"):
            theirs = there.load(run.run_id)
            theirs.files.journal.write_bytes(b'{"n": 1}\n{"n": 2}\n')
            add_act(theirs, Act.APPLIED, "trueup", at=AT, files=(theirs.files.journal,))
        [sequence] = place_in(here)._sequences.values()
        sequence.lease.renewed -= 2 * sequence.lease.seconds
        then.update(every_object(store))

    def at(owner: object, name: str, key: str = "") -> None:
        original = getattr(owner, name)

        def before(*words: Any, **named: Any) -> Any:
            if any(str(word).endswith(key) for word in words):
                frozen()
            return original(*words, **named)

        monkeypatch.setattr(owner, name, before)

    with apply_lock(here.path, TARGET, "apply"):
        run.files.journal.write_bytes(b'{"n": 1}\n')
        if moment == "before":
            frozen()
        elif moment == "the journal is joined":
            at(segments, "joined")
        elif moment == "files are sent":
            at(ObjectStore, "replace_if_match", "journal.jsonl")
        else:
            at(place_in(here), "_look_at")
        with pytest.raises(Failed, match="may have taken the target over"):
            add_act(run, Act.APPLIED, "trueup", at=AT, files=(run.files.journal,))
    assert then
    of_runs = [{name: text for name, text in every.items() if name[0] == "2"} for every in (then, every_object(store))]
    assert of_runs[0] == of_runs[1]
    assert check_archive(host(bucket, tmp_path / "c").path) == []


@IN_EVERY_STORE
def test_two_hosts_do_not_hold_one_target(bucket: Bucket, tmp_path: Path) -> None:
    here, there = host(bucket, tmp_path / "a"), host(bucket, tmp_path / "b")
    taken = pytest.raises(Refused, match="The target is taken: apply the first")
    with apply_lock(here.path, TARGET, "apply the first"), taken, apply_lock(there.path, TARGET, "x"):
        pass
    with apply_lock(there.path, TARGET, "apply the second"):
        pass


def test_a_store_without_runs_that_the_cache_has_is_not_taken_for_empty(bucket: Bucket, tmp_path: Path) -> None:
    sealed_run(host(bucket, tmp_path / "a"))
    store = store_of_bucket(bucket, tmp_path)
    store.remove(list(store.every()))
    with pytest.raises(Failed, match="holds no run, while this host's cache has 1 of it"):
        host(bucket, tmp_path / "a")
