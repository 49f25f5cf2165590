"""The archive as a held place: a directory of runs, and who may read it."""

from __future__ import annotations

import grp
import os
import secrets
import shutil
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading
from trueup.connectors.archive.atomic_files import Access, folder, make_directory, on_disk, protect
from trueup.connectors.archive.cipher import keys_of
from trueup.connectors.archive.closed import refuse_closed
from trueup.connectors.archive.places import LocalPlace, attach, place_of
from trueup.connectors.archive.reaching import reach
from trueup.connectors.archive.unfinished import finished, watch
from trueup.connectors.archive.vault import Vault, opened_below
from trueup.transforms.archive_url import is_url
from trueup.transforms.errors import Failed, Misused
from trueup.transforms.run_files import RUN_ID, RunFiles

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.settings import Settings
    from trueup.transforms.vocabulary import Kind

_STAMP = "%Y%m%dT%H%M%SZ"
_LAST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Archive:
    """A directory of runs. Nothing about runs is kept outside of it."""

    path: Path
    access: Access = field(default_factory=Access)

    def new_run(self, kind: Kind, at: datetime) -> RunFiles:
        """An empty run directory of its own, sorting after every run there is, with ``.work`` inside.

        Args:
            kind: noted beside the locks until the seal.
            at: aware; the id carries it in UTC. When a run of a later second is already there (a clock went
                back), the id continues that second instead, so that ids always sort as runs began.

        Raises:
            Failed: the archive cannot be written.
        """
        stamp, number = self._next(at)
        with on_disk("A run cannot be begun in the archive"):
            while True:
                files = place_of(self.path).run(f"{stamp}-{number:04x}")
                try:
                    make_directory(files.path, self.access)
                    break
                except FileExistsError:
                    stamp, number = _after(stamp, number)
            make_directory(files.work, self.access)
            begun = {"kind": kind.value, "at": at.isoformat(), "pid": os.getpid(), "host": socket.gethostname()}
            watch(files, begun)
        return files

    def _next(self, at: datetime) -> tuple[str, int]:
        stamp = at.astimezone(UTC).strftime(_STAMP)
        newest = max((name for name in place_of(self.path).run_ids() if RUN_ID.fullmatch(name)), default="")
        if newest[: len(stamp)] < stamp:
            return stamp, secrets.randbelow(_LAST // 2)
        return _after(*_parts(newest))

    def discard(self, files: RunFiles) -> None:
        """The unsealed run is gone; a sealed one is never touched.

        Raises:
            Failed: the run is sealed, or the disk refuses.
        """
        if files.manifest.exists():
            raise Failed(f"Run {files.run_id} is sealed and cannot be discarded.")
        with on_disk(f"The unfinished run {files.run_id} cannot be removed"):
            shutil.rmtree(files.path)
            place_of(self.path).vault.forget(files.run_id)
        finished(files)

    def history(self, target_url: str) -> History:
        """All sealed runs against this target, newest first.

        Raises:
            Refused: a run's manifest or acts are damaged: what plans rest on must not be guessed.
        """
        return reading.history(self.path, target_url)

    def runs(self) -> tuple[PriorRun, ...]:
        """All sealed runs, newest first; raises ``Refused`` when one is damaged."""
        return reading.undamaged(self.path)

    def load(self, name: str) -> PriorRun:
        """The run called ``name``: its id, the beginning of it if only one fits, ``latest`` or ``latest:any``.

        ``latest`` is the newest run that came to decisions, ``latest:any`` the newest of all.

        Raises:
            Misused: no sealed run, or several, are called that.
            Refused: its manifest or an act is damaged.
        """
        return reading.load(self.path, name)

    def passed_over(self, name: str, run: PriorRun) -> PriorRun | None:
        """The newest run, where ``name`` is ``latest`` and it came to no decisions, so that ``run`` was meant."""
        if name.strip() != reading.LATEST:
            return None
        newest = self.load(f"{reading.LATEST}:any")
        return None if newest.run_id == run.run_id else newest


def open_archive(settings: Settings, *, writable: bool = True, closed_too: bool = False) -> Archive:
    """The archive of the configuration, made if need be, readable by its owner (and ``group``) only.

    Args:
        settings: ``[archive] path`` and ``group``.
        writable: False for commands that only read: nothing is made, and a missing archive is an empty one.
        closed_too: also to write, one that is a copy or was moved.

    Raises:
        Failed: it cannot be made or written.
        Misused: there is no such group.
        Refused: it is to be written, and is a copy, or was moved elsewhere; or its store lets two writers through.
    """
    archive = _opened(settings, writable=writable)
    if writable and not closed_too:
        refuse_closed(archive.path)
    return archive


def _opened(settings: Settings, *, writable: bool) -> Archive:
    path = settings.archive_root
    access = _access(settings.archive.group)
    if is_url(settings.archive.path):
        return Archive(reach(settings, path, writable=writable), access)
    if path.exists() and not path.is_dir():
        raise Failed(f"The archive {path} is not a directory.", remedy="Point [archive] path at a directory.")
    if writable:
        with on_disk(f"The archive {path} cannot be written"):
            if not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir(exist_ok=True)
                protect(path, access)
            probe = folder(path) / f"probe.{secrets.token_hex(4)}"
            probe.touch(exist_ok=False)
            probe.unlink()
    keys = keys_of(settings)
    if keys is not None:
        known = place_of(path).vault
        if known.keys != keys or known.opened is None:
            attach(
                path, LocalPlace(path, Vault(path, keys, opened_below(settings.place(settings.archive.cache), path)))
            )
    return Archive(path, access)


def _access(group: str) -> Access:
    if not group:
        return Access()
    try:
        return Access(0o750, 0o640, grp.getgrnam(group).gr_gid)
    except KeyError as error:
        raise Misused(
            f"[archive] group: there is no group {group!r} on this machine.",
            remedy="Create it, or leave group empty: then only the owner reads the archive.",
        ) from error


def _parts(run_id: str) -> tuple[str, int]:
    stamp, _, number = run_id.partition("-")
    return stamp, int(number, 16)


def _after(stamp: str, number: int) -> tuple[str, int]:
    if number < _LAST:
        return stamp, number + 1
    later = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    return later.strftime(_STAMP), 0
