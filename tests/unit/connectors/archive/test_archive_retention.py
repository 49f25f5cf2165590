from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import (
    AT,
    TARGET,
    Person,
    applied,
    approved,
    archive_in,
    begin_journal,
    manifest_of,
    sealed_run,
    write_people,
)
from trueup.connectors.archive import add_act, apply_lock, check_archive
from trueup.connectors.archive.places import LocalPlace
from trueup.connectors.archive.releases import release_key, release_run
from trueup.connectors.archive.retention import going, prune
from trueup.transforms.errors import Misused, Refused
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun

NOW = AT + timedelta(days=1000)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def superseded(archive: Archive, run: PriorRun) -> PriorRun:
    add_act(run, Act.SUPERSEDED, "trueup", at=AT)
    return archive.load(run.run_id)


def would_go(archive: Archive, keep_days: int = 400) -> set[str]:
    return {one.files.run_id for one in going(archive, keep_days=keep_days, at=NOW)}


def test_old_data_goes_and_manifests_and_acts_stay_and_chains_still_hold(archive: Archive) -> None:
    old = applied(archive, approved(archive, sealed_run(archive)))
    new = applied(archive, approved(archive, sealed_run(archive, days=1)))
    gone = prune(archive, keep_days=400, who="ann", at=NOW)
    assert [one.files.run_id for one in gone] == [old.run_id]
    again = archive.load(old.run_id)
    assert sorted(path.name for path in again.files.path.iterdir()) == ["acts", "manifest.json"]
    assert again.is_pruned
    assert again.state == Act.APPLIED
    assert again.acts[-1].details["files"] == list(gone[0].names)
    assert check_archive(archive.path) == []
    assert [run.run_id for run in archive.history(TARGET).applied] == [new.run_id]
    assert prune(archive, keep_days=400, who="ann", at=NOW) == ()
    assert len(archive.load(old.run_id).acts) == len(again.acts)


def test_a_run_stays_until_it_is_older_than_keep_days(archive: Archive) -> None:
    run = superseded(archive, sealed_run(archive))
    assert {one.files.run_id for one in going(archive, keep_days=10, at=AT + timedelta(days=10))} == set()
    late = AT + timedelta(days=10, seconds=1)
    assert {one.files.run_id for one in going(archive, keep_days=10, at=late)} == {run.run_id}


def test_the_newest_applied_run_of_each_target_stays(archive: Archive) -> None:
    elsewhere = applied(archive, sealed_run(archive, target="https://other.example"))
    first = applied(archive, sealed_run(archive, days=1))
    second = applied(archive, sealed_run(archive, days=2), Act.PARTIALLY_APPLIED)
    quiet = sealed_run(archive, days=3, outcome=Outcome.NOTHING_TO_DO)
    assert would_go(archive) == {first.run_id}
    assert {elsewhere.run_id, second.run_id, quiet.run_id}.isdisjoint(would_go(archive))


def test_open_runs_stay(archive: Archive) -> None:
    interrupted = approved(archive, sealed_run(archive))
    begin_journal(interrupted)
    overtaken = sealed_run(archive, days=1)
    waiting = approved(archive, sealed_run(archive, days=2))
    assert would_go(archive) == {overtaken.run_id}
    assert waiting.run_id not in would_go(archive)


def test_what_a_rollback_needs_stays_until_it_is_released(archive: Archive) -> None:
    base = applied(archive, sealed_run(archive))
    undone = applied(archive, sealed_run(archive, days=1))
    facts: dict[str, Any] = {"kind": Kind.ROLLBACK, "parent_run": undone.run_id, "baseline_run": base.run_id}
    back = applied(archive, sealed_run(archive, days=2, **facts))
    last = applied(archive, sealed_run(archive, days=3))
    assert would_go(archive) == set()
    release_run(archive, undone, "ann", at=AT)
    assert would_go(archive) == {base.run_id, undone.run_id, back.run_id}
    assert last.run_id not in would_go(archive)


def test_what_the_source_said_before_a_rollback_stays_with_it(archive: Archive) -> None:
    undone = applied(archive, sealed_run(archive))
    said = applied(archive, sealed_run(archive, days=1))
    back = applied(archive, sealed_run(archive, days=2, kind=Kind.ROLLBACK, parent_run=undone.run_id))
    applied(archive, sealed_run(archive, days=3))
    assert would_go(archive) == set()
    release_run(archive, back, "ann", at=AT)
    assert would_go(archive) == {undone.run_id, said.run_id, back.run_id}


def test_an_open_rollback_keeps_the_run_it_takes_back(archive: Archive) -> None:
    undone = applied(archive, sealed_run(archive))
    applied(archive, sealed_run(archive, days=1))
    sealed_run(archive, days=2, kind=Kind.ROLLBACK, parent_run=undone.run_id)
    assert would_go(archive) == set()


