"""What a run's state and its neighbours say about approving, applying, rejecting and superseding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import ActRecord

APPLY_ACTS = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.INTERRUPTED)
"""What closes an apply."""


def refusal(code: str, message: str, remedy: str, used: float | None = None, limit: float | None = None) -> Refusal:
    """A refusal that nobody can override."""
    return Refusal(code, message, used, limit, overridable=False, remedy=remedy)


def is_begun(run: PriorRun) -> bool:
    """Whether an apply has written, or may have written, any of the run."""
    return run.state == Act.INTERRUPTED or any(act.act in APPLY_ACTS for act in run.acts)


def is_finished(run: PriorRun) -> bool:
    """Whether everything approved was written: the last apply ended with ``applied`` and none has begun since."""
    ended = [act.act for act in run.acts if act.act in APPLY_ACTS]
    return bool(ended) and ended[-1] is Act.APPLIED and run.state != Act.INTERRUPTED


def is_ended(run: PriorRun) -> bool:
    """Whether an apply came to its end, even if not everything could be written: there is nothing to resume."""
    ended = [act for act in run.acts if act.act in APPLY_ACTS]
    if not ended or ended[-1].act is Act.INTERRUPTED or run.state == Act.INTERRUPTED:
        return False
    return ended[-1].act is Act.APPLIED or run.files.outcome.name in ended[-1].files


def is_approvable(run: PriorRun) -> bool:
    """Whether the sealed plan is one a person can accept: ready, or refused on limits alone."""
    manifest = run.manifest
    if manifest.outcome is Outcome.READY:
        return True
    refused = manifest.outcome is Outcome.REFUSED and bool(manifest.refusals)
    return refused and bool(manifest.fingerprint) and all(one.overridable for one in manifest.refusals)


def is_supersedable(run: PriorRun) -> bool:
    """Whether a new plan of the same target makes this one void: approvable, not over and not begun."""
    over = {Act.REJECTED, Act.SUPERSEDED}
    return is_approvable(run) and not is_begun(run) and not any(act.act in over for act in run.acts)


def has_plan(run: PriorRun) -> bool:
    """Whether the run came as far as a plan; only then does it overtake earlier ones."""
    return run.manifest.outcome is not Outcome.FAILED and bool(run.manifest.fingerprint)


def is_partial(run: PriorRun) -> bool:
    """Whether it was planned for some people only: what waits for everybody else goes on waiting."""
    return run.is_for_some


def overtakes(other: PriorRun, run: PriorRun) -> bool:
    """Whether ``other`` makes the plan of ``run`` void.

    A newer plan does, but not one for some people only: what waits for everybody goes on waiting, and its apply passes
    over those people (``trueup.transforms.approval.since``). A plan for some people is void as soon as anything else
    was written to the target after it was begun: its links are those of before.
    """
    if other.run_id == run.run_id or not has_plan(other):
        return False
    if other.run_id > run.run_id:
        return not is_partial(other) or (is_partial(run) and is_begun(other))
    written = any(act.act in APPLY_ACTS and act.at > run.manifest.started for act in other.acts)
    return is_partial(run) and written


def not_begun_refusals(run: PriorRun, *, applying: bool = False) -> list[Refusal]:
    """Why the run itself cannot be approved (or, ``applying``, its approval not be used); empty when it can."""
    run_id, said = run.run_id, {act.act for act in run.acts}
    if Act.REJECTED in said:
        who = next(act.who for act in reversed(run.acts) if act.act is Act.REJECTED)
        return [refusal("run_rejected", f"Run {run_id} was rejected by {who}.", "Plan again: trueup plan")]
    if Act.SUPERSEDED in said:
        return [_superseded(run)]
    if run.is_pruned:
        return [refusal("run_pruned", f"The data of run {run_id} was pruned.", "Plan again: trueup plan")]
    if is_finished(run) and not applying:
        return [refusal("run_applied", f"Run {run_id} is applied already.", "Plan again: trueup plan")]
    return _not_approvable(run)


def decided_meanwhile(run_id: str, acts: Sequence[ActRecord]) -> Refusal:
    """The refusal for somebody who decides on what they saw before ``acts``."""
    told = "; ".join(f"{str(act.act).replace('_', ' ')} by {act.who} at {act.at:%H:%M:%S} UTC" for act in acts)
    return refusal(
        "decided_meanwhile",
        f"Something was decided on run {run_id} since you loaded it: {told}. Your decision is not recorded.",
        "Look at the run as it is now, and decide again if you still want to.",
    )


def _not_approvable(run: PriorRun) -> list[Refusal]:
    run_id, outcome = run.run_id, run.manifest.outcome
    if outcome is Outcome.NOTHING_TO_DO:
        return [refusal("nothing_to_do", f"Run {run_id} has nothing to do.", "There is nothing to approve or apply.")]
    if outcome is Outcome.FAILED:
        return [refusal("run_failed", f"Run {run_id} failed and has no plan.", "Plan again: trueup plan")]
    if is_approvable(run):
        return []
    final = [one for one in run.manifest.refusals if not one.overridable]
    report = f"Read {run_id}/report.html, settle the cause, and plan again: trueup plan"
    text = f"Run {run_id} was refused for a reason nobody can override"
    return [refusal(one.code, f"{text}: {one.message}", one.remedy or report) for one in final] or [
        refusal("run_refused", f"{text}.", report)
    ]


def overtaken(run: PriorRun, history: History) -> list[Refusal]:
    """The refusal for a run that a newer plan of the same target has overtaken without an act that says so.

    An interrupted run is resumed still.
    """
    if run.state == Act.INTERRUPTED or any(act.act is Act.SUPERSEDED for act in run.acts):
        return []
    others = [other.run_id for other in history.runs if overtakes(other, run)]
    if not others:
        return []
    latest = max(others)
    how = f"the newer plan {latest}" if latest > run.run_id else f"the apply of {latest}, which came after it,"
    text = f"Run {run.run_id} was overtaken by {how} of the same target."
    return [refusal("run_overtaken", text, f"Look at the newer one: trueup show {latest}")]


def interrupted_other(run: PriorRun, history: History) -> list[Refusal]:
    """The refusals for interrupted runs of the same target that must be resumed or rejected first."""
    return [
        refusal(
            "other_run_interrupted",
            f"Run {other.run_id} was interrupted while it was applied.",
            f"Resume it: trueup apply {other.run_id}. Or give it up: trueup reject {other.run_id}",
        )
        for other in history.runs
        if other.state == Act.INTERRUPTED and other.run_id != run.run_id
    ]


def may_be_rejected(run: PriorRun) -> None:
    """Return when the run can still be rejected: a plan not begun, or an interrupted one that is given up.

    Raises:
        Refused: it is applied, over, or was never a plan.
    """
    if is_begun(run) and run.state != Act.INTERRUPTED:
        text = f"Run {run.run_id} is {run.state.replace('_', ' ')}; what was written cannot be rejected any more."
        raise Refused(refusal("run_begun", text, f"Take it back: trueup rollback {run.run_id}"))
    refusals = [one for one in not_begun_refusals(run) if one.code in {"run_rejected", "run_superseded", "run_pruned"}]
    if run.manifest.outcome in {Outcome.NOTHING_TO_DO, Outcome.FAILED}:
        refusals += _not_approvable(run)
    if refusals:
        raise Refused(refusals)


def _superseded(run: PriorRun) -> Refusal:
    by = next((str(act.details.get("by", "")) for act in reversed(run.acts) if act.act is Act.SUPERSEDED), "")
    newer = f" {by}" if by else ""
    remedy = f"Look at the newer one: trueup show {by or 'latest'}"
    return refusal("run_superseded", f"Run {run.run_id} was superseded by the newer plan{newer}.", remedy)
