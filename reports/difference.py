"""Which characters of two values differ."""

from __future__ import annotations

from dataclasses import dataclass

_TOO_DIFFERENT = 0.5
"""Below this share of common text, marking parts confuses more than it helps."""


@dataclass(frozen=True, slots=True)
class Parted:
    """A value in three parts; only ``differs`` is not shared with the other value."""

    head: str
    differs: str
    tail: str


def parted(before: str, after: str) -> tuple[Parted, Parted]:
    """Both values cut at their common beginning and end; wholly ``differs`` where they share little.

    Joining the parts gives the values back.
    """
    head = _shared(before, after)
    rest_before, rest_after = before[head:], after[head:]
    tail = _shared(rest_before[::-1], rest_after[::-1])
    if head + tail < _TOO_DIFFERENT * max(len(before), len(after), 1):
        return Parted("", before, ""), Parted("", after, "")
    return _cut(before, head, tail), _cut(after, head, tail)


def _shared(one: str, two: str) -> int:
    """Length of the common beginning."""
    return next((place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


def _cut(text: str, head: int, tail: int) -> Parted:
    end = len(text) - tail
    return Parted(text[:head], text[head:end], text[end:])
