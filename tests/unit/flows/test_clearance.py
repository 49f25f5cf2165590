from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.archive_runs import approved, archive_in, sealed_run, settings_in
from trueup.flows import clearance, termination
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


def test_an_apply_that_ctrl_c_broke_off_is_known_by_whatever_error_was_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, now = archive_in(tmp_path), datetime.now(UTC)
    run = approved(archive, sealed_run(archive, started=now, sealed=now), at=now)
    monkeypatch.setattr(clearance, "same_fingerprint", lambda _settings, run: run.manifest.fingerprint)
    monkeypatch.setattr(clearance, "_broken_off", [])
    with pytest.raises(ValueError, match="a fault"), cleared_to_apply(settings_in(tmp_path), run.run_id):
        raise ValueError("a fault")
    assert clearance.broken_off() is None
    monkeypatch.setattr(termination, "_asked", [1])
    with pytest.raises(ValueError, match="of Ctrl-C"), cleared_to_apply(settings_in(tmp_path), run.run_id):
        raise ValueError("of Ctrl-C")
    assert clearance.broken_off() == run.run_id
