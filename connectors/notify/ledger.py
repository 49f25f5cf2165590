"""What was told, so that nobody is told twice, and which channels fail, so that somebody is told at all.

Beside the archive's locks, outside all runs: ``told-….json`` names one event each, ``channels-….json`` the last answer
of every channel of a target. Neither holds a person's key or an address. Who tells of an event holds a kernel lock on
its file meanwhile, so two that notice it at a time tell it once, and a process that dies while it tells leaves the
event untold.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.atomic_files import FOLDER, access_like, folder, protect
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_KEPT_DAYS = 90


TRIES = 5
"""So often something is told that reached nobody, each time it is noticed again."""


@dataclass(slots=True)
class Attempt:
    """One try to tell of something."""

    number: int
    arrived: bool = True
    """Whether any channel took it."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel whose last message did not arrive."""

    channel: str
    why: str
    since: str
    """ISO 8601, UTC: of the first message in a row that did not."""
    times: int

    @property
    def text(self) -> str:
        """In a sentence."""
        often = "" if self.times == 1 else f", {self.times} messages in a row since {self.since[:16].replace('T', ' ')}"
        return f"The last message to {self.channel} did not arrive{often}: {self.why}"


class Ledger:
    """Of one target in one archive."""

    def __init__(self, root: Path, target_url: str) -> None:
        """Bind; nothing is read or written yet."""
        self._root = root
        self._target = hashlib.sha256(same_target(target_url).encode()).hexdigest()[:16]

    @contextlib.contextmanager
    def telling(self, once: str) -> Iterator[Attempt | None]:
        """An attempt to tell of ``once``; None where somebody was told, or is being told. Counts at the block's end.

        What reached nobody may be tried again, ``TRIES`` times in all. Where the disk takes no note, better twice than
        never.
        """
        try:
            number = self._open(self._told(once))
        except OSError:
            yield Attempt(1)
            return
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            before = _read(number)
            if before and (before.get("arrived", True) or int(before.get("tries", 1)) >= TRIES):
                yield None
                return
            attempt = Attempt(int(before.get("tries", 0)) + 1)
            yield attempt
            _write(number, {"once": once, "at": _now(), "arrived": attempt.arrived, "tries": attempt.number})
        except BlockingIOError:
            yield None
        finally:
            os.close(number)

    def has_arrived(self, once: str) -> bool | None:
        """Whether somebody was told of ``once``; None where nobody tried, or whoever did ended before the answer.

        Where it cannot be known, it has.
        """
        try:
            content = (self._root / FOLDER / self._told(once)).read_text(encoding="utf-8")
            return json.loads(content)["arrived"] is not False if content else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError):
            return True

    def _told(self, once: str) -> str:
        return f"told-{self._target}-{hashlib.sha256(once.encode()).hexdigest()[:24]}.json"

    def took_note(self, answers: Mapping[str, str]) -> None:
        """Remember the result of a message: channel → what went wrong, or nothing."""
        with self._channels() as kept:
            for channel, why in answers.items():
                if why:
                    before = kept.get(channel, {})
                    kept[channel] = {
                        "why": why,
                        "since": before.get("since", _now()),
                        "times": int(before.get("times", 0)) + 1,
                    }
                else:
                    kept.pop(channel, None)
        self._tidy()

    def failing(self, channels: Iterable[str]) -> list[Failing]:
        """Those of ``channels`` whose last message did not arrive."""
        path = self._root / FOLDER / f"channels-{self._target}.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8") or "{}")
            return [
                Failing(name, str(kept[name]["why"]), str(kept[name]["since"]), int(kept[name]["times"]))
                for name in channels
                if name in kept
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def trouble(self, what: str) -> None:
        """Somebody was told of trouble, and will want to be told of its end."""
        with contextlib.suppress(OSError):
            number = self._open(f"trouble-{self._target}.json")
            try:
                fcntl.flock(number, fcntl.LOCK_EX)
                _write(number, {"what": what, "at": _now()})
            finally:
                os.close(number)

    def trouble_is_over(self) -> str:
        """What somebody was last told of as trouble; nothing where they were not, or where the end of it was told."""
        path = self._root / FOLDER / f"trouble-{self._target}.json"
        try:
            aside = path.with_suffix(f".{os.getpid()}")
            path.rename(aside)  # of several that notice, one succeeds
            said = json.loads(aside.read_text(encoding="utf-8"))
            aside.unlink()
            return str(said["what"])
        except (OSError, ValueError, KeyError):
            return ""

    @contextlib.contextmanager
    def _channels(self) -> Iterator[dict[str, Any]]:
        try:
            number = self._open(f"channels-{self._target}.json")
        except OSError:
            yield {}
            return
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            kept = _read(number)
            yield kept
            _write(number, kept)
        finally:
            os.close(number)

    def _open(self, name: str) -> int:
        path = folder(self._root) / name
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if os.fstat(number).st_uid == os.geteuid():
            protect(path, access_like(self._root))
        return number

    def _tidy(self) -> None:
        oldest = time.time() - _KEPT_DAYS * 86400
        for path in (self._root / FOLDER).glob("told-*.json"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()


def _read(number: int) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(os.read(number, 1 << 20) or b"{}")
        return found if isinstance(found, dict) else {}
    return {}


def _write(number: int, value: Mapping[str, Any]) -> None:
    content = json.dumps(value).encode()
    os.lseek(number, 0, os.SEEK_SET)
    os.write(number, content)
    os.ftruncate(number, len(content))
    os.fsync(number)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
