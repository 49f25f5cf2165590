"""One person's data out of every run, so that a process that dies on the way leaves an archive that can be believed.

Everything is prepared aside, in ``<archive>/.erasing/NUMBER``; nothing has happened until ``erasure.json`` is there.
From then on the next command finishes the erasure: in each run the act ``erased`` first, which states every
file before and after, then the files, each put in place in one step. In an object store what was prepared is sent
there, and the store says whether it was decided: see ``erasing_in_store``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import erasing_in_store, reading, segments
from trueup.connectors.archive.acts import add_stated
from trueup.connectors.archive.atomic_files import (
    REVIEWS,
    access_like,
    folder,
    make_directory,
    on_disk,
    protect,
    replace,
    sync_directory,
    sync_file,
    write_new,
)
from trueup.connectors.archive.holder import myself
from trueup.connectors.archive.pending import FOLDER, OVER
from trueup.connectors.archive.places import as_kept, place_of, read_private, vault_of
from trueup.connectors.archive.remote import RemotePlace
from trueup.connectors.archive.staging import Staged, stage
from trueup.connectors.archive.unfinished import is_under_way
from trueup.transforms.erasure.stated import erasures
from trueup.transforms.erasure.texts import GONE, forgotten
from trueup.transforms.errors import Refused
from trueup.transforms.run_files import RUN_ID, RunFiles
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.archive.archive import Archive
    from trueup.connectors.archive.staging import Render
    from trueup.transforms.erasure.person import Person

_PLAN = "erasure.json"
_NUMBER = re.compile(r"[0-9a-f]{16}")
_CACHES = (".cache/summaries", ".cache/spill", ".locks/spill")
_PRIVATE = f"{REVIEWS}-files"
_SEEN = "erasures-seen.json"
"""Numbers of erasures in the store of whose people this host holds nothing any more."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did."""

    number: str
    runs: int
    files: int
    rows: int
    drafts: int
    """Runs that never happened and were removed as a whole."""
    unread: tuple[str, ...]
    """Files in the archive that could not be looked into."""
    named_in: tuple[str, ...] = ()
    """Deployed configurations in the archive that name the person."""


def seam(_: str) -> None:
    """Where a process may die; a test ends it here."""


def _seam(name: str) -> None:
    seam(name)  # looked up when it is reached: a test puts another one in its place


def erase(archive: Archive, person: Person, *, reason: str, who: str, at: datetime, render: Render) -> Erased:
    """The person is in no run any more; see the module. The caller holds the locks and has asked whether it may be.

    Args:
        archive: where the runs lie.
        person: of ``trueup.transforms.erasure.person.find``.
        reason: one of ``REASONS``.
        who: who does it.
        at: now.
        render: writes a run's report anew, from its files as they will be.

    Raises:
        Refused: a run is damaged; nothing was changed.
        Failed: the disk refuses. Before ``erasure.json`` nothing was changed; after it the next command goes on.
    """
    root = archive.path
    with on_disk("The erasure cannot be written"), _alone(root, wait=True):
        _finish_all(root)
        place = _begin(root, person.number)
        staged = stage(root, place, person, render)
        reviews, unread = _reviews(root, place, person)
        drafts = [files.run_id for files in reading.directories(root) if _is_left_behind(files)]
        elsewhere = place_of(root)
        plan: dict[str, Any] = {
            "number": person.number,
            "reason": reason,
            "who": who,
            "at": at.isoformat(),
            "runs": {one.run_id: one.as_json() for one in staged},
            "reviews": reviews,
            "drafts": drafts,
        }
        seam("prepared")
        if isinstance(elsewhere, RemotePlace):
            _erase_there(elsewhere, place, plan, person)
        else:
            write_new(place / _PLAN, json.dumps(plan).encode(), aside=folder(root), access=access_like(root))
            seam("decided")
            _finish(root, place)
    return Erased(
        person.number,
        len(staged),
        sum(len(one.files) + len(one.records) for one in staged),
        sum(one.rows for one in staged),
        len(drafts),
        unread,
    )


def under_way(root: Path) -> list[str]:
    """Ids of runs that somebody is making right now, or on another host may be."""
    found = {files.run_id for files in reading.directories(root) if not files.manifest.exists() and is_under_way(files)}
    place = place_of(root)
    return sorted(found | set(erasing_in_store.drafts(place)[1] if isinstance(place, RemotePlace) else ()))


