"""The only place that writes to a directory; only apply can reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.transforms.progress import silent

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from trueup.connectors.scim_writer.result import ApplyResult
    from trueup.transforms.approval.since import Since
    from trueup.transforms.progress import Progress
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


def apply(
    settings: Settings,
    files: RunFiles,
    *,
    left_out: Path | None,
    stop: threading.Event,
    learned: Mapping[str, Any] | None = None,
    since: Mapping[str, Since] | None = None,
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
        since: key → the plan for some people that settled this person after this plan was made: what is there already
            counts as applied, anything else of them is skipped.
        progress: told of each settled step.

    Raises:
        Failed: token refused, target unreachable at the start, or the journal cannot be written.
    """
    from trueup.connectors.scim_writer.applying import apply_approved

    return apply_approved(
        settings, files, left_out=left_out, stop=stop, learned=learned, since=since, progress=progress
    )
