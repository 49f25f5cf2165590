"""What may go when it is old: the data of runs nobody needs any more. Manifests, acts and summaries always stay."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.acts import add_act
from trueup.connectors.archive.atomic_files import REVIEWS, on_disk, sync_directory
from trueup.connectors.archive.locks import apply_lock
from trueup.connectors.archive.places import place_of
from trueup.transforms.approval.run_state import is_begun, is_supersedable, overtaken
from trueup.transforms.erasure.standing import latest_target
from trueup.transforms.history import by_target
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trueup.connectors.archive.archive import Archive
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.run_files import RunFiles

_STAYING = re.compile(r"manifest\.json|key\.json|acts/\d{3,}-[a-z_]+\.json|summary(-\d+)?\.parquet")
_SNAPSHOTS = frozenset({"source.parquet", "target.parquet", "desired.parquet"})
UNFINISHED_DAYS = 2
"""A directory without a manifest in which nothing was written for so long is what a killed plan left behind."""


@dataclass(frozen=True, slots=True)
class Going:
    """One run whose data goes."""

    files: RunFiles
    names: tuple[str, ...]
    """Files that go; empty with ``unfinished``."""
    bytes: int
    unfinished: bool = False
    """A run that never happened: the whole directory goes."""
    snapshots: bool = False
    """Only what was read of both sides goes, and what the mapping made of it."""


def going(
    archive: Archive, *, keep_days: int, keep_snapshots_days: int | None = None, at: datetime
) -> tuple[Going, ...]:
    """What a prune at this moment would remove, oldest first.

    Never the newest applied run of a target, an open run, or one a rollback needs; nothing younger than
    ``keep_days`` since its seal, and no snapshots younger than ``keep_snapshots_days``.

    Raises:
        Refused: a run is damaged; what is needed cannot be known then.
    """
    runs = archive.runs()
    needed = _needed(runs)
    old = [run for run in runs if run.manifest.sealed < at - timedelta(days=keep_days)]
    with on_disk("The archive cannot be read"):
        found = [_data_of(run.files) for run in old if run.is_pruned or run.run_id not in needed]
        done = {one.files.run_id for one in found}
        if keep_snapshots_days is not None:
            staying = needed | done | _looked_back_at(runs)
            aged = [run for run in runs if run.manifest.sealed < at - timedelta(days=keep_snapshots_days)]
            found += [_snapshots_of(run.files) for run in aged if run.run_id not in staying]
        found += [_whole(files) for files in reading.directories(archive.path) if _is_left_behind(files, at)]
    return tuple(sorted((one for one in found if one.names or one.unfinished), key=lambda one: one.files.run_id))


def prune(
    archive: Archive, *, keep_days: int, keep_snapshots_days: int | None = None, who: str, at: datetime
) -> tuple[Going, ...]:
    """Remove what ``going`` says; each run's ``pruned`` act is written before anything of it is removed.

    Killed in between, the next prune goes on.

    Raises:
        Refused: an apply is at work, or a run is damaged.
        Failed: the disk refuses.
    """
    with ExitStack() as stack:
        for target in by_target(archive.runs()):
            stack.enter_context(apply_lock(archive.path, target, "prune"))
        found = going(archive, keep_days=keep_days, keep_snapshots_days=keep_snapshots_days, at=at)
        for one in found:
            _remove(one, who, at)
    return found


def _remove(one: Going, who: str, at: datetime) -> None:
    with on_disk(f"Run {one.files.run_id} cannot be pruned"):
        place = place_of(one.files.path.parent)
        if one.unfinished:
            place.remove(one.files.run_id, None)
            return
        run = reading.read_run(one.files)
        said = {name for act in run.acts if act.act is Act.PRUNED for name in act.details.get("files", ())}
        if not said.issuperset(one.names):
            details = {"files": list(one.names), "bytes": one.bytes}
            details |= {"snapshots": True} if one.snapshots else {}
            add_act(run, Act.PRUNED, who, at=at, details=details)
        # Before the files: while one of them is left, a prune that was killed is known to be unfinished.
        for path in () if one.snapshots else (one.files.path.parent / REVIEWS).glob(f"{one.files.run_id}.*"):
            path.unlink(missing_ok=True)
        place.remove(one.files.run_id, one.names)
        sync_directory(one.files.path)


def _needed(runs: tuple[PriorRun, ...]) -> set[str]:
    """Ids of runs that must stay whole."""
    needed: set[str] = set()
    for own in by_target(runs).values():
        needed |= _first(run for run in own.runs if run.was_applied)
        needed |= _first(own.applied) | {run.run_id for run in own.amending}
        needed |= _first(run for run in own.runs if is_begun(run))
        staying = [run for run in own.runs if _is_open(run, own) or _is_restoring(run)]
        needed |= {run.run_id for run in staying}
        # Whom a plan for some settled meanwhile, a plan that still waits must know.
        waiting = min((run.run_id for run in staying if run.kind is Kind.RECONCILE), default="")
        needed |= {run.run_id for run in own.runs if waiting and run.is_for_some and run.run_id > waiting}
        needed |= {name for run in staying for name in (run.manifest.parent_run, run.manifest.baseline_run) if name}
        needed |= {name for run in staying for name in _taken_back(run, own)}
    return needed


def _taken_back(run: PriorRun, own: History) -> set[str]:
    """What the source said when a rollback took it back: the last applied plan before it, and those for some since."""
    said = _first(one for one in own.applied if one.kind is Kind.RECONCILE and one.run_id < run.run_id)
    since = max(said, default="")
    return said | {one.run_id for one in own.known if one.is_for_some and since < one.run_id < run.run_id}


def open_runs(own: History) -> tuple[PriorRun, ...]:
    """Runs that can still be approved, applied or resumed."""
    return tuple(run for run in own.runs if _is_open(run, own))


def holding_back(own: History) -> tuple[PriorRun, ...]:
    """Rollbacks whose values are held against the source."""
    return tuple(run for run in own.runs if _is_restoring(run))


def _first(runs: Iterable[PriorRun]) -> set[str]:
    return {run.run_id for run in list(runs)[:1]}


def _is_open(run: PriorRun, own: History) -> bool:
    return run.state == Act.INTERRUPTED or (is_supersedable(run) and not overtaken(run, own))


def _is_restoring(run: PriorRun) -> bool:
    """Whether what this rollback restored is still held against the source: applied, and not released as a whole."""
    released = any(act.act is Act.RELEASED and act.details.get("all") for act in run.acts)
    return run.kind is Kind.ROLLBACK and is_begun(run) and not released and not run.is_pruned


def _data_of(files: RunFiles) -> Going:
    return _going(files, lambda name: not _STAYING.fullmatch(name))


def _snapshots_of(files: RunFiles) -> Going:
    return _going(files, _SNAPSHOTS.__contains__, snapshots=True)


def _going(files: RunFiles, is_going: Callable[[str], bool], *, snapshots: bool = False) -> Going:
    going = [one for one in place_of(files.path.parent).contents(files.run_id) if is_going(one.name)]
    return Going(files, tuple(one.name for one in going), sum(one.bytes for one in going), snapshots=snapshots)


def _looked_back_at(runs: tuple[PriorRun, ...]) -> set[str]:
    """Ids of runs whose snapshots the next plan reads: the newest reads, and all since a rollback that still holds."""
    found: set[str] = set()
    for own in by_target(runs).values():
        found |= {run.run_id for run in (own.latest_read, own.baseline, latest_target(own)) if run is not None}
        since = min((run.run_id for run in holding_back(own)), default="")
        found |= {run.run_id for run in own.runs if since and run.run_id > since}
    return found


def _whole(files: RunFiles) -> Going:
    size = sum(one.bytes for one in place_of(files.path.parent).contents(files.run_id))
    return Going(files, (), size, unfinished=True)


def _is_left_behind(files: RunFiles, at: datetime) -> bool:
    if files.manifest.exists():
        return False
    folders = [files.path, *(path for path in files.path.rglob("*") if path.is_dir())] if files.path.is_dir() else []
    touched = [datetime.fromtimestamp(path.lstat().st_mtime, UTC) for path in folders]
    touched += [one.modified for one in place_of(files.path.parent).contents(files.run_id)]
    return max(touched, default=at) < at - timedelta(days=UNFINISHED_DAYS)
