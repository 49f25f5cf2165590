"""Who signed in, who was turned away, who decided: one JSON object a line, on stderr, people by subject only."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from trueup.connectors.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.transforms.manifest import Identity

Event = Literal[
    "began", "signed_in", "sign_in_refused", "signed_out", "right_changed", "right_unknown", "refused", "approved",
    "rejected", "apply_begun", "apply_ended", "broke", "sessions_ended", "policy_broken",
    "certificate",
]  # fmt: skip


def to_stderr(line: str) -> None:
    """Where the service's own log goes: the system that started it keeps that (journald, the container's log)."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class SecurityLog:
    """Says what happened; never a name, an address of mail, a note, a token or a key of somebody a run is about."""

    def __init__(self, write: Callable[[str], None] = to_stderr) -> None:
        self._write = write

    def __call__(self, event: Event, identity: Identity | None = None, **facts: str | int) -> None:
        """One line: when, what, who (issuer and subject), and ``facts`` such as ``run_id``, ``code``, ``address``."""
        told = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "log": "review", "event": event}
        if identity is not None:
            told |= {"issuer": identity.issuer, "subject": identity.subject}
        self._write(redacted(json.dumps({**told, **facts}, ensure_ascii=True)))
