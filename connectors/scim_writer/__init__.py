"""The only place that writes to a directory; only apply can reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trueup.transforms.progress import silent

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of an apply."""

    applied: int
    """People whose write is settled as applied, in this call or an earlier one."""
    skipped: int
    failed: int
    left_out: int
    newly: int
    """Steps settled in this call; 0 for a run that was applied before."""
    interrupted: bool
    """Stopped before the end (Ctrl-C, error limit): the journal goes on with the next call, no outcome is written."""
    stopped_by: str
    """Empty, ``stop`` or ``apply_errors``."""
    is_partial: bool
    """Something approved is not so in the target: a person skipped or failed, or a reference not written."""
    records: list[dict[str, Any]] = field(repr=False)
    """``{key, operation, result, reason}`` by key, applied ones included; what our own writes lost and put back has
    records of its own, with the operation ``restore``."""
    created: dict[str, str] = field(repr=False)
    """Key → profile id of every profile the run created, in this call or an earlier one."""
    dialect: dict[str, Any]
    """What was learnt of the target: dialect, what becomes of deactivated profiles, what it alters or refuses."""
    errors: list[str]
    """Sentences for the report; no personal data."""
    requests: dict[str, int]
    """By method, in this call."""

    @property
    def details(self) -> dict[str, Any]:
        """For the act that closes the apply."""
        return {
            "applied": self.applied,
            "skipped": self.skipped,
            "failed": self.failed,
            "left_out": self.left_out,
            "stopped_by": self.stopped_by,
            "created": self.created,
            "dialect": self.dialect,
            "deactivation_deletes": bool(self.dialect.get("deactivation_deletes")),
            "errors": self.errors,
            "requests": self.requests,
        }


def apply(
    settings: Settings,
    files: RunFiles,
    *,
    left_out: Path | None,
    stop: threading.Event,
    learned: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> ApplyResult:
    """Every approved change of the run is written once, or said why not; safe to call again after any crash.

    Adds ``journal.jsonl`` and, when it came to the end, ``outcome.parquet`` and ``target_after.parquet``. Lock, hashes
    and fingerprint are the caller's affair, and so is the approval.

    Args:
        settings: where the target is, how gently, and when to stop for errors.
        files: of a run, sealed and approved.
        left_out: Parquet file of what is not written (``key``, ``attribute``; null: the whole person).
        stop: when set, requests in flight are finished and nothing new is begun.
        learned: ``details["dialect"]`` of the last apply to this target.
        progress: told of each settled step.

    Raises:
        Failed: token refused, target unreachable at the start, or the journal cannot be written.
    """
    from trueup.connectors.scim_writer.applying import apply_approved

    return apply_approved(settings, files, left_out=left_out, stop=stop, learned=learned, progress=progress)
