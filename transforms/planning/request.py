"""What a plan is made from, either way, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from trueup.transforms.attributes import ManagedAttribute, TargetSchema
    from trueup.transforms.errors import Refusal
    from trueup.transforms.history import History, PriorRun
    from trueup.transforms.manifest import LimitUse
    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a plan is made from; everything else lies in ``files``."""

    files: RunFiles
    attributes: tuple[ManagedAttribute, ...]
    schema: TargetSchema
    settings: Settings
    history: History
    at: datetime
    only: tuple[str, ...] = ()
    """Object ids, user names or e-mails of a partial plan; empty for everybody."""
    unreadable: frozenset[str] = frozenset()
    """Source columns that could not be read: what depends on them is left alone."""
    partial_read: bool = False
    """Whether nobody but the people in ``only`` was read: no share is of them, nobody else's absence means anything."""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What a plan came to, in figures; the people are in the run's files."""

    counts: dict[str, int]
    """All ten decisions; they add up to users ∪ profiles."""
    changes: int
    users: int
    profiles: int
    limits: tuple[LimitUse, ...]
    refusals: tuple[Refusal, ...]
    first_run: bool
    baseline_run: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RollbackRequest:
    """Which way back; exactly one of ``undo``, ``before`` and ``report`` is given."""

    files: RunFiles
    """Of the new run; ``target.parquet`` is there, freshly read."""
    attributes: tuple[ManagedAttribute, ...]
    schema: TargetSchema
    settings: Settings
    history: History
    at: datetime
    undo: PriorRun | None = None
    """Take back what this run changed, from the values journalled just before each write."""
    before: PriorRun | None = None
    """The directory as it was in this run's ``target.parquet``."""
    report: Path | None = None
    """Parquet file of ``trueup.transforms.report_rows``: the directory as this report has it."""
    report_notes: tuple[str, ...] = ()
    """What reading the report came to, for the reviewer."""
    only: tuple[str, ...] = ()
    only_attributes: tuple[str, ...] = ()
    overwrite: bool = False
    """Also take back edits others made since."""
    delete_created: bool = False
    """Delete what was created, instead of deactivating it."""
    broken_off: Mapping[str, Path] = field(default_factory=dict)
    """Run id → what its journal says was written, like ``outcome.parquet``: of runs whose apply never ended."""
    partial_read: bool = False
    """Never: a way back reads the whole target."""
