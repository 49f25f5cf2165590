"""``trueup approve``, ``reject`` and ``review``: a person's word on a plan, bound to its fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.flows import configuration, screen
from trueup.flows.approving import Wish, approve_one, reject_one
from trueup.transforms.vocabulary import Exit

if TYPE_CHECKING:
    from pathlib import Path


def approve_run(config: Path, run_id: str, wish: Wish, *, as_json: bool) -> int:
    """Approve and say what was approved; returns the exit code."""
    settings = configuration.load(config)
    run, details = approve_one(settings, run_id, wish)
    if as_json:
        screen.document({"run_id": run.run_id, "state": run.state, "fingerprint": run.manifest.fingerprint, **details})
        return Exit.DONE
    from trueup.reports import approval_summary

    screen.say(approval_summary(run, details))
    return Exit.DONE


def reject_run(config: Path, run_id: str, *, who: str, reason: str, as_json: bool) -> int:
    """Reject and say so; returns the exit code."""
    run = reject_one(configuration.load(config), run_id, who=who, reason=reason)
    if as_json:
        screen.document({"run_id": run.run_id, "state": run.state})
    else:
        screen.say(f"Run {run.run_id} is rejected; nothing of it will be applied.")
    return Exit.DONE
