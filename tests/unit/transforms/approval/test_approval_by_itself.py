"""What ``[approval.auto]`` approves without a person, and what it leaves to one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archive_runs import AT, FINGERPRINT, approved, archive_in, sealed_run, settings_in
from trueup.connectors.archive import add_act
from trueup.transforms.approval.judgement import auto_approval, effective_approval
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.approval.judgement import Approval
    from trueup.transforms.history import PriorRun

DEACTIVATE = Refusal("limit_deactivate", "212 of 3104", 0.07, 0.05, overridable=True)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return archive_in(tmp_path)


def effective(archive: Archive, run: PriorRun, *, hours: float = 1, **approval: Any) -> Approval:
    settings = settings_in(archive.path, approval=approval)
    return effective_approval(run, settings, fingerprint=FINGERPRINT, at=AT + timedelta(hours=hours))


def test_automatic_approvals_count_only_while_no_person_is_required(archive: Archive) -> None:
    """Whether the act says that no person gave it or only bears the name that no person may have."""
    for who, by_itself in (("auto", True), ("auto", False), ("rule", True)):
        run = approved(archive, sealed_run(archive), who, auto=by_itself)
        assert effective(archive, run, required=False, approvers=2).details == {"auto": True}
        with pytest.raises(Refused) as refused:
            effective(archive, run, required=True)
        assert [one.code for one in refused.value.refusals] == ["approval_missing"]


def auto(archive: Archive, run: PriorRun, *, required: bool = False, **bounds: Any) -> Approval | None:
    settings = settings_in(archive.path, approval={"required": required, "auto": bounds})
    return auto_approval(run, settings, at=AT)


def test_automatic_approval_keeps_within_its_bounds(archive: Archive) -> None:
    run = sealed_run(archive, changes=5, counts={"update": 2, "deactivate": 1, "delete": 1, "hold": 1})
    assert auto(archive, run, max_changes=6, max_deactivations=2) is not None
    assert auto(archive, run, max_changes=5, max_deactivations=2) is None
    assert auto(archive, run, max_changes=6, max_deactivations=1) is None
    assert auto(archive, run, max_changes=6, max_deactivations=2, allow_holds=False) is None
    assert auto(archive, run, required=True, max_changes=6, max_deactivations=2) is None


def test_automatic_approval_counts_deactivations_as_the_limit_does(archive: Archive) -> None:
    use = {"name": "deactivate", "used": 3, "base": 9, "share": 0.3, "limit": 1, "is_share": True, "tripped": False}
    run = sealed_run(archive, changes=3, counts={"update": 3}, limits=[use])
    assert auto(archive, run, max_changes=9, max_deactivations=2) is None
    assert auto(archive, run, max_changes=9, max_deactivations=3) is not None


def test_automatic_approval_is_for_ready_plans_nobody_has_judged(archive: Archive) -> None:
    refused = sealed_run(archive, refusals=(DEACTIVATE,))
    nothing = sealed_run(archive, outcome=Outcome.NOTHING_TO_DO)
    rejected = sealed_run(archive)
    add_act(rejected, Act.REJECTED, "ann", at=AT)
    for run in (refused, nothing, archive.load(rejected.run_id), sealed_run(archive, fingerprint="")):
        assert auto(archive, run, max_changes=99, max_deactivations=99) is None


def test_an_automatic_approval_is_stored_and_holds(archive: Archive) -> None:
    run = sealed_run(archive)
    approval = auto(archive, run)
    assert approval is not None
    add_act(run, Act.APPROVED, *approval.who, at=AT, fingerprint=approval.fingerprint, details=approval.details)
    assert effective(archive, archive.load(run.run_id), required=False).who == ("auto",)
