"""How a run stands is told once: the pages and what they are sent live say what a decision would be judged by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.archive_runs import AT, applied, approved, archive_in, begin_journal, sealed_run, settings_in
from tests.support.team_review import true_run
from trueup.flows.approving import Wish, approve_one
from trueup.flows.review.standing import live_standing, standing
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.flows.review.standing import Standing
    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings

IDENTITY = {"issuer": "https://login.example/v2.0", "tenant": "t"}


def _stands(settings: Settings, run: PriorRun, *, hours: float = 1) -> Standing:
    """As the pages have it; what is sent live must be the same."""
    at = AT + timedelta(hours=hours)
    found = standing(run, archive_in(settings.folder).history(run.manifest.target), settings, at=at)
    sent = live_standing(settings, run.run_id, at=at)
    assert (sent["may_approve"], sent["why_not"]) == (found.is_open, found.why_closed)
    assert sent["still_needed"] == found.still_needed
    return found


def test_only_approvals_that_count_shorten_the_way(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, approval={"approvers": 3, "signed_in_only": True})
    archive = archive_in(tmp_path)
    run = approved(archive, sealed_run(archive), "ann", via=Via.SHELL)
    assert (_stands(settings, run).accepted, _stands(settings, run).still_needed) == (0, 3)
    for who in ("bo", "cy"):
        run = approved(archive, run, who, via=Via.SIGN_IN, identity={**IDENTITY, "subject": who})
    assert (_stands(settings, run).accepted, _stands(settings, run).still_needed) == (2, 1)
    assert not _stands(settings, run).is_ready
    assert (_stands(settings, run, hours=48).accepted, _stands(settings, run, hours=48).still_needed) == (0, 3)


def test_an_interrupted_run_can_be_accepted_again_and_an_applied_one_cannot(tmp_path: Path) -> None:
    settings, archive = settings_in(tmp_path), archive_in(tmp_path)
    run = approved(archive, sealed_run(archive))
    assert _stands(settings, run).is_ready
    begin_journal(run)
    run = archive.load(run.run_id)
    assert run.state == Act.INTERRUPTED
    stands = _stands(settings, run, hours=48)
    assert (stands.is_open, stands.still_needed) == (True, 1), (
        "its approval has run out, and it is resumed with another"
    )
    run = applied(archive, run)
    assert not _stands(settings, run).is_open
    assert not _stands(settings, run).is_ready


def test_what_is_said_to_be_open_is_taken(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    run = true_run(settings)
    begin_journal(run)
    assert _stands(settings, archive_in(tmp_path).load(run.run_id)).is_open
    again, details = approve_one(settings, run.run_id, Wish(who="Ann Example"))
    assert (again.state, details["still_needed"]) == (Act.INTERRUPTED, 0)
