"""How far a run has come: whether it may still be rejected, and whether all of it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import AT, applied, approved, archive_in, begin_journal, sealed_run
from trueup.connectors.archive import add_act
from trueup.transforms.approval.run_state import is_finished, may_be_rejected
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def test_a_plan_not_begun_and_an_interrupted_run_may_be_rejected(archive: Archive) -> None:
    interrupted = approved(archive, sealed_run(archive))
    begin_journal(interrupted)
    refused = sealed_run(archive, refusals=(Refusal("source_incomplete", "half a read"),))
    for run in (sealed_run(archive), approved(archive, sealed_run(archive)), interrupted, refused):
        may_be_rejected(archive.load(run.run_id))


def test_a_run_is_finished_once_all_of_it_was_written_and_none_has_begun_since(archive: Archive) -> None:
    for act, finished in ((Act.APPLIED, True), (Act.PARTIALLY_APPLIED, False), (Act.INTERRUPTED, False)):
        run = approved(archive, sealed_run(archive))
        assert is_finished(run) is False
        assert is_finished(applied(archive, run, act)) is finished, act


def test_what_is_written_or_over_may_not_be_rejected(archive: Archive) -> None:
    rejected, pruned, superseded = (sealed_run(archive) for _ in range(3))
    add_act(rejected, Act.REJECTED, "ann", at=AT)
    add_act(pruned, Act.PRUNED, "trueup", at=AT, details={"files": []})
    add_act(superseded, Act.SUPERSEDED, "trueup", at=AT)
    over = {
        "run_begun": applied(archive, sealed_run(archive)),
        "run_rejected": archive.load(rejected.run_id),
        "run_pruned": archive.load(pruned.run_id),
        "run_superseded": archive.load(superseded.run_id),
        "nothing_to_do": sealed_run(archive, outcome=Outcome.NOTHING_TO_DO),
        "run_failed": sealed_run(archive, outcome=Outcome.FAILED),
    }
    for code, run in over.items():
        with pytest.raises(Refused) as refused:
            may_be_rejected(run)
        assert [one.code for one in refused.value.refusals] == [code]
