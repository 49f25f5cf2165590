"""A run is finished here: everything on disk, hashed, and the manifest last."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import stat
from contextlib import nullcontext
from typing import TYPE_CHECKING

from trueup.connectors.archive import people, reading
from trueup.connectors.archive.atomic_files import (
    access_like,
    folder,
    on_disk,
    protect,
    sha256_of,
    sync_directory,
    sync_file,
)
from trueup.connectors.archive.lines import opened_lines
from trueup.connectors.archive.locks import sealing, sealing_lock
from trueup.connectors.archive.places import place_of, store_of, vault_of
from trueup.connectors.archive.records import rendered, signed
from trueup.connectors.archive.unfinished import finished
from trueup.transforms import private
from trueup.transforms.approval.run_state import APPLY_ACTS
from trueup.transforms.duck.parquet import rows_in
from trueup.transforms.errors import Failed, Refusal, Refused
from trueup.transforms.manifest import Content, FileRecord, Manifest
from trueup.transforms.run_files import JOURNAL, RunFiles
from trueup.transforms.targets import same_target
from trueup.transforms.vocabulary import Outcome

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from trueup.connectors.archive.places import Place
    from trueup.transforms.history import History

LATER = (JOURNAL, "outcome.parquet", "target_after.parquet")
"""Files that only an apply adds."""


def seal(files: RunFiles, manifest: Manifest, *, rests_on: History | None = None) -> Manifest:
    """The run has happened: its manifest is on disk and as returned, with files, chain and own hash filled in.

    ``.work`` is removed, every file and directory synced, rights set (0600, or 0640 where the archive has a
    group). Until the manifest is in place the run never happened.

    Args:
        files: the run; everything in its directory is sealed.
        manifest: everything but ``files``, ``previous_manifest_sha256`` and ``sha256``. Whom it names is sealed apart.
        rests_on: the earlier runs as the plan knew them.

    Raises:
        Refused: an apply to the same target is at work (``apply_running``), or one has ended that the plan knew
            nothing of (``applied_meanwhile``); discard the run.
        Failed: the run is sealed already, holds what no run holds, or the disk refuses.
    """
    if manifest.run_id != files.run_id:
        raise Failed(f"The manifest is that of run {manifest.run_id}, not of {files.run_id}.")
    root = files.path.parent
    place = place_of(root)
    with on_disk(f"Run {files.run_id} cannot be sealed"):
        if files.manifest.exists():
            raise Failed(f"Run {files.run_id} is sealed already; what is sealed is never written again.")
        shutil.rmtree(files.work, ignore_errors=True)
        place.begin_encrypting(files.run_id)
        records = {path.name: keep(files, path) for path in _contents(files)}
        said = people.manifest_without(files, manifest)
        if (aside := files.place / people.OF_MANIFEST).exists():
            records[aside.name] = keep(files, aside)
        sync_directory(files.path)
        with _alone(root, manifest):
            if rests_on is not None and manifest.outcome is not Outcome.FAILED:
                _refuse_overtaken(root, manifest, rests_on)
            for name in records:
                _send(place, files, name)
            with sealing(root):
                sealed = place.publish(
                    files, lambda previous: _complete(said, records, previous), lambda: _newest_sha256(root)
                )
        finished(files)
        sync_directory(root)
    own = Manifest.model_validate_json(sealed)
    return manifest.model_copy(
        update={name: getattr(own, name) for name in ("files", "previous_manifest_sha256", "sha256")}
    )


def _refuse_overtaken(root: Path, manifest: Manifest, known: History) -> None:
    """Return where nothing was applied that the plan knew nothing of.

    Of a plan for some people the apply of a plan for everybody knows by itself: see ``transforms.approval.since``.
    """
    then = {run.run_id: len(run.acts) for run in known.runs}
    for files in reading.sealed(root):
        # By number and not by the clock: another host's may go otherwise.
        if then.get(files.run_id) == len(reading.act_paths(files)):
            continue
        run = reading.read_run(files)
        new = [act for act in run.acts[then.get(files.run_id, 0) :] if act.act in APPLY_ACTS]
        if new and not run.is_for_some and same_target(run.manifest.target) == same_target(manifest.target):
            raise Refused(
                Refusal(
                    "applied_meanwhile",
                    f"Run {run.run_id} was applied to this target while this plan was being made, which goes by what "
                    "was before.",
                    remedy="Plan again: trueup plan",
                )
            )


def _send(place: Place, files: RunFiles, name: str) -> None:
    if not place.send(files, name, files.path / name):
        raise Failed(
            f"Run {files.run_id} cannot be sealed: another host is making a run of the same id.",
            remedy="Nothing is lost but this draft. Plan again: trueup plan",
        )


def _alone(root: Path, manifest: Manifest) -> AbstractContextManager[object]:
    """A failed run has no plan that a running apply could make stale."""
    return nullcontext() if manifest.outcome is Outcome.FAILED else sealing_lock(root, manifest.target)


def _contents(files: RunFiles) -> list[Path]:
    later = {files.place / name for name in LATER} | {files.place / files.acts.name, files.work}
    found = sorted(files.place.iterdir())
    for path in found:
        if path in later or path.name.startswith(".") or not stat.S_ISREG(path.lstat().st_mode):
            raise Failed(f"Run {files.run_id} cannot be sealed with {path.name!r} in it.", remedy="Plan again.")
    return found


def keep(files: RunFiles, path: Path) -> FileRecord:
    """The file is in the run's directory as it is kept, on disk, with its rights; returns what is to be said of it."""
    kept = files.path / path.name
    if path != kept:
        draft, record = close_file(files, path, path.name)
        draft.replace(kept)
        vault_of(files.path.parent).kept(f"{files.run_id}/{path.name}")
        sync_directory(files.path)
        return record
    protect(path, access_like(path.parent))
    sync_file(path)
    return record_of(path)


