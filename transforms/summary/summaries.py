"""``summary.parquet`` and ``summary-NNN.parquet``: a run in figures, in which no person stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import described, write_table
from trueup.transforms.duck.relations import view
from trueup.transforms.summary.directory import OUTCOME, PACKAGE, directory, nothing, word_macro

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

_DECISIONS = ("key", "decision", "reason_code")
_CHANGES = ("key", "attribute", "before", "after", "cause")
_FINDINGS = ("key", "check", "severity")


def write_plan_summary(files: RunFiles, into: Path) -> None:
    """What the plan comes to, as ``plan_summary.sql`` says; of a run that came to no decisions, a file without rows.

    Raises:
        OSError: the disk refuses.
    """
    with connect() as connection:
        _open(connection, files)
        _directory(connection, "directory_before", files, applied=False)
        connection.execute(statement("stories", PACKAGE))
        _write(connection, "plan_summary", into)


def write_apply_summary(files: RunFiles, into: Path) -> None:
    """What the apply came to, as ``apply_summary.sql`` says; without ``outcome.parquet``, the headcount as it was."""
    with connect() as connection:
        _open(connection, files)
        _directory(connection, "directory_before", files, applied=False)
        _directory(connection, "directory_after", files, applied=files.outcome.exists())
        connection.execute(statement("stories", PACKAGE))
        _write(connection, "apply_summary", into)


def _open(connection: DuckDBPyConnection, files: RunFiles) -> None:
    connection.execute(word_macro())
    view(connection, "decisions", files.decisions, columns=_DECISIONS)
    view(connection, "changes", files.changes, columns=_CHANGES)
    view(connection, "findings", files.findings, columns=_FINDINGS)
    columns = tuple(f"{name} {kind}" for name, kind in OUTCOME)
    view(connection, "outcome", files.outcome, columns=columns)


def _directory(connection: DuckDBPyConnection, name: str, files: RunFiles, *, applied: bool) -> None:
    if files.actual.exists() and files.decisions.exists():
        query = directory(files, described(connection, files.actual), applied=applied)
    else:
        kinds = {"active": "BOOLEAN"}
        names = ("key", "department", "active", "decision")
        query = "FROM " + nothing([(one, kinds.get(one, "VARCHAR")) for one in names])
    connection.execute(f"CREATE TEMP VIEW {name} AS {query}")


def _write(connection: DuckDBPyConnection, name: str, into: Path) -> None:
    # Arrow writes it, not DuckDB's COPY: a sum or count of no rows keeps its type, and nothing is renamed on the way.

    write_table(connection.sql(statement(name, PACKAGE)).to_arrow_table(), into, compression="zstd")
