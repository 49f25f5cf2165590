"""``trueup approve``, ``reject`` and ``review``: a person's word on a plan, bound to its fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.flows.approving import Wish, approve_one, reject_one
from trueup.flows.runs import meant_run
from trueup.transforms.vocabulary import Exit, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def approve_run(config: Path, run_id: str, wish: Wish, *, as_json: bool) -> int:
    """Approve and say what was approved; returns the exit code."""
    settings = configuration.load(config)
    if (idle := _with_nothing_to_do(settings, run_id)) is not None:
        from trueup.reports import nothing_to_do

        told = {"run_id": idle.run_id, "state": idle.state, "fingerprint": idle.manifest.fingerprint}
        screen.document(told) if as_json else screen.say(nothing_to_do(idle))
        return Exit.DONE
    run, details = approve_one(settings, run_id, wish)
    if as_json:
        screen.document({"run_id": run.run_id, "state": run.state, "fingerprint": run.manifest.fingerprint, **details})
        return Exit.DONE
    from trueup.reports import approval_summary

    screen.say(approval_summary(run, details))
    _tell_of_settled(settings, run)
    return Exit.DONE


def _tell_of_settled(settings: Settings, run: PriorRun) -> None:
    """Say how many people a plan for some settled since this plan was made, and what becomes of them."""
    from trueup.connectors.archive import open_archive
    from trueup.reports.sentences import counted, listing
    from trueup.transforms.approval.since import settled_since

    since = settled_since(run, open_archive(settings).history(settings.target.url))
    settled = [one for one in since.values() if not one.lost_profile]
    lost = [one for one in since.values() if one.lost_profile]
    if settled:
        by = listing(sorted({one.run_id for one in settled}))
        people = counted(len(settled), "person was", "people were")
        screen.note(
            f"{people} written by {by} since this plan was made: values that are there already count as applied, what "
            "else this plan has for them is skipped as stale."
        )
    if lost:
        by = listing(sorted({one.run_id for one in lost}))
        profiles = counted(len(lost), "profile of this plan went", "profiles of this plan went")
        screen.note(f"{profiles} to somebody else since it was made ({by}), and will not be written.")


def _with_nothing_to_do(settings: Settings, run_id: str) -> PriorRun | None:
    """The run, where it found the target as it should be: there is nothing to approve, and nothing is refused."""
    from trueup.connectors.archive import open_archive

    run = meant_run(open_archive(settings), run_id)
    return run if run.manifest.outcome is Outcome.NOTHING_TO_DO else None


def reject_run(config: Path, run_id: str, *, who: str, reason: str, as_json: bool) -> int:
    """Reject and say so; returns the exit code."""
    run = reject_one(configuration.load(config), run_id, who=who, reason=reason)
    if as_json:
        screen.document({"run_id": run.run_id, "state": run.state})
    else:
        screen.say(f"Run {run.run_id} is rejected; nothing of it will be applied.")
    return Exit.DONE
