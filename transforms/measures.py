"""What a target's last run came to, in figures for those who watch; they name nobody."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.approval.run_state import is_approvable, is_begun, overtaken
from trueup.transforms.vocabulary import Act, Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import LimitUse


@dataclass(frozen=True, slots=True)
class Measure:
    """One series: its name, what it is, and a value for each of its labels' values."""

    name: str
    words: str
    label: str
    """Beside ``target``; empty where there is none."""
    values: tuple[tuple[str, float], ...]
    """The label's value, and the figure."""


def measures(history: History) -> tuple[Measure, ...]:
    """Every series of one target, from its runs, newest first; of nothing but what there was."""
    return tuple(one for one in _measures(history) if one.values)


def is_good(run: PriorRun) -> bool:
    """Whether a run succeeded: it read both sides, and came to a plan that may be accepted, or to nothing to do."""
    return not run.manifest.partial_read and run.manifest.outcome in {Outcome.READY, Outcome.NOTHING_TO_DO}


def waits(run: PriorRun, history: History) -> bool:
    """Whether it is for a person to decide on the run, or to apply it."""
    open_states = {Outcome.READY, Outcome.REFUSED, Act.APPROVED, Act.EXPIRED}
    if run.state not in open_states or not is_approvable(run) or is_begun(run):
        return False
    return not run.is_pruned and not overtaken(run, history)


def still_needed(run: PriorRun) -> int:
    """How many more people must approve, as the last approval has it; one where there is none, or none that holds."""
    if run.state != Act.APPROVED:
        return 1
    approved = next(act for act in reversed(run.acts) if act.act is Act.APPROVED)
    return int(approved.details.get("still_needed") or 0)


def _measures(history: History) -> Iterator[Measure]:
    whole = [run for run in history.runs if not run.manifest.only]
    good = next((run for run in whole if is_good(run)), None)
    yield Measure(
        "trueup_last_success_timestamp_seconds",
        "When a whole run last succeeded (came to a plan, or to nothing to do), in seconds since 1970.",
        "",
        (("", good.manifest.sealed.timestamp()),) if good else (),
    )
    waiting = sum(waits(run, history) and still_needed(run) > 0 for run in history.runs)
    yield Measure(
        "trueup_awaiting_approval", "Plans that wait for somebody to accept or reject them.", "", (("", waiting),)
    )
    if not whole:
        return
    last = whole[0].manifest
    yield Measure("trueup_run_seconds", "Of each stage of the last run.", "stage", tuple(last.stage_seconds.items()))
    yield Measure(
        "trueup_people",
        "By decision of the last run.",
        "decision",
        tuple((one.value, last.counts.get(one, 0)) for one in Decision),
    )
    yield Measure("trueup_changes", "Changes of attributes in the last run.", "", (("", last.changes),))
    yield Measure(
        "trueup_limit_used_ratio",
        "How much of each limit the last run uses; beyond 1 it refuses, but where the limit does not apply.",
        "limit",
        tuple((use.name, _ratio(use)) for use in last.limits),
    )
    yield Measure(
        "trueup_outcome",
        "1 for how the last run ended, 0 for the others.",
        "outcome",
        tuple((one.value, float(one is last.outcome)) for one in Outcome),
    )


def _ratio(use: LimitUse) -> float:
    part = use.share if use.is_share else use.used
    if use.limit:
        return part / use.limit
    return math.inf if use.used else 0.0
