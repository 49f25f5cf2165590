"""Where an archive's records lie, reached through four things only: read, create if absent, replace if match, list.

Manifests, acts, their numbers and derived files go through here; the Parquet files of a run are paths, which DuckDB
reads. A local folder is one kind; :mod:`trueup.connectors.archive.object_store` is the other.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from trueup.connectors.archive.atomic_files import (
    access_like,
    folder,
    make_directory,
    replace,
    sync_directory,
    write_new,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = "replace.lock"


@dataclass(frozen=True, slots=True)
class Version:
    """Which content was seen under a name: another one after each replacement, though the bytes be the same."""

    mark: str


ABSENT = Version("")
"""There was nothing under the name."""


class Changed(Exception):
    """What is there now is not what was seen: somebody else was quicker, and nothing was replaced."""


class Store(Protocol):
    """Records by name: ``views.sql``, ``<run id>/manifest.json``, ``<run id>/acts/001-approved.json``."""

    def read(self, name: str) -> bytes:
        """All of it.

        Raises:
            FileNotFoundError: there is nothing under this name.
        """
        ...

    def list(self, under: str = "") -> list[str]:
        """The names directly under ``under`` (a run, ``<run id>/acts``; empty for the archive), sorted."""
        ...

    def create_if_absent(self, name: str, content: bytes) -> None:
        """The record appears whole, and stays when this returns.

        Raises:
            FileExistsError: somebody else was quicker; what is there is untouched.
        """
        ...

    def version(self, name: str) -> Version:
        """Of what is there now; :data:`ABSENT` for nothing."""
        ...

    def replace_if_match(self, name: str, content: bytes, seen: Version) -> Version:
        """Put ``content`` in the place of what was ``seen``; returns its own version.

        Raises:
            Changed: something else is there by now.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A folder; records are read by whoever may read the folder they lie in."""

    root: Path

    def read(self, name: str) -> bytes:
        """See :class:`Store`."""
        return self._place(name).read_bytes()

    def list(self, under: str = "") -> list[str]:
        """See :class:`Store`."""
        place = self._place(under) if under else self.root
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []

    def create_if_absent(self, name: str, content: bytes) -> None:
        """See :class:`Store`. The folder it lies in is made, with the rights of the one above."""
        place = self._place(name)
        if not place.parent.is_dir():
            with contextlib.suppress(FileExistsError):
                make_directory(place.parent, access_like(place.parent.parent))
            sync_directory(place.parent.parent)
        write_new(place, content, aside=folder(self.root), access=access_like(place.parent))

    def version(self, name: str) -> Version:
        """See :class:`Store`."""
        try:
            facts = self._place(name).stat()
        except FileNotFoundError:
            return ABSENT
        return Version(f"{facts.st_ino}-{facts.st_mtime_ns}-{facts.st_size}")

    def replace_if_match(self, name: str, content: bytes, seen: Version) -> Version:
        """See :class:`Store`. Whoever replaces anything waits here for the other."""
        place = self._place(name)
        with self._alone():
            if self.version(name) != seen:
                raise Changed(name)
            replace(place, content, aside=folder(self.root), access=access_like(place.parent))
            sync_directory(place.parent)
            return self.version(name)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        number = os.open(folder(self.root) / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o660)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)

    def _place(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)
        return self.root.joinpath(*parts)
