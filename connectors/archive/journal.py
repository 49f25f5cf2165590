"""What apply was about to do and the result: append-only, synced in groups, readable after any crash.

One JSON object per line. A line that a crash cut short is ended when the journal is opened again, and the line
after it says so; readers pass over it. Any other unreadable line is damage.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import orjson

from trueup.connectors.archive.lines import closed_line, opened_line
from trueup.connectors.archive.places import vault_of
from trueup.transforms.errors import Failed, TrueupError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from trueup.connectors.archive.cipher import Cipher

TORN = "the line before this one was cut short by a crash"


class Journal:
    """An open journal; one per run and process. Use as an asynchronous context manager."""

    def __init__(self, path: Path, *, sync: bool = True, announce: Callable[[bytes], None] | None = None) -> None:
        """``announce`` puts each group where all hosts see it, before it is written here."""
        self._path = path
        self._cipher = _cipher(path)
        self._sync = sync
        self._announce = announce
        self._file = self._guard = -1
        self._n = 0
        self._buffer: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        self.syncs = 0

    async def __aenter__(self) -> Self:
        if self._announce is not None:  # nobody of this host puts it together anew meanwhile
            self._guard = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._guard, fcntl.LOCK_EX)
        self._n, torn = _last_number(self._path)
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _mode_beside(self._path))
            os.fchmod(self._file, _mode_beside(self._path))
            if torn is not None:
                self.note({"event": "note", "what": TORN})
                self._write(torn + self._closed(self._take()))
            _sync_folder(self._path)
        except OSError as error:
            raise Failed("The journal cannot be opened for writing.", remedy="Check the archive's disk.") from error
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Every record is where it is to be.

        Raises:
            Failed: it is not, though nobody waited for it.
        """
        try:
            if self._flusher is not None:
                await self._flusher
            if self._broken is None:
                await self._flush()
        finally:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            if self._guard >= 0:
                os.close(self._guard)
                self._guard = -1
        if kind is None:
            self._check()

    def note(self, record: Mapping[str, Any]) -> None:
        """Add ``record``; it reaches the disk with the next group, at the latest when the journal closes."""
        self._n += 1
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._buffer.append(orjson.dumps({"n": self._n, "at": at, **record}) + b"\n")

    def record(self, record: Mapping[str, Any]) -> None:
        """Add ``record`` and set a sync going, without waiting for it: what it says can be found out again.

        Raises:
            Failed: the disk did not take an earlier record.
        """
        self._check()
        self.note(record)
        self._kick()

    async def write(self, record: Mapping[str, Any]) -> None:
        """``record`` is on the disk when this returns; everybody who waits at once shares one sync.

        Raises:
            Failed: the disk does not take it; nothing may be sent from then on.
        """
        self._check()
        self.note(record)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._kick()
        await done

    def _kick(self) -> None:
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        while self._waiting or self._buffer:
            waiting, self._waiting = self._waiting, []
            group = self._take()
            try:
                await asyncio.to_thread(self._put_down, group)
            except (OSError, TrueupError) as error:
                self._broken = error
                for done in (*waiting, *self._waiting):
                    if not done.done():
                        done.set_exception(_cannot_write(error))
                self._waiting = []
                return
            for done in waiting:
                if not done.done():
                    done.set_result(None)

    def _take(self) -> bytes:
        group, self._buffer = b"".join(self._buffer), []
        return group

    def _closed(self, group: bytes) -> bytes:
        return group if self._cipher is None else closed_line(group, self._cipher)

    def _put_down(self, group: bytes) -> None:
        group = self._closed(group)
        if self._announce is not None:
            self._announce(group)
        self._write(group)
        if self._sync:
            os.fdatasync(self._file)
            self.syncs += 1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def _check(self) -> None:
        if self._broken is not None:
            raise _cannot_write(self._broken) from self._broken


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Every record in order; a line cut short by a crash is passed over.

    Raises:
        Failed: a line in the middle is damaged.
    """
    if not path.exists():
        return
    unread: int | None = None
    cipher = _cipher(path)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            records = _records(line, cipher)
            if records is None:
                if unread is not None:
                    raise _damaged(unread)
                unread = number
                continue
            if unread is not None and records[0].get("what") != TORN:
                raise _damaged(unread)
            unread = None
            yield from records


def _cipher(path: Path) -> Cipher | None:
    return vault_of(path.parent.parent).cipher(path.parent.name)


def _records(line: bytes, cipher: Cipher | None) -> list[dict[str, Any]] | None:
    """The records of a line: one, or where it is encrypted those that left together; None for a line cut short."""
    said = line if cipher is None else opened_line(line, cipher)
    records = [_parsed(one) for one in said.splitlines(keepends=True)] if said else []
    whole = [record for record in records if record is not None]
    return whole if whole and len(whole) == len(records) else None


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _last_number(path: Path) -> tuple[int, bytes | None]:
    """The number of the last whole record, and what ends a torn last line (none when the last line is whole)."""
    last = 0
    for record in read_journal(path):
        last = max(last, int(record.get("n") or 0))
    tail = b"{}\n"
    if path.exists():
        with path.open("rb") as lines:
            for line in lines:
                tail = line
    if tail == b"{}\n" or _records(tail, _cipher(path)) is not None:
        return last, None
    return last, b"" if tail.endswith(b"\n") else b"\n"


def _mode_beside(path: Path) -> int:
    """0640 in an archive shared with a group, else 0600."""
    return 0o640 if path.parent.stat().st_mode & 0o050 == 0o050 else 0o600


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _cannot_write(error: BaseException) -> TrueupError:
    if isinstance(error, TrueupError):
        return error
    reason = error.strerror if isinstance(error, OSError) else type(error).__name__
    return Failed(
        f"The journal cannot be written ({reason}); nothing more was sent to the target.",
        remedy="Make room on the archive's disk, then apply the same run again: it goes on where it stopped.",
    )


def _damaged(number: int) -> Failed:
    return Failed(
        f"The journal is damaged in line {number}.",
        remedy="Restore the run's directory from a backup, or plan anew: apply never guesses what was done.",
    )
