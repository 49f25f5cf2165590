"""What happens to a run after its plan was sealed: acts, each following the one before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from trueup.connectors.archive import people, reading
from trueup.connectors.archive.atomic_files import (
    access_like,
    on_disk,
    protect,
    sync_directory,
    sync_file,
)
from trueup.connectors.archive.closed import refuse_closed
from trueup.connectors.archive.locks import sealing
from trueup.connectors.archive.places import Drafted, place_of
from trueup.connectors.archive.records import rendered, signed
from trueup.connectors.archive.seals import close_file, keep, record_of, stands_in
from trueup.transforms.approval.run_state import decided_meanwhile, has_plan, is_partial, is_supersedable, refusal
from trueup.transforms.errors import Failed, Refused
from trueup.transforms.history import PriorRun
from trueup.transforms.manifest import PEOPLE_APART, ActRecord, FileRecord
from trueup.transforms.people_apart import Row, act_apart, joined
from trueup.transforms.run_files import JOURNAL
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from trueup.connectors.archive.archive import Archive
    from trueup.transforms.manifest import Manifest
    from trueup.transforms.run_files import RunFiles


NUMBERED = ("verified", "left_out", "summary")
"""Stems of the files acts add under numbers of their own."""
_NUMBERED = re.compile(rf"(?:{'|'.join(NUMBERED)})-\d{{3,}}\.parquet|{people.OF_ACT.pattern}")


class ActContent(TypedDict, total=False):
    """What an act may say beside what, who and when."""

    files: Iterable[Path]
    """Files of the run's directory this act added. Of the journal, length and hash of what is there now are stated."""
    fingerprint: str | None
    """For ``approved``."""
    after: int | None
    """How many acts the writer has seen: with another number on disk there is no act. None: whatever is there."""
    reason: str
    details: dict[str, Any]
    """Plain JSON; see ``ActRecord``."""


def add_act(run: PriorRun | RunFiles, act: Act, who: str, *, at: datetime, **content: Unpack[ActContent]) -> ActRecord:
    """The act is on disk as returned, under the next number; racing writers get different numbers.

    Args:
        run: a sealed run.
        act: what happened.
        who: a name; ``auto`` for ``[approval.auto]``.
        at: aware.
        **content: see ``ActContent``; files are synced and their rights set.

    Raises:
        Refused: the run's manifest or acts are damaged; it is to be approved, and was rejected or superseded just now,
            or the archive was moved.
        Failed: the disk refuses; then there is no act.
    """
    files = run.files if isinstance(run, PriorRun) else run
    with on_disk(f"The act {act.value!r} of run {files.run_id} cannot be written"):
        said = {**content, **_stated(files, act, content), "act": act, "who": who, "at": at}
        sync_directory(files.path)
        with sealing(files.path.parent):
            return _append(files, said)


def add_act_with(
    run: PriorRun, act: Act, who: str, *drafts: Path, at: datetime, **content: Unpack[ActContent]
) -> ActRecord:
    """The act, and each of ``drafts`` as its ``<stem of draft>-NNN.parquet``; dying on the way leaves no damage.

    The act is written while the file still is ``….part``: a whole file without an act would hide that its act was
    removed. A name not given yet is given by the next process that looks (:func:`finish_names`).

    Args:
        run: a sealed run.
        act: what happened.
        who: as for :func:`add_act`.
        *drafts: Parquet files on the archive's disk; the stem of each is one of ``NUMBERED``.
        at: aware.
        **content: see ``ActContent``.

    Raises:
        Refused: the run's manifest or acts are damaged.
        Failed: the disk refuses.
    """
    files = run.files
    with on_disk(f"The act {act.value!r} of run {files.run_id} cannot be written"), sealing(files.path.parent):
        acts = reading.read_acts(files, reading.read_manifest(files)[1])
        finish_names(files, acts)
        said = {**content, **_stated(files, act, content), "act": act, "who": who, "at": at}
        parts: dict[Path, Path] = {}
        for draft in drafts:
            name, kept, known = _sent(files, draft, next_number(acts, draft.stem))
            whole = files.path / name
            parts[whole] = whole.with_suffix(".part")
            kept.replace(parts[whole])
            said["files"][name] = known or _protected(files, parts[whole], name=name)
        sync_directory(files.path)
        record = _append(files, said)
        for whole, part in parts.items():
            part.rename(whole)
        sync_directory(files.path)
    return record


def add_stated(
    run: RunFiles, act: Act, who: str, *, at: datetime, stated: Mapping[str, FileRecord], **content: Unpack[ActContent]
) -> ActRecord:
    """The act, stating files as they are to be; the caller puts them there afterwards.

    Raises:
        Refused: the run's manifest or acts are damaged.
        Failed: the disk refuses.
    """
    with on_disk(f"The act {act.value!r} of run {run.run_id} cannot be written"), sealing(run.path.parent):
        return _append(run, {**content, "act": act, "who": who, "at": at, "files": dict(stated)})


def next_number(acts: Iterable[ActRecord], stem: str) -> int:
    """Of the next file ``<stem>-NNN.parquet``."""
    return 1 + len({name for act in acts for name in act.files if name.startswith(f"{stem}-")})


