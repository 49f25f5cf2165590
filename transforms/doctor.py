"""One line of ``trueup doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """What was checked and the result; any ``fix`` makes doctor end with 1."""

    status: Literal["ok", "warning", "fix"]
    subject: str
    """A few words: ``source token``, ``SCIM list``, ``archive``."""
    text: str
    """A sentence; no secrets, no personal data."""
    remedy: str = ""
