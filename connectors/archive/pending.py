"""Whether an erasure is under way or waits to be finished: what is prepared for it lies in ``<archive>/.erasing``.

In an object store it lies in ``erasures/NUMBER/…`` as well, and ``erasures/NUMBER.json`` says how far it has come.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup.connectors.archive.places import ERASING, place_of

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ERASING
THERE = "erasures"
STATE = re.compile(rf"{THERE}/([0-9a-f]+)\.json")
PREPARED = re.compile(rf"{THERE}/([0-9a-f]+)/.+")
DECIDED, GIVEN_UP, OVER = "decided", "given_up", "over"


def is_pending(root: Path, number: str) -> bool:
    """Whether the erasure of this number has not come to its end."""
    return bool(number) and number in place_of(root).erasing()


def is_any_pending(root: Path) -> bool:
    """Whether any erasure has not come to its end."""
    return bool(place_of(root).erasing())
