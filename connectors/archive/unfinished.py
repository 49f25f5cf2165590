"""Runs whose process died before their manifest: known by a kernel lock that nobody holds any more.

Whoever begins a run holds a lock on ``begun-RUN.json``, beside the archive's other locks, from before its first
stage until its manifest is there; then the file goes. It goes too where the process ends by itself with the run
unsealed, after an error or Ctrl-C. One that is killed or crashes leaves it, unlocked, with the stacks that
faulthandler wrote beside it in ``begun-RUN.stacks``. Both mean nothing any more once the run's draft was pruned.
"""

from __future__ import annotations

import atexit
import faulthandler
import fcntl
import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import FOLDER, folder
from trueup.transforms.run_files import RunFiles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_STDERR = 2
_held: dict[Path, tuple[int, int, int]] = {}
"""What marks a run of this process that is neither sealed nor discarded: whose, the lock, and where stacks go."""


@dataclass(frozen=True, slots=True)
class Died:
    """A run that its process did not live to seal."""

    run_id: str
    kind: str
    begun: str
    mark: Path
    """The file nobody holds any more."""
    stacks: Path | None
    """What faulthandler wrote of the crash; none where the process was killed from outside."""

    @property
    def text(self) -> str:
        """In a sentence."""
        return (
            f"Run {self.run_id} ({self.kind}, begun {self.begun}) was never sealed: its process was killed or crashed. "
            "Nothing of it reached the target."
        )

    @property
    def remedy(self) -> str:
        """What to do."""
        seen = f" Report it with {self.stacks}." if self.stacks else ""
        return f"Plan again: trueup plan.{seen} trueup prune removes its draft two days after it was last written to."

    @property
    def was_told(self) -> bool:
        """Whether somebody was told already by ``serve``."""
        return self.mark.with_suffix(".told").exists()

    def remember_told(self) -> None:
        """Somebody was told; over restarts too."""
        with suppress(OSError):
            self.mark.with_suffix(".told").touch(mode=0o600)


def watch(files: RunFiles, begun: Mapping[str, object]) -> None:
    """Mark the run as begun and hold that until ``finished``; a crash until then writes its stacks."""
    path = _mark(files)
    _tidy(path.parent)
    # Locked before it has its name: nobody ever sees it there and free while we live.
    partial = path.with_suffix(".partial")
    number = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(number, json.dumps({**begun}).encode())
    fcntl.flock(number, fcntl.LOCK_EX)
    partial.rename(path)
    stacks = os.open(path.with_suffix(".stacks"), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.enable(stacks)
    if not _held:
        atexit.unregister(end)
        atexit.register(end)
    _held[path] = (os.getpid(), number, stacks)


def finished(files: RunFiles) -> None:
    """The run is sealed or discarded: nothing is left to tell, and a later crash writes its stacks elsewhere again."""
    path = _mark(files)
    _remove(path)
    if path not in _held:
        return
    _, number, stacks = _held.pop(path)
    # Never where nobody could read it: beside a run that is still under way, else where crashes go by themselves.
    last = next(reversed(_held.values()), None)
    faulthandler.enable(last[2] if last else _STDERR)
    os.close(number)
    os.close(stacks)


def end() -> None:
    """The process ends by itself: what it leaves unsealed did not die."""
    for path, (process, *_) in list(_held.items()):
        if process == os.getpid():
            _remove(path)


def died(root: Path) -> tuple[Died, ...]:
    """Runs of this host that a process died over and whose drafts are still there, newest first."""
    found = []
    for path in sorted(_marks(root / FOLDER), reverse=True):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if said["host"] != socket.gethostname() or not _is_unsealed(path) or _is_held(path):
                continue
            # Looked at once more: it may have been sealed, or have ended, between the two looks.
            if not path.exists() or not _is_unsealed(path):
                continue
            stacks = path.with_suffix(".stacks")
            seen = stacks if stacks.exists() and stacks.stat().st_size else None
            found.append(Died(_run(path).run_id, str(said["kind"]), str(said["at"]), path, seen))
        except (OSError, ValueError, KeyError):
            continue
    return tuple(found)


def is_under_way(files: RunFiles) -> bool:
    """Whether somebody is making this run right now."""
    path = _mark(files)
    return path.exists() and _is_held(path)


def _mark(files: RunFiles) -> Path:
    return folder(files.path.parent) / f"begun-{files.run_id}.json"


def _marks(place: Path) -> list[Path]:
    return list(place.glob("begun-*.json"))


def _run(mark: Path) -> RunFiles:
    return RunFiles(mark.parent.parent / mark.stem.removeprefix("begun-"))


def _is_unsealed(mark: Path) -> bool:
    files = _run(mark)
    return files.path.is_dir() and not files.manifest.exists()


def _is_held(path: Path) -> bool:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def _tidy(place: Path) -> None:
    """Remove marks of runs that were pruned, or sealed in the last moment of their process."""
    for path in _marks(place):
        if not _is_unsealed(path):
            _remove(path)


def _remove(mark: Path) -> None:
    for path in (mark, *(mark.with_suffix(suffix) for suffix in (".stacks", ".told", ".partial"))):
        with suppress(OSError):
            path.unlink()
