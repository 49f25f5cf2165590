"""Who is signed in: kept in this process only, each behind a number nobody can guess, bounded in number and time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.flows.review.rights import Role
    from trueup.transforms.manifest import Identity

IDLE_S = 30 * 60.0
"""A session that nobody has used for so long has ended."""
LONGEST_S = 10 * 3600.0
"""And so has one that began so long ago, used or not."""
MOST = 2_000
MOST_OF_ONE = 8
"""Sessions of one person; the oldest ends."""
PENDING_S = 10 * 60.0
MOST_PENDING = 10_000
"""People on their way to the provider; beyond, the oldest must begin again."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in."""

    identity: Identity
    name: str
    """To be shown."""
    login: str
    """User name or mail, by which their own row is found where keys are not object ids."""

    @property
    def short(self) -> str:
        """A word for the person in pages and events that gives nothing away."""
        whole = f"{self.identity.issuer}\0{self.identity.tenant}\0{self.identity.subject}"
        return hashlib.sha256(whole.encode()).hexdigest()[:12]


@dataclass(slots=True, eq=False)
class Session:
    """One browser of one person."""

    person: Person
    role: Role
    checked: float
    """When the right was last confirmed, on this process's clock."""
    groups: frozenset[str] = field(default=frozenset(), repr=False)
    """Groups the person was in then, as far as they were asked for."""
    refresh_token: str = field(default="", repr=False)
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """What writes must carry; never sent as it is (``masked``)."""
    begun: float = 0.0
    used: float = 0.0
    tried: float = float("-inf")
    """When the right was last asked for, with or without an answer."""
    proved: float = float("-inf")
    """When the person last proved who they are at the provider, on this process's clock; else endless ago."""
    device: str = ""
    """Which browser on what, in words, for the person's own list."""
    address: str = ""
    """Where it was signed in from."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    """Names it in the person's own list; opens nothing."""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """Somebody on the way to the provider and back."""

    state: str
    nonce: str
    verifier: str
    to: str
    """Where they wanted to go."""
    begun: float
    again: bool = False
    """Whether they are to prove anew who they are."""


class Sessions:
    """All of them. What is stored is the hash of a browser's number, so that a dump of memory opens nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._pending: dict[tuple[str, str], Pending] = {}
        """By the hashes of a browser's number and of the state that was sent along."""

    def begin(self, session: Session) -> str:
        """The new number of the browser; whatever it had before is worth nothing."""
        number = secrets.token_urlsafe(32)
        session.begun = session.used = self.clock()
        with self._lock:
            self._sweep()
            own = [key for key, one in self._open.items() if one.person.identity == session.person.identity]
            for key in own[: len(own) + 1 - MOST_OF_ONE] if len(own) >= MOST_OF_ONE else []:
                self._end(key)
            while len(self._open) >= MOST:
                self._end(next(iter(self._open)))
            self._open[_hash(number)] = session
        return number

    def find(self, number: str, *, use: bool = True) -> Session | None:
        """The session behind a browser's number; None where there is none, or none any more."""
        key = _hash(number)
        with self._lock:
            session = self._open.get(key)
            if session is None:
                return None
            if self._is_over(session):
                self._end(key)
                return None
            if use:
                session.used = self.clock()
            return session

    def end(self, number: str) -> Session | None:
        """The session is over; returns it."""
        with self._lock:
            return self._end(_hash(number))

    def end_all_of(self, identity: Identity) -> None:
        """Every session of a person is over."""
        with self._lock:
            for key in [key for key, one in self._open.items() if one.person.identity == identity]:
                self._end(key)

    def of(self, identity: Identity) -> list[Session]:
        """Every session of a person, the one used last first."""
        with self._lock:
            self._sweep()
            own = [one for one in self._open.values() if one.person.identity == identity]
        return sorted(own, key=lambda one: one.used, reverse=True)

    def end_others(self, than: Session, wanted: str = "") -> int:
        """End a person's other sessions, or that one of them which ``wanted`` names; says how many ended."""
        with self._lock:
            found = [
                key
                for key, one in self._open.items()
                if one is not than and one.person.identity == than.person.identity and wanted in ("", one.id)
            ]
            for key in found:
                self._end(key)
        return len(found)

    def is_over(self, session: Session) -> bool:
        """Whether it has ended, by time or otherwise."""
        return session.ended or self._is_over(session)

    def begin_sign_in(self, to: str, number: str = "", *, again: bool = False) -> tuple[str, Pending]:
        """A browser on its way to the provider: its number, and what the answer must fit.

        Args:
            to: where it leads.
            number: what the browser has from another tab that is on its way too; it is kept, so that both arrive.
            again: whether the person is to prove anew who they are.
        """
        words = (secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
        with self._lock:
            while self._pending and self._is_too_many(next(iter(self._pending.values()))):
                del self._pending[next(iter(self._pending))]
            if not self._is_on_the_way(number):
                number = secrets.token_urlsafe(32)
            pending = Pending(*words, to, self.clock(), again)
            self._pending[(_hash(number), _hash(pending.state))] = pending
        return number, pending

    def end_sign_in(self, number: str, state: str) -> Pending | None:
        """What was begun, once, if the answer belongs to it; found by the hashes of both, so that no time tells."""
        with self._lock:
            pending = self._pending.pop((_hash(number), _hash(state)), None)
        return pending if pending is not None and self.clock() - pending.begun <= PENDING_S else None

    def is_on_the_way(self, number: str) -> bool:
        """Whether the browser of this number has another sign-in under way."""
        with self._lock:
            return self._is_on_the_way(number)

    def _is_too_many(self, oldest: Pending) -> bool:
        return len(self._pending) >= MOST_PENDING or self.clock() - oldest.begun > PENDING_S

    def _is_on_the_way(self, number: str) -> bool:
        own = _hash(number)
        return any(key == own for key, _ in self._pending)

    @property
    def pending(self) -> int:
        """How many are on their way."""
        return len(self._pending)

    def _is_over(self, session: Session) -> bool:
        now = self.clock()
        return session.ended or now - session.used > IDLE_S or now - session.begun > LONGEST_S

    def _sweep(self) -> None:
        for key in [key for key, one in self._open.items() if self._is_over(one)]:
            self._end(key)

    def _end(self, key: str) -> Session | None:
        session = self._open.pop(key, None)
        if session is not None:
            session.ended = True
            session.refresh_token = ""
        return session


def masked(secret: str) -> str:
    """The secret as a page holds it: another text each time, so that a compressed page tells nothing of it."""
    plain = secret.encode()
    mask = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, plain, strict=True))).decode()


def is_masked(text: str, secret: str) -> bool:
    """Whether ``text`` is the secret, masked."""
    plain = secret.encode()
    try:
        both = base64.urlsafe_b64decode(text.encode())
    except ValueError:
        return False
    if len(both) != 2 * len(plain):
        return False
    said = bytes(a ^ b for a, b in zip(both[: len(plain)], both[len(plain) :], strict=True))
    return hmac.compare_digest(said, plain)


def _hash(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()
