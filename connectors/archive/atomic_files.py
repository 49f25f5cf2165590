"""Files that are whole or not there: written aside, synced, moved into place, readable by few.

Nothing here knows what a run is. Modes are set whatever the umask says.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may read: modes of directories and files, and the group they belong to."""

    directory: int = 0o700
    file: int = 0o600
    group: int | None = None
    """Numeric group id; none leaves the group as it is."""


def access_like(directory: Path) -> Access:
    """The access a file in ``directory`` must have: its group reads if the directory's group does."""
    facts = directory.stat()
    if facts.st_mode & stat.S_IRGRP:
        return Access(0o750, 0o640, facts.st_gid)
    return Access()


@contextmanager
def on_disk(doing: str) -> Iterator[None]:
    """Say in a sentence what the disk refused.

    Raises:
        Failed: an ``OSError`` happened inside; it is the cause.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Failed(f"{doing}: {why}.", remedy=_remedy(error)) from error


def _remedy(error: OSError) -> str:
    if error.errno in _FULL:
        return "Free disk space (trueup prune removes runs older than keep_days), then run this again."
    if error.errno in _FORBIDDEN:
        return "Give the account Trueup runs as the right to write there, or point [archive] path elsewhere."
    return "Check the disk and [archive] path, then run this again."


def make_directory(path: Path, access: Access) -> None:
    """A new directory with exactly these rights; raises ``FileExistsError`` when the name is taken."""
    path.mkdir(mode=access.directory)
    protect(path, access)


def protect(path: Path, access: Access) -> None:
    """Set mode and group of one file or directory; a symbolic link is refused."""
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if access.group is not None and facts.st_gid != access.group:
        os.chown(path, -1, access.group, follow_symlinks=False)
    wanted = access.directory if stat.S_ISDIR(facts.st_mode) else access.file
    if stat.S_IMODE(facts.st_mode) != wanted:
        path.chmod(wanted)


def sync_file(path: Path) -> None:
    """Return once the file's content is on disk."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_directory(path: Path) -> None:
    """Return once the names in the directory are on disk."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def write_new(path: Path, content: bytes, *, aside: Path, access: Access) -> None:
    """A file that appears whole, on disk, under a name nobody had; or no file.

    Args:
        path: where it shall be.
        content: everything in it.
        aside: a directory on the same file system where it is prepared; nothing of it stays there.
        access: its rights.

    Raises:
        FileExistsError: the name is taken; what is there is untouched.
    """
    draft = aside / f"{path.name}.{secrets.token_hex(8)}"
    try:
        _write(draft, content, access)
        _move(draft, path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def replace(path: Path, content: bytes, *, aside: Path, access: Access) -> None:
    """Put ``content`` in the place of what is there, in one step: for derived files only, never for sealed ones."""
    draft = aside / f"{path.name}.{secrets.token_hex(8)}"
    try:
        _write(draft, content, access)
        draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _write(draft: Path, content: bytes, access: Access) -> None:
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, access.file)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    protect(draft, access)


def _move(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        draft.rename(path)


def sha256_of(path: Path, length: int | None = None) -> str:
    """SHA-256 of a file, or of its first ``length`` bytes, in hexadecimal."""
    with path.open("rb") as file:
        if length is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while length > 0 and (block := file.read(min(length, 1 << 20))):
            digest.update(block)
            length -= len(block)
        return digest.hexdigest()


FOLDER = ".locks"
REVIEWS = ".review"
"""Where reviewers are in their plans: private, no part of any run, gone with the run's data."""


def folder(root: Path) -> Path:
    """Where locks and drafts lie, outside all runs; made when missing, and readable by everybody who may read runs."""
    path = root / FOLDER
    if not path.is_dir():
        try:
            make_directory(path, access_like(root))
        except FileExistsError:
            return path
    elif path.stat().st_uid == os.geteuid():
        protect(path, access_like(root))
    return path
