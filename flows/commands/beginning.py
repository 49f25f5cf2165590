"""How a command begins: handed over to a process that has everything imported already, or here."""

from __future__ import annotations

import gc
import os
import sys

from trueup.flows import screen
from trueup.transforms.errors import Failed

HANDED_OVER = frozenset({"plan", "show", "why", "approve", "reject", "apply", "verify", "rollback"})
"""What a person gives one after the other; the other commands wait for nothing that could be spared."""


def begin() -> None:
    """Hand the command over where there is somebody to take it; else see to how this process uses its memory."""
    if set(sys.argv[1:2]) & HANDED_OVER and screen.is_for_a_person():
        _hand_over()
    spare_memory()


def _hand_over() -> None:
    from trueup.flows import handing_over  # a quarter of what a command imports at first, and of no use to a schedule

    try:
        ended = handing_over.handed_over(sys.argv)
    except Failed as lost:
        screen.complain(lost)
        sys.exit(lost.exit_code)
    if ended is not None:
        handing_over.end_like(ended)


def spare_memory() -> None:
    """To be said before anything large is imported."""
    # A command imports a million objects that stay. Looking them through for garbage after every 700th of them, as
    # Python does of itself, took a sixth of a small company's night.
    gc.set_threshold(50_000, 20, 50)
    # Arrow's allocator keeps what is freed for a while, which of a large night is as much again as is in use.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
