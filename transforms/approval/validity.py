"""What the ``approved`` acts of a run come to: whose word counts, until when, and how many are still needed."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from trueup.transforms.approval.run_state import refusal
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord
    from trueup.transforms.settings import Settings

AUTO = "auto"
"""Who approves under ``[approval.auto]``; nobody else may be called so."""


def valid_approvals(run: PriorRun, settings: Settings, fingerprint: str, at: datetime) -> list[ActRecord]:
    """The approvals that hold at this moment, one per person and enough of them.

    Raises:
        Refused: ``approval_missing``, ``approval_of_another_plan``, ``approval_expired`` or ``approvers_missing``.
    """
    every = _approvals(run, settings)
    fitting = [act for act in every if fingerprint and act.fingerprint == fingerprint]
    valid = [act for act in fitting if at < ends_at(act)]
    approve = f"Read the report; then: trueup approve {run.run_id}"
    if not every:
        raise Refused(refusal("approval_missing", f"Run {run.run_id} is not approved.", approve))
    if not fitting:
        text = f"The approval of run {run.run_id} is for another plan than the one that is there now."
        raise Refused(refusal("approval_of_another_plan", text, approve))
    if not valid:
        last = max(ends_at(act) for act in fitting)
        text = f"The approval of run {run.run_id} expired at {last.isoformat(timespec='seconds')}."
        raise Refused(refusal("approval_expired", text, f"{approve}, or plan again: trueup plan"))
    needed = settings.approval.approvers
    if len(valid) < needed and not any(is_auto(act) for act in valid):
        text = f"Run {run.run_id} is approved by {len(valid)} of {needed} people; they must be different."
        raise Refused(refusal("approvers_missing", text, f'{approve} --as "ANOTHER NAME"', len(valid), needed))
    return valid


def still_needed(run: PriorRun, settings: Settings, who: str, fingerprint: str, at: datetime) -> int:
    """How many more people must approve once ``who`` has."""
    names = {
        folded(act.who)
        for act in _approvals(run, settings)
        if act.fingerprint == fingerprint and at < ends_at(act) and not is_auto(act)
    }
    return max(0, settings.approval.approvers - len(names | {folded(who)}))


def allowed_by_all(acts: list[ActRecord]) -> dict[str, str]:
    """Limits every approver overrides; the reasons of the last one."""
    first, *others = [dict(act.details.get("allowed", {})) for act in reversed(acts)]
    return {name: reason for name, reason in first.items() if all(name in other for other in others)}


def ends_at(act: ActRecord) -> datetime:
    """When the approval ends by itself, as it was said when it was given."""
    return datetime.fromisoformat(act.details["expires"])


def is_auto(act: ActRecord) -> bool:
    """Whether no person gave it."""
    return bool(act.details.get("auto")) or act.who == AUTO


def folded(name: str) -> str:
    """The name as it is compared: without the difference of capitals, blanks and forms of letters."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def in_force(run: PriorRun, applied: ActRecord) -> list[ActRecord]:
    """The approvals an apply closed by the act ``applied`` went by, for acts that do not say what was left out."""
    said: dict[str, ActRecord] = {}
    for act in run.acts:
        if act.act is Act.APPROVED and act.number < applied.number:
            said.pop(folded(act.who), None)
            said[folded(act.who)] = act
    every = list(said.values())
    return [act for act in every if applied.at < ends_at(act)] or every[-1:]


def _approvals(run: PriorRun, settings: Settings) -> list[ActRecord]:
    """The last word of each person, in order; automatic ones only while no person is required."""
    said: dict[str, ActRecord] = {}
    for act in run.acts:
        if act.act is Act.APPROVED and not (is_auto(act) and settings.approval.required):
            said.pop(folded(act.who), None)
            said[folded(act.who)] = act
    return list(said.values())