def test_what_was_never_finished_goes_after_some_days_and_not_while_it_is_written(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    write_people(files, [Person("k-1")])
    assert {one.files.run_id for one in going(archive, keep_days=400, at=AT)} == set()
    long_ago = AT.timestamp()
    for path in (*files.path.rglob("*"), files.path):
        os.utime(path, (long_ago, long_ago))
    gone = prune(archive, keep_days=400, who="ann", at=AT + timedelta(days=3))
    assert [one.unfinished for one in gone] == [True]
    assert not files.path.exists()


def test_a_prune_killed_after_its_act_is_finished_by_the_next(archive: Archive) -> None:
    run = superseded(archive, sealed_run(archive))
    (one,) = going(archive, keep_days=400, at=NOW)
    add_act(run, Act.PRUNED, "ann", at=NOW, details={"files": list(one.names), "bytes": one.bytes})
    (run.files.path / one.names[0]).unlink()
    assert check_archive(archive.path) == []
    prune(archive, keep_days=400, who="ann", at=NOW)
    again = archive.load(run.run_id)
    assert sorted(path.name for path in run.files.path.iterdir()) == ["acts", "manifest.json"]
    assert [act.act for act in again.acts].count(Act.PRUNED) == 1
    assert check_archive(archive.path) == []


def test_no_review_is_left_where_a_prune_was_killed(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    run = superseded(archive, sealed_run(archive))
    (archive.path / ".review").mkdir()
    (archive.path / ".review" / f"{run.run_id}.json").write_text('{"looked": ["k-1"]}')
    remove = LocalPlace.remove

    def dying(self: LocalPlace, run_id: str, names: Iterable[str] | None) -> None:
        remove(self, run_id, names)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LocalPlace, "remove", dying)
        with pytest.raises(KeyboardInterrupt):
            prune(archive, keep_days=400, who="ann", at=NOW)
    prune(archive, keep_days=400, who="ann", at=NOW)
    assert list((archive.path / ".review").iterdir()) == []


def test_nothing_is_pruned_while_an_apply_is_at_work_or_from_a_damaged_archive(archive: Archive) -> None:
    run = superseded(archive, sealed_run(archive))
    with apply_lock(archive.path, TARGET, "apply"), pytest.raises(Refused):
        prune(archive, keep_days=400, who="ann", at=NOW)
    (run.files.acts / "001-superseded.json").write_bytes(b"{}")
    with pytest.raises(Refused):
        prune(archive, keep_days=400, who="ann", at=NOW)
    assert run.files.decisions.exists()


def test_a_person_is_released_by_any_name_from_every_rollback_that_restored_them(archive: Archive) -> None:
    people = [
        Person("k-1", changes={"title": ("a", "b")}, user_name="Ann@x.example", profile_id="p-1"),
        Person("k-2", changes={"title": ("a", "b")}, user_name="bob@x.example", profile_id="p-2"),
        Person("k-3", "unchanged", user_name="cy@x.example"),
    ]
    back = applied(archive, sealed_run(archive, people, kind=Kind.ROLLBACK))
    never = sealed_run(archive, people, kind=Kind.ROLLBACK, days=1)
    for name in ("k-1", "ANN@X.example", "profile:p-1"):
        assert release_key(archive, TARGET, name, "ann", at=AT) == {back.run_id: ("k-1",)}
    assert archive.load(back.run_id).acts[-1].details == {"keys": ["k-1"], "all": False}
    assert archive.load(back.run_id).state == Act.APPLIED
    for wrong in ("k-3", "nobody", "", "' OR true --"):
        with pytest.raises(Misused):
            release_key(archive, TARGET, wrong, "ann", at=AT)
    with pytest.raises(Misused):
        release_run(archive, never, "ann", at=AT)
    assert release_run(archive, archive.load(back.run_id), "ann", at=AT) == {back.run_id: ("k-1", "k-2")}


def test_a_run_that_failed_can_go(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    files.report_md.write_text("failed", encoding="utf-8")
    from trueup.connectors.archive import seal

    seal(files, manifest_of(files, outcome=Outcome.FAILED))
    assert would_go(archive) == {files.run_id}


def test_snapshots_go_earlier_than_decisions_but_never_those_that_something_rests_on(archive: Archive) -> None:
    old = applied(archive, approved(archive, sealed_run(archive)))
    held = applied(archive, approved(archive, sealed_run(archive, days=1, kind=Kind.ROLLBACK, parent_run=old.run_id)))
    release_run(archive, held, "ann", at=NOW)
    superseded(archive, sealed_run(archive, days=2))
    newest = applied(archive, approved(archive, sealed_run(archive, days=900), exclude=["k-1/title"]))
    waiting = sealed_run(archive, days=901)
    keep = {"keep_days": 5000, "keep_snapshots_days": 30}
    gone = prune(archive, **keep, who="ann", at=NOW)
    assert {name for one in gone for name in one.names} == {"desired.parquet"}, "all the snapshots these runs have"
    assert all(one.snapshots for one in gone)
    assert not {newest.run_id, waiting.run_id} & {one.files.run_id for one in gone}
    again = archive.load(old.run_id)
    assert (again.is_pruned, again.has_snapshots, again.state) == (False, False, Act.APPLIED)
    assert again in archive.history(TARGET).applied
    assert check_archive(archive.path) == []
    assert prune(archive, **keep, who="ann", at=NOW) == (), "nothing is left to go"
    assert old.run_id in {one.files.run_id for one in prune(archive, keep_days=400, who="ann", at=NOW)}
    assert archive.load(old.run_id).is_pruned


def test_side_files_of_acts_go_with_the_data_of_their_run(archive: Archive) -> None:
    rows = [{"key": "k-1", "attribute": "title", "because": "left out"}]
    old = applied(archive, approved(archive, sealed_run(archive), left_out=rows, exclude=["k-1/title"]))
    applied(archive, approved(archive, sealed_run(archive, days=1)))
    prune(archive, keep_days=400, who="ann", at=NOW)
    assert not list(old.files.path.rglob("*people*"))
    assert archive.load(old.run_id).acts[0].details["left_out"] == []
    assert check_archive(archive.path) == []
