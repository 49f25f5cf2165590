"""Files nobody but this process can read: what lies open of an encrypted archive, under a key of the process.

A folder is made private once; whatever is written beneath it from then on is encrypted piece by piece with AES-256-GCM,
each piece under a random number of its own and bound to its file and place. The key is in this process's memory alone:
when the process ends, what it left can be opened by nobody. Everywhere else files are as they are.

DuckDB reads and writes such files through :class:`PrivateFiles`, under the address ``private:///…``.
"""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from typing_extensions import override

from trueup.transforms.private import SCHEME, use

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"TRUEUP1\n"
_ID = 16
_HEAD = len(_MAGIC) + _ID
_PIECE = 1 << 17
_NONCE = 12
_OVER = _NONCE + 16
"""What a piece is longer by than what is in it."""


class _Process:
    """The key of this process and the folders it is for."""

    def __init__(self) -> None:
        self.key = b""
        self.folders: tuple[str, ...] = ()
        self.lock = threading.Lock()


_process = _Process()


def make_private(folder: Path) -> None:
    """From now on this process encrypts what it writes beneath ``folder``, and decrypts what it reads there."""
    with _process.lock:
        _process.key = _process.key or os.urandom(32)
        place = f"{os.path.realpath(folder)}{os.sep}"
        if place not in _process.folders:
            _process.folders = (*_process.folders, place)
        use(_Keeper())


def forget(folder: Path) -> None:
    """The folder is removed: nothing is written there any more."""
    place = f"{os.path.realpath(folder)}{os.sep}"
    with _process.lock:
        _process.folders = tuple(one for one in _process.folders if one != place)
        if not _process.folders:
            use(None)


class _Keeper:
    """See :class:`~trueup.transforms.private.Private`."""

    def holds(self, path: Path | str) -> bool:
        return os.path.normpath(Path(path).absolute()).startswith(_process.folders)  # no link is followed

    def open(self, path: Path, mode: str) -> IO[bytes]:
        return cast("IO[bytes]", _PrivateFile(path, mode))

    def size(self, path: Path) -> int:
        return _inner(path.stat().st_size)

    def file_system(self) -> Any:
        return _file_system()


class _Place:
    """Where a file that is written goes on."""

    place = 0


class _PrivateFile(io.RawIOBase):
    """One open private file.

    Of one that is read, where a thread is in it is that thread's own affair: DuckDB's threads share a handle, and each
    goes to its place and reads. One that is written goes on where it was, whichever thread writes.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self._aead = _aead()
        flags = os.O_RDONLY if mode == "rb" else os.O_RDWR | os.O_CREAT | os.O_TRUNC
        self._number = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._writes = mode != "rb"
        self._lock = threading.RLock()
        self._at: Any = _Place() if self._writes else threading.local()
        if self._writes:
            self._id = os.urandom(_ID)
            os.pwrite(self._number, _MAGIC + self._id, 0)
        else:
            head = os.pread(self._number, _HEAD, 0)
            self._id = head[len(_MAGIC) :]
            if not head.startswith(_MAGIC) or len(self._id) != _ID:
                os.close(self._number)
                self._number = -1
                raise OSError(f"{path.name} is not a file of this process")
        self._size = _inner(os.fstat(self._number).st_size)
        self._index, self._piece, self._is_changed = -1, bytearray(), False

    @override
    def readable(self) -> bool:
        return True

    @override
    def writable(self) -> bool:
        return self._writes

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return int(getattr(self._at, "place", 0))

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._at.place = max(0, base + offset)
        return self.tell()

    @override
    def readinto(self, buffer: Any, /) -> int:
        view, done = memoryview(buffer).cast("B"), 0
        with self._lock:
            place = self.tell()
            while done < len(view) and place < self._size:
                index, within = divmod(place, _PIECE)
                self._turn_to(index)
                some = self._piece[within : within + len(view) - done]
                view[done : done + len(some)] = some
                done, place = done + len(some), place + len(some)
            self._at.place = place
        return done

    @override
    def write(self, data: Any, /) -> int:
        view, done = memoryview(data).cast("B"), 0
        with self._lock:
            place = self.tell()
            while done < len(view):
                index, within = divmod(place, _PIECE)
                self._turn_to(index)
                if within > len(self._piece):
                    self._piece.extend(bytes(within - len(self._piece)))
                some = view[done : done + _PIECE - within]
                self._piece[within : within + len(some)] = some
                self._is_changed = True
                done, place = done + len(some), place + len(some)
                self._size = max(self._size, place)
            self._at.place = place
        return done

    @override
    def flush(self) -> None:
        if self._number >= 0 and self._writes:
            with self._lock:
                self._put_down()

    @override
    def close(self) -> None:
        if self._number < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._number)
            self._number = -1
            super().close()

    def _turn_to(self, index: int) -> None:
        if index == self._index:
            return
        self._put_down()
        sealed = os.pread(self._number, _PIECE + _OVER, _HEAD + index * (_PIECE + _OVER))
        if sealed:
            from cryptography.exceptions import InvalidTag

            try:
                piece = self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound(index))
            except InvalidTag as error:
                raise OSError("a private file was changed by somebody else") from error
            self._piece = bytearray(piece)
        else:
            self._piece = bytearray()
        self._index = index

    def _put_down(self) -> None:
        if not self._is_changed:
            return
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._aead.encrypt(nonce, bytes(self._piece), self._bound(self._index))
        os.pwrite(self._number, sealed, _HEAD + self._index * (_PIECE + _OVER))
        self._is_changed = False

    def _bound(self, index: int) -> bytes:
        return self._id + index.to_bytes(8, "big")


def _inner(size: int) -> int:
    whole, rest = divmod(max(0, size - _HEAD), _PIECE + _OVER)
    return whole * _PIECE + max(0, rest - _OVER)


def _aead() -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_process.key)


def _file_system() -> Any:
    """What DuckDB's connections reach private files through: files beneath private folders, and no others."""
    from datetime import UTC, datetime

    from fsspec import AbstractFileSystem

    class PrivateFiles(AbstractFileSystem):  # type: ignore[misc] # fsspec has neither types nor stubs, and DuckDB takes a subclass of this class only
        protocol = SCHEME
        cachable = False

        def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
            return _PrivateFile(_ours(path), mode)

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            place = _ours(path)
            return {
                "name": path,
                "size": _inner(place.stat().st_size),
                "type": "directory" if place.is_dir() else "file",
            }

        def exists(self, path: str, **_: Any) -> bool:
            return _ours(path).exists()

        def glob(self, path: str, **_: Any) -> list[str]:
            return [path] if _ours(path).exists() else []

        def modified(self, path: str) -> datetime:
            return datetime.fromtimestamp(_ours(path).stat().st_mtime, UTC)

        def mv(self, path1: str, path2: str, **_: Any) -> None:
            _ours(path1).replace(_ours(path2))

        def rm_file(self, path: str) -> None:
            _ours(path).unlink()

        def rm(self, path: str, **_: Any) -> None:
            _ours(path).unlink()

    return PrivateFiles()


def _ours(path: str) -> Path:
    place = os.path.normpath(path.removeprefix(f"{SCHEME}://"))
    if not _Keeper().holds(place):
        raise FileNotFoundError(path)
    return Path(place)
