"""What the ``approved`` acts of a run come to: whose word counts, until when, and how many are still needed."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from trueup.transforms.approval.run_state import refusal
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act, Via

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord, Identity
    from trueup.transforms.settings import Settings

Voice = tuple[str, ...]
"""Who speaks, as it is compared."""
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
    approve = how_to_approve(run, settings)
    if not every:
        raise Refused(refusal("approval_missing", f"Run {run.run_id} is not approved.{_passed_over(run)}", approve))
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
        another = approve if settings.signed_in_only else f'{approve} --as "ANOTHER NAME"'
        raise Refused(refusal("approvers_missing", text, another, len(valid), needed))
    return valid


def still_needed(run: PriorRun, settings: Settings, who: Voice, fingerprint: str, at: datetime) -> int:
    """How many more people must approve once ``who`` has."""
    voices = {
        voice(act)
        for act in _approvals(run, settings)
        if act.fingerprint == fingerprint and at < ends_at(act) and not is_auto(act)
    }
    return max(0, settings.approval.approvers - len(voices | {who}))


def voice(act: ActRecord) -> Voice:
    """Whose word the act is: two with the same one are one person's."""
    return voice_of(act.who, act.identity)


def voice_of(who: str, identity: Identity | None) -> Voice:
    """Whoever signed in is who the provider says, whatever they are called; of others the name is all there is."""
    if identity is None:
        return ("name", folded(who))
    return ("identity", identity.issuer, identity.tenant, identity.subject)


def how_to_approve(run: PriorRun, settings: Settings) -> str:
    """The remedy where an approval is wanted."""
    if settings.signed_in_only and settings.review.url:
        return f"Read the report and accept it at {settings.review.url}/runs/{run.run_id}"
    return f"Read the report; then: trueup approve {run.run_id}"


def refuse_unless_signed_in(run: PriorRun, settings: Settings, via: Via) -> None:
    """Stop an approval that would not count, before it is stored.

    Raises:
        Refused: ``signed_in_only``.
    """
    if settings.signed_in_only and via is not Via.SIGN_IN:
        text = f"Run {run.run_id} can only be approved by somebody who signs in ([approval] signed_in_only)."
        raise Refused(refusal("signed_in_only", text, how_to_approve(run, settings)))


def lifts_own(act: ActRecord, others: Iterable[ActRecord]) -> bool:
    """Whether somebody else who signed in accepted the plan too, so that the approver's own rows are applied."""
    return any(
        other.identity is not None and other.fingerprint == act.fingerprint and voice(other) != voice(act)
        for other in others
    )


def _passed_over(run: PriorRun) -> str:
    """Said of approvals that are there and do not count; empty where there are none."""
    unsigned = sum(1 for act in run.acts if act.act is Act.APPROVED and not is_auto(act))
    if not unsigned:
        return ""
    there = "The approval that is there does" if unsigned == 1 else f"The {unsigned} approvals that are there do"
    return f" {there} not count: nobody had signed in ([approval] signed_in_only)."


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
    said: dict[Voice, ActRecord] = {}
    for act in run.acts:
        if act.act is Act.APPROVED and act.number < applied.number:
            said.pop(voice(act), None)
            said[voice(act)] = act
    every = list(said.values())
    return [act for act in every if applied.at < ends_at(act)] or every[-1:]


def _counts(act: ActRecord, settings: Settings) -> bool:
    if is_auto(act):
        return not settings.approval.required
    return not settings.signed_in_only or (act.via == Via.SIGN_IN and act.identity is not None)


def _approvals(run: PriorRun, settings: Settings) -> list[ActRecord]:
    """The last word of each person, in order; automatic ones only while no person is required."""
    said: dict[Voice, ActRecord] = {}
    for act in run.acts:
        if act.act is Act.APPROVED and _counts(act, settings):
            said.pop(voice(act), None)
            said[voice(act)] = act
    return list(said.values())
