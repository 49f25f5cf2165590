"""What was told, of a target whose archive lies in an object store: the same for every host that may tell of it.

One object for each target, ``told/<target>.json``, replaced by if-match. It holds no person's key and no address:
events stand in it by a hash. Where the store does not answer, better told twice than never.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.store import ABSENT, Changed
from trueup.connectors.notify.ledger import TRIES, Attempt, Failing
from trueup.transforms.errors import TrueupError
from trueup.transforms.targets import same_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from trueup.connectors.archive.store import Store, Version

FOLDER = "told"
"""In the archive, beside the runs."""
KEPT = timedelta(days=90)
TELLING = timedelta(minutes=10)
"""Whoever has been telling of something for longer is gone."""
_ROUNDS = 5


class SharedLedger:
    """See :class:`~trueup.connectors.notify.ledger.Ledger`."""

    def __init__(self, records: Store, target_url: str) -> None:
        """Bind; nothing is read or written yet."""
        self._records = records
        self._name = f"{FOLDER}/{hashlib.sha256(same_target(target_url).encode()).hexdigest()[:16]}.json"

    @contextlib.contextmanager
    def telling(self, once: str) -> Iterator[Attempt | None]:
        """See :meth:`Ledger.telling`."""
        key, number = _key(once), 0

        def claim(told: dict[str, Any]) -> None:
            nonlocal number
            before = told["events"].get(key, {})
            over = before.get("arrived", False) or int(before.get("tries", 0)) >= TRIES
            is_told_now = "telling" in before and _age(before["telling"]) < TELLING
            number = 0 if over or is_told_now else int(before.get("tries", 0)) + 1
            if number:
                told["events"][key] = {**before, "telling": _now()}

        if not self._change(claim):
            number = 1
        if not number:
            yield None
            return
        attempt = Attempt(number)
        ended: dict[str, Any] = {}
        try:
            yield attempt
            ended = {"at": _now(), "arrived": attempt.arrived, "tries": attempt.number}
        finally:
            self._change(lambda told: _put(told["events"], key, ended))

    def has_arrived(self, once: str) -> bool | None:
        """See :meth:`Ledger.has_arrived`."""
        with contextlib.suppress(TrueupError, OSError):
            arrived: bool | None = self._read()[0]["events"].get(_key(once), {}).get("arrived")
            return arrived
        return True

    def took_note(self, answers: Mapping[str, str]) -> None:
        """See :meth:`Ledger.took_note`."""

        def note(told: dict[str, Any]) -> None:
            for channel, why in answers.items():
                before = told["channels"].get(channel, {})
                times = int(before.get("times", 0)) + 1
                failing = {"why": why, "since": before.get("since", _now()), "times": times}
                _put(told["channels"], channel, failing if why else {})

        self._change(note)

    def failing(self, channels: Iterable[str]) -> list[Failing]:
        """See :meth:`Ledger.failing`."""
        if not (names := list(channels)):
            return []
        with contextlib.suppress(TrueupError, OSError):
            kept = self._read()[0]["channels"]
            return [Failing(name, **kept[name]) for name in names if name in kept]
        return []

    def trouble(self, what: str) -> None:
        """See :meth:`Ledger.trouble`."""
        self._change(lambda told: told.update(trouble=what))

    def trouble_is_over(self) -> str:
        """See :meth:`Ledger.trouble_is_over`."""
        found = ""

        def take(told: dict[str, Any]) -> None:
            nonlocal found
            found, told["trouble"] = told["trouble"], ""

        return found if self._change(take) else ""

    def _change(self, change: Callable[[dict[str, Any]], None]) -> bool:
        """Whether ``change`` was made, or was found to change nothing; of several who change, one after the other."""
        with contextlib.suppress(TrueupError, OSError):
            for _ in range(_ROUNDS):
                told, seen = self._read()
                before = json.dumps(told)
                change(told)
                if json.dumps(told) == before:
                    return True
                told["events"] = {key: one for key, one in told["events"].items() if _age(_last(one)) < KEPT}
                content = json.dumps({**told, "fresh": secrets.token_hex(8)}).encode()
                with contextlib.suppress(Changed):
                    self._records.replace_if_match(self._name, content, seen)
                    return True
        return False

    def _read(self) -> tuple[dict[str, Any], Version]:
        """What is told, and which content that is; nothing, where nobody can read what is there."""
        empty: dict[str, Any] = {"events": {}, "channels": {}, "trouble": ""}
        seen = self._records.version(self._name)
        if seen == ABSENT:
            return empty, ABSENT
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found = json.loads(self._records.read(self._name))
            return {key: found[key] for key in empty}, seen
        return empty, seen


def _put(into: dict[str, Any], key: str, value: dict[str, Any]) -> None:
    if value:
        into[key] = value
    else:
        into.pop(key, None)


def _key(once: str) -> str:
    return hashlib.sha256(once.encode()).hexdigest()[:24]


def _last(event: Mapping[str, str]) -> str:
    return event.get("at") or event["telling"]


def _age(said: str) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(said)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