def finish_names(run: RunFiles, acts: Iterable[ActRecord]) -> None:
    """Give the files of ``acts`` the names that a killed process had no time to give; only what the act vouches for."""
    for act in acts:
        for name, record in act.files.items():
            part = (run.path / name).with_suffix(".part")
            if _NUMBERED.fullmatch(name) and not (run.path / name).exists() and stands_in(part, record):
                part.rename(run.path / name)


def supersede_earlier(archive: Archive, manifest: Manifest, *, at: datetime) -> tuple[str, ...]:
    """Every earlier plan of the same target that has not begun is superseded by this one; returns their ids.

    A run that never came to a plan supersedes nothing. A run that was sealed late, after a newer plan, is
    superseded itself. A plan for some people only supersedes nothing: what waits goes on waiting, without them.
    Interrupted runs are left to be resumed or rejected.
    """
    found: list[str] = []
    runs = reading.history(archive.path, manifest.target).runs
    plans = [run for run in runs if has_plan(run)]
    if manifest.run_id not in {run.run_id for run in plans}:
        return ()
    latest = max((run.run_id for run in plans if not is_partial(run)), default="")
    for run in runs:
        if run.run_id < latest and is_supersedable(run):
            add_act(run, Act.SUPERSEDED, "trueup", at=at, details={"by": latest})
            found.append(run.run_id)
    return tuple(found)


def _refuse_if_over(run: RunFiles, acts: Iterable[ActRecord]) -> None:
    """No approval after the end: the approver has looked before, but somebody else may have been quicker."""
    over = next((act.act for act in acts if act.act in {Act.REJECTED, Act.SUPERSEDED}), None)
    if over is not None:
        raise Refused(
            refusal(
                f"run_{over}",
                f"Run {run.run_id} was {over} while it was being approved; the approval is not recorded.",
                "Look at the newest plan: trueup show latest",
            )
        )


def _protected(run: RunFiles, path: Path, *, name: str = "") -> FileRecord:
    if path.parent not in {run.path, run.place}:
        raise Failed(f"{path.name} does not lie in run {run.run_id}.")
    if path.parent != run.path:
        return keep(run, path)
    protect(path, access_like(run.path))
    sync_file(path)
    return record_of(path, name=name)


def _stated(files: RunFiles, act: Act, content: ActContent) -> dict[str, Any]:
    """``files`` and ``details`` of the act, once its files are on the disk and where all see them."""
    paths = {path.name: path for path in content.get("files", ())}
    place = place_of(files.path.parent)
    # Asked before the journal is sent: what is announced after that is joined once more, rather than lost.
    joined = place.closing(files) if act in reading.CLOSING else {}
    if joined and (files.path / JOURNAL).exists():
        paths[JOURNAL] = files.path / JOURNAL
    added = {name: _protected(files, path) for name, path in paths.items()}
    for name in paths:
        place.send_again(files, files.path / name)
    return {"files": added, "details": {**content.get("details", {}), **joined}}


def _sent(files: RunFiles, draft: Path, number: int) -> tuple[str, Path, FileRecord | None]:
    """The first name from ``number`` on that nobody has: a killed command may have left one that no act vouches for.

    With the draft as it is kept under that name, and where it was encrypted for that, what is to be said of it.
    """
    place = place_of(files.path.parent)
    while True:
        name = f"{draft.stem}-{number:03d}.parquet"
        kept, record = (draft, None) if files.opened is None else close_file(files, draft, name)
        if place.send(files, name, kept):
            return name, kept, record
        if record is not None:
            kept.unlink(missing_ok=True)  # encrypted for that name alone
        number += 1


def _append(run: RunFiles, content: dict[str, Any]) -> ActRecord:
    return place_of(run.path.parent).append(run, lambda: _next_act(run, content))


def _next_act(run: RunFiles, content: dict[str, Any]) -> Drafted:
    manifest, manifest_sha256 = reading.read_manifest(run)
    before = reading.read_acts(run, manifest_sha256)
    finish_names(run, before)
    if content["act"] is Act.APPROVED:
        _refuse_if_over(run, before)
        refuse_closed(run.path.parent)
    said = dict(content)  # made again where somebody was quicker: what holds for the first try holds for each
    seen = said.pop("after", None)
    if seen is not None and len(before) > seen:
        raise Refused(decided_meanwhile(run.run_id, before[seen:]))
    record = ActRecord(
        number=len(before) + 1,
        previous_sha256=before[-1].sha256 if before else manifest_sha256,
        **said,
    )
    document, rows = record.model_dump(mode="json"), list[Row]()
    if manifest.schema_version >= PEOPLE_APART:
        document, rows = act_apart(document)
    side = None
    if rows:
        side = people.side_file(run, record.number, rows)
        document["files"] = {**document["files"], side.name: side.record.model_dump(mode="json")}
    document = signed(document)
    return Drafted(
        f"{run.acts.name}/{reading.act_name(record)}",
        rendered(document),
        ActRecord.model_validate(joined(document, rows)),
        side,
    )
