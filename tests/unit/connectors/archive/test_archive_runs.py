from __future__ import annotations

import itertools
import os
import stat
from datetime import UTC, datetime, timedelta
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
    settings_in,
    write_people,
)
from trueup.connectors.archive import (
    add_act,
    apply_lock,
    check_archive,
    check_run,
    open_archive,
    seal,
    supersede_earlier,
)
from trueup.transforms.errors import Failed, Misused, Refused
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_ids_carry_the_time_and_sort_as_runs_began_even_within_a_second(archive: Archive) -> None:
    ids = [archive.new_run(Kind.RECONCILE, AT).run_id for _ in range(5)]
    assert all(one.startswith("20261123T010000Z-") for one in ids)
    assert ids == sorted(set(ids))


def test_ids_are_in_utc_whatever_the_zone(archive: Archive) -> None:
    at = datetime.fromisoformat("2026-11-23T02:30:00+05:30")
    assert archive.new_run(Kind.RECONCILE, at).run_id.startswith("20261122T210000Z-")


def test_a_clock_that_went_back_does_not_make_a_new_run_look_older(archive: Archive) -> None:
    before = archive.new_run(Kind.RECONCILE, AT).run_id
    after = archive.new_run(Kind.RECONCILE, AT - timedelta(days=3)).run_id
    assert after > before


def test_a_full_second_goes_over_into_the_next(archive: Archive) -> None:
    (archive.path / "20261123T010000Z-ffff").mkdir()
    assert archive.new_run(Kind.RECONCILE, AT).run_id == "20261123T010001Z-0000"


def test_everything_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        archive = archive_in(tmp_path)
        run = approved(archive, sealed_run(archive))
    finally:
        os.umask(before)
    assert mode(archive.path) == 0o700
    for path in (run.files.path, run.files.acts):
        assert mode(path) == 0o700
    for path in run.files.path.rglob("*.*"):
        assert mode(path) == 0o600, path


def test_a_group_may_read_and_nobody_else(tmp_path: Path) -> None:
    import grp

    group = grp.getgrgid(os.getgid()).gr_name
    archive = open_archive(settings_in(tmp_path, archive={"group": group}))
    before = os.umask(0o077)
    try:
        run = approved(archive, sealed_run(archive))
        with apply_lock(archive.path, TARGET, "apply"):
            (lock,) = (archive.path / ".locks").glob("apply-*.lock")
            assert (mode(lock), mode(lock.parent)) == (0o640, 0o750), "who holds the lock is for the group to see"
    finally:
        os.umask(before)
    assert mode(archive.path) == mode(run.files.path) == mode(run.files.acts) == 0o750
    assert mode(run.files.manifest) == mode(run.files.decisions) == 0o640
    assert mode(run.files.acts / "001-approved.json") == 0o640


def test_an_unknown_group_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="no group"):
        open_archive(settings_in(tmp_path, archive={"group": "no-such-group-here"}))


def test_an_archive_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "runs").write_text("", encoding="utf-8")
    with pytest.raises(Failed, match="not a directory"):
        archive_in(tmp_path)


def test_an_archive_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    with pytest.raises(Failed, match="cannot be written"):
        archive_in(tmp_path)