def close_file(files: RunFiles, opened: Path, name: str) -> tuple[Path, FileRecord]:
    """A draft of what lies open in ``opened``, as it is kept under ``name``; and what is to be said of it."""
    vault, root = vault_of(files.path.parent), files.path.parent
    draft = folder(root) / f"{secrets.token_hex(8)}.closing"
    vault.close_into(f"{files.run_id}/{name}", opened, draft)
    protect(draft, access_like(root))
    sync_file(draft)
    record = FileRecord(
        sha256=sha256_of(draft),
        bytes=draft.stat().st_size,
        rows=_rows(opened) if name.endswith(".parquet") else None,
        content=_content_of(opened) if vault.cipher(files.run_id) is not None else None,
    )
    return draft, record


def _content_of(opened: Path) -> Content:
    return Content(sha256=private.sha256_of(opened), bytes=private.size_of(opened))


def record_of(path: Path, *, name: str = "") -> FileRecord:
    """Hash, length and, for Parquet, rows of a file as it is now; ``name`` is what it will be called."""
    rows = _rows(path) if (name or path.name).endswith(".parquet") else None
    return FileRecord(sha256=sha256_of(path), bytes=path.stat().st_size, rows=rows, content=_lines_of(path, name))


def _lines_of(path: Path, name: str) -> Content | None:
    """Of an encrypted journal, what its lines say."""
    if (name or path.name) != JOURNAL or (cipher := vault_of(path.parent.parent).cipher(path.parent.name)) is None:
        return None
    said = b"".join(opened_lines(path, cipher))
    return Content(sha256=hashlib.sha256(said).hexdigest(), bytes=len(said))


def stands_in(path: Path, record: FileRecord) -> bool:
    """Whether ``path`` is there and holds exactly what ``record`` says, whatever its name."""
    try:
        return not path.is_symlink() and path.stat().st_size == record.bytes and sha256_of(path) == record.sha256
    except OSError:
        return False


def _rows(path: Path) -> int:
    from pyarrow import ArrowInvalid

    try:
        return rows_in(path)
    except ArrowInvalid as error:
        raise Failed(f"{path.name} is not a whole Parquet file.", remedy="Repeat the step that writes it.") from error


def _complete(manifest: Manifest, records: dict[str, FileRecord], previous: str | None) -> bytes:
    document = manifest.model_copy(update={"files": records, "previous_manifest_sha256": previous})
    return rendered(signed(document.model_dump(mode="json")))


def _newest_sha256(root: Path) -> str | None:
    """The end of the chain: the newest manifest that no other one names as its predecessor.

    Raises:
        Refused: a manifest cannot be read, so the end of the chain is not known.
    """
    store = store_of(root)
    hashes: dict[str, str] = {}
    named: set[str] = set()
    for files in reading.sealed(root):
        content = store.read(f"{files.run_id}/{files.manifest.name}")
        hashes[files.run_id] = hashlib.sha256(content).hexdigest()
        try:
            named.add(json.loads(content)["previous_manifest_sha256"])
        except (ValueError, KeyError, TypeError):
            raise reading.damaged(files.run_id, "manifest.json is not readable") from None
    ends = [run_id for run_id, own in hashes.items() if own not in named]
    # Of somebody erased since, the next run names the hash of before; few are left to ask for their acts.
    ends = [run_id for run_id in ends if not named & reading.stated_hashes(RunFiles(root / run_id), hashes[run_id])]
    return hashes[max(ends)] if ends else None
