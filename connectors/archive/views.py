"""All runs as tables: DuckDB views over the archive, for ``history`` and for the DuckDB shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.connectors.archive import reading
from trueup.connectors.archive.atomic_files import folder
from trueup.transforms.duck.database import connect, statement
from trueup.transforms.duck.parquet import rows_of, schema_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Misused
from trueup.transforms.private import address
from trueup.transforms.summary.directory import OUTCOME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.connectors.archive.archive import Archive
    from trueup.transforms.history import PriorRun
    from trueup.transforms.run_files import RunFiles

_PACKAGE = "trueup.connectors.archive.sql"
COLUMNS = {
    "decisions": ("key", "source_id", "profile_id", "user_name", "matched_by", "verdict", "decision", "reason"),
    "changes": ("key", "attribute", "before", "after", "cause"),
    "findings": ("key", "check", "severity", "reason", "remedy"),
    "links": ("source_id", "profile_id", "matched_by", "since"),
    "outcome": ("key", "profile_id", "operation", "result", "reason", "written", "found"),
}
"""Tables with one Parquet file per run, and the columns a view has even where no run has the file."""
_TYPES = {name: kind for name, kind in OUTCOME if kind != "VARCHAR"}


def connected(archive: Archive) -> DuckDBPyConnection:
    """DuckDB with the archive's views; each row has its ``run_id``, and only sealed runs are in them.

    Views: ``runs``, ``acts``, ``decisions``, ``changes``, ``findings``, ``links``, ``outcome``.

    Raises:
        Refused: a run is damaged.
    """
    connection = connect(spill=folder(archive.path) / "spill" if archive.path.is_dir() else None)
    connection.execute(_script(archive.runs()))
    return connection


def history_of(archive: Archive, key: str) -> list[dict[str, Any]]:
    """Everything that was decided for one person and its result, newest first: one query over all runs.

    Args:
        archive: what is looked through.
        key: object id, user name, e-mail or ``profile:ID``, as any run knows it.

    Returns:
        Rows ``at`` (ISO 8601), ``run_id``, ``kind``, ``state``, ``decision``, ``attribute`` (null: none changed),
        ``before``, ``after`` (JSON text), ``cause``, ``reason``, ``result`` and ``because`` (what apply says; null
        where it was not applied), ``approved_by``.

    Raises:
        Misused: no run knows such a person.
        Refused: a run is damaged.
    """
    with connected(archive) as connection:
        connection.execute(f"CREATE VIEW mails AS {mails(archive.runs())}")
        connection.execute(statement("history_keys", _PACKAGE), {"name": key.strip()})
        if not connection.execute("SELECT 1 FROM person LIMIT 1").fetchone():
            raise Misused(
                "No run knows a person of that key.",
                remedy="Give an object id, user name, e-mail, or profile:ID, as trueup show prints it.",
            )
        found = connection.execute(statement("history", _PACKAGE))
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _script(runs: tuple[PriorRun, ...]) -> str:
    """The views as SQL."""

    def place(run: RunFiles, name: str) -> str:
        return address(run.file(name))

    manifests = [place(run.files, "manifest.json") for run in runs]
    acts = [place(run.files, f"acts/{path.name}") for run in runs for path in reading.act_paths(run.files)]
    parts = [states_view(runs), records_view("runs", manifests), records_view("acts", acts)]
    for table in COLUMNS:
        files = [run.files.file(f"{table}.parquet") for run in runs if _holds(run, f"{table}.parquet")]
        parts.append(table_view(table, files))
    return "\n\n".join(parts) + "\n"


def states_view(runs: tuple[PriorRun, ...]) -> str:
    """``states``: each run's state."""
    states = ", ".join(["('', '')", *(f"({literal(run.run_id)}, {literal(run.state)})" for run in runs)])
    return f"CREATE OR REPLACE VIEW states AS FROM (VALUES {states}) AS t(run_id, state) WHERE run_id <> '';"


def _holds(run: PriorRun, name: str) -> bool:
    known = name in run.manifest.files or any(name in act.files for act in run.acts)
    return known and run.files.file(name).exists()


def records_view(view: str, files: list[str], *, template: str = "") -> str:
    """A view over manifests or acts; ``template`` where it is not the archive's own ``view_….sql``."""
    template = template or statement(f"view_{view}", _PACKAGE)
    listed = ", ".join(literal(file) for file in files)
    source = f"read_text([{listed}])" if files else "(SELECT '' AS filename, '{}' AS content WHERE false)"
    return template.replace("read_text(:files)", source)


def table_view(view: str, files: list[Path], *, named: Callable[[Path], str] = address) -> str:
    """A view over one Parquet file per run; with all its columns even where there is no file."""
    if not files:
        typed = ((name, _TYPES.get(name, "VARCHAR")) for name in ("run_id", *COLUMNS[view]))
        columns = ", ".join(f"NULL::{kind} AS {identifier(name)}" for name, kind in typed)
        return f"CREATE OR REPLACE VIEW {view} AS SELECT {columns} WHERE false;"
    rows = rows_of(*files, options="filename = true, union_by_name = true", named=named)
    return (
        f"CREATE OR REPLACE VIEW {view} AS\nSELECT split_part(filename, '/', -2) AS run_id, * EXCLUDE (filename)\n"
        f"FROM {rows};"
    )


def mails(runs: tuple[PriorRun, ...]) -> str:
    """``key, mail`` of the newest run that has both sides: addresses change, keys do not."""
    parts: list[str] = []
    for run in runs:
        for path in (run.files.desired, run.files.actual):
            if path.exists() and path.name in run.manifest.files:
                parts += mail_columns(path)
        if parts:
            break
    return " UNION ALL ".join(parts) or "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS mail WHERE false"


def mail_columns(path: Path) -> list[str]:
    """``SELECT key, mail`` for each column of a side that holds e-mail addresses."""
    return [
        f"SELECT key, {identifier(name)} AS mail FROM {rows_of(path)}"
        for name in schema_of(path).names
        if name.startswith("emails") and name.endswith("value")
    ]
