"""One apply at a time per target, one seal at a time per archive.

Locks are kernel locks (``flock``) on files in ``<archive>/.locks``: whoever dies, however, holds nothing any
more. What the file says (process, host, since, what) is for people and never decides anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from trueup.connectors.archive.atomic_files import access_like, folder, on_disk, protect
from trueup.connectors.archive.closed import refuse_closed
from trueup.connectors.archive.holder import Holder, myself
from trueup.connectors.archive.places import place_of
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.targets import target_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = {"seal": 300.0, "apply": 0.5, None: 3.0}
"""Seconds to wait for a holder before giving up; one without a name is coming, leaving or only looking."""
_LOOKING = 1.0
"""Seconds within which a process that only looks whether a night is under way has let go again."""


@contextmanager
def apply_lock(root: Path, target_url: str, what: str, *, closed_too: bool = False) -> Iterator[Holder]:
    """Nobody else applies to this target, and no plan of it is sealed, inside; waits for a seal to end.

    Args:
        root: the archive's folder.
        target_url: of the target.
        what: is done, in words.
        closed_too: also where the archive was moved elsewhere, by now.

    Raises:
        Refused: somebody else applies (``apply_running``); the message says who, where and since when. Or the archive
            was closed since it was opened (``archive_closed``).
        Failed: the lock file cannot be written.
    """
    with _held(root, target_url, myself("apply", what)) as holder:
        if not closed_too:  # a move of the archive holds its targets
            refuse_closed(root)
        yield holder


@contextmanager
def sealing_lock(root: Path, target_url: str) -> Iterator[Holder]:
    """No apply to this target begins, and no other plan of it is sealed, inside; waits for another seal to end.

    Raises:
        Refused: an apply is at work (``apply_running``): the plan would rest on a directory that moves. Or the archive
            was closed since it was opened (``archive_closed``).
    """
    with _held(root, target_url, myself("seal", "sealing a plan")) as holder:
        refuse_closed(root)
        yield holder


@contextmanager
def night_lock(root: Path, target_url: str) -> Iterator[bool]:
    """Whether this is the only scheduled night at work on this target, on any host.

    Waits only for somebody who is just looking, and where another host says nothing more, until that is certain.
    """
    with on_disk("The archive's lock cannot be taken"):
        number = _open(_night_file(root, target_url))
    with contextlib.ExitStack() as elsewhere:
        elsewhere.callback(os.close, number)
        until = time.monotonic() + _LOOKING
        while not (is_alone := _take(number)) and time.monotonic() < until:
            time.sleep(0.02)
        if is_alone:
            lease = place_of(root).leased(f"night-{target_digest(target_url)}", myself("apply", "a night"))
            try:
                elsewhere.enter_context(lease)
            except Refused:
                is_alone = False
        yield is_alone


def night_at_work(root: Path, target_url: str) -> bool:
    """Whether a scheduled night is under way for this target right now; a killed one is not."""
    with on_disk("The archive's lock cannot be read"):
        number = _open(_night_file(root, target_url))
    try:
        return not _take(number)
    finally:
        os.close(number)


@contextmanager
def _held(root: Path, target_url: str, holder: Holder) -> Iterator[Holder]:
    with on_disk("The archive's lock cannot be taken"):
        number = _open(_apply_file(root, target_url))
    try:
        _wait(number)
        with on_disk("The archive's lock cannot be written"):
            _say(number, holder)
        try:
            place = place_of(root)
            with place.alone(f"apply-{target_digest(target_url)}", holder, patience=_PATIENCE[holder.kind]):
                yield holder
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(number, 0)
    finally:
        os.close(number)


def _wait(number: int) -> None:
    """Take the lock: at once, when a seal has ended, or when somebody who only looks or is just leaving is gone."""
    known, since = _read(number), time.monotonic()
    while not _take(number):
        holder = _read(number)
        if holder != known:
            known, since = holder, time.monotonic()
        patience = _PATIENCE[holder.kind if holder else None]
        if time.monotonic() - since > patience:
            raise Refused(_running(holder))
        time.sleep(0.02)


def apply_holder(root: Path, target_url: str) -> Holder | None:
    """Who applies to this target, or seals a plan of it, right now; None when nobody does."""
    if (elsewhere := place_of(root).holder(f"apply-{target_digest(target_url)}")) is not None:
        return elsewhere
    path = _apply_file(root, target_url)
    if not path.exists():
        return None
    with on_disk("The archive's lock cannot be read"):
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for _ in range(10):
            if _take(number, fcntl.LOCK_SH):
                return None
            if holder := _read(number):
                return holder
            time.sleep(0.02)  # taken, and the name not yet written
        return Holder(0, "unknown", "unknown", "a process that has not said its name", "apply")
    finally:
        os.close(number)


@contextmanager
def sealing(root: Path) -> Iterator[None]:
    """Alone in writing manifests and acts into this archive; waits for whoever is writing."""
    with on_disk("The archive's lock cannot be taken"):
        number = _open(folder(root) / "seal.lock")
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
        except OSError:
            os.close(number)
            raise
    try:
        yield
    finally:
        os.close(number)


def _apply_file(root: Path, target_url: str) -> Path:
    return folder(root) / f"apply-{target_digest(target_url)}.lock"


def _night_file(root: Path, target_url: str) -> Path:
    path = _apply_file(root, target_url)
    return path.with_name(path.name.replace("apply-", "night-"))


def lock_names(root: Path, target_url: str) -> dict[str, str]:
    """What to call this host's two locks on a target where others tell of them: ``night`` and ``apply``.

    The same name means the same lock file on the same host, so that finding it free means that its holder is gone.
    """
    path = _apply_file(root, target_url).resolve()
    own = hashlib.sha256(f"{socket.gethostname()}\0{path}".encode()).hexdigest()[:16]
    return {kind: f"{kind}-{own}" for kind in ("night", "apply")}


def _open(path: Path) -> int:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    facts, access = os.fstat(number), access_like(path.parent)
    if facts.st_uid == os.geteuid() and facts.st_mode & 0o777 != access.file:
        protect(path, access)
    return number


def _take(number: int, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(number, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _say(number: int, holder: Holder) -> None:
    os.ftruncate(number, 0)
    os.pwrite(number, json.dumps(asdict(holder)).encode(), 0)


def _read(number: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(number, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _running(holder: Holder | None) -> Refusal:
    who = str(holder) if holder else "a process that has not said its name"
    return Refusal(
        "apply_running",
        f"The target is taken: {who}.",
        remedy="Wait until it has ended; trueup runs shows what it did. A process that died holds no lock.",
    )
