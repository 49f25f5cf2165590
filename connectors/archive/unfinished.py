"""Runs whose process died before their manifest: known by a kernel lock that nobody holds any more.

Whoever begins a run holds a lock on its ``.work/begun.json`` until it ends. One that ends by itself, after an
error or Ctrl-C too, leaves ``.work/ended`` beside it; one that is killed or crashes cannot. The draft stays,
with the stacks that faulthandler wrote in ``.work/stacks.txt``, until a prune removes it.
"""

from __future__ import annotations

import atexit
import faulthandler
import fcntl
import json
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive import reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trueup.transforms.run_files import RunFiles

_held: dict[Path, tuple[int, int, int]] = {}
"""Runs begun by this process: whose, the lock, and where stacks go."""


@dataclass(frozen=True, slots=True)
class Died:
    """A run that its process did not live to seal."""

    run_id: str
    kind: str
    begun: str
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


def watch(files: RunFiles, begun: Mapping[str, object]) -> None:
    """Write ``begun.json`` and hold it for as long as this process lives; a crash from now on writes its stacks."""
    for other in [path for path in _held if not path.exists()]:
        _let_go(other)
    # Locked before it has its name: nobody ever sees it there and free while we live.
    partial, path = files.work / "begun.partial", files.work / "begun.json"
    number = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(number, json.dumps({**begun} | {"watched": True}).encode())
    fcntl.flock(number, fcntl.LOCK_EX)
    partial.rename(path)
    stacks = os.open(files.work / "stacks.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    faulthandler.enable(stacks)
    if not _held:
        atexit.register(_end)
    _held[path] = (os.getpid(), number, stacks)


def died(root: Path) -> tuple[Died, ...]:
    """Runs of this host that a process died over, newest first."""
    found = []
    for files in reading.directories(root):
        path = files.work / "begun.json"
        if files.manifest.exists() or (files.work / "ended").exists():
            continue
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if not said.get("watched") or said["host"] != socket.gethostname() or _is_held(path):
                continue
            # Looked at once more: it may have been sealed, or have ended, between the two looks.
            if files.manifest.exists() or not path.exists() or (files.work / "ended").exists():
                continue
            stacks = files.work / "stacks.txt"
            seen = stacks if stacks.exists() and stacks.stat().st_size else None
            found.append(Died(files.run_id, str(said["kind"]), str(said["at"]), seen))
        except (OSError, ValueError, KeyError):
            continue
    return tuple(found)


def _is_held(path: Path) -> bool:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def _let_go(path: Path) -> None:
    _, number, stacks = _held.pop(path)
    faulthandler.disable()
    os.close(number)
    os.close(stacks)


def _end() -> None:
    """The process ends by itself: what it leaves unsealed did not die."""
    for path, (process, *_) in list(_held.items()):
        if process == os.getpid() and path.exists():
            path.with_name("ended").touch(mode=0o600)
