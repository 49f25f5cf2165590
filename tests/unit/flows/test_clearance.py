from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import approved, archive_in, sealed_run, settings_in
from trueup.flows.clearance import cleared_to_apply
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_never_applied_to_another_target_than_it_was_planned_for(tmp_path: Path) -> None:
    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive))
    here = settings_in(tmp_path)
    elsewhere = here.model_copy(update={"target": here.target.model_copy(update={"url": "https://other.example/scim"})})
    with pytest.raises(Refused) as refused, cleared_to_apply(elsewhere, run.run_id):
        raise AssertionError("it was cleared")
    assert [one.code for one in refused.value.refusals] == ["other_target"]
    assert [act.act for act in archive.load(run.run_id).acts] == [Act.APPROVED]
