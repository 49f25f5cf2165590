"""The files a plan writes, of either kind: links, actual, decisions and changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.duck.relations import columns_of, view, write
from trueup.transforms.history import last_learned
from trueup.transforms.planning.actual import write_actual
from trueup.transforms.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Collection

    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History
    from trueup.transforms.planning.request import PlanRequest, RollbackRequest
    from trueup.transforms.run_files import RunFiles

_WORDS = 4096
"""More than decisions, codes and reasons are ever told apart; ids and names are more, and no dictionary serves them."""


def write_sides(connection: DuckDBPyConnection, request: PlanRequest | RollbackRequest) -> None:
    """Write ``links`` and ``actual`` and open the latter."""
    files = request.files
    write(
        connection,
        f"SELECT source_id, profile_id, matched_by, coalesce(since, {literal(files.run_id)}) AS since "
        "FROM profile_links ORDER BY source_id",
        files.links,
        few=_WORDS,
    )
    # Who is whose is written; the sorting to come needs the room.
    for name in ("linked", "id_matches"):
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    learned = last_learned(request.history, digest=request.schema.digest) or {}
    untyped = frozenset(str(name) for name in learned.get("untyped") or ())
    write_actual(
        connection,
        request.attributes,
        files.actual,
        bare=request.schema.bare,
        untyped=untyped,
        linked=request.partial_read,
        before=_wanted_before(connection, request.history) if untyped else (),
    )
    view(connection, "actual", files.actual)


def _wanted_before(connection: DuckDBPyConnection, history: History) -> Collection[str]:
    """``desired_before``: what the last applied plan for everybody wanted; returns its columns."""
    whole = (run for run in history.known if run.kind is Kind.RECONCILE and run not in history.amending)
    run = next((run for run in whole if run.files.desired.exists()), None)
    if run is None:
        return ()
    view(connection, "desired_before", run.files.desired)
    return columns_of(connection, "desired_before")


def write_decisions(connection: DuckDBPyConnection, files: RunFiles) -> None:
    """Write ``decided`` as ``decisions``, and open that."""
    write(
        connection,
        "SELECT key, source_id, profile_id, user_name, matched_by, verdict, decision, reason_code, reason "
        "FROM decided ORDER BY key",
        files.decisions,
        few=_WORDS,
    )
    view(connection, "decisions", files.decisions)


def write_changes(connection: DuckDBPyConnection, files: RunFiles) -> int:
    """Write ``explained`` as ``changes``; returns how many there are."""
    return write(
        connection,
        "SELECT key, attribute, before, after, cause FROM explained ORDER BY key, attribute",
        files.changes,
    )
