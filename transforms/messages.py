"""What somebody is told of, and the forms a message travels in: pure words, nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Event(StrEnum):
    """What happened; the words a receiver may sort by."""

    READY = "ready"
    """A plan waits for a person."""
    REFUSED = "refused"
    FAILED = "failed"
    """Something broke before there was a plan, or while it was applied by itself."""
    APPLIED = "applied"
    PARTLY_APPLIED = "partly_applied"
    REMINDER = "reminder"
    """A plan still waits."""
    SILENCE = "silence"
    """No run has succeeded for too long."""
    RECOVERED = "recovered"
    """The first run that succeeded after somebody was told of trouble."""
    DIED = "died"
    """A run's process was killed or crashed."""
    BROKEN_OFF = "broken_off"
    """A night was broken off."""
    TEST = "test"


TROUBLE = (Event.REFUSED, Event.FAILED, Event.SILENCE, Event.DIED, Event.BROKEN_OFF)
"""After one of these somebody wants to be told that it is over."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some people who have the same thing before them, by name: only in a mail, and only where that is allowed."""

    heading: str
    names: tuple[str, ...]
    more: int = 0
    """How many are not named here."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing somebody is told, once."""

    event: Event
    once: str
    """Names what happened: of the same thing nobody is told twice. Holds no key of a person."""
    title: str
    sentences: tuple[str, ...]
    """Without personal data."""
    run_id: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    """Decision and people, those that are not none."""
    commands: tuple[str, ...] = ()
    """What to type next."""
    link: str = ""
    """Where the report is."""
    people: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, written out for every kind of channel."""

    event: Event
    title: str
    """One line."""
    line: str
    """All sentences in one line, without a heading: for a command, a pager, a log."""
    text: str
    """For chats and webhooks."""
    page: str
    """HTML, for a mail; the only form that may name people."""
    link: str
    run_id: str = ""
