"""The sign of life of ``trueup serve``: a file that it holds locked and touches, beside the archive's locks.

Whoever dies, however, lets go of the lock; whoever hangs no longer touches the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import FOLDER, access_like, folder, protect
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60.0
"""How often it is given at least."""
MOST_SECONDS = 5 * SECONDS
"""So old a sign of life says that the service hangs: the watch may have waited for a server that is away."""


@dataclass(frozen=True, slots=True)
class Health:
    """What can be said of the service without asking anybody."""

    is_alive: bool
    text: str
    seconds: float | None
    """Since its last sign of life; None where there never was one."""


class Heartbeat:
    """Held by the service that lives."""

    def __init__(self, number: int) -> None:
        """Bind to the open file."""
        self._number = number

    def beat(self) -> None:
        """Say so now."""
        with contextlib.suppress(OSError):
            os.utime(self._number)


@contextlib.contextmanager
def living(root: Path, target_url: str) -> Iterator[Heartbeat]:
    """Give signs of life for the length of the block; a second service of the target gives them too."""
    path = folder(root) / _name(target_url)
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(number).st_uid == os.geteuid():
            protect(path, access_like(root))
        fcntl.flock(number, fcntl.LOCK_SH)
        heart = Heartbeat(number)
        heart.beat()
        yield heart
    finally:
        os.close(number)


def health(root: Path, target_url: str) -> Health:
    """Whether a service of this target lives here; nothing is written."""
    path = root / FOLDER / _name(target_url)
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return Health(is_alive=False, text="No trueup serve of this target was ever seen here.", seconds=None)
    try:
        seconds = max(0.0, time.time() - os.fstat(number).st_mtime)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            text = f"trueup serve is not running; its last sign of life was {seconds:,.0f} seconds ago."
            return Health(is_alive=False, text=text, seconds=seconds)
    finally:
        os.close(number)
    if seconds > MOST_SECONDS:
        text = f"trueup serve hangs: its last sign of life was {seconds:,.0f} seconds ago."
        return Health(is_alive=False, text=text, seconds=seconds)
    return Health(is_alive=True, text=f"trueup serve gave a sign of life {seconds:,.0f} seconds ago.", seconds=seconds)


def _name(target_url: str) -> str:
    return f"serve-{hashlib.sha256(same_target(target_url).encode()).hexdigest()[:16]}.alive"
