"""An encrypted archive, opened by this process: ciphers of its runs, and what of them lies open for it alone.

What a stage or DuckDB reads lies in a private folder below ``[archive] cache``, under a key of this process
(:mod:`trueup.transforms.private`); it is made when its path is asked for, made anew where the archive has another file
by then, and removed with the process. What a process that was killed left, which nobody can open, the next one removes.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
import threading
from typing import IO, TYPE_CHECKING

from trueup.connectors.archive.atomic_files import on_disk, sha256_of
from trueup.connectors.archive.cipher import KEY_FILE, OF_ARCHIVE, Cipher, Keys, new_cipher, unwrapped, wrapped
from trueup.connectors.archive.lines import closed_line, opened_line, opened_lines
from trueup.connectors.archive.private_files import forget, make_private
from trueup.connectors.archive.store import LocalStore
from trueup.transforms.errors import Refused
from trueup.transforms.private import open_binary
from trueup.transforms.run_files import JOURNAL, RUN_ID, RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from _typeshed import SupportsWrite

    from trueup.connectors.archive.store import Store, Version
    from trueup.transforms.manifest import FileRecord

_AREAS = "open"
_RECORD = ".json"
"""Manifests, acts and other documents: kept as text."""
_LOCK = "in-use"
_areas: dict[Path, Path] = {}
_held: list[int] = []


def area(cache: Path) -> Path:
    """This process's private folder below ``cache``; what dead processes left there is removed."""
    if (found := _areas.get(cache)) is not None:
        return found
    base = cache / _AREAS
    with on_disk(f"The archive's cache {cache} cannot be written"):
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(base)
        place = base / f"{os.getpid()}-{secrets.token_hex(6)}"
        place.mkdir(mode=0o700)
        number = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(number, fcntl.LOCK_EX)
    _held.append(number)
    make_private(place)
    owner = os.getpid()
    atexit.register(lambda: shutil.rmtree(place, ignore_errors=True) if os.getpid() == owner else None)
    _areas[cache] = place
    return place


def leave() -> None:
    """Nothing lies open for this process any more."""
    for place in _areas.values():
        shutil.rmtree(place, ignore_errors=True)
        forget(place)
    _areas.clear()


def opened_below(cache: Path, root: Path) -> Path:
    """Where files of the archive in ``root`` lie open for this process alone."""
    own = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    opened = area(cache) / f"{root.name}-{own}"
    opened.mkdir(mode=0o700, exist_ok=True)
    return opened


