"""One person out of an archive in an object store: every object, every cache, whoever dies on the way."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import trueup
from tests.support.archive_runs import AT, TARGET, approved, sealed_run, settings_in
from tests.support.object_stores import ENVIRONMENT, IN_EVERY_STORE, faulty
from tests.support.people_in_a_store import ANN, erase, every_object, named_in, place_in, with_people
from tests.unit.connectors.archive.test_archive_in_a_store import host, store_of_bucket
from tests.unit.connectors.archive.test_erasing import FORMATS, KEPT, WORDS, Killed, dies_at, everything
from trueup.connectors.archive import apply_lock, check_archive, erasing, reading
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.holder import myself
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.retention import prune
from trueup.connectors.archive.staging import bring_all
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.object_store import ObjectStore


def in_a_store(bucket: Bucket, folder: Path, name: str) -> Archive:
    """A kept archive of the format ``name``, moved to the store."""
    shutil.copytree(KEPT / name, folder / "kept")
    copy_archive(settings_in(folder, archive=bucket.section()), str(folder / "kept"), bucket.address, move=True)
    return host(bucket, folder / "a")


@pytest.mark.parametrize("name", FORMATS)
def test_an_archive_of_any_format_is_copied_to_a_store_and_erased_from_there(
    name: str, bucket: Bucket, tmp_path: Path
) -> None:
    here = in_a_store(bucket, tmp_path, name)
    store = store_of_bucket(bucket, tmp_path)
    other = host(bucket, tmp_path / "b")
    bring_all(other.path)
    (other.path / ".review").mkdir()
    (other.path / ".review" / f"{other.runs()[-1].run_id}.json").write_text('{"looked": ["k-ann"]}')
    (other.path / "20270101T000000Z-0001" / ".work").mkdir(parents=True)
    (other.path / "20270101T000000Z-0001" / ".work" / "request.json").write_text('{"only": ["k-ann"]}')
    done = erase(here, "ann@contoso.example")
    assert done.runs == 3
    assert named_in(store) == []
    assert [name for name in store.every() if name.startswith("erasures/")] == [f"erasures/{done.number}.json"]
    for one in (here, host(bucket, tmp_path / "b", writable=False), host(bucket, tmp_path / "c")):
        assert [word for word in WORDS if word in everything(one.path)] == []
        assert check_archive(one.path) == []
        assert [run.acts[-1].details["number"] for run in one.runs()] == [done.number] * 3
    newest = approved(here, sealed_run(here, days=30), "Chris")
    assert check_archive(host(bucket, tmp_path / "b").path) == []
    back = tmp_path / "back"
    copy_archive(settings_in(tmp_path, archive=bucket.section()), bucket.address, str(back), move=False)
    with trueup.open(back) as data:
        assert data.left_out == ()
        assert data.run(newest.run_id).fetchall()
    assert [word for word in WORDS if word in everything(back)] == []


@IN_EVERY_STORE
def test_claims_announcements_and_side_files_hold_nobody_who_was_erased_and_all_others(
    bucket: Bucket, tmp_path: Path
) -> None:
    here = host(bucket, tmp_path / "a")
    first = with_people(here)
    with_people(here, days=30)
    store = store_of_bucket(bucket, tmp_path)
    kinds = {name.partition("/")[0] for name in named_in(store, ANN)}
    assert kinds >= {"claims", "journals"}, "it is looked for where it is"
    done = erase(host(bucket, tmp_path / "b"), "k-ann")
    assert named_in(store, ANN) == []
    assert {name.partition("/")[0] for name in named_in(store, ("k-bob",))} >= {"journals", first.run_id}
    here = host(bucket, tmp_path / "a")
    assert [word for word in ANN if word in everything(here.path)] == []
    assert check_archive(here.path) == []
    details = here.load(first.run_id).acts[0].details
    assert (details["exclude"], details["notes"]) == ([f"erased:{done.number}"], {"k-bob": "not yet"})
    with_people(here, days=60)
    assert check_archive(host(bucket, tmp_path / "c").path) == []

    erase(host(bucket, tmp_path / "c"), "k-bob")
    assert named_in(store, ("k-bob", "bob@contoso.example", "Chief bob")) == []
    for name in "abc":
        assert check_archive(host(bucket, tmp_path / name, writable=False).path) == []


def test_who_may_have_lost_a_target_while_it_prepared_decides_nothing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = host(bucket, tmp_path / "a")
    with_people(here)
    store = store_of_bucket(bucket, tmp_path)
    before = {name: text for name, text in every_object(store).items() if name[0] == "2"}

    def silent(_: str) -> None:
        for sequence in place_in(here)._sequences.values():
            sequence.lease.lost = True

    monkeypatch.setattr(erasing, "seam", silent)
    with pytest.raises(Failed, match="may have taken the target over"):
        erase(here, "k-ann")
    monkeypatch.undo()
    for key, value in ENVIRONMENT.items():
        monkeypatch.setenv(key, value)
    assert {name: text for name, text in every_object(store).items() if name[0] == "2"} == before
    assert check_archive(host(bucket, tmp_path / "b").path) == []


def test_the_manifest_in_head_is_rewritten_with_the_manifest(bucket: Bucket, tmp_path: Path) -> None:
    here = in_a_store(bucket, tmp_path, "people_in_acts")
    store, newest = store_of_bucket(bucket, tmp_path), here.runs()[0]
    manifest = newest.files.manifest.read_bytes()
    said = reading.read_manifest(newest.files)[1]
    head = {"fresh": "1", "number": 1, "run_id": newest.run_id, "sha256": said, "manifest": manifest.decode()}
    store.create_if_absent("head", json.dumps(head).encode())
    was_named = any(word in manifest.decode() for word in WORDS)
    erase(host(bucket, tmp_path / "a"), "k-ann")
    assert named_in(store) == []
    assert (store.read("head").decode().find(said) < 0) == was_named
    sealed_run(host(bucket, tmp_path / "b"), days=60)
    assert check_archive(host(bucket, tmp_path / "c").path) == []


def test_whoever_dies_at_any_step_leaves_what_verifies_and_another_host_finishes(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step the next host dies too, until one comes through: no step is done twice or never."""
    here = host(bucket, tmp_path / "begins")
    for days in (0, 30):
        with_people(here, days=days)
    store = store_of_bucket(bucket, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "seam", dies_at(2))
        with pytest.raises(Killed):
            erase(here, "k-ann")
    assert named_in(store, ANN) != []
    for step in range(60):
        reader = host(bucket, tmp_path / "reads", writable=False)
        assert check_archive(reader.path) == [], step
        assert len(reader.runs()) == 2
        with monkeypatch.context() as patched:
            patched.setattr(erasing, "seam", dies_at(step))
            try:
                host(bucket, tmp_path / f"host-{step}")
            except Killed:
                continue
        break
    assert step >= 15
    assert named_in(store, ANN) == []
    for name in ("begins", "reads", "late"):
        there = host(bucket, tmp_path / name)
        assert [word for word in ANN if word in everything(there.path)] == []
        assert check_archive(there.path) == []
        assert [[act.act for act in run.acts].count(Act.ERASED) for run in there.runs()] == [1, 1]
    assert not (here.path / ".erasing").exists()