def finish_pending(root: Path) -> None:
    """What an erasure that was killed left to do is done; nothing where none was, or somebody is at it."""
    place = place_of(root)
    there = isinstance(place, RemotePlace) and erasing_in_store.is_any_unfinished(place)
    if not (there or (root / FOLDER).is_dir()):
        return
    with on_disk("An erasure cannot be finished"), _alone(root, wait=False) as mine:
        if mine:
            _finish_all(root)


def _begin(root: Path, number: str) -> Path:
    for path in (root / FOLDER, root / FOLDER / number):
        if not path.is_dir():
            make_directory(path, access_like(root))
    return root / FOLDER / number


def _finish_all(root: Path) -> None:
    if isinstance(there := place_of(root), RemotePlace):
        erasing_in_store.finish_all(there, erasing_in_store.Doing(_add_act, _seam))
        _forget_staged(root, there.mirror.erasures(OVER))
        return
    for place in sorted((root / FOLDER).glob("*")) if (root / FOLDER).is_dir() else ():
        if (place / _PLAN).exists():
            _finish(root, place)
        else:
            shutil.rmtree(place)  # the process that prepared it died before anything was decided
    with suppress(OSError):
        (root / FOLDER).rmdir()


def _finish(root: Path, place: Path) -> None:
    plan = json.loads((place / _PLAN).read_text(encoding="utf-8"))
    for run_id, said in plan["runs"].items():
        _finish_run(RunFiles(root / run_id), place / run_id, plan, Staged.from_json(run_id, said))
    for name in plan["reviews"]:
        _put(place / _PRIVATE / name, root / REVIEWS / name)
    for run_id in plan["drafts"]:
        if _is_left_behind(RunFiles(root / run_id)):
            shutil.rmtree(root / run_id, ignore_errors=True)
        seam("draft")
    _forget_caches(root)
    seam("caches")
    (place / _PLAN).rename(place / f"{_PLAN}.done")
    shutil.rmtree(place)
    with suppress(OSError):
        (root / FOLDER).rmdir()
    sync_directory(root)


def _erase_there(there: RemotePlace, place: Path, plan: dict[str, Any], person: Person) -> None:
    """The same in an object store. What lies on this host alone is done here, and by this host if it comes back."""
    segments_of = erasing_in_store.stage_segments(there, place, person)
    local, left = plan["drafts"], erasing_in_store.drafts(there)[0]
    seam("staged")
    erasing_in_store.decide(there, place, {**plan, "reviews": [], "drafts": left, "objects": segments_of})
    seam("decided")
    _finish_all(there.mirror.root)
    for run_id in local:
        _forget_draft(there, RunFiles(there.mirror.root / run_id))
    _remember_erasures(there)


def _forget_staged(root: Path, over: frozenset[str]) -> None:
    """What was prepared on this host goes; of an erasure that is over, its reviews are put in place first."""
    for place in sorted((root / FOLDER).glob("*")):
        if place.name in over:
            for path in sorted((place / _PRIVATE).rglob("*")):
                if path.is_file():
                    _put(path, root / REVIEWS / path.relative_to(place / _PRIVATE))
        shutil.rmtree(place, ignore_errors=True)
        seam("staged")
    with suppress(OSError):
        (root / FOLDER).rmdir()
    _forget_caches(root)
    segments.forget(root)


def _forget_caches(root: Path) -> None:
    """What was worked out from people; of what lies open for this process, what was prepared of them too."""
    opened = vault_of(root).opened
    for place in (root, *([opened] if opened is not None else ())):
        for name in _CACHES:
            shutil.rmtree(place / name, ignore_errors=True)
    if opened is not None:
        for path in opened.iterdir():
            if path.is_dir() and not RUN_ID.fullmatch(path.name) and _NUMBER.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)


def catch_up(root: Path) -> None:
    """What an erasure on another host took out of the store is no longer on this host; for read-only callers too."""
    there = place_of(root)
    if not isinstance(there, RemotePlace) or not (new := there.mirror.erasures(OVER) - _remembered(root)):
        return
    with on_disk("What another host erased cannot be removed here"), _locked(root, wait=True):
        _forget_staged(root, there.mirror.erasures(OVER))
        for files in reading.directories(root):
            if files.manifest.exists():
                _forget_run(there, files, new)
            else:
                _forget_draft(there, files)
        _remember_erasures(there)


