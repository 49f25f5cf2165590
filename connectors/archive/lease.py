"""Who holds a target, over all hosts: one object, replaced by if-match, with a fresh number each time.

A lease that nobody renews is judged by the taker's own clock that only goes forward: the object has not changed for a
whole term while the taker looked. Times that others wrote decide nothing. A lease is ended by a write on the
condition that it is still ours, never removed.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trueup.connectors.archive.holder import Holder
from trueup.connectors.archive.store import ABSENT, Changed, Version
from trueup.transforms.errors import Failed, Refusal, Refused, TrueupError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trueup.connectors.archive.object_store import ObjectStore

_LOOKS = 20
"""How often a taker looks in one term."""


@dataclass(slots=True)
class Lease:
    """Held by this process, as long as ``is_ours``."""

    name: str
    seconds: float
    seen: Version
    renewed: float
    """By the clock that only goes forward: before the last write that took place was sent."""
    was_taken_over: bool
    """Whether its last holder never ended it: it may be frozen, with a request about to leave."""
    lost: bool = False

    @property
    def is_ours(self) -> bool:
        """Whether nobody can have taken it over by now."""
        return not self.lost and time.monotonic() - self.renewed < self.seconds

    def require(self) -> None:
        """Return while it is ours.

        Raises:
            Failed: it was taken over, or may have been; nothing more may be sent.
        """
        if not self.is_ours:
            raise Failed(
                "Another host may have taken the target over: this one gave no sign of life for too long.",
                remedy="Nothing more was sent. Look at the run: trueup runs; then apply it again: it goes on.",
            )


class Leases:
    """Of one archive."""

    def __init__(self, objects: ObjectStore, seconds: float) -> None:
        """``seconds`` is a term: so long a lease is believed without a sign of life."""
        self._objects = objects
        self._seconds = seconds
        self._looked: dict[str, tuple[Version, float]] = {}

    @contextmanager
    def held(self, name: str, holder: Holder, *, patience: float) -> Iterator[Lease]:
        """Nobody else holds ``name`` inside.

        Args:
            name: of the lease.
            holder: told to others.
            patience: seconds to wait for a holder that seals; one that applies is not waited for once it is seen alive.

        Raises:
            Refused: somebody else holds it, and was seen alive (``apply_running``).
            Failed: the store cannot be reached.
        """
        lease = self._taken(name, holder, patience)
        over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(lease, holder, over), name="lease", daemon=True)
        keeper.start()
        try:
            yield lease
        finally:
            over.set()
            keeper.join()
            self._end(lease, holder)

    def holder(self, name: str) -> Holder | None:
        """Who holds it; None where it was ended, or was seen unchanged for a whole term by this process."""
        found = self._read(name)
        if found is None:
            return None
        said, seen = found
        if said["ended"]:
            return None
        known, since = self._looked.get(name, (ABSENT, 0.0))
        if known != seen:
            self._looked[name] = (seen, time.monotonic())
        elif time.monotonic() - since >= max(self._seconds, said["seconds"]):
            return None
        return _holder(said)

    def _taken(self, name: str, holder: Holder, patience: float) -> Lease:
        begun = time.monotonic()
        known, since = ABSENT, begun
        while True:
            sent = time.monotonic()
            found = self._read(name)
            if found is None:
                if (own := self._write(name, holder, ABSENT)) is not None:
                    return Lease(name, self._seconds, own, sent, was_taken_over=False)
                continue
            said, seen = found
            if seen != known:
                is_alive = known != ABSENT and not said["ended"]
                if is_alive and time.monotonic() - begun > (patience if said["holder"]["kind"] == "seal" else 0):
                    raise Refused(_running(_holder(said)))
                known, since = seen, time.monotonic()
            term = max(self._seconds, said["seconds"])
            if said["ended"] or time.monotonic() - since >= term:
                sent = time.monotonic()
                if (own := self._write(name, holder, seen)) is not None:
                    return Lease(name, self._seconds, own, sent, was_taken_over=not said["ended"])
                continue
            time.sleep(min(term / _LOOKS, 0.5))

    def _keep(self, lease: Lease, holder: Holder, over: threading.Event) -> None:
        while not over.wait(lease.seconds / 3):
            sent = time.monotonic()
            try:
                lease.seen = self._objects.replace_if_match(
                    lease.name, _said(holder, self._seconds, ended=False), lease.seen
                )
                lease.renewed = sent
            except Changed:
                lease.lost = True
                return
            except TrueupError:
                continue  # the term runs on; every write asks first

    def _end(self, lease: Lease, holder: Holder) -> None:
        if lease.lost:
            return
        try:
            self._objects.replace_if_match(lease.name, _said(holder, self._seconds, ended=True), lease.seen)
        except (Changed, TrueupError):
            return  # it runs out by itself

    def _write(self, name: str, holder: Holder, seen: Version) -> Version | None:
        try:
            return self._objects.replace_if_match(name, _said(holder, self._seconds, ended=False), seen)
        except Changed:
            return None

    def _read(self, name: str) -> tuple[dict[str, Any], Version] | None:
        try:
            content, seen = self._objects.get(name)
        except FileNotFoundError:
            return None
        said = json.loads(content)
        return said, seen


def _said(holder: Holder, seconds: float, *, ended: bool) -> bytes:
    said = {"fresh": secrets.token_hex(16), "ended": ended, "seconds": seconds, "holder": asdict(holder)}
    return json.dumps(said).encode()


def _holder(said: dict[str, Any]) -> Holder:
    return Holder(**said["holder"])


def _running(holder: Holder) -> Refusal:
    return Refusal(
        "apply_running",
        f"The target is taken: {holder}.",
        remedy="Wait until it has ended; trueup runs shows what it did. A host that died is waited for no longer than "
        "[archive] lease_seconds.",
    )
