"""How a run stands: what was decided, what may be, how many more are needed; and a mark that moves when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.flows.review.deciding import acts_of
from trueup.transforms.approval.run_state import is_begun, not_begun_refusals, overtaken
from trueup.transforms.approval.validity import valid_approvals
from trueup.transforms.errors import Refused
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from trueup.transforms.history import PriorRun
    from trueup.transforms.settings import Settings


def standing(settings: Settings, run_id: str, *, at: datetime) -> dict[str, Any]:
    """The run's part of the live state, and its ``fingerprint``.

    Raises:
        Misused: there is no such run.
        Refused: it is damaged.
    """
    from trueup.connectors.archive import open_archive

    archive = open_archive(settings, writable=False)
    run = archive.load(run_id)
    closed = [] if is_begun(run) else [*not_begun_refusals(run), *overtaken(run, archive.history(run.manifest.target))]
    if is_begun(run):
        why = f"Run {run_id} has been applied, or begun to be."
    else:
        why = " ".join(one.message for one in closed)
    return {
        "fingerprint": run.manifest.fingerprint,
        "decisions": acts_of(run),
        "acts": len(run.acts),
        "state": str(run.state),
        "still_needed": still_needed(run, settings, at),
        "may_approve": not why,
        "why_not": why,
    }


def still_needed(run: PriorRun, settings: Settings, at: datetime) -> int:
    """How many more people must approve before the run can be applied."""
    try:
        valid_approvals(run, settings, run.manifest.fingerprint, at)
    except Refused as refused:
        had = next((one.used for one in refused.refusals if one.code == "approvers_missing"), 0)
        return settings.approval.approvers - int(had or 0)
    return 0


def version(root: Path, run_id: str) -> tuple[Any, ...]:
    """Another one whenever the run has another act, its journal has grown, or its data is gone."""
    files = RunFiles(root / run_id)
    try:
        acts = tuple(sorted(path.name for path in files.acts.iterdir())) if files.acts.is_dir() else ()
    except OSError:
        acts = ()
    return (acts, files.decisions.exists(), files.manifest.exists())