def test_reading_makes_nothing(tmp_path: Path) -> None:
    archive = open_archive(settings_in(tmp_path), writable=False)
    assert archive.runs() == ()
    assert archive.history(TARGET).runs == ()
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_a_manifest_never_happened(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    write_people(files, [Person("k-1")])
    assert archive.runs() == ()
    with pytest.raises(Misused, match="never finished"):
        archive.load(files.run_id)
    archive.discard(files)
    assert not files.path.exists()


def test_a_sealed_run_is_never_discarded_or_sealed_again(archive: Archive) -> None:
    run = sealed_run(archive)
    with pytest.raises(Failed, match="sealed"):
        archive.discard(run.files)
    content = run.files.manifest.read_bytes()
    with pytest.raises(Failed, match="sealed already"):
        seal(run.files, run.manifest)
    assert run.files.manifest.read_bytes() == content


def test_a_seal_lists_every_file_with_rows_and_removes_the_work(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    (files.work / "scope.parquet").write_bytes(b"x")
    write_people(files, [Person("k-1", changes={"title": ("a", "b")}), Person("k-2", "hold")])
    files.report_html.write_text("<p>", encoding="utf-8")
    manifest = seal(files, manifest_of(files))
    assert not files.work.exists()
    assert set(manifest.files) == {
        "decisions.parquet",
        "changes.parquet",
        "desired.parquet",
        "actual.parquet",
        "report.html",
    }
    assert manifest.files["decisions.parquet"].rows == 2
    assert manifest.files["changes.parquet"].rows == 1
    assert manifest.files["report.html"].rows is None
    assert archive.load(files.run_id).manifest == manifest


@pytest.mark.parametrize("name", ["journal.jsonl", "outcome.parquet", ".hidden", "acts"])
def test_a_run_with_something_in_it_that_no_plan_has_is_not_sealed(archive: Archive, name: str) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    if name == "acts":
        files.acts.mkdir()
    else:
        (files.path / name).write_bytes(b"")
    with pytest.raises(Failed, match="cannot be sealed"):
        seal(files, manifest_of(files))
    assert not files.manifest.exists()


def test_a_link_is_not_sealed(archive: Archive, tmp_path: Path) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    (tmp_path / "elsewhere").write_text("", encoding="utf-8")
    files.report_md.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failed, match="cannot be sealed"):
        seal(files, manifest_of(files))


def test_a_torn_parquet_file_is_not_sealed(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    files.decisions.write_bytes(b"PAR1 torn")
    with pytest.raises(Failed, match="not a whole Parquet file"):
        seal(files, manifest_of(files))
    assert archive.runs() == ()


def test_a_manifest_of_another_run_is_not_taken(archive: Archive) -> None:
    files, other = archive.new_run(Kind.RECONCILE, AT), archive.new_run(Kind.RECONCILE, AT)
    with pytest.raises(Failed, match="not of"):
        seal(files, manifest_of(other))


def test_runs_are_called_by_id_beginning_path_or_latest(archive: Archive) -> None:
    first, second = sealed_run(archive), sealed_run(archive, days=1)
    assert archive.load("latest").run_id == second.run_id
    assert archive.load("20261123").run_id == first.run_id
    assert archive.load(f"{archive.path}/{first.run_id}/").run_id == first.run_id
    for wrong in ("2026", "2027", "", "../..", "*"):
        with pytest.raises(Misused):
            archive.load(wrong)


def test_latest_in_an_empty_archive_is_a_mistake(archive: Archive) -> None:
    with pytest.raises(Misused, match="no run"):
        archive.load("latest")


def test_history_has_the_runs_of_one_target_however_it_is_spelt(archive: Archive) -> None:
    first = sealed_run(archive)
    sealed_run(archive, days=1, target="https://other.example/scim/v2")
    third = sealed_run(archive, days=2, target="https://user:word@DIRECTORY.example:443/scim/v2/")
    assert [run.run_id for run in archive.history(TARGET).runs] == [third.run_id, first.run_id]


def test_the_state_is_the_last_act_that_tells_one(archive: Archive) -> None:
    run = sealed_run(archive)
    assert run.state == Outcome.READY
    for act in (Act.APPROVED, Act.RELEASED, Act.PRUNED):
        add_act(run, act, "ann", at=AT)
    assert archive.load(run.run_id).state == Act.APPROVED


def test_a_journal_without_a_closing_act_is_an_interrupted_run(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive))
    begin_journal(run)
    assert archive.load(run.run_id).state == Act.INTERRUPTED
    assert check_run(run) == []


def test_a_journal_that_grew_after_its_closing_act_is_interrupted_again(archive: Archive) -> None:
    run = applied(archive, sealed_run(archive), Act.PARTIALLY_APPLIED)
    assert run.state == Act.PARTIALLY_APPLIED
    begin_journal(run)
    run.files.outcome.write_bytes(b"half written")
    again = archive.load(run.run_id)
    assert again.state == Act.INTERRUPTED
    assert check_run(again) == []
    add_act(again, Act.REJECTED, "ann", at=AT)
    assert archive.load(run.run_id).state == Act.REJECTED


def test_acts_are_numbered_chained_and_numbered_on_after_a_thousand(archive: Archive) -> None:
    run = sealed_run(archive)
    first = add_act(run, Act.RELEASED, "ann", at=AT)
    second = add_act(run, Act.RELEASED, "bob", at=AT)
    assert (first.number, second.number) == (1, 2)
    assert second.previous_sha256 == first.sha256
    assert [path.name for path in sorted(run.files.acts.iterdir())] == ["001-released.json", "002-released.json"]


def test_an_act_lists_the_files_it_added(archive: Archive) -> None:
    run = applied(archive, sealed_run(archive))
    files = run.acts[-1].files
    assert files["outcome.parquet"].rows == 1
    assert files["journal.jsonl"].bytes == run.files.journal.stat().st_size
    assert check_run(run) == []


def test_a_file_from_elsewhere_is_not_added(archive: Archive, tmp_path: Path) -> None:
    run = sealed_run(archive)
    stray = tmp_path / "stray"
    stray.write_text("", encoding="utf-8")
    with pytest.raises(Failed, match="does not lie in"):
        add_act(run, Act.VERIFIED, "ann", at=AT, files=[stray])
    assert archive.load(run.run_id).acts == ()


def test_manifests_are_one_chain(archive: Archive) -> None:
    import hashlib

    runs = [sealed_run(archive, days=day) for day in range(3)]
    assert runs[0].manifest.previous_manifest_sha256 is None
    for before, after in itertools.pairwise(runs):
        own = hashlib.sha256(before.files.manifest.read_bytes()).hexdigest()
        assert after.manifest.previous_manifest_sha256 == own
    assert check_archive(archive.path) == []


def test_the_chain_is_by_seal_when_runs_overtake_each_other(archive: Archive) -> None:
    early, late = archive.new_run(Kind.RECONCILE, AT), archive.new_run(Kind.RECONCILE, AT)
    seal(late, manifest_of(late))
    seal(early, manifest_of(early))
    third = sealed_run(archive, days=1)
    assert check_archive(archive.path) == []
    assert third.manifest.previous_manifest_sha256 is not None


def test_a_plan_is_not_sealed_while_an_apply_to_its_target_runs(archive: Archive) -> None:
    files = archive.new_run(Kind.RECONCILE, AT)
    with apply_lock(archive.path, TARGET, "apply something"):
        with pytest.raises(Refused, match="apply something") as refused:
            seal(files, manifest_of(files))
        assert refused.value.refusals[0].code == "apply_running"
        other = archive.new_run(Kind.RECONCILE, AT)
        seal(other, manifest_of(other, target="https://other.example"))
        failed = archive.new_run(Kind.RECONCILE, AT)
        seal(failed, manifest_of(failed, outcome=Outcome.FAILED))
    seal(files, manifest_of(files))
    assert len(archive.runs()) == 3


@pytest.mark.parametrize(
    ("facts", "is_known"),
    [
        pytest.param({}, False, id="everybody"),
        pytest.param({"target": "https://other.example"}, True, id="another target"),
        pytest.param({"only": ("k-1",)}, True, id="some people"),
    ],
)
def test_a_plan_is_not_sealed_where_an_apply_ended_that_it_knew_nothing_of(
    archive: Archive, facts: dict[str, Any], *, is_known: bool
) -> None:
    run = sealed_run(archive, **facts)
    before = archive.history(TARGET)
    files = archive.new_run(Kind.RECONCILE, AT + timedelta(days=1))
    applied(archive, run)
    manifest = manifest_of(files, started=AT + timedelta(days=1))
    if not is_known:
        with pytest.raises(Refused, match=f"Run {run.run_id} was applied") as refused:
            seal(files, manifest, rests_on=before)
        assert refused.value.refusals[0].code == "applied_meanwhile"
        before = archive.history(TARGET)
    seal(files, manifest, rests_on=before)


def test_a_new_plan_supersedes_every_earlier_one_not_begun(archive: Archive) -> None:
    from trueup.transforms.errors import Refusal

    limit = Refusal("limit_delete", "too many", 3, 0, overridable=True)
    broken = Refusal("source_incomplete", "half a read")
    runs = {
        "ready": sealed_run(archive),
        "approved": approved(archive, sealed_run(archive)),
        "limits": sealed_run(archive, refusals=(limit,)),
        "final": sealed_run(archive, refusals=(limit, broken)),
        "applied": applied(archive, sealed_run(archive)),
        "rejected": sealed_run(archive),
        "interrupted": sealed_run(archive),
        "elsewhere": sealed_run(archive, target="https://other.example"),
    }
    begin_journal(runs["interrupted"])
    add_act(runs["rejected"], Act.REJECTED, "ann", at=AT)
    new = sealed_run(archive, days=1)
    gone = supersede_earlier(archive, new.manifest, at=AT)
    assert set(gone) == {runs[name].run_id for name in ("ready", "approved", "limits")}
    states = {name: archive.load(run.run_id).state for name, run in runs.items()}
    assert states == {
        "ready": "superseded",
        "approved": "superseded",
        "limits": "superseded",
        "final": "refused",
        "applied": "applied",
        "rejected": "rejected",
        "interrupted": "interrupted",
        "elsewhere": "ready",
    }
    assert supersede_earlier(archive, new.manifest, at=AT) == ()


def test_a_run_that_came_to_no_plan_supersedes_nothing(archive: Archive) -> None:
    run = sealed_run(archive)
    failed = sealed_run(archive, days=1, outcome=Outcome.FAILED)
    unread = sealed_run(archive, days=2, outcome=Outcome.REFUSED, fingerprint="")
    assert supersede_earlier(archive, failed.manifest, at=AT) == ()
    assert supersede_earlier(archive, unread.manifest, at=AT) == ()
    assert archive.load(run.run_id).state == "ready"


def test_a_plan_sealed_late_is_superseded_itself(archive: Archive) -> None:
    early = archive.new_run(Kind.RECONCILE, AT)
    late = sealed_run(archive, days=1)
    assert supersede_earlier(archive, late.manifest, at=AT) == ()
    write_people(early, [Person("k-1")])
    manifest = seal(early, manifest_of(early))
    assert supersede_earlier(archive, manifest, at=AT) == (early.run_id,)
    assert archive.load(early.run_id).acts[-1].details == {"by": late.run_id}


def test_at_is_kept_to_the_microsecond_in_utc(archive: Archive) -> None:
    at = datetime(2026, 11, 23, 5, 6, 7, 89, tzinfo=UTC)
    run = sealed_run(archive)
    add_act(run, Act.RELEASED, "ann", at=at)
    assert archive.load(run.run_id).acts[0].at == at
