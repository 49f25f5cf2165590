"""What is copied into an object store is looked at there, and a prune that died there leaves nothing behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import AT, TARGET, applied, approved, archive_in, sealed_run, settings_in
from tests.support.people_in_a_store import ANN, every_object, with_people
from tests.unit.connectors.archive.test_archive_in_a_store import host, store_of_bucket
from tests.unit.connectors.archive.test_erasing import Killed
from trueup.connectors.analysis.archive import Archive as Views
from trueup.connectors.archive import apply_lock, check_archive, copying, reading, settling
from trueup.connectors.archive.copying import copy_archive
from trueup.connectors.archive.object_store import ObjectStore
from trueup.connectors.archive.retention import prune
from trueup.transforms.errors import Failed, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.object_stores import Bucket
    from trueup.connectors.archive import Archive


@pytest.mark.parametrize(
    ("name", "is_there"), [("decisions.parquet", True), ("manifest.json", False), ("acts/002-applied.json", False)]
)
def test_a_copy_in_a_store_that_is_not_whole_is_not_opened(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, name: str, is_there: bool
) -> None:
    archive = archive_in(tmp_path)
    run = applied(archive, approved(archive, sealed_run(archive)))
    settings = settings_in(tmp_path, archive=bucket.section())
    store, copy = store_of_bucket(bucket, tmp_path), copying._copy

    def losing(here: Archive, there: Archive) -> Any:
        done = copy(here, there)
        content = store.read(key := f"{run.run_id}/{name}")
        store.remove([key])
        if is_there:
            store.create_if_absent(key, content.replace(b"1", b"2"))
        return done

    with monkeypatch.context() as patched:
        patched.setattr(copying, "_copy", losing)
        with pytest.raises(Failed, match="The copy is not whole"):
            copy_archive(settings, str(archive.path), bucket.address, move=True)
    with pytest.raises(Refused, match="a copy that was not finished"):
        host(bucket, tmp_path / "a")
    sealed_run(archive, days=1)  # and the archive it was copied from goes on


def test_whoever_had_an_archive_open_when_it_was_moved_adds_nothing_to_what_was_left(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive))
    copy_archive(settings_in(tmp_path), str(archive.path), str(tmp_path / "new"), move=True)
    with pytest.raises(Refused, match="was moved to"), apply_lock(archive.path, TARGET, f"apply {run.run_id}"):
        raise AssertionError("the run would be applied from two archives")
    with pytest.raises(Refused, match="was moved to"):
        approved(archive, run, "bob")
    with pytest.raises(Refused, match="was moved to"):
        sealed_run(archive, days=1)
    assert archive.load(run.run_id).acts == run.acts
    assert [files.run_id for files in reading.sealed(archive.path)] == [run.run_id]


def test_a_run_that_is_damaged_in_a_store_is_left_out_of_the_views(bucket: Bucket, tmp_path: Path) -> None:
    here = host(bucket, tmp_path / "a")
    old, new = (applied(here, approved(here, sealed_run(here, days=days))) for days in (0, 1))
    store = store_of_bucket(bucket, tmp_path)
    for name in ("desired.parquet", "changes.parquet"):
        content = store.read(key := f"{old.run_id}/{name}")
        store.remove([key])
        store.create_if_absent(key, content[:-9] + b"x" * 9)
    with Views(host(bucket, tmp_path / "b", writable=False).path) as data:
        seen = {view: data.connection().sql(f"SELECT run_id FROM {view}").fetchall() for view in ("changes", "runs")}
        assert data.connection().sql("FROM moves").fetchall() is not None
        assert {row[0] for row in seen["changes"]} == {new.run_id}
        assert {row[0] for row in seen["runs"]} == {old.run_id, new.run_id}
        assert [(one.run_id, one.kind) for one in data.left_out] == [(old.run_id, "damaged")]


@pytest.mark.parametrize(
    ("part", "step"), [(settling, "settle_claims"), (settling, "empty_segments"), (ObjectStore, "remove")]
)
def test_a_prune_that_died_in_a_store_is_finished_by_the_next(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, part: Any, step: str
) -> None:
    here = host(bucket, tmp_path / "a")
    old = with_people(here)
    with_people(here, days=500)
    real = getattr(part, step)

    def dying(*given: Any) -> None:
        real(*given)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(part, step, dying)
        with pytest.raises(Killed):
            prune(host(bucket, tmp_path / "a"), keep_days=400, who="ann", at=AT + timedelta(days=900))
    there = host(bucket, tmp_path / "b")
    assert check_archive(there.path) == []
    prune(there, keep_days=400, who="ann", at=AT + timedelta(days=900))
    store = store_of_bucket(bucket, tmp_path)
    every = every_object(store)
    of_old = [name for name, text in every.items() if old.run_id in name or f'"{old.run_id}"' in text]
    assert [name for name in of_old if any(word in every[name] for word in ANN)] == []
    assert check_archive(host(bucket, tmp_path / "c").path) == []
