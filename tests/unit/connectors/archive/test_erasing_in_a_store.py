"""One person out of an archive in an object store: every object, every cache, whoever dies on the way."""

from __future__ import annotations

import base64
import io
import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import trueup
from tests.support.archive_runs import AT, TARGET, Person, applied, approved, sealed_run, settings_in
from tests.unit.connectors.archive.test_archive_in_a_store import host, store_of_bucket
from tests.unit.connectors.archive.test_erasing import FORMATS, KEPT, WORDS, Killed, dies_at, everything
from trueup.connectors.archive import add_act, apply_lock, check_archive, check_run, erasing, reading
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.holder import myself
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.retention import prune
from trueup.connectors.archive.staging import bring_all
from trueup.transforms.erasure.person import find
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.erasing import Erased
    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles


def erase(archive: Archive, *called: str) -> Erased:
    """As the command does, with the targets held."""
    with apply_lock(archive.path, TARGET, "erase"):
        bring_all(archive.path)
        person = find(tuple(reading.sealed(archive.path)), called, erasing.new_number())
        return erasing.erase(archive, person, reason="request", who="Chris", at=AT, render=rendered)


def rendered(files: RunFiles, *_: object) -> None:
    (files.path / "report.md").write_text("# a report", encoding="utf-8")
    (files.path / "report.html").write_text("a report", encoding="utf-8")


def every_object(store: ObjectStore) -> dict[str, str]:
    """What each object says, Parquet unpacked, and what it holds in base64 too."""
    found = {}
    for name in store.every():
        content = store.read(name)
        text = _unpacked(content)
        if name.startswith("claims/"):
            text += _unpacked(base64.b64decode(json.loads(content).get("people", "")))
        found[name] = text
    return found


def _unpacked(content: bytes) -> str:
    if content[:4] == b"PAR1":
        return content.decode(errors="replace") + str(pq.read_table(io.BytesIO(content)).to_pylist())
    return content.decode(errors="replace")


def named_in(store: ObjectStore, words: tuple[str, ...] = WORDS) -> list[str]:
    return [name for name, text in every_object(store).items() if any(word in text for word in words)]


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


ANN = ("k-ann", "ann@contoso.example", "Chief ann", "Ann asked for it")


def with_people(archive: Archive, *, days: float = 0) -> PriorRun:
    """An applied run of today's format: Ann stands in data, in the side file of an act, in claims and announcements."""
    people = [
        Person(f"k-{name}", changes={"title": ("Clerk", f"Chief {name}")}, user_name=f"{name}@contoso.example")
        for name in ("ann", "bob")
    ]
    run = sealed_run(archive, people, days=days)
    run = approved(archive, run, "Chris", exclude=["k-ann"], notes={"k-ann": "Ann asked for it", "k-bob": "not yet"})
    with apply_lock(archive.path, TARGET, f"apply {run.run_id}"):
        announce = place_of(archive.path).announcing(run.files)
        assert announce is not None
        for key in ("k-ann", "k-bob"):
            line = json.dumps({"n": 1, "event": "intent", "key": key}).encode() + b"\n"
            announce(line)
            with run.files.journal.open("ab") as journal:
                journal.write(line)
        return applied(archive, run)


def place_in(archive: Archive) -> RemotePlace:
    place = place_of(archive.path)
    assert isinstance(place, RemotePlace)
    return place


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


