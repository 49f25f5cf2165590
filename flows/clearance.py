"""The last door before a write: damage, fingerprint, approval and lock are settled here, before Prefect starts."""

from __future__ import annotations

import contextlib
import getpass
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.flows import configuration
from trueup.flows.runs import meant_run
from trueup.flows.termination import is_ctrl_c
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.vocabulary import Act, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.archive import Archive
    from trueup.transforms.approval.judgement import Approval
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class Cleared:
    """A run that may be applied now, by this process, and nobody else."""

    settings: Settings
    """As they were when the approval was checked; what is saved in the middle of an apply changes nothing of it."""
    archive: Archive
    run: PriorRun
    approval: Approval | None
    """What the approvals come to; None where an apply has come to its end already: nothing is left to send."""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to send."""
        return self.approval is None

    def write_left_out(self, aside: Path) -> Path:
        """What the approval leaves out, with what depends on it, as Parquet (``key``, ``attribute``, ``because``)."""
        from trueup.transforms.approval.judgement import write_what_is_left_out

        if self.approval is None:
            raise ValueError(self.run.run_id)
        into = aside / "left_out.parquet"
        write_what_is_left_out(self.run, self.approval, self.settings, into)
        return into


_broken_off: list[str] = []
"""Runs whose apply a person broke off in this process."""
_CLEARED: dict[str, Cleared] = {}
"""The runs this process may apply now, by id."""


def broken_off() -> str | None:
    """The run whose apply somebody has broken off in this process, or breaks off now."""
    return next(reversed([*_broken_off, *_CLEARED]), None)


def in_hand(run_id: str) -> Cleared:
    """The run, as this process cleared it.

    Raises:
        Refused: it was not cleared here.
    """
    if run_id not in _CLEARED:
        raise Refused(
            Refusal(
                "not_cleared",
                f"The approval of run {run_id} was not checked in this process, so nothing of it is applied.",
                remedy=f"trueup apply {run_id}",
            )
        )
    return _CLEARED[run_id]


def reviewer(name: str) -> str:
    """Who acts: the name given, else the system's user."""
    if name.strip():
        return name.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def same_fingerprint(settings: Settings, run: PriorRun) -> str:
    """The fingerprint of the run's content and the configuration as it is now; the same as when it was sealed.

    Raises:
        Refused: the configuration or the content has changed since.
    """
    from trueup.transforms.approval.run_state import not_begun_refusals
    from trueup.transforms.fingerprint import fingerprint

    if not run.manifest.fingerprint and (refusals := not_begun_refusals(run)):
        raise Refused(refusals)  # it never came to a plan: say why, there is no content to take a fingerprint of
    now = configuration.digest(settings)
    if now != run.manifest.configuration_digest:
        before, after = run.manifest.configuration, settings.what_matters()
        moved = ", ".join(sorted(key for key in after if before.get(key) != after[key])) or "a file it names"
        raise Refused(
            Refusal(
                code="configuration_changed",
                message=f"The configuration has changed since run {run.run_id} was planned: {moved}.",
                remedy="Plan again, so that what is reviewed is what the configuration says: trueup plan",
            )
        )
    found = fingerprint(run.files, now, version=run.manifest.fingerprint_version)
    if found != run.manifest.fingerprint:
        raise Refused(
            Refusal(
                code="fingerprint_mismatch",
                message=f"The content of run {run.run_id} does not have the fingerprint it was sealed with.",
                remedy="Nothing was written. Plan again: trueup plan",
            )
        )
    return found


@contextlib.contextmanager
def cleared_to_apply(settings: Settings, run_id: str) -> Iterator[Cleared]:
    """Hold the target's lock and a run that may be applied for the length of the block.

    A plan nobody has approved is approved here where ``[approval.auto]`` covers it.

    Raises:
        Refused: another apply runs; the run is damaged, stale, overtaken, or not validly approved.
    """
    from trueup.connectors.archive import add_act, apply_lock, open_archive, refuse_damaged
    from trueup.transforms.approval.judgement import effective_approval
    from trueup.transforms.approval.run_state import is_ended

    archive = open_archive(settings)
    run = meant_run(archive, run_id)
    with apply_lock(archive.path, settings.target.url, f"apply {run.run_id}"):
        run = archive.load(run.run_id)
        refuse_damaged(run)
        if run.manifest.outcome is Outcome.NOTHING_TO_DO or is_ended(run):
            yield Cleared(settings, archive, run, None)
            return
        _same_target(settings, run)
        fingerprint = same_fingerprint(settings, run)
        history = archive.history(settings.target.url)
        if _approves_itself(settings, run, history):
            run = archive.load(run.run_id)
        try:
            approval = effective_approval(run, settings, fingerprint=fingerprint, at=datetime.now(UTC), history=history)
        except Refused as refused:
            if any(refusal.code == "approval_expired" for refusal in refused.refusals) and run.state != Act.EXPIRED:
                add_act(run, Act.EXPIRED, "trueup", at=datetime.now(UTC))
            if beyond := _beyond_auto(run, settings):
                raise _with_reason(refused, f"[approval.auto] does not cover it: {beyond}.") from refused
            raise
        _CLEARED[run.run_id] = Cleared(settings, archive, run, approval)
        try:
            yield _CLEARED[run.run_id]
        except BaseException as error:
            if is_ctrl_c(error):
                _broken_off.append(run.run_id)
            raise
        finally:
            del _CLEARED[run.run_id]


def _approves_itself(settings: Settings, run: PriorRun, history: History) -> bool:
    """Store the approval ``[approval.auto]`` gives, where it gives one and nothing else stands in its way."""
    from trueup.connectors.archive import add_act
    from trueup.transforms.approval.judgement import auto_approval
    from trueup.transforms.approval.run_state import interrupted_other, overtaken

    now = datetime.now(UTC)
    approval = auto_approval(run, settings, at=now)
    if approval is None:
        return False
    if refusals := [*overtaken(run, history), *interrupted_other(run, history)]:
        raise Refused(refusals)
    add_act(run, Act.APPROVED, approval.who[0], at=now, fingerprint=approval.fingerprint, details=approval.details)
    return True


def _beyond_auto(run: PriorRun, settings: Settings) -> str:
    """Where no person need approve: why this plan all the same needs one."""
    from trueup.transforms.approval.judgement import beyond_auto

    return "" if settings.approval.required else "; ".join(beyond_auto(run, settings))


def _with_reason(refused: Refused, why: str) -> Refused:
    return Refused(
        replace(one, message=f"{one.message} {why}") if one.code == "approval_missing" else one
        for one in refused.refusals
    )


def _same_target(settings: Settings, run: PriorRun) -> None:
    if run.manifest.target != settings.target.url:
        raise Refused(
            Refusal(
                code="other_target",
                message=f"Run {run.run_id} was planned for another target than the configuration names now.",
                remedy="Apply it with the configuration it was planned with, or plan again.",
            )
        )
