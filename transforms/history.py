"""Earlier runs as planning sees them: plain facts and paths, collected by the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.vocabulary import Act, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.transforms.manifest import ActRecord, Manifest
    from trueup.transforms.run_files import RunFiles

LINKING_ACTS = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.VERIFIED)


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
    def is_pruned(self) -> bool:
        """Whether its data files were pruned; manifest and acts remain."""
        return any(act.act is Act.PRUNED for act in self.acts)


@dataclass(frozen=True, slots=True)
class History:
    """All earlier sealed runs against the same target, newest first."""

    runs: tuple[PriorRun, ...] = ()

    @property
    def applied(self) -> tuple[PriorRun, ...]:
        """Runs whose plan reached the target or had nothing to do, with their files still there; newest first."""
        return tuple(run for run in self.runs if run.was_applied and not run.is_pruned)

    @property
    def baseline(self) -> PriorRun | None:
        """The last applied run: links and causes come from comparing with it."""
        return self.applied[0] if self.applied else None

    @property
    def latest_read(self) -> PriorRun | None:
        """The newest run that read its source completely, applied or not, with its files still there."""
        for run in self.runs:
            if run.kind is Kind.RECONCILE and "source.parquet" in run.manifest.files and not run.is_pruned:
                return run
        return None


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
    """Applied runs, newest first, whose results still tell what this target keeps: under this schema, not forgotten."""
    found: list[PriorRun] = []
    for run in history.runs:
        forgotten = max((act.number for act in run.acts if act.act is Act.FORGOTTEN), default=0)
        told_since = not forgotten or any(a.number > forgotten and a.details.get("dialect") for a in run.acts)
        fits = digest is None or schema_digest(run) == digest
        if run.was_applied and not run.is_pruned and fits and told_since:
            found.append(run)
        if forgotten:
            break
    return tuple(found)


def schema_digest(run: PriorRun) -> str:
    """Of what the target said of its attributes when the run was planned."""
    return str(run.manifest.target_state.get("digest", ""))
