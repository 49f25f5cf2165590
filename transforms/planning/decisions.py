"""The table of decisions: which course a person takes, and its result once attributes are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.duck.relations import empty
from trueup.transforms.duck.runner import make, remember
from trueup.transforms.planning.reasons import sentences
from trueup.transforms.planning.sql import PACKAGE
from trueup.transforms.values.labels import in_sentence
from trueup.transforms.vocabulary import Decision

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.settings import Settings


def collect_people(connection: DuckDBPyConnection) -> None:
    """Let ``everybody`` be one row per user ∪ profile with everything that decides about it."""
    make(connection, PACKAGE, tables=("warned",))
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE held_once AS SELECT key, min(reason) AS reason FROM held GROUP BY key"
    )
    users = _keys(connection, "source_id", "users")
    for name, word, usual, value in (
        ("scope", "usual_scope", "in_scope", True),
        ("verdicts", "usual_verdict", "verdict = 'person'", "person"),
    ):
        # Nearly everybody is in scope and a person: joining the others only is most of the work saved.
        whole = _keys(connection, "key", name) == users
        rest = f"WHERE ({usual}) IS NOT TRUE" if whole else ""
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name}_told AS FROM {name} {rest}")
        remember(connection, word, value if whole else None)
    make(connection, PACKAGE, views=("everybody",))


def _keys(connection: DuckDBPyConnection, column: str, name: str) -> list[tuple[object, ...]]:
    """What is the same for two relations with the same keys, each as often."""
    return connection.execute(f"SELECT count(*), sum(hash({column})), bit_xor(hash({column})) FROM {name}").fetchall()


def decide_courses(
    connection: DuckDBPyConnection,
    settings: Settings,
    *,
    by: tuple[ManagedAttribute, ...],
    unreadable: frozenset[str],
) -> None:
    """Make ``courses``: ``everybody`` with the course each takes (see ``courses.sql``); ``persons`` is who they are.

    ``counted`` (source_id, profile_id, is_user, in_scope, active) is what limits are measured by.
    """
    _blind(connection, by, unreadable)
    ends = {"leavers": settings.deprovision.leavers, "out_of_scope": settings.deprovision.out_of_scope}
    make(connection, PACKAGE, tables=("courses",), parameters=ends)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW persons AS SELECT key, source_id, profile_id, user_name FROM courses"
    )
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW counted AS SELECT source_id, profile_id, is_user, in_scope, active FROM courses"
    )


def create_attribute_table(connection: DuckDBPyConnection, attributes: tuple[ManagedAttribute, ...]) -> None:
    """Make ``terms`` (attribute, kind, required, when_empty, label: what a sentence calls it)."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE terms AS SELECT * FROM (VALUES "
        + ", ".join(
            f"({literal(a.path)}, {literal(a.kind)}, {literal(a.required)}, {literal(a.when_empty)}, "
            f"{literal(in_sentence(a.path))})"
            for a in attributes
        )
        + (", " if attributes else "")
        + "(NULL, NULL, NULL, NULL, NULL)) AS t(attribute, kind, required, when_empty, label) "
        "WHERE attribute IS NOT NULL"
    )


def _blind(connection: DuckDBPyConnection, by: tuple[ManagedAttribute, ...], unreadable: frozenset[str]) -> None:
    """``blind``: people whose profile may only have stayed unfound because a matching attribute was not readable."""
    empty(connection, "blind", ("key",))
    for attribute in by:
        everybody = bool(unreadable.intersection(attribute.source_columns))
        test = "TRUE" if everybody else f"list_contains(left_alone, {literal(attribute.path)})"
        connection.execute(f"INSERT INTO blind SELECT key FROM desired WHERE {test} AND key NOT IN (FROM blind)")


def decide(connection: DuckDBPyConnection) -> None:
    """Let ``decided`` be exactly one row per person, with its reason in words."""
    create_sentence_table(connection)
    make(connection, PACKAGE, views=("decided",))


def create_sentence_table(connection: DuckDBPyConnection) -> None:
    """Make ``sentences`` (reason_code, decision, sentence)."""
    empty(connection, "sentences", ("reason_code", "decision", "sentence"))
    # In one statement: DuckDB takes as long for each of many as for all rows at once.
    rows = ", ".join(f"({', '.join(map(literal, row))})" for row in sentences())
    connection.execute(f"INSERT INTO sentences VALUES {rows}")


def counts(connection: DuckDBPyConnection) -> dict[str, int]:
    """How many people each decision has; all ten words are present."""
    found = dict(connection.execute("SELECT decision, count(*) FROM decisions GROUP BY decision").fetchall())
    return {decision.value: int(found.get(decision.value, 0)) for decision in Decision}
