"""What was decided about a run: its acts, put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.reports.team.model import DecisionLine
from trueup.reports.team.pages import ACT_WORDS
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.transforms.history import PriorRun
    from trueup.transforms.manifest import ActRecord

_MOST_LEFT = 5_000
"""People marked as left out on the page; the act has them all."""
_VIA = {"sign_in": "signed in", "shell": "on the server", "orchestrator": "in Prefect", "auto": "by itself"}


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
