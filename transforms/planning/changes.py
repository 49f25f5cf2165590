"""From differences to changes: what is left alone, what would empty a required value, what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import empty, write
from trueup.transforms.duck.runner import make
from trueup.transforms.planning import earlier_runs
from trueup.transforms.planning.comparison import differences, first_values
from trueup.transforms.planning.sql import PACKAGE, statement
from trueup.transforms.values.columns import json_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import History
    from trueup.transforms.planning.comparison import Terms
    from trueup.transforms.run_files import RunFiles

OWN_CHECKS = (
    "manager_without_profile",
    "rolled_back",
    "not_kept",
    "probably_rehired",
    "edited_since",
    "report_manager_unclear",
    "required_kept",
)
"""Words planning uses in ``findings.parquet``."""


def hold_back_early(connection: DuckDBPyConnection, terms: Terms, *, partial: bool) -> None:
    """Make ``held_back``: people whose course ends before anything is compared, and why."""
    _incomplete(connection, terms)
    empty(connection, "unselected", ("key",))
    if partial:
        connection.execute("INSERT INTO unselected SELECT key FROM courses ANTI JOIN selected USING (key)")
    make(connection, PACKAGE, tables=("held_back",))


def _incomplete(connection: DuckDBPyConnection, terms: Terms) -> None:
    """``incomplete``: people to be created who lack what the target requires, with the paths that are missing."""
    empty(connection, "incomplete", ("key", "detail"))
    required = [a for a in terms.attributes if a.required and not a.default]
    if not connection.execute("SELECT 1 FROM courses WHERE course = 'create' LIMIT 1").fetchone():
        return
    missing = ", ".join(
        f"CASE WHEN {json_of(a, 'd.' + identifier(a.path))} IS NULL THEN {literal(a.path)} END" for a in required
    )
    connection.execute(
        "INSERT INTO incomplete SELECT key, array_to_string(missing, ', ') FROM ("
        f"SELECT d.key, list_filter([{missing}], lambda e: e IS NOT NULL) AS missing FROM desired d "
        "SEMI JOIN (SELECT key FROM courses WHERE course = 'create') c ON c.key = d.key) WHERE len(missing) > 0"
    )


def collect(connection: DuckDBPyConnection, terms: Terms) -> None:
    """Make ``candidates``: differences of people to be kept in step, first values of people to be created."""
    # In two steps: the wide join finds few rows, and who is to be kept in step is then asked for those only.
    connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {differences(terms)}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE candidates AS SELECT f.*, 'compare' AS course FROM found f "
        "WHERE f.key IN (SELECT c.key FROM courses c SEMI JOIN found g ON g.key = c.key WHERE c.course = 'compare')"
    )
    connection.execute("DROP TABLE found")
    if connection.execute("SELECT 1 FROM courses WHERE course = 'create' LIMIT 1").fetchone():
        connection.execute(
            f"INSERT INTO candidates SELECT n.*, 'create' FROM ({first_values(terms)}) n "
            "ANTI JOIN held_back h ON h.key = n.key"
        )
    if all(a.path != "active" for a in terms.attributes):
        connection.execute(
            "INSERT INTO candidates SELECT key, [], 'active', 'false', 'true', 'compare' FROM courses "
            "WHERE course = 'compare' AND active IS FALSE"
        )


def refine(connection: DuckDBPyConnection, terms: Terms, history: History) -> None:
    """Make ``refined``: ``candidates`` that ``left_alone`` does not name, with the word for what else is left alone."""
    make(connection, PACKAGE, tables=("holders", "clearings"))
    earlier_runs.provided(connection, history, terms)
    make(connection, PACKAGE, tables=("refined",))
    connection.execute("DROP TABLE candidates")  # a first run has one row per value of everybody


def hold_back(connection: DuckDBPyConnection, *, partial: bool) -> None:
    """Make ``effects`` and ``planned``; add to ``held_back`` who would lose a required value or was not selected."""
    connection.execute(
        "INSERT INTO held_back SELECT key, 'hold', 'required_missing', string_agg(attribute, ', ' ORDER BY attribute) "
        "FROM refined WHERE barred = 'required_missing' AND key NOT IN (SELECT key FROM held_back) GROUP BY key"
    )
    make(connection, PACKAGE, tables=("effects",))
    if partial:
        connection.execute(
            "INSERT INTO held_back SELECT key, 'hold', 'not_selected', NULL FROM effects "
            "SEMI JOIN unselected USING (key)"
        )
    make(connection, PACKAGE, tables=("planned",))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE shielded AS SELECT key, max(barred) AS reason_code FROM refined "
        "WHERE course = 'compare' AND barred IN ('rolled_back', 'not_kept') GROUP BY key"
    )


def report(connection: DuckDBPyConnection, files: RunFiles) -> None:
    """Add what planning found to ``findings.parquet``; planning again replaces it."""
    merge_findings(connection, files, statement("plan_findings"))


def merge_findings(connection: DuckDBPyConnection, files: RunFiles, query: str) -> None:
    """Write ``findings.parquet`` anew: what others found, and the rows of ``query``."""
    own = ", ".join(literal(name) for name in OWN_CHECKS)
    fresh = files.work / "findings.parquet"
    write(
        connection,
        f'SELECT key, "check", severity, reason, remedy FROM findings WHERE "check" NOT IN ({own}) '
        f'UNION ALL SELECT * FROM ({query}) ORDER BY key, "check", reason',
        fresh,
    )
    fresh.replace(files.findings)
