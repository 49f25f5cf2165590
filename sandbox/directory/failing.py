"""Weaknesses of the line: slowness, throttling, errors before and after the write, answers that never arrive."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from trueup.sandbox.directory.exchange import Asked, Given, refused

if TYPE_CHECKING:
    from trueup.sandbox.directory.exchange import Next
    from trueup.sandbox.directory.state import Directory
    from trueup.sandbox.directory.weaknesses import Weaknesses


def fail(directory: Directory, weak: Weaknesses, asked: Asked, further: Next) -> Given:
    """The answer, if it comes at all."""
    if weak.latency_seconds:
        time.sleep(weak.latency_seconds)
    return _before(directory, weak, asked) or _after(directory, weak, asked, further(asked))


def _before(directory: Directory, weak: Weaknesses, asked: Asked) -> Given | None:
    if weak.requests_per_second and not directory.within_rate(weak.requests_per_second):
        return _too_many(weak)
    if asked.writes and _strikes(directory, "before", weak.every_write_fails_before):
        return refused(503, "try again later")
    if asked.method == "GET" and _strikes(directory, "read", weak.every_read_fails):
        return refused(503, "try again later")
    return None


def _after(directory: Directory, weak: Weaknesses, asked: Asked, given: Given) -> Given:
    wrote = asked.writes and given.status < 300
    if wrote and _strikes(directory, "lost", weak.every_write_lost):
        return replace(given, hang_up=True)
    if wrote and _strikes(directory, "after", weak.every_write_fails_after):
        return refused(500, "something went wrong after the fact")
    if given.body and _strikes(directory, "cut", weak.every_body_cut):
        return replace(given, body=given.body[: len(given.body) // 2], cut=True)
    return given


def _strikes(directory: Directory, name: str, every: int) -> bool:
    return every > 0 and directory.turn(name) % every == 0


def _too_many(weak: Weaknesses) -> Given:
    given = refused(429, "too many requests")
    if weak.retry_after == "none":
        return given
    value = "1" if weak.retry_after == "seconds" else formatdate(time.time() + 1, usegmt=True)
    return replace(given, headers={**given.headers, "Retry-After": value})
