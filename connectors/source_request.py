"""What planning asks of a source and what a source answers, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.history import PriorRun


class NotAlone(Exception):
    """The people named cannot be judged by themselves: everything must be read. Its text says why, without people."""


@dataclass(frozen=True, slots=True)
class SourceRequest:
    """What one run needs of the source."""

    columns: frozenset[str]
    """Columns of ``source.parquet`` that mapping, checks and filters use; directory extensions as ``extension_…``."""
    people_groups: tuple[str, ...] = ()
    """Groups the ``[people]`` rules name, as written: they become the column ``groups``."""
    known: Path | None = None
    """``links.parquet`` of the last applied run; each ``source_id`` must be read or its absence proven."""
    previous: PriorRun | None = None
    """The last applied run: what a drop is measured against."""
    latest: PriorRun | None = None
    """The newest sealed run with a complete source, applied or not: where an incremental read goes on from, and
    the people that a read which contradicts its own count must not have lost. ``previous`` where there is none."""


@dataclass(frozen=True, slots=True)
class SourceSnapshot:
    """What was read, and the proof that it is all there is."""

    users: int
    completeness: dict[str, Any]
    """For ``manifest.completeness["source"]``: pages, users, retries, throttles, count, proof, previous, absent."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Column that is absent from ``source.parquet`` → why."""
    notes: tuple[str, ...] = ()
    """Sentences for the reviewer."""
    delta: dict[str, Any] = field(default_factory=dict)
    """For ``manifest.delta``: where the next incremental read starts; empty if it cannot."""