def _sweep(base: Path) -> None:
    for place in base.iterdir():
        with contextlib.suppress(OSError):
            number = os.open(place / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(place, ignore_errors=True)
            finally:
                os.close(number)


class Vault:
    """One archive's ciphers. Without keys it opens what is in clear, and says of the rest that a key is missing."""

    def __init__(self, root: Path, keys: Keys | None, opened: Path | None = None) -> None:
        """``root`` is the archive's folder, or what of it is in the cache; ``opened`` where files lie open."""
        self.root = root
        self.keys = keys
        self.opened = opened
        self._ciphers: dict[str, tuple[Version, Cipher]] = {}
        self._marks: dict[str, tuple[int, int, int]] = {}
        self._lock = threading.RLock()

    @property
    def files(self) -> LocalStore:
        """The files as they are kept."""
        return LocalStore(self.root)

    def cipher(self, run_id: str) -> Cipher | None:
        """Of the run; None for one in clear. For a private file of a review, its run's.

        Raises:
            Misused: it is encrypted and no key is configured.
            Failed: with another key.
            Refused: its key file is damaged.
        """
        name = KEY_FILE if run_id == OF_ARCHIVE else f"{run_id}/{KEY_FILE}"
        seen = self.files.version(name)
        with self._lock:
            known = self._ciphers.get(run_id)
            if known is not None and (known[0] == seen or not seen.mark):
                return known[1]
            if not seen.mark:
                return None
            found = unwrapped(self.keys, run_id, self.files.read(name))
            self._ciphers[run_id] = (seen, found)
            return found

    def is_encrypted(self, run_id: str) -> bool:
        """Whether the run has a key file; nothing is opened."""
        return (self.root / run_id / KEY_FILE).exists()

    def begin(self, run_id: str, put: Callable[[str, bytes], None]) -> Cipher | None:
        """The run's cipher, with a new keyset where it has none and a key is configured; ``put`` keeps ``key.json``."""
        found = self.cipher(run_id)
        if found is not None or self.keys is None:
            return found
        made = new_cipher(self.keys, run_id)
        with contextlib.suppress(FileExistsError):
            put(KEY_FILE if run_id == OF_ARCHIVE else f"{run_id}/{KEY_FILE}", wrapped(self.keys, made))
        return self.cipher(run_id)

    def close(self, key: str, content: bytes) -> bytes:
        """``content`` as it is kept under ``<run id>/<name>``: encrypted where the run is."""
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if cipher is None or name == KEY_FILE:
            return content
        kept = cipher.encrypt(name, content)
        return base64.b64encode(kept) + b"\n" if name.endswith(_RECORD) else kept

    def open(self, key: str, content: bytes) -> bytes:
        """What the kept bytes say."""
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if cipher is None or name == KEY_FILE:
            return content
        return cipher.decrypt(name, _unwritten(content) if name.endswith(_RECORD) else content)

    def said(self, key: str, kept: bytes) -> bytes:
        """What the kept bytes say; of a journal, its lines."""
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if name == JOURNAL and cipher is not None:
            return b"".join(opened_line(line, cipher) or b"" for line in kept.splitlines(keepends=True))
        return self.open(key, kept)

    def unsaid(self, key: str, said: bytes) -> bytes:
        """``said`` as it is kept."""
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if name == JOURNAL and cipher is not None:
            return closed_line(said, cipher)
        return self.close(key, said)

    def run(self, run_id: str, bring: Callable[[str], None] | None = None) -> RunFiles:
        """The run's files, which lie open where this archive has keys."""
        place = self.root / run_id
        if self.opened is None:
            return RunFiles(place, bring, bring)

        def both(name: str) -> None:
            if bring is not None:
                bring(name)
            self.bring(run_id, name)

        folder = self.opened / run_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return RunFiles(place, both, bring, folder)

    def bring(self, run_id: str, name: str) -> None:
        """The file lies open as it is kept; a file that is not kept yet, as it is made here.

        Raises:
            Refused: it is not what was written.
        """
        if self.opened is None or name == JOURNAL:
            return
        key, kept, into = f"{run_id}/{name}", self.root / run_id / name, self.opened / run_id / name
        with self._lock:
            try:
                facts = kept.stat()
            except FileNotFoundError:
                if self._marks.pop(key, None) is not None:
                    into.unlink(missing_ok=True)  # pruned meanwhile
                return
            mark = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
            if self._marks.get(key) == mark and into.exists():
                return
            into.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = into.with_name(f"{secrets.token_hex(8)}.opening")
            try:
                self.open_into(key, kept, draft)
                draft.replace(into)
            finally:
                draft.unlink(missing_ok=True)
            self._marks[key] = mark

    def open_into(self, key: str, kept: Path, into: Path) -> None:
        """Write what the kept file says to ``into``."""
        run_id, name = _owner(key)
        with (
            on_disk(f"{name} of run {run_id} cannot be opened"),
            kept.open("rb") as source,
            open_binary(into, "wb") as to,
        ):
            self._open_stream(key, source, to)

    def _open_stream(self, key: str, source: IO[bytes], to: SupportsWrite[bytes]) -> None:
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if cipher is None:
            shutil.copyfileobj(source, to)
        elif name.endswith(_RECORD):
            to.write(self.open(key, source.read()))
        else:
            cipher.decrypt_stream(name, source, to)

    def close_into(self, key: str, opened: Path, into: Path) -> None:
        """Write what ``opened`` says to ``into``, as it is to be kept under ``key``."""
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        with open_binary(opened) as source, into.open("wb") as to:
            if cipher is None:
                shutil.copyfileobj(source, to)
            elif name.endswith(_RECORD):
                to.write(self.close(key, source.read()))
            else:
                cipher.encrypt_stream(name, source, to)

    def kept(self, key: str) -> None:
        """What lies open under ``key`` is what is kept there now."""
        facts = (self.root / key).stat()
        self._marks[key] = (facts.st_ino, facts.st_mtime_ns, facts.st_size)

    def forget(self, run_id: str) -> None:
        """Nothing of the run lies open any more."""
        if self.opened is not None:
            shutil.rmtree(self.opened / run_id, ignore_errors=True)
        self._marks = {key: mark for key, mark in self._marks.items() if not key.startswith(f"{run_id}/")}

    def fits(self, key: str, kept: Path, record: FileRecord) -> bool:
        """Whether the kept file is what ``record`` says: byte by byte, or where it was copied, in what it says."""
        try:
            facts = kept.lstat()
            if stat.S_ISLNK(facts.st_mode):
                return False
            if facts.st_size == record.bytes and sha256_of(kept) == record.sha256:
                return True
            if record.content is None and self.cipher(_owner(key)[0]) is None:
                return False
            return self.digest_of(key, kept) in _stated(record)
        except (OSError, Refused):
            return False

    def digest_of(self, key: str, kept: Path) -> tuple[str, int]:
        """SHA-256 and length of what the kept file says."""
        digest = _Digest()
        run_id, name = _owner(key)
        cipher = self.cipher(run_id)
        if name == JOURNAL and cipher is not None:
            for records in opened_lines(kept, cipher):
                digest.write(records)
        else:
            with kept.open("rb") as source:
                self._open_stream(key, source, digest)
        return digest.sha256.hexdigest(), digest.size


def _unwritten(content: bytes) -> bytes:
    """What is kept of a record is text, as heads and claims of an object store hold it."""
    try:
        return base64.b64decode(content.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def fits_bytes(kept: bytes, said: bytes, record: FileRecord) -> bool:
    """The same of a file that was read."""
    if hashlib.sha256(kept).hexdigest() == record.sha256:
        return True
    return (hashlib.sha256(said).hexdigest(), len(said)) in _stated(record)


def _stated(record: FileRecord) -> set[tuple[str, int]]:
    """Hash and length of what the file says: of one in clear, those it is kept with."""
    return {(record.said.sha256, record.said.bytes)}


class _Digest:
    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, block: bytes) -> int:
        self.sha256.update(block)
        self.size += len(block)
        return len(block)


class SealedStore:
    """Records of an archive, encrypted where their run is: the same store to whoever reads and writes them."""

    def __init__(self, inner: Store, vault: Vault) -> None:
        """Records are kept in ``inner``."""
        self.inner = inner
        self.vault = vault

    def read(self, name: str) -> bytes:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        return self.vault.open(name, self.inner.read(name))

    def list(self, under: str = "") -> list[str]:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        return self.inner.list(under)

    def create_if_absent(self, name: str, content: bytes) -> None:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        self.inner.create_if_absent(name, self.vault.close(name, content))

    def version(self, name: str) -> Version:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        return self.inner.version(name)

    def replace_if_match(self, name: str, content: bytes, seen: Version) -> Version:
        """See :class:`~trueup.connectors.archive.store.Store`."""
        return self.inner.replace_if_match(name, self.vault.close(name, content), seen)


def _owner(key: str) -> tuple[str, str]:
    """Whose cipher it is under, and the name it is bound to."""
    run_id, _, name = key.partition("/")
    if RUN_ID.fullmatch(run_id):
        return run_id, name
    if run_id == ".review" and RUN_ID.fullmatch(owner := name.partition(".")[0]):
        return owner, key
    return OF_ARCHIVE, key
