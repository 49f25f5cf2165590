"""``latest`` means the newest run that came to decisions; what acts on a run does not guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, archive_in, manifest_of, sealed_run, settings_in
from trueup.connectors.archive import seal
from trueup.flows.approving import Wish, approve_one, reject_one
from trueup.flows.clearance import cleared_to_apply
from trueup.flows.runs import shown_run
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


@pytest.fixture
def runs(tmp_path: Path) -> tuple[PriorRun, PriorRun]:
    """A plan, and a newer run that failed before it came to decisions."""
    archive = archive_in(tmp_path)
    plan = sealed_run(archive)
    files = archive.new_run(Kind.RECONCILE, AT.replace(day=AT.day + 1))
    files.report_md.write_text("# it failed", encoding="utf-8")
    seal(files, manifest_of(files, outcome=Outcome.FAILED, error="The source could not be read.", fingerprint=""))
    return plan, archive.load("latest:any")


def test_showing_the_latest_shows_the_newest_that_decided_and_says_that_a_newer_one_did_not(
    tmp_path: Path, runs: tuple[PriorRun, PriorRun], capsys: pytest.CaptureFixture[str]
) -> None:
    plan, failed = runs
    assert failed.run_id != plan.run_id
    archive = archive_in(tmp_path)
    assert shown_run(archive, "latest").run_id == plan.run_id
    said = capsys.readouterr().err
    assert failed.run_id in said
    assert plan.run_id in said
    assert shown_run(archive, "latest:any").run_id == failed.run_id
    assert shown_run(archive, plan.run_id).run_id == plan.run_id
    assert capsys.readouterr().err == ""


def approve(settings: Settings) -> None:
    approve_one(settings, "latest", Wish(who="Ann"))


def reject(settings: Settings) -> None:
    reject_one(settings, "latest", who="Ann", reason="not these")


def apply(settings: Settings) -> None:
    with cleared_to_apply(settings, "latest"):
        raise AssertionError("it was cleared")


@pytest.mark.parametrize("act", [approve, reject, apply])
def test_who_acts_on_the_latest_must_say_which_where_a_newer_one_did_not_decide(
    tmp_path: Path, runs: tuple[PriorRun, PriorRun], act: Callable[[Settings], None]
) -> None:
    plan, failed = runs
    with pytest.raises(Refused) as refused:
        act(settings_in(tmp_path))
    [refusal] = refused.value.refusals
    assert refusal.code == "latest_not_clear"
    assert failed.run_id in refusal.message
    assert plan.run_id in refusal.message
    assert archive_in(tmp_path).load(plan.run_id).acts == ()


def test_the_only_run_there_is_is_the_latest_whatever_came_of_it(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    files = archive.new_run(Kind.RECONCILE, AT)
    files.report_md.write_text("# it failed", encoding="utf-8")
    seal(files, manifest_of(files, outcome=Outcome.FAILED, error="The source could not be read.", fingerprint=""))
    assert archive.load("latest").run_id == files.run_id
    assert archive.passed_over("latest", archive.load("latest")) is None
