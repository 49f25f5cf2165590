"""How much of the target one plan may touch before a person must say so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from trueup.transforms.duck.relations import count, view
from trueup.transforms.errors import Refusal
from trueup.transforms.manifest import LimitUse
from trueup.transforms.planning.limit_sentences import sentence
from trueup.transforms.planning.sql import statement
from trueup.transforms.values.labels import allow_options
from trueup.transforms.vocabulary import Act

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History
    from trueup.transforms.planning.request import PlanRequest, RollbackRequest
    from trueup.transforms.setting_values import Bound
    from trueup.transforms.settings import LimitSettings

_EPSILON = 1e-9
_CLOSING = (Act.APPLIED, Act.PARTIALLY_APPLIED, Act.INTERRUPTED)


@dataclass(frozen=True, slots=True)
class Use:
    """One limit, how many rows count against it, and of how many."""

    name: str
    used: int
    base: int
    bound: Bound
    exempt: str = ""

    def judged(self, at_least: int) -> LimitUse:
        """With the verdict: over the bound, and for a share at least ``at_least`` rows."""
        over = self.used > self.bound.amount * (self.base if self.bound.is_share else 1) + _EPSILON
        enough = not self.bound.is_share or self.used >= at_least
        return LimitUse(
            name=self.name,
            used=self.used,
            base=self.base,
            share=self.used / self.base if self.base else 0.0,
            limit=self.bound.amount,
            is_share=self.bound.is_share,
            tripped=over and enough and self.used > 0 and not self.exempt,
            exempt=self.exempt,
        )


def evaluate(
    connection: DuckDBPyConnection, request: PlanRequest | RollbackRequest
) -> tuple[tuple[LimitUse, ...], tuple[Refusal, ...]]:
    """The use of every limit, and an overridable refusal for each that is exceeded.

    Reads the relations ``decisions``, ``counted`` (source_id, profile_id, is_user, in_scope, active), ``explained``,
    ``profiles`` and ``users`` of a plan under construction.
    """
    limits = request.settings.limits
    uses = tuple(use.judged(limits.at_least) for use in _uses(connection, request))
    tripped = [use.name for use in uses if use.tripped]
    return uses, tuple(refusal(use, request.files.run_id, limits, tripped) for use in uses if use.tripped)


def _uses(connection: DuckDBPyConnection, request: PlanRequest | RollbackRequest) -> Iterator[Use]:
    limits, history = request.settings.limits, request.history
    figures = connection.execute(statement("limit_figures")).fetchone() or ()
    creates, updates, offs, ons, deletes, holds, in_scope, active, profiles = (int(figure) for figure in figures)
    removing = deactivations_delete(history)
    deletions = deletes + (offs if removing else 0)
    if request.partial_read and history.baseline is not None:
        # A share of what was read would mean nothing: the base is that of the last run that read everybody.
        bases = {use.name: use.base for use in history.baseline.manifest.limits}
        active, in_scope = bases.get("deactivate", active), bases.get("hold", in_scope)
    first = "first run" if history.baseline is None and profiles == 0 else ""
    yield Use("create", creates, active, limits.create, first)
    yield Use("update", updates, active, limits.update)
    yield Use("deactivate", offs, active, limits.deactivate)
    yield Use("reactivate", ons, active, limits.reactivate)
    yield Use("delete", deletions, active, limits.delete)
    yield Use("hold", holds, in_scope, limits.hold)
    attributes = connection.execute(statement("limit_attributes")).fetchall()
    for attribute, used, _ in attributes:
        yield Use(f"changed:{attribute}", int(used), active, limits.changed)
    for attribute, _, used in attributes:
        if used:
            yield Use(f"emptied:{attribute}", int(used), active, limits.emptied)
    yield _drop(connection, request)
    earlier = deactivated_within(connection, history, since=request.at - timedelta(days=limits.window_days))
    # What is past cannot be refused: a plan that takes nobody away does not add to the window.
    alone = "" if offs or deletes else "deactivates nobody"
    yield Use("window_deactivate", earlier + offs + deletes, active, limits.window_deactivate, alone)


def _drop(connection: DuckDBPyConnection, request: PlanRequest | RollbackRequest) -> Use:
    before = request.history.baseline
    bound = request.settings.limits.source_drop
    if before is None:
        return Use("source_drop", 0, 0, bound, "first run")
    if request.partial_read:
        return Use("source_drop", 0, before.manifest.users, bound, "read in part")
    return Use(
        "source_drop", max(0, before.manifest.users - count(connection, "FROM users")), before.manifest.users, bound
    )


def deactivated_within(connection: DuckDBPyConnection, history: History, *, since: datetime) -> int:
    """Profiles that applied runs deactivated or deleted since ``since``."""
    total = 0
    for run in history.known:
        closed = max((act.at for act in run.acts if act.act in _CLOSING), default=run.manifest.sealed)
        if closed < since or not run.files.outcome.exists():
            continue
        view(connection, "outcome_within", run.files.outcome)
        total += count(
            connection,
            # Whom another run had ended already is counted there.
            "FROM outcome_within WHERE operation IN ('deactivate', 'delete') AND result = 'applied' "
            "AND (operation = 'delete' OR len(written) > 0)",
        )
    return total


def deactivations_delete(history: History) -> bool:
    """Whether this target was seen to answer 404 for profiles once they were deactivated."""
    return _seen(history) is True


def _seen(history: History) -> bool | None:
    """Whether the newest act that says so saw deactivated profiles go; None where no act says so."""
    words = {"deletes": True, "survives": False}
    for run in history.runs:
        for act in reversed(run.acts):
            dialect = act.details.get("dialect")
            said = words.get(str(dialect.get("deactivation"))) if isinstance(dialect, dict) else None
            if act.details.get("deactivation_deletes") is True or said is not None:
                return said is not False
    return None


def notes(connection: DuckDBPyConnection, history: History) -> tuple[str, ...]:
    """What the reviewer should know of deactivations on this target, where the plan has any."""
    offs = count(connection, "FROM decisions WHERE decision = 'deactivate'")
    if not offs:
        return ()
    seen = _seen(history)
    if seen is None:
        return ("Deactivation may be irreversible here: no verified run has shown yet that a profile survives it.",)
    return ("This target deletes profiles that are deactivated, so deactivations count as deletes.",) if seen else ()


def refusal(use: LimitUse, run_id: str, limits: LimitSettings, tripped: Collection[str]) -> Refusal:
    """``use``, one of the ``tripped`` limits, as the reason why the run is refused until somebody overrides it."""
    return Refusal(
        code=f"limit_{use.name}",
        message=sentence(use, limits.window_days),
        used=use.share if use.is_share else float(use.used),
        limit=use.limit,
        overridable=True,
        remedy=f'Read the report, then: trueup approve {run_id} {allow_options((use.name,), tripped)} --reason "…"',
    )