def test_what_was_prepared_and_never_decided_is_given_up_by_whoever_comes_next(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = host(bucket, tmp_path / "a")
    with_people(here)
    with_people(here, days=30)
    store = store_of_bucket(bucket, tmp_path)
    create = type(store).create_if_absent

    def frozen(self: ObjectStore, name: str, content: bytes | Path) -> None:
        if name.startswith("erasures/") and name.endswith(".json") and self.name == bucket.address:
            monkeypatch.setattr(type(store), "create_if_absent", create)
            lease, seen = store.get("leases/erase.json")
            store.replace_if_match("leases/erase.json", lease.replace(b'"ended": false', b'"ended": true'), seen)
            host(bucket, tmp_path / "b")
        create(self, name, content)

    before = every_object(store)
    monkeypatch.setattr(type(store), "create_if_absent", frozen)
    with pytest.raises(Failed, match="gave this erasure up"):
        erase(here, "k-ann")
    after = every_object(store)
    assert not [name for name in after if name.startswith("erasures/") and not name.endswith(".json")]
    assert {name for name in before if name[0] == "2"} == {name for name in after if name[0] == "2"}
    assert check_archive(host(bucket, tmp_path / "c").path) == []


def test_without_the_right_to_remove_nothing_is_erased_and_the_archive_goes_on(bucket: Bucket, tmp_path: Path) -> None:
    with_people(host(bucket, tmp_path / "a"))
    with_people(host(bucket, tmp_path / "a"), days=30)
    store = store_of_bucket(bucket, tmp_path)
    before = {name: text for name, text in every_object(store).items() if name[0] == "2"}
    with faulty(bucket.endpoint) as faults:
        faults.judge = lambda method, _: "403" if method in {"DELETE", "POST"} else ""
        there = host(bucket.through(faults.endpoint), tmp_path / "b")
        with pytest.raises(Failed, match="cannot be removed from|refuses these credentials"):
            erase(there, "k-ann")
        again = host(bucket.through(faults.endpoint), tmp_path / "b")
        assert check_archive(again.path) == []
        sealed_run(again, days=60)
    assert {name: text for name, text in every_object(store).items() if name in before} == before
    erase(host(bucket, tmp_path / "a"), "k-ann")
    assert named_in(store, ANN) == []
    assert len([name for name in store.every() if name.startswith("erasures/")]) <= 2


def test_an_erasure_on_one_host_keeps_another_from_erasing_and_applying(bucket: Bucket, tmp_path: Path) -> None:
    here, there = host(bucket, tmp_path / "a"), host(bucket, tmp_path / "b")
    with_people(here)
    taken = pytest.raises(Refused, match="The target is taken: erase")
    with apply_lock(here.path, TARGET, "erase"), taken:
        erase(there, "k-ann")


def test_a_copy_is_not_made_of_an_archive_whose_erasure_goes_on_and_finishes_one_that_died(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = host(bucket, tmp_path / "a")
    with_people(here)
    with_people(here, days=30)
    with monkeypatch.context() as patched:
        patched.setattr(erasing, "seam", dies_at(2))
        with pytest.raises(Killed):
            erase(here, "k-ann")
    settings = settings_in(tmp_path / "b", archive=bucket.section(lease_seconds=2))
    with (
        place_of(here.path).leased("erase", myself("apply", "erase")),
        pytest.raises(Refused, match="An erasure is under way"),
    ):
        copy_archive(settings, bucket.address, str(tmp_path / "not"), move=False)
    copy_archive(settings, bucket.address, str(tmp_path / "copy"), move=True)
    assert [word for word in ANN if word in everything(tmp_path / "copy")] == []
    assert check_archive(tmp_path / "copy") == []


def test_what_is_pruned_is_in_no_claim_no_announcement_and_no_cache(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    old = with_people(here)
    with_people(here, days=500)
    other = host(bucket, tmp_path / "b")
    bring_all(other.path)
    (other.path / ".review").mkdir()
    (other.path / ".review" / f"{old.run_id}.json").write_text("{}")
    snapshots = prune(
        host(bucket, tmp_path / "a"), keep_days=900, keep_snapshots_days=100, who="ann", at=AT + timedelta(days=600)
    )
    assert [(one.files.run_id, one.names) for one in snapshots] == [(old.run_id, ("desired.parquet",))]
    prune(host(bucket, tmp_path / "a"), keep_days=400, who="ann", at=AT + timedelta(days=900))
    store = store_of_bucket(bucket, tmp_path)
    of_old = [name for name, text in every_object(store).items() if old.run_id in name or f'"{old.run_id}"' in text]
    assert {name.partition("/")[0] for name in of_old} >= {"claims", "journals", old.run_id}
    assert [name for name in of_old if any(word in every_object(store)[name] for word in ANN)] == []
    for name in "ab":
        there = host(bucket, tmp_path / name, writable=False)
        assert check_archive(there.path) == []
        assert there.load(old.run_id).is_pruned
        left = {path.name for path in (there.path / old.run_id).rglob("*") if path.is_file()}
        assert not [one for one in left if one.endswith((".parquet", ".jsonl"))]
        assert not list((there.path / ".review").glob("*"))