def _forget_run(there: RemotePlace, files: RunFiles, new: frozenset[str]) -> None:
    try:
        acts = reading.read_acts(files, reading.read_manifest(files)[1])
    except Refused:
        return  # reading the run says why
    for act in erasures(acts):
        if str(act.details.get("number")) in new:
            there.mirror.forget_changed(files.run_id, act.files)
            for path in (files.path.parent / REVIEWS).glob(f"{files.run_id}.*"):
                path.unlink(missing_ok=True)


def _forget_draft(there: RemotePlace, files: RunFiles) -> None:
    """A run that never happened goes from here where the store has nothing of it."""
    if _is_left_behind(files) and not any(name.startswith(f"{files.run_id}/") for name in there.mirror.listed):
        shutil.rmtree(files.path, ignore_errors=True)


def _remember_erasures(there: RemotePlace) -> None:
    """This host holds nothing any more of the people these erasures took out."""
    root = there.mirror.root
    content = json.dumps(sorted(there.mirror.erasures(OVER))).encode()
    replace(folder(root) / _SEEN, content, aside=folder(root), access=access_like(root))


def _remembered(root: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads((folder(root) / _SEEN).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return frozenset()


def _is_left_behind(files: RunFiles) -> bool:
    """Whether a run never happened, and nobody is making it."""
    return not files.manifest.exists() and not is_under_way(files)


def _add_act(files: RunFiles, plan: dict[str, Any], said: Staged) -> None:
    """The act is there, once, even if others finish the erasure or add acts meanwhile."""
    details = {
        "number": plan["number"],
        "reason": plan["reason"],
        "count": 1,
        "before": {name: before.model_dump(mode="json") for name, (before, _) in said.files.items()},
        "records": said.records,
    }
    while True:
        acts = reading.read_acts(files, reading.read_manifest(files)[1])
        if any(act.details.get("number") == plan["number"] for act in erasures(acts)):
            return
        try:
            add_stated(
                files,
                Act.ERASED,
                plan["who"],
                at=datetime.fromisoformat(plan["at"]),
                stated={name: after for name, (_, after) in said.files.items()},
                fingerprint=said.fingerprint,
                details=details,
                after=len(acts),
            )
        except Refused as refused:
            if refused.refusals[0].code != "decided_meanwhile":
                raise
        else:
            return


def _finish_run(files: RunFiles, aside: Path, plan: dict[str, Any], said: Staged) -> None:
    _add_act(files, plan, said)
    seam("act")
    for name in (*said.files, *said.records):
        _put(aside / name, files.path / name)


def _put(staged: Path, place: Path) -> None:
    """Put what was prepared in its place; nothing to do where the process that died had done it."""
    if staged.exists():
        protect(staged, access_like(place.parent))
        staged.replace(place)
        sync_directory(place.parent)
    seam(place.name)


def _reviews(root: Path, place: Path, person: Person) -> tuple[list[str], tuple[str, ...]]:
    """Prepare the private files of reviews; returns their names, and those that could not be looked into."""
    changed: list[str] = []
    unread: list[str] = []
    for path in sorted((root / REVIEWS).rglob("*")) if (root / REVIEWS).is_dir() else ():
        if not path.is_file():
            continue
        name = path.relative_to(root / REVIEWS).as_posix()
        try:
            before = json.loads(read_private(root, path))
        except (ValueError, Refused):
            unread.append(f"{REVIEWS}/{name}")
            continue
        after = forgotten(before, person)
        if after != before:
            into = place / _PRIVATE / name
            into.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            said = json.dumps({} if after is GONE else after, ensure_ascii=False).encode()
            into.write_bytes(as_kept(root, path, said))
            sync_file(into)
            changed.append(name)
    return changed, tuple(unread)


@contextmanager
def _alone(root: Path, *, wait: bool) -> Iterator[bool]:
    """Whether nobody else erases in this archive, on any host.

    Raises:
        Refused: somebody on another host does, and the caller would wait.
    """
    with ExitStack() as stack:
        mine = stack.enter_context(_locked(root, wait=wait))
        try:
            if mine:
                stack.enter_context(place_of(root).leased("erase", myself("apply", "erase")))
        except Refused:
            if wait:
                raise
            mine = False
        yield mine


@contextmanager
def _locked(root: Path, *, wait: bool) -> Iterator[bool]:
    """Whether nobody else of this host erases, by a kernel lock."""
    number = os.open(folder(root) / "erase.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(number)


def new_number() -> str:
    """The random number that names an erasure."""
    return secrets.token_hex(8)
