"""Letting the source speak again for what a rollback restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.connectors.archive.acts import add_act
from trueup.transforms.approval.run_state import is_begun
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import over
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import Act, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.connectors.archive.archive import Archive
    from trueup.transforms.history import PriorRun


def release_run(
    archive: Archive, run: PriorRun, who: str, *, at: datetime, reason: str = ""
) -> dict[str, tuple[str, ...]]:
    """Release everything a rollback restored; ``run`` is the rollback, or the run it took back.

    Returns:
        Rollback run id → keys released; each has a ``released`` act with ``keys`` and ``all`` true.

    Raises:
        Misused: no applied rollback of it restores anything.
    """
    restoring = [
        one for one in _rollbacks(archive, run.manifest.target) if run.run_id in (one.run_id, one.manifest.parent_run)
    ]
    if not restoring:
        raise Misused(
            f"No applied rollback belongs to run {run.run_id}, so nothing of it is held back.",
            remedy="Name the rollback run, or one person: trueup runs",
        )
    found = {one.run_id: restored_keys(one) for one in restoring}
    for one in restoring:
        add_act(one, Act.RELEASED, who, at=at, reason=reason, details={"keys": list(found[one.run_id]), "all": True})
    return found


def release_key(
    archive: Archive, target: str, key: str, who: str, *, at: datetime, reason: str = ""
) -> dict[str, tuple[str, ...]]:
    """Release what rollbacks restored of one person, named by key, object id, user name or ``profile:ID``.

    Returns:
        Rollback run id → the key released.

    Raises:
        Misused: no applied rollback restored anything of such a person.
    """
    found: dict[str, tuple[str, ...]] = {}
    for run in _rollbacks(archive, target):
        keys = restored_keys(run, key)
        if keys:
            found[run.run_id] = keys
            add_act(run, Act.RELEASED, who, at=at, reason=reason, details={"keys": list(keys), "all": False})
    if not found:
        raise Misused(
            "No applied rollback holds anything back for a person of that key, and there is no run of that name.",
            remedy="Give a rollback run's id, or a person's key as its report prints it: trueup runs",
        )
    return found


def restored_keys(run: PriorRun, name: str | None = None) -> tuple[str, ...]:
    """Keys of the people a run changes, in order; with ``name``, only of the person called so."""
    if not run.files.decisions.exists():
        return ()
    with connect() as connection:
        rows = connection.execute(
            over(statement("restored_keys", "trueup.connectors.archive.sql"), decisions=run.files.decisions),
            {"name": name},
        ).fetchall()
    return tuple(str(row[0]) for row in rows)


def _rollbacks(archive: Archive, target: str) -> list[PriorRun]:
    return [run for run in archive.history(target).runs if run.kind is Kind.ROLLBACK and is_begun(run)]
