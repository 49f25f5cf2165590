"""The only place that writes to a directory; only apply can reach it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from transforms.progress import silent

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from transforms.progress import Progress
    from transforms.run_files import RunFiles
    from transforms.settings import Settings
    from transforms.work import Work


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What came of an apply."""

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
    """``""``, ``stop`` or ``apply_errors``."""
    records: list[dict[str, Any]] = field(repr=False)
    """``{key, operation, result, reason}`` by key, applied ones included."""
    created: dict[str, str] = field(repr=False)
    """Key → profile id of every profile the run created, in this call or an earlier one."""
    dialect: dict[str, Any]
    """What was learnt of the target: dialect, what becomes of deactivated profiles, what it alters or refuses."""
    errors: list[str]
    """Sentences for the report; no personal data."""
    requests: dict[str, int]
    """By method, in this call."""


def apply(
    settings: Settings,
    files: RunFiles,
    work: Work,
    *,
    stop: threading.Event,
    learned: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> ApplyResult:
    """Every approved change of the run is written once, or said why not; safe to call again after any crash.

    Adds ``journal.jsonl`` and, when it came to the end, ``outcome.parquet`` and ``target_after.parquet``. Approval,
    locks and hashes are the caller's affair.

    Args:
        settings: where the target is, how gently, and when to stop for errors.
        files: the sealed run.
        work: from :func:`transforms.work.plan_work`.
        stop: when set, requests in flight are finished and nothing new is begun.
        learned: ``ApplyResult.dialect`` of the last apply to this target.
        progress: told of each settled step.

    Raises:
        Failed: token refused, target unreachable at the start, or the journal cannot be written.
    """
    from connectors.scim_writer.applying import apply_run

    return apply_run(settings, files, work, stop=stop, learned=learned, progress=progress)
