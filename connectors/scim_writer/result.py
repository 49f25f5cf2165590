"""The result of an apply, for the act that closes it and for the caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The result of an apply."""

    applied: int
    """People whose write is settled as applied, in this call or an earlier one."""
    skipped: int
    failed: int
    left_out: int
    newly: int
    """Steps settled in this call; 0 for a run that was applied before."""
    interrupted: bool
    """Stopped before the end (Ctrl-C, error limit): the journal goes on with the next call, no outcome is written."""
    stopped_by: str
    """Empty, ``stop`` or ``apply_errors``."""
    is_partial: bool
    """Something approved is not so in the target: a person skipped or failed, or a reference not written."""
    records: list[dict[str, Any]] = field(repr=False)
    """``{key, operation, result, reason}`` by key, applied ones included; what our own writes lost and put back has
    records of its own, with the operation ``restore``."""
    created: dict[str, str] = field(repr=False)
    """Key → profile id of every profile the run created, in this call or an earlier one."""
    dialect: dict[str, Any]
    """What was learnt of the target: dialect, what becomes of deactivated profiles, what it alters or refuses."""
    errors: list[str]
    """Sentences for the report; no personal data."""
    requests: dict[str, int]
    """By method, in this call."""

    @property
    def details(self) -> dict[str, Any]:
        """For the act that closes the apply."""
        return {
            "applied": self.applied,
            "skipped": self.skipped,
            "failed": self.failed,
            "left_out": self.left_out,
            "stopped_by": self.stopped_by,
            "created": self.created,
            "dialect": self.dialect,
            "deactivation_deletes": bool(self.dialect.get("deactivation_deletes")),
            "errors": self.errors,
            "requests": self.requests,
        }
