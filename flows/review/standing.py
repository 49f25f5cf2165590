"""How a run stands: whether it may be decided, how many more are needed; and a mark that moves when that does.

The pages and what they are sent live have it from here, and both say what a decision would be judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.places import place_of
from trueup.flows.review.deciding import acts_of
from trueup.transforms.approval.run_state import is_finished, not_begun_refusals, overtaken
from trueup.transforms.approval.validity import valid_approvals
from trueup.transforms.errors import Failed, Refused

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be done with a run now."""

    is_open: bool
    """Whether it can be approved, as far as its state and the other runs tell."""
    why_closed: str
    """Why not, in a sentence; empty where the state says it: it was applied."""
    accepted: int
    """How many people's approvals hold now, where more are needed."""
    still_needed: int
    """How many more people must approve before it can be applied."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be applied."""
        return self.is_open and not self.still_needed


def standing(run: PriorRun, history: History, settings: Settings, *, at: datetime) -> Standing:
    """What the run's acts and the other runs of its target say."""
    refusals = [*not_begun_refusals(run), *overtaken(run, history)]
    why_closed = refusals[0].message if refusals and not is_finished(run) else ""
    accepted, still_needed = _approvals(run, settings, at)
    return Standing(not refusals, why_closed, accepted, still_needed)


def live_standing(settings: Settings, run_id: str, *, at: datetime) -> dict[str, Any]:
    """The run's part of the live state, and its ``fingerprint`` and ``target``.

    Raises:
        Misused: there is no such run.
        Refused: it is damaged.
    """
    from trueup.connectors.archive import open_archive

    archive = open_archive(settings, writable=False)
    run = archive.load(run_id)
    how = standing(run, archive.history(run.manifest.target), settings, at=at)
    return {
        "fingerprint": run.manifest.fingerprint,
        "target": run.manifest.target,
        "at_work": at_work(archive.path, run.manifest.target) == run_id,
        "decisions": acts_of(run),
        "acts": len(run.acts),
        "state": str(run.state),
        "still_needed": how.still_needed,
        "may_approve": how.is_open,
        "why_not": how.why_closed,
    }


def at_work(root: Path, target: str) -> str:
    """The run that is being applied to a target right now, by whomever; empty where none is known of."""
    from trueup.connectors.archive.locks import apply_holder

    try:
        holder = apply_holder(root, target)
    except Failed:  # the lock, or the store it is kept in, cannot be read just now
        return ""
    what, _, run_id = ("" if holder is None else holder.what).partition(" ")
    return run_id if what == "apply" else ""


def _approvals(run: PriorRun, settings: Settings, at: datetime) -> tuple[int, int]:
    """How many hold, where they are not enough, and how many more must come."""
    try:
        valid_approvals(run, settings, run.manifest.fingerprint, at)
    except Refused as refused:
        had = next((int(one.used or 0) for one in refused.refusals if one.code == "approvers_missing"), 0)
        return had, settings.approval.approvers - had
    return 0, 0


def version(root: Path, run_id: str, target: str = "") -> tuple[Any, ...]:
    """Another one whenever the run has another act, its data is gone, or an apply to its target begins or ends."""
    files = place_of(root).run(run_id)
    try:
        acts = tuple(sorted(path.name for path in files.acts.iterdir())) if files.acts.is_dir() else ()
    except OSError:
        acts = ()
    return (acts, files.decisions.exists(), files.manifest.exists(), at_work(root, target) if target else "")
