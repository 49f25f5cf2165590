"""The relations the suites stand on, made in DuckDB from the run's files; no Great Expectations here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from duckdb.func import PythonUDFType

from trueup.expectations.carried import lay_looked_at
from trueup.expectations.catalogue import SHARED_BY
from trueup.expectations.damage import Damage, find_damage
from trueup.expectations.facts import Collapse, circles, collapses, drift, whole
from trueup.expectations.patterns import NO_NUMBER, PRESENT
from trueup.expectations.people import PACKAGE, read_first_names
from trueup.expectations.relations import columns_of, first, view_file, view_users
from trueup.expectations.subjects import Subjects, subjects_of
from trueup.transforms.attributes import CHECKED
from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Failed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.expectations.carried import Occasion, Rows
    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.history import History
    from trueup.transforms.run_files import RunFiles

_SCOPE = {"key": "VARCHAR", "in_scope": "BOOLEAN"}
_VERDICTS = {"key": "VARCHAR", "verdict": "VARCHAR", "signals": "VARCHAR[]", "overridden_by": "VARCHAR"}
_PROBLEMS = {"key": "VARCHAR", "attribute": "VARCHAR", "problem": "VARCHAR"}
_LINKS = {"source_id": "VARCHAR", "profile_id": "VARCHAR"}
LEFT_ALONE = "(left alone)"
LEFT_ALONE_ADDRESS = "left.alone@source.example"
"""The same where an address is looked for; RFC 2606 gives the name to nobody."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What the suites need to know beside the relations ``people``, ``managers``, ``details`` and ``failed``."""

    subjects: Subjects
    source_columns: frozenset[str]
    desired_columns: frozenset[str]
    facts: dict[str, int]
    rows: Rows
    """Who is in the relation ``looked_at``, of all ``people``."""
    collapses: tuple[Collapse, ...]
    drift: dict[str, float]
    earlier_disabled: float | None
    """Share of disabled users in the last applied run; none on a first run."""
    damage: tuple[Damage, ...] = ()
    """By check and source attribute; the rows are in the relation ``damage``."""


def lay(
    connection: DuckDBPyConnection,
    files: RunFiles,
    attributes: tuple[ManagedAttribute, ...],
    history: History,
    more: frozenset[str] = frozenset(),
    occasion: Occasion | None = None,
) -> Ground:
    """Make every relation the suites use.

    Args:
        connection: fresh.
        files: the run.
        attributes: of the mapping.
        history: the runs before.
        more: further source columns that somebody's own checks name.
        occasion: what must be as it was for a person's unchanged row to be known; none looks at everybody.

    Raises:
        Failed: a stage before this one left no ``source.parquet``, ``desired.parquet`` or verdicts.
    """
    for path in (files.source, files.desired, files.work_verdicts):
        if not path.exists():
            raise Failed(f"{path.name} is missing; the stage that writes it did not run.")
    connection.create_function("nfkc", _nfkc, ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW)
    for name in ("words_macro", "values_macro"):
        connection.execute(statement(name, PACKAGE))
    read_first_names(connection)
    seen = view_users(connection, files.source, (*CHECKED, "groups", *sorted(more)))
    view_file(connection, "scope", files.work_scope, _SCOPE)
    view_file(connection, "verdicts", files.work_verdicts, _VERDICTS)
    view_file(connection, "problems", files.work_problems, _PROBLEMS)
    desired = frozenset(columns_of(connection, files.desired))
    connection.execute(f"CREATE OR REPLACE VIEW desired AS SELECT * FROM {rows_of(files.desired)}")
    subjects = subjects_of(attributes, desired, state_was_read="accountEnabled" in seen)
    _people(connection, subjects, desired)
    _unsaid(connection, files)
    there = _target(connection, files, history)
    disabled = _earlier(connection, history)
    circles(connection)
    _managers(connection)
    _details(connection)
    rows = lay_looked_at(connection, files, history, occasion)
    return Ground(
        subjects=subjects,
        source_columns=seen,
        desired_columns=desired,
        facts=whole(connection),
        rows=rows,
        collapses=collapses(connection, [a for a in attributes if a.path in desired], there),
        drift=drift(connection, sorted(seen)),
        earlier_disabled=disabled,
        damage=find_damage(connection, files, attributes, history),
    )


def _nfkc(texts: Any) -> Any:  # DuckDB evaluates the annotations, so they must need no import
    import pyarrow.compute as pc

    return pc.utf8_normalize(texts, form="NFKC")


