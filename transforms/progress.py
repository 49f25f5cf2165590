"""How long work says how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often and from any task; must be cheap and never raise."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """``done`` of ``total`` (none: not known) rows of ``stage``, e.g. ``"reading users"``."""


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Listen to nothing."""
