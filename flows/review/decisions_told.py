"""What was decided about a run, and whether anything can be decided still: its acts, put into words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.reports.team.model import DecisionLine
from trueup.reports.team.pages import ACT_WORDS
from trueup.transforms.approval.run_state import is_finished, not_begun_refusals, overtaken
from trueup.transforms.approval.validity import valid_approvals
from trueup.transforms.errors import Refused
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import ActRecord
    from trueup.transforms.settings import Settings

_MOST_LEFT = 5_000
"""People marked as left out on the page; the act has them all."""
_VIA = {"sign_in": "signed in", "shell": "on the server", "orchestrator": "in Prefect", "auto": "by itself"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What can be done with a run now."""

    is_open: bool
    why_closed: str
    is_ready: bool
    still_needed: int
    approved_by: tuple[str, ...]


def decisions_of(run: PriorRun) -> tuple[DecisionLine, ...]:
    """Each act as a line, oldest first."""
    return tuple(_line(act) for act in run.acts)


def left_by(run: PriorRun) -> dict[str, str]:
    """Key → who left the person, or a change of theirs, out when accepting."""
    found: dict[str, str] = {}
    for act in run.acts:
        if act.act is not Act.APPROVED:
            continue
        for row in act.details.get("left_out") or ():
            if isinstance(row, dict) and len(found) < _MOST_LEFT:
                found.setdefault(str(row.get("key")), act.who)
    return found


def standing(run: PriorRun, history: History, settings: Settings) -> Standing:
    """What the run's state and the other runs say."""
    refusals = [*not_begun_refusals(run), *overtaken(run, history)]
    if is_finished(run):
        return Standing(is_open=False, why_closed="", is_ready=False, still_needed=0, approved_by=())
    if refusals:
        text = refusals[0].message
        return Standing(is_open=False, why_closed=text, is_ready=False, still_needed=0, approved_by=())
    fingerprint, at = run.manifest.fingerprint, datetime.now(UTC)
    fitting = [act for act in run.acts if act.act is Act.APPROVED and act.fingerprint == fingerprint]
    try:
        valid = valid_approvals(run, settings, fingerprint, at)
    except Refused as refused:
        some = any(one.code == "approvers_missing" for one in refused.refusals)
        who = tuple(dict.fromkeys(act.who for act in fitting)) if some else ()
        missing = max(1, settings.approval.approvers - len(who)) if some else 0
        return Standing(is_open=True, why_closed="", is_ready=False, still_needed=missing, approved_by=who)
    who = tuple(dict.fromkeys(act.who for act in valid))
    return Standing(is_open=True, why_closed="", is_ready=True, still_needed=0, approved_by=who)


def _line(act: ActRecord) -> DecisionLine:
    via = str(act.details.get("via") or getattr(act, "via", "") or "")
    text = "; ".join(_parts(act))
    return DecisionLine(str(act.act), act.who, act.at, text, _VIA.get(via, ""), act.reason)


def _parts(act: ActRecord) -> Iterator[str]:
    yield ACT_WORDS.get(str(act.act), str(act.act).replace("_", " "))
    said = act.details.get("left_out") if act.act is Act.APPROVED else ()  # of an apply it is a number
    left = {row.get("key") for row in said or () if isinstance(row, dict)}
    if left:
        yield f"left out {len(left)} {'person' if len(left) == 1 else 'people'}, in whole or in part"
    for limit in act.details.get("allowed") or ():
        yield f"beyond the limit {limit}"
    if act.act is Act.SUPERSEDED and act.details.get("by"):
        yield f"the newer plan is {act.details['by']}"
