"""What acts say of people, in an object store that several hosts use at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import AT, Person, approved, archive_in, sealed_run, settings_in
from tests.support.people_in_a_store import named_in, place_in, with_people
from tests.unit.connectors.archive.test_archive_in_a_store import host, store_of_bucket
from tests.unit.connectors.archive.test_erasing import Killed, everything
from trueup.connectors.archive import add_act, check_archive, check_run
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.places import place_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.retention import prune
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.connectors.archive import Archive
    from trueup.connectors.archive.object_store import ObjectStore
    from trueup.transforms.history import PriorRun


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


def test_a_side_file_that_has_not_got_its_name_yet_is_copied_under_its_name(bucket: Bucket, tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive), "Chris", exclude=["k-1"])
    side = archive.path / run.run_id / "acts" / "001.people.parquet"
    side.rename(side.with_suffix(".part"))
    settings = settings_in(tmp_path, archive=bucket.section())
    copy_archive(settings, str(archive.path), bucket.address, move=True)
    there = host(bucket, tmp_path / "a")
    assert there.load(run.run_id).acts[0].details["exclude"] == ["k-1"]
    assert check_archive(there.path) == []
