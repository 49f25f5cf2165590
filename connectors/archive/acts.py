"""What happens to a run after its plan was sealed: acts, each following the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.archive import shelf
from connectors.archive.durable import (
    access_like,
    make_directory,
    on_disk,
    protect,
    sync_directory,
    sync_file,
    write_new,
)
from connectors.archive.locks import folder, sealing
from connectors.archive.records import rendered, signed
from connectors.archive.seals import record_of
from transforms.errors import Failed
from transforms.history import PriorRun
from transforms.manifest import ActRecord, FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from transforms.run_files import RunFiles
    from transforms.words import Act


def add_act(
    run: PriorRun | RunFiles,
    act: Act,
    who: str,
    *,
    at: datetime,
    files: Iterable[Path] = (),
    fingerprint: str | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> ActRecord:
    """The act is on disk as returned, under the next number; racing writers get different numbers.

    Args:
        run: a sealed run.
        act: what happened.
        who: a name; ``auto`` for ``[approval.auto]``.
        at: aware.
        files: files of the run's directory this act added; they are synced and their rights set. Of the journal
            the length and hash of what is there now are stated.
        fingerprint: for ``approved``.
        reason: in words.
        details: plain JSON; see ``ActRecord``.

    Raises:
        Refused: the run's manifest or acts are damaged.
        Failed: the disk refuses; then there is no act.
    """
    paths = run.files if isinstance(run, PriorRun) else run
    with on_disk(f"The act {act.value!r} of run {paths.run_id} cannot be written"):
        added = {path.name: _settle(paths, path) for path in files}
        sync_directory(paths.path)
        with sealing(paths.path.parent):
            return _append(
                paths,
                {
                    "act": act,
                    "at": at,
                    "who": who,
                    "files": added,
                    "fingerprint": fingerprint,
                    "reason": reason,
                    "details": details or {},
                },
            )


def _settle(run: RunFiles, path: Path) -> FileRecord:
    if path.parent != run.path:
        raise Failed(f"{path.name} does not lie in run {run.run_id}.")
    protect(path, access_like(run.path))
    sync_file(path)
    return record_of(path)


def _append(run: RunFiles, content: dict[str, Any]) -> ActRecord:
    _, manifest_sha256 = shelf.read_manifest(run)
    before = shelf.read_acts(run, manifest_sha256)
    record = ActRecord(
        number=len(before) + 1,
        previous_sha256=before[-1].sha256 if before else manifest_sha256,
        **content,
    )
    document = signed(record.model_dump(mode="json"))
    access = access_like(run.path)
    if not run.acts.is_dir():
        make_directory(run.acts, access)
        sync_directory(run.path)
    write_new(run.acts / shelf.act_name(record), rendered(document), aside=folder(run.path.parent), access=access)
    return ActRecord.model_validate(document)