def _people(connection: DuckDBPyConnection, subjects: Subjects, desired: frozenset[str]) -> None:
    named = {
        "given": subjects.given,
        "family": subjects.family,
        "user_name": subjects.user_name,
        "email": subjects.email,
        "employee_number": subjects.employee_number,
    }
    alone = "left_alone" if "left_alone" in desired else "[]"
    columns = ", ".join(
        f"CAST({identifier(path) if path else 'NULL'} AS VARCHAR) AS {name}" for name, path in named.items()
    )
    unsaid = ", ".join(
        f"coalesce(list_contains({alone}, {literal(path)}), FALSE) AS {name}_unsaid"
        for name, path in named.items()
        if name in {"given", "family"}
    )
    connection.execute(f"CREATE OR REPLACE VIEW wanted AS SELECT key, {columns}, {unsaid} FROM desired")
    connection.execute(statement("people", PACKAGE), {"present": PRESENT, "no_number": NO_NUMBER})


def _unsaid(connection: DuckDBPyConnection, files: RunFiles) -> None:
    """``unsaid`` (key, attribute): what could not be read of single people."""
    view_file(connection, "told_in_part", files.source, {"id": "VARCHAR", "unreadable": "VARCHAR[]"})
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE unsaid AS "
        "SELECT DISTINCT id AS key, unnest(unreadable) AS attribute FROM told_in_part WHERE unreadable IS NOT NULL"
    )


def _target(connection: DuckDBPyConnection, files: RunFiles, history: History) -> frozenset[str]:
    there = frozenset(columns_of(connection, files.target))
    texts = dict.fromkeys(sorted(there - {"resource", "active", "version"}), "VARCHAR")
    view_file(
        connection, "target", files.target, {"id": "VARCHAR", "externalId": "VARCHAR", "userName": "VARCHAR", **texts}
    )
    if history.baseline is not None:
        view_file(connection, "known_links", history.baseline.files.links, _LINKS)
    else:
        connection.execute("CREATE OR REPLACE VIEW known_links AS SELECT '' AS source_id, '' AS profile_id WHERE FALSE")
    connection.execute(statement("pairs", PACKAGE))
    return there


def _earlier(connection: DuckDBPyConnection, history: History) -> float | None:
    columns = {"id": "VARCHAR", "userPrincipalName": "VARCHAR", "manager": "VARCHAR", "accountEnabled": "BOOLEAN"}
    before = history.baseline
    if before is None or not view_file(connection, "earlier_users", before.files.source, columns):
        connection.execute(
            "CREATE OR REPLACE VIEW earlier AS SELECT '' AS id, '' AS user_name, '' AS manager WHERE FALSE"
        )
        return None
    connection.execute(
        "CREATE OR REPLACE VIEW earlier AS SELECT id, userPrincipalName AS user_name, manager FROM earlier_users"
    )
    row = first(connection, "SELECT avg((accountEnabled IS FALSE)::INT) FROM earlier_users")
    return float(row[0]) if row and row[0] is not None else None


def _managers(connection: DuckDBPyConnection) -> None:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE managers AS {statement('managers', PACKAGE)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE spans AS {statement('spans', PACKAGE)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rehired AS {statement('rehired', PACKAGE)}")


def _details(connection: DuckDBPyConnection) -> None:
    """What only a person's own row can say, beside the check it belongs to."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE details AS "
        'SELECT key, state AS "check", detail FROM managers WHERE state IS NOT NULL '
        "UNION ALL SELECT key, 'manager_span', detail FROM spans "
        "UNION ALL SELECT key, 'employee_number_of_leaver', detail FROM rehired "
        "UNION ALL SELECT key, unnest(['mononym', 'mononym_repeated']), "
        "CASE WHEN has_given THEN 'only the first name is filled in' ELSE 'only the last name is filled in' END "
        "FROM people WHERE names = 'mononym' "
        "UNION ALL SELECT verdicts.key, 'verdict_unsure', array_to_string(signals, '; ') FROM verdicts "
        "WHERE verdict = 'unsure'"
    )
    connection.execute(
        'CREATE OR REPLACE TEMP TABLE shared (key VARCHAR, "check" VARCHAR, number BIGINT, detail VARCHAR)'
    )
    for check, field in SHARED_BY.items():
        shared = statement("shared_values", PACKAGE).replace("$field", literal(field))
        connection.execute(f"INSERT INTO shared SELECT key, {literal(check)}, number, detail FROM ({shared})")
    connection.execute('INSERT INTO details SELECT key, "check", detail FROM shared')
