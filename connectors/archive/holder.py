"""Who holds a lock, in words for people; nothing is decided by it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""
    what: str
    """In words, e.g. ``apply 20261123T010000Z-7f3a``."""
    kind: Literal["apply", "seal"] = "apply"

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since})"


def myself(kind: Literal["apply", "seal"], what: str) -> Holder:
    """This process."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(os.getpid(), socket.gethostname(), since, what, kind)
