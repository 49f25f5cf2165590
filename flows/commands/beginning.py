"""How a command begins: handed over to a process that has everything imported already, or here."""

from __future__ import annotations

import gc
import os
import sys

from trueup.flows import handing_over, screen
from trueup.transforms.errors import Failed


def begin() -> None:
    """Hand the command over where there is somebody to take it; else see to how this process uses its memory."""
    try:
        ended = handing_over.handed_over(sys.argv)
    except Failed as lost:
        screen.complain(lost)
        sys.exit(lost.exit_code)
    if ended is not None:
        handing_over.end_like(ended)
    spare_memory()


def spare_memory() -> None:
    """To be said before anything large is imported."""
    # A command imports a million objects that stay. Looking them through for garbage after every 700th of them, as
    # Python does of itself, took a sixth of a small company's night.
    gc.set_threshold(50_000, 20, 50)
    # Arrow's allocator keeps what is freed for a while, which of a large night is as much again as is in use.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "0")
