"""The words of the product as types: one word per idea, everywhere."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Exit(IntEnum):
    """What a command ends with."""

    DONE = 0
    """Done; a plan with holds is done."""
    FAILED = 1
    """Something broke, or an examination found something to fix."""
    MISUSED = 2
    """Arguments or configuration."""
    REFUSED = 3
    """A check, a limit, an incomplete read, a stale plan, a missing approval, a damaged run."""
    PARTLY = 4
    """Records skipped or rejected, an apply that stopped, or differences found by ``verify``."""


class Kind(StrEnum):
    """What a run set out to do."""

    RECONCILE = "reconcile"
    ROLLBACK = "rollback"


class Verdict(StrEnum):
    """What an account is; null in ``decisions.parquet`` where there is no user."""

    PERSON = "person"
    SERVICE_ACCOUNT = "service_account"
    SHARED_MAILBOX = "shared_mailbox"
    ROOM_OR_EQUIPMENT = "room_or_equipment"
    PRINTER_OR_DEVICE = "printer_or_device"
    GUEST = "guest"
    ADMIN_OR_BREAK_GLASS = "admin_or_break_glass"
    TEST_ACCOUNT = "test_account"
    UNSURE = "unsure"


class Decision(StrEnum):
    """What happens to one person: exactly one per user and profile."""

    CREATE = "create"
    UPDATE = "update"
    REACTIVATE = "reactivate"
    DEACTIVATE = "deactivate"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    HOLD = "hold"
    OUT_OF_SCOPE = "out_of_scope"
    UNMANAGED = "unmanaged"
    CONFLICT = "conflict"


WRITING = (
    Decision.CREATE,
    Decision.UPDATE,
    Decision.REACTIVATE,
    Decision.DEACTIVATE,
    Decision.DELETE,
)
"""The decisions that lead to a request."""


class Cause(StrEnum):
    """Why an attribute changes, from comparing with the last applied run."""

    SOURCE_CHANGED = "source_changed"
    EDITED_IN_TARGET = "edited_in_target"
    MAPPING_CHANGED = "mapping_changed"
    SCOPE_CHANGED = "scope_changed"
    FIRST_ADOPTION = "first_adoption"
    ROLLBACK = "rollback"


class Severity(StrEnum):
    """What a finding does: refuses the run, holds the person, is reported."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Outcome(StrEnum):
    """How a run ended when it was sealed; never changes."""

    READY = "ready"
    NOTHING_TO_DO = "nothing_to_do"
    REFUSED = "refused"
    FAILED = "failed"


class Act(StrEnum):
    """Something that happened to a run after its plan was sealed."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    APPLIED = "applied"
    PARTIALLY_APPLIED = "partially_applied"
    INTERRUPTED = "interrupted"
    VERIFIED = "verified"
    RELEASED = "released"
    FORGOTTEN = "forgotten"
    """What was learnt of the target up to here is not used any more."""
    PRUNED = "pruned"
    ERASED = "erased"
    """One person's data was taken out of the run; see ``trueup.transforms.erasure``."""


SILENT_ACTS = (Act.RELEASED, Act.FORGOTTEN, Act.PRUNED, Act.ERASED)
"""Acts that do not make a run's state."""


class Via(StrEnum):
    """How it was known who approved or rejected."""

    SIGN_IN = "sign_in"
    """Signed in at the team's review."""
    SHELL = "shell"
    """By a command or the page on loopback: somebody who has the account of the machine."""
    ORCHESTRATOR = "orchestrator"
    """By a run started in Prefect."""
    AUTO = "auto"
    """Nobody: ``[approval.auto]``."""


class Result(StrEnum):
    """The result of one person's write."""

    APPLIED = "applied"
    SKIPPED = "skipped"
    FAILED = "failed"
    LEFT_OUT = "left_out"


class Kept(StrEnum):
    """What the target made of a value that was written, found by reading back."""

    KEPT = "kept"
    NORMALISED = "normalised"
    NOT_KEPT = "not_kept"
    MOVED = "moved"
