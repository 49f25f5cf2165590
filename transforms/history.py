"""Earlier runs as planning sees them: plain facts and paths, collected by the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.targets import same_target
from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from trueup.transforms.manifest import ActRecord, Manifest
    from trueup.transforms.run_files import RunFiles

LINKING_ACTS = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.VERIFIED)
_WRITING_ACTS = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class PriorRun:
    """One sealed run of the archive, with its acts in order."""

    files: RunFiles
    manifest: Manifest
    acts: tuple[ActRecord, ...]
    state: str
    """Last act other than those that are silent, else the outcome; ``interrupted`` for an unclosed journal."""

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.manifest.run_id

    @property
    def kind(self) -> Kind:
        """Reconcile or rollback."""
        return self.manifest.kind

    @property
    def was_applied(self) -> bool:
        """Whether its plan reached the target, wholly or in part, or had nothing to do."""
        return self.manifest.outcome is Outcome.NOTHING_TO_DO or any(a.act in LINKING_ACTS for a in self.acts)

    @property
    def applied_at(self) -> datetime:
        """When its plan reached the target last; the seal of a run that never wrote."""
        return max((act.at for act in self.acts if act.act in _WRITING_ACTS), default=self.manifest.sealed)

    @property
    def is_for_some(self) -> bool:
        """Whether it was planned for some people only, however much was read for it."""
        return self.kind is Kind.RECONCILE and bool(self.manifest.only)

    @property
    def is_pruned(self) -> bool:
        """Whether its data files were pruned; manifest and acts remain."""
        return any(act.act is Act.PRUNED and not act.details.get("snapshots") for act in self.acts)

    @property
    def has_snapshots(self) -> bool:
        """Whether what was read of both sides is still there: it may go earlier than what was decided."""
        return not any(act.act is Act.PRUNED for act in self.acts)

    @property
    def gone(self) -> frozenset[str]:
        """Names of the files that were pruned."""
        return frozenset(str(name) for act in self.acts if act.act is Act.PRUNED for name in act.details["files"])


@dataclass(frozen=True, slots=True)
class History:
    """All earlier sealed runs against the same target, newest first."""

    runs: tuple[PriorRun, ...] = ()

    @property
    def applied(self) -> tuple[PriorRun, ...]:
        """Runs that read whole sides and whose plan reached the target or had nothing to do; the newest plan first.

        Their files are still there. What read only the people named is not among them: of everybody else it knows
        nothing.
        """
        return tuple(run for run in self._reached if not run.manifest.partial_read)

    @property
    def baseline(self) -> PriorRun | None:
        """The newest applied plan for everybody: links and causes come from it, and from what ``amending`` knows.

        Where there is none yet, the newest for some people that read everybody.
        """
        applied = self.applied
        return next((run for run in applied if not run.is_for_some), next(iter(applied), None))

    @property
    def amending(self) -> tuple[PriorRun, ...]:
        """Applied plans for some people, made or applied since the baseline's was begun: of those they know better.

        The newest plan first. Of nobody else is anything taken from them. A plan of the night may be applied after one
        of the morning for some: the morning's is the newer word on them all the same. So is one that was applied while
        the night's was being made, whose links were read before.
        """
        baseline = self.baseline
        if baseline is None:
            return ()
        return tuple(
            run
            for run in self._reached
            if run.is_for_some
            and run.run_id != baseline.run_id
            and (run.run_id > baseline.run_id or run.applied_at > baseline.manifest.started)
        )

    @property
    def known(self) -> tuple[PriorRun, ...]:
        """All applied runs, partial reads too, the newest knowledge first: ``amending``, then by plan."""
        amending = self.amending
        return (*amending, *(run for run in self._reached if run not in amending))

    @property
    def _reached(self) -> tuple[PriorRun, ...]:
        reached = (run for run in self.runs if run.was_applied and not run.is_pruned)
        return tuple(sorted(reached, key=lambda run: run.run_id, reverse=True))

    @property
    def latest_read(self) -> PriorRun | None:
        """The newest run that read its source completely, applied or not, with its files still there."""
        for run in self.runs:
            is_whole = run.kind is Kind.RECONCILE and not run.manifest.partial_read
            if is_whole and "source.parquet" in run.manifest.files and run.has_snapshots:
                return run
        return None


def by_target(runs: Iterable[PriorRun]) -> dict[str, History]:
    """Each target's own runs, by one spelling of its address, sorted by it; runs stay in their order."""
    found: dict[str, list[PriorRun]] = {}
    for run in runs:
        found.setdefault(same_target(run.manifest.target), []).append(run)
    return {target: History(tuple(own)) for target, own in sorted(found.items())}


def last_learned(history: History, *, digest: str | None = None) -> Mapping[str, Any] | None:
    """What the last apply to this target learnt of it (``details["dialect"]`` of its act); None before any.

    ``digest`` is of the target's schema now: what was learnt under another one is forgotten, and so is what was learnt
    before ``trueup doctor --relearn``.
    """
    for run in history.runs:
        for act in reversed(run.acts):
            if act.act is Act.FORGOTTEN:
                return None
            if act.details.get("dialect"):
                if digest is not None and schema_digest(run) != digest:
                    return None
                learned: Mapping[str, Any] = act.details["dialect"]
                return learned
    return None


def telling_of_target(history: History, digest: str | None = None) -> tuple[PriorRun, ...]:
    """Applied runs whose results still say what this target keeps: not forgotten, and under this schema.

    In the order of ``known``: the newest knowledge first.
    """
    telling: set[str] = set()
    for run in history.runs:
        forgotten = max((act.number for act in run.acts if act.act is Act.FORGOTTEN), default=0)
        told_since = not forgotten or any(a.number > forgotten and a.details.get("dialect") for a in run.acts)
        fits = digest is None or schema_digest(run) == digest
        if fits and told_since:
            telling.add(run.run_id)
        if forgotten:
            break
    return tuple(run for run in history.known if run.run_id in telling)


def schema_digest(run: PriorRun) -> str:
    """Of what the target said of its attributes when the run was planned."""
    return str(run.manifest.target_state.get("digest", ""))
