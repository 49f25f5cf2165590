"""Which killed nights go on by themselves, and which are a person's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trueup.transforms.approval.judgement import goes_on_by_itself
from trueup.transforms.history import PriorRun
from trueup.transforms.manifest import ActRecord, Manifest
from trueup.transforms.run_files import RunFiles
from trueup.transforms.settings import Settings
from trueup.transforms.vocabulary import Act, Kind, Outcome

AT = datetime(2026, 11, 23, 1, tzinfo=UTC)
BY_ITSELF = Settings.model_validate({"approval": {"required": False, "auto": {"max_changes": 100}}})


def night(state: str, *acts: tuple[Act, bool], **facts: Any) -> PriorRun:
    """A run that the schedule began; each act with whether ``[approval.auto]`` gave it."""
    known: dict[str, Any] = {"started": AT, "sealed": AT, "expected": AT, "outcome": Outcome.READY, "fingerprint": "f"}
    manifest = Manifest(run_id="20261123T010000Z-0000", kind=Kind.RECONCILE, **(known | facts))
    records = tuple(
        ActRecord(act=act, number=number, at=AT, who="t", previous_sha256="", details={"auto": True} if auto else {})
        for number, (act, auto) in enumerate(acts, start=1)
    )
    return PriorRun(RunFiles(Path(manifest.run_id)), manifest, records, state)


@pytest.mark.parametrize(
    ("run", "goes_on"),
    [
        (night(Outcome.READY), True),
        (night(Act.APPROVED, (Act.APPROVED, True)), True),
        (night(Act.INTERRUPTED, (Act.APPROVED, True)), True),
        (night(Act.INTERRUPTED, (Act.APPROVED, True), (Act.INTERRUPTED, False)), False),  # broken off, by limit or hand
        (night(Act.INTERRUPTED, (Act.APPROVED, False)), False),  # a person's approval
        (night(Act.INTERRUPTED, (Act.APPROVED, True), (Act.APPROVED, False)), False),
        (night(Act.APPROVED, (Act.APPROVED, False)), False),
        (night(Act.APPLIED, (Act.APPROVED, True), (Act.APPLIED, False)), False),
        (night(Act.REJECTED, (Act.REJECTED, False)), False),
        (night(Act.SUPERSEDED, (Act.SUPERSEDED, False)), False),
        (night(Outcome.READY, expected=None), False),  # planned by hand
        (night(Outcome.READY, only=("somebody",)), False),
        (night(Outcome.READY, changes=101), False),  # beyond [approval.auto]
        (night(Outcome.REFUSED, outcome=Outcome.REFUSED), False),
    ],
)
def test_only_what_needs_no_person_goes_on_by_itself(run: PriorRun, goes_on: bool) -> None:
    assert goes_on_by_itself(run, BY_ITSELF, at=AT) is goes_on
    assert not goes_on_by_itself(run, Settings(), at=AT), "not where somebody must approve"