def test_whoever_claims_an_act_and_dies_at_any_step_left_the_whole_act_to_the_next_host(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = host(bucket, tmp_path / "a")
    people = [Person(f"k-{name}", changes={"title": ("Clerk", "Chief")}) for name in ("ann", "bob")]
    put = RemotePlace._put_in_place
    for died_after in (0, 1):
        run, left = sealed_run(here, people, days=died_after), died_after

        def dying(self: RemotePlace, key: str, content: bytes) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            put(self, key, content)

        with monkeypatch.context() as patched:
            patched.setattr(RemotePlace, "_put_in_place", dying)
            with pytest.raises(Killed):
                approved(here, run, "Chris", exclude=["k-ann"], notes={"k-ann": "Ann asked for it"})
        for name in ("b", "a"):
            there = host(bucket, tmp_path / name)
            act = there.load(run.run_id).acts[0]
            assert (act.details["exclude"], act.details["notes"]) == (["k-ann"], {"k-ann": "Ann asked for it"})
            assert "Ann" not in (there.path / run.run_id / "acts" / "001-approved.json").read_text()
            assert check_archive(there.path) == []


def test_of_two_hosts_that_decide_at_once_one_is_told_and_what_it_said_leaves_no_trace(
    bucket: Bucket, tmp_path: Path
) -> None:
    run = sealed_run(host(bucket, tmp_path / "a"), [Person("k-ann"), Person("k-bob")])
    one, two = (host(bucket, tmp_path / name).load(run.run_id) for name in "ab")
    said: dict[str, Any] = {"fingerprint": "f", "after": 0, "at": AT}
    add_act(one, Act.APPROVED, "ann", **said, details={"exclude": ["k-bob"], "notes": {"k-bob": "seen by Ann"}})
    with pytest.raises(Refused, match="Something was decided on run"):
        add_act(two, Act.APPROVED, "bob", **said, details={"exclude": ["k-ann"], "notes": {"k-ann": "seen by Bob"}})
    assert named_in(store_of_bucket(bucket, tmp_path), ("seen by Bob",)) == []
    assert len(named_in(store_of_bucket(bucket, tmp_path), ("seen by Ann",))) == 2, "the side file and the claim"
    for name in "abc":
        there = host(bucket, tmp_path / name)
        assert "seen by Bob" not in everything(there.path)
        assert there.load(run.run_id).acts[0].details["notes"] == {"k-bob": "seen by Ann"}
        assert check_archive(there.path) == []


def test_a_cached_side_file_that_was_altered_is_not_believed(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    run = with_people(here)
    side = here.path / run.run_id / "acts" / "001.people.parquet"
    right = side.read_bytes()
    table = pq.read_table(side)
    pq.write_table(table.slice(0, 1), side)
    with pytest.raises(Refused, match=r"001\.people\.parquet is missing or was changed"):
        here.load(run.run_id)
    again = host(bucket, tmp_path / "a")
    assert side.read_bytes() == right
    assert again.load(run.run_id).acts == run.acts
    store = store_of_bucket(bucket, tmp_path)
    key = f"{run.run_id}/acts/001.people.parquet"
    store.replace_if_match(key, store.read(f"{run.run_id}/decisions.parquet"), store.version(key))
    there = host(bucket, tmp_path / "b")
    with pytest.raises(Refused, match=r"001\.people\.parquet is missing or was changed"):
        there.load(run.run_id)
    assert [one.file for one in check_run(there_files(there, run))] == ["acts/001.people.parquet"]


def there_files(archive: Archive, run: PriorRun) -> Any:
    return place_of(archive.path).run(run.run_id)


def test_who_stood_still_between_reading_a_claim_and_completing_it_brings_nothing_pruned_back(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = host(bucket, tmp_path / "a")
    old = with_people(here)
    with_people(here, days=500)
    store = store_of_bucket(bucket, tmp_path)
    act = f"{old.run_id}/acts/001-approved.json"
    content = store.read(act)
    store.remove([act])  # as one sees it who lists before it is there
    there, create = place_in(host(bucket, tmp_path / "b")), type(store).create_if_absent
    assert store.read(act) == content

    def late(self: ObjectStore, name: str, said: bytes | Path) -> None:
        if name.endswith(".people.parquet") and self is there.objects:
            prune(host(bucket, tmp_path / "a"), keep_days=400, who="ann", at=AT + timedelta(days=900))
        create(self, name, said)

    listed = {name: seen for name, seen in store.every().items() if name != act}
    monkeypatch.setattr(type(store), "create_if_absent", late)
    there._complete_acts(listed)
    assert "001.people.parquet" not in store.list(f"{old.run_id}/acts")
    assert check_archive(host(bucket, tmp_path / "c").path) == []
