"""Whether an erasure is under way or waits to be finished: what is prepared for it lies in ``<archive>/.erasing``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".erasing"


def is_pending(root: Path, number: str) -> bool:
    """Whether the erasure of this number has not come to its end."""
    return bool(number) and (root / FOLDER / number).is_dir()


def is_any_pending(root: Path) -> bool:
    """Whether any erasure has not come to its end."""
    return (root / FOLDER).is_dir()
