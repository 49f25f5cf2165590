"""Whose approvals count, and what an apply of an earlier version left out, whose act does not say so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from tests.support.archive_runs import (
    AT,
    FINGERPRINT,
    Person,
    applied,
    approved,
    archive_in,
    begin_journal,
    sealed_run,
    settings_in,
)
from trueup.connectors.archive import add_act
from trueup.transforms.approval.judgement import effective_approval, what_was_left_out, write_what_is_left_out
from trueup.transforms.approval.run_state import is_ended
from trueup.transforms.approval.validity import (
    how_to_approve,
    refuse_unless_signed_in,
    still_needed,
    valid_approvals,
    voice_of,
)
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.history import PriorRun

HOUR = timedelta(hours=1)
PEOPLE = [Person("k-1"), Person("k-2"), Person("k-3")]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def left_out(run: PriorRun, aside: Path) -> set[str]:
    rows = pq.read_table(what_was_left_out(run, settings_in(aside), aside)).to_pylist()
    return {row["key"] for row in rows}


def until(run: PriorRun, hours: float) -> str:
    return (run.manifest.sealed + hours * HOUR).isoformat()


def test_an_older_apply_left_out_what_the_approvals_left_out_that_held_when_it_ended(
    archive: Archive, tmp_path: Path
) -> None:
    run = sealed_run(archive, PEOPLE)
    run = approved(archive, run, "ann", exclude=["k-1"], expires=until(run, 2))
    run = approved(archive, run, "bob", exclude=["k-2"], expires=until(run, 9))
    run = approved(archive, run, "Ann", exclude=["k-3"], expires=until(run, 2))
    run = applied(archive, run, at=run.manifest.sealed + HOUR)
    later = approved(archive, run, "cy", exclude=["k-1"])
    assert left_out(later, tmp_path) == {"k-2", "k-3"}, "the last word of each who had spoken by then"


def test_an_approval_that_ends_at_the_very_moment_no_longer_holds(archive: Archive, tmp_path: Path) -> None:
    run = sealed_run(archive, PEOPLE)
    run = approved(archive, run, "ann", exclude=["k-1"], expires=until(run, 1))
    run = approved(archive, run, "bob", exclude=["k-2"], expires=until(run, 9))
    assert left_out(applied(archive, run, at=run.manifest.sealed + HOUR), tmp_path) == {"k-2"}


def test_where_all_had_ended_the_last_one_is_what_the_apply_went_by(archive: Archive, tmp_path: Path) -> None:
    run = sealed_run(archive, PEOPLE)
    run = approved(archive, run, "ann", exclude=["k-1"], expires=until(run, 1))
    run = approved(archive, run, "bob", exclude=["k-2"], expires=until(run, 1))
    assert left_out(applied(archive, run, at=run.manifest.sealed + 2 * HOUR), tmp_path) == {"k-2"}


def test_of_several_applies_the_last_one_counts(archive: Archive, tmp_path: Path) -> None:
    run = approved(archive, sealed_run(archive, PEOPLE), "ann", exclude=["k-1"])
    run = applied(archive, run, Act.INTERRUPTED)
    run = applied(archive, approved(archive, run, "ann", exclude=["k-3"]))
    assert left_out(run, tmp_path) == {"k-3"}
    assert left_out(sealed_run(archive, PEOPLE, days=1), tmp_path) == set(), "nothing was applied"


def test_only_valid_approvals_of_this_plan_by_others_count_towards_the_number_needed(archive: Archive) -> None:
    settings = settings_in(archive.path, approval={"approvers": 3})
    run = sealed_run(archive, PEOPLE)
    assert still_needed(run, settings, voice_of("ann", None), FINGERPRINT, AT) == 2
    run = approved(archive, run, "ann")
    run = approved(archive, run, "bob")
    assert still_needed(run, settings, voice_of(" ANN", None), FINGERPRINT, AT) == 1
    assert still_needed(run, settings, voice_of("cy", None), FINGERPRINT, AT) == 0
    assert still_needed(run, settings, voice_of("cy", None), "00" * 32, AT) == 2, "of another plan"
    assert (
        still_needed(run, settings, voice_of("cy", None), FINGERPRINT, run.manifest.sealed + timedelta(hours=24)) == 2
    ), "ended"
    assert still_needed(run, settings_in(archive.path), voice_of("cy", None), FINGERPRINT, AT) == 0


def test_approvals_that_do_not_count_are_told_of_with_the_reason(archive: Archive) -> None:
    settings = settings_in(archive.path, approval={"signed_in_only": True})
    run = sealed_run(archive, PEOPLE)
    said = {
        "": "",
        "ann": " The approval that is there does not count: nobody had signed in ([approval] signed_in_only).",
        "bob": " The 2 approvals that are there do not count: nobody had signed in ([approval] signed_in_only).",
    }
    for who, told in said.items():
        run = approved(archive, run, who) if who else run
        with pytest.raises(Refused) as refused:
            valid_approvals(run, settings, FINGERPRINT, AT)
        assert [one.message for one in refused.value.refusals] == [f"Run {run.run_id} is not approved.{told}"]


def test_where_people_must_sign_in_nobody_approves_otherwise_and_is_told_where_to(archive: Archive) -> None:
    run = sealed_run(archive, PEOPLE)
    review = {"url": "https://review.example"}
    shell = f"Read the report; then: trueup approve {run.run_id}"
    page = f"Read the report and accept it at https://review.example/runs/{run.run_id}"
    for sections, remedy in (({"approval": {"signed_in_only": True}}, shell), ({"review": review}, page)):
        settings = settings_in(archive.path, **sections)
        refuse_unless_signed_in(run, settings, Via.SIGN_IN)
        for via in set(Via) - {Via.SIGN_IN}:
            with pytest.raises(Refused) as refused:
                refuse_unless_signed_in(run, settings, via)
            assert [(one.code, one.remedy) for one in refused.value.refusals] == [("signed_in_only", remedy)]
    both = settings_in(archive.path, approval={"signed_in_only": False}, review=review)
    for via in Via:
        refuse_unless_signed_in(run, both, via)
    assert how_to_approve(run, both) == shell, "the page is not the only way"


def test_an_apply_is_at_its_end_when_it_wrote_all_or_closed_with_an_outcome(archive: Archive) -> None:
    run = approved(archive, sealed_run(archive, PEOPLE))
    assert not is_ended(run)
    begin_journal(run)
    add_act(run, Act.INTERRUPTED, "trueup", at=AT, files=(run.files.journal,))
    stopped = archive.load(run.run_id)
    assert not is_ended(stopped)
    assert is_ended(applied(archive, stopped, Act.PARTIALLY_APPLIED)), "resumed, to an outcome there was none of before"
    whole = applied(archive, approved(archive, sealed_run(archive, PEOPLE, days=1)))
    assert is_ended(whole)


def test_what_an_approver_was_told_is_left_out_is_left_out_by_a_version_that_sees_it_otherwise(
    archive: Archive, tmp_path: Path
) -> None:
    everybody = ("k-1", "k-2", "k-3", "k-4")
    people = [Person(key, changes={"title": (None, "x"), "nickName": (None, "y")}) for key in everybody]
    rows = [("k-1", None), ("k-1", "title"), ("k-2", "title"), ("k-3", None)]
    told = [{"key": key, "attribute": attribute, "because": ""} for key, attribute in rows]
    run = approved(archive, sealed_run(archive, people), exclude=["k-1"], own=["k-3"], left_out=told)
    settings = settings_in(archive.path)

    def is_left_out(run: PriorRun) -> list[tuple[str, str | None]]:
        approval = effective_approval(run, settings, fingerprint=FINGERPRINT, at=AT + HOUR)
        write_what_is_left_out(run, approval, settings, tmp_path / "out.parquet")
        return [(row["key"], row["attribute"]) for row in pq.read_table(tmp_path / "out.parquet").to_pylist()]

    assert is_left_out(run) == [("k-1", None), ("k-2", "title"), ("k-3", None)]
    assert left_out(applied(archive, run), tmp_path) == {"k-1", "k-2", "k-3"}, "of an apply whose act has no such file"


def test_an_approvers_own_rows_alone_are_lifted_by_somebody_else(archive: Archive, tmp_path: Path) -> None:
    people = [Person(key, changes={"title": (None, "x")}) for key in ("k-1", "k-2", "k-3")]
    told = [{"key": key, "attribute": None, "because": ""} for key in ("k-1", "k-2")]
    run = approved(archive, sealed_run(archive, people), own=["k-1"], left_out=told)
    bob = {"issuer": "https://id.example", "tenant": "", "subject": "bob"}
    run = approved(archive, run, "bob", via="sign_in", identity=bob)
    settings = settings_in(archive.path)
    approval = effective_approval(run, settings, fingerprint=FINGERPRINT, at=AT + HOUR)
    write_what_is_left_out(run, approval, settings, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["key"].to_pylist() == ["k-2"]
