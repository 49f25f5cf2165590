"""Acts in words: of an apply, ``left_out`` is a number and no list of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.archive_runs import AT, approved, archive_in, begin_journal, sealed_run
from trueup.connectors.archive import add_act
from trueup.flows.review.deciding import acts_of
from trueup.flows.review.decisions_told import decisions_of
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path


def test_an_apply_that_left_people_out_is_told(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive), left_out=[{"key": "k-1", "attribute": None, "because": "by name"}])
    begin_journal(run)
    add_act(run, Act.APPLIED, "trueup", at=AT, files=(run.files.journal,), details={"left_out": 3, "applied": 2})
    run = archive.load(run.run_id)
    assert [one["left_out"] for one in acts_of(run).values()] == [1, 0]
    assert [one.text for one in decisions_of(run)] == [
        "accepted it; left out 1 person, in whole or in part",
        "applied it",
    ]
