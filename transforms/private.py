"""Files nobody but this process can read, to whoever reads and writes files: as any other.

What lies open of an encrypted archive is encrypted under a key of the process
(:mod:`trueup.connectors.archive.private_files`, which puts itself in here when the first folder is made private).
Everywhere else, and where nothing is private, files are as they are.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from pathlib import Path

SCHEME = "private"


class Private(Protocol):
    """What keeps private files."""

    def holds(self, path: Path | str) -> bool:
        """Whether the file lies, or would lie, in a private folder."""
        ...

    def open(self, path: Path, mode: str) -> IO[bytes]:
        """The file, ``rb`` or ``wb``."""
        ...

    def size(self, path: Path) -> int:
        """How long what is in the file is."""
        ...

    def file_system(self) -> Any:
        """What DuckDB reaches private files through."""
        ...


_keepers: list[Private] = []


def use(keeper: Private | None) -> None:
    """From now on ``keeper`` says what is private; None: nothing is."""
    _keepers[:] = [] if keeper is None else [keeper]


def is_any() -> bool:
    """Whether this process has anything private."""
    return bool(_keepers)


def is_private(path: Path | str) -> bool:
    """Whether the file is, or would be, encrypted under the key of this process."""
    return bool(_keepers) and _keepers[0].holds(path)


def address(path: Path) -> str:
    """What DuckDB is to call the file."""
    return f"{SCHEME}://{path}" if is_private(path) else str(path)


def open_binary(path: Path, mode: str = "rb") -> IO[bytes]:
    """The file, opened as by ``open``; ``rb`` or ``wb``, which makes a private one readable by its owner only."""
    return _keepers[0].open(path, mode) if is_private(path) else cast("IO[bytes]", path.open(mode))


def read_bytes(path: Path) -> bytes:
    """All of the file."""
    with open_binary(path) as file:
        return file.read()


def write_bytes(path: Path, content: bytes) -> None:
    """The file holds ``content``."""
    with open_binary(path, "wb") as file:
        file.write(content)


def read_text(path: Path) -> str:
    """All of the file, in UTF-8."""
    return read_bytes(path).decode()


def write_text(path: Path, text: str) -> None:
    """The file holds ``text`` in UTF-8."""
    write_bytes(path, text.encode())


def size_of(path: Path) -> int:
    """How long what is in the file is."""
    return _keepers[0].size(path) if is_private(path) else path.stat().st_size


def sha256_of(path: Path) -> str:
    """Of what is in the file, in hex."""
    with open_binary(path) as opened:
        file: Any = opened
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_system() -> Any:
    """What DuckDB's connections reach private files through."""
    return _keepers[0].file_system()
