"""What an approval leaves out, with everything that depends on it, each with the reason.

Computed from the sealed files alone, so that the same approval always comes to the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.approval.sql import statement
from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of, write_rows
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.errors import Misused
from trueup.transforms.vocabulary import WRITING, Decision

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles

NEEDED_TO_CREATE = ("userName", "name.givenName", "name.familyName")
"""Without one of these a profile is not created at all."""

_NO_PATHS = ("key", "left_alone")


@dataclass(frozen=True, slots=True)
class Selection:
    """What one approver takes and leaves: keys, SCIM paths, decision words, and KEY/PATH for one value of a person."""

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is not applied."""

    key: str
    attribute: str | None
    """Null: nothing of this person is applied."""
    because: str
    """A sentence; people by key."""
    unselected: bool
    """Left out only because ``only`` did not choose it."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in the act."""
        return {"key": self.key, "attribute": self.attribute, "because": self.because}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """All that is left out, in order of key and attribute, and the selections with people as keys."""

    rows: tuple[Row, ...]
    selections: tuple[Selection, ...]


def compute(
    files: RunFiles, selections: Iterable[Selection], *, unique: Iterable[str], applying: bool = False
) -> LeftOut:
    """What these selections leave out together, including what depends on it.

    A manager reference to somebody who is then not created goes with it, and so does every attribute whose value
    is still held by a profile that was to give it up (half of a swap), and a creation without its user name.

    Args:
        files: a sealed run with ``decisions`` and ``changes``.
        selections: one per approver; what one of them leaves out is left out.
        unique: target attributes of which no two profiles may have the same value.
        applying: whether the selections are approved already, so that they may leave nothing to apply together.

    Raises:
        Misused: a selector fits nothing or several people, or nothing would be left to apply.
    """
    given = tuple(selections)
    if not any(one.only or one.exclude for one in given):
        return LeftOut((), given)
    with connect() as connection:
        _solve(connection, files, given, unique)
        found = connection.execute("SELECT key, attribute, because, unselected FROM result ORDER BY ALL").fetchall()
        if not applying and not _number(connection, statement("approval_accepted")):
            raise Misused(
                "Nothing would be left to apply.",
                remedy="Choose less to leave out, or turn the plan down: trueup reject RUN",
            )
        settled = tuple(_settled(connection, number) for number in range(len(given)))
    return LeftOut(tuple(Row(*row) for row in found), settled)


def write_left_out(files: RunFiles, selections: Iterable[Selection], into: Path, *, unique: Iterable[str]) -> int:
    """Write ``key, attribute, because`` (attribute null: the whole person) as Parquet; returns the number of rows.

    Raises:
        Misused: a selector fits nothing or several people.
    """
    given = tuple(selections)
    with connect() as connection:
        if any(one.only or one.exclude for one in given):
            _solve(connection, files, given, unique)
        else:
            connection.execute("CREATE TABLE result (key VARCHAR, attribute VARCHAR, because VARCHAR)")
        query = "SELECT key, attribute, because FROM result ORDER BY key, attribute NULLS FIRST"
        write_rows(connection, query, into)
        return _number(connection, "SELECT count(*) FROM result")


def _solve(
    connection: DuckDBPyConnection, files: RunFiles, selections: tuple[Selection, ...], unique: Iterable[str]
) -> None:
    """Fill ``result``: key, attribute, because, unselected."""
    _open(connection, files)
    _understand(connection, selections)
    _fill(connection, "needed", "attribute", NEEDED_TO_CREATE)
    _fill(connection, "unique_path", "attribute", sorted(set(unique)))
    connection.execute(f"CREATE VIEW held_value AS {_held(connection, set(unique))}")
    for name in ("approval_units", "approval_direct", "approval_edges", "approval_left_out"):
        connection.execute(statement(name))


def _open(connection: DuckDBPyConnection, files: RunFiles) -> None:
    for path in (files.decisions, files.changes, files.desired, files.actual):
        rows = f"{rows_of(path)}" if path.exists() else "(SELECT NULL::VARCHAR AS key WHERE false)"
        connection.execute(f"CREATE VIEW {identifier(path.stem)} AS FROM {rows}")
    _fill(connection, "writing", "decision", [one.value for one in WRITING])


def _understand(connection: DuckDBPyConnection, selections: tuple[Selection, ...]) -> None:
    """Fill ``selector``: selection, place, role, kind and the word: a decision, a SCIM path or a person's key."""
    connection.execute("CREATE TABLE said (selection INTEGER, place INTEGER, role VARCHAR, word VARCHAR)")
    rows = [
        (number, place, role, word.strip())
        for number, selection in enumerate(selections)
        for role, words in (("only", selection.only), ("exclude", selection.exclude))
        for place, word in enumerate(words)
    ]
    connection.executemany("INSERT INTO said VALUES (?, ?, ?, ?)", rows)
    _fill(connection, "decision_word", "word", [one.value for one in Decision])
    _fill(connection, "path", "word", [name for name in _columns(connection, "desired") if name not in _NO_PATHS])
    connection.execute(f"CREATE VIEW called AS {_names(connection)}")
    connection.execute(statement("approval_selectors"))
    unclear = connection.execute("SELECT word, people FROM selector WHERE kind IS NULL ORDER BY place").fetchone()
    if unclear is None:
        if _number(connection, "SELECT count(*) FROM selector WHERE kind = 'change' AND role = 'only'"):
            raise Misused(
                "One attribute of one person (KEY/ATTRIBUTE) can be left out, but not chosen.",
                remedy="Choose the person and leave out their other attributes: --only KEY --exclude KEY/ATTRIBUTE",
            )
        return
    word, people = unclear
    if people:
        raise Misused(
            f"{word!r} fits {len(people)} people of this run: {', '.join(people[:5])}.",
            remedy="Name the one you mean by key.",
        )
    raise Misused(
        f"{word!r} fits no person, attribute or decision of this run.",
        remedy="Give a key, user name, e-mail or profile:ID; a SCIM path as in the report; KEY/PATH; or a decision.",
    )


def _settled(connection: DuckDBPyConnection, selection: int) -> Selection:
    """A selection with every person named by key."""
    query = "SELECT role, word FROM selector WHERE selection = ? ORDER BY place"
    rows = connection.execute(query, [selection]).fetchall()
    return Selection(
        tuple(dict.fromkeys(word for role, word in rows if role == "only")),
        tuple(dict.fromkeys(word for role, word in rows if role == "exclude")),
    )


def _names(connection: DuckDBPyConnection) -> str:
    """Everything a person may be called by: key, object id, profile, user name, e-mail addresses; folded."""
    parts = [
        "SELECT key, lower(key) AS name FROM decisions",
        "SELECT key, lower(source_id) FROM decisions",
        "SELECT key, lower('profile:' || profile_id) FROM decisions",
        "SELECT key, lower(user_name) FROM decisions",
    ]
    parts += [
        f"SELECT key, lower({identifier(column)}) FROM {table} SEMI JOIN decisions USING (key)"
        for table in ("desired", "actual")
        for column in _columns(connection, table)
        if column == "userName" or (column.startswith("emails") and column.endswith("value"))
    ]
    return " UNION ALL ".join(parts)


def _held(connection: DuckDBPyConnection, unique: set[str]) -> str:
    """Unique values as profiles have them: key, attribute, value."""
    parts = [
        f"SELECT key, {literal(path)} AS attribute, {identifier(path)}::VARCHAR AS value FROM actual"
        for path in _columns(connection, "actual")
        if path in unique
    ]
    nobody = "SELECT NULL::VARCHAR AS key, NULL::VARCHAR AS attribute, NULL::VARCHAR AS value WHERE false"
    return " UNION ALL ".join(parts) or nobody


def _fill(connection: DuckDBPyConnection, table: str, column: str, values: Iterable[str]) -> None:
    connection.execute(f"CREATE TABLE {identifier(table)} ({identifier(column)} VARCHAR)")
    if rows := [(value,) for value in values]:
        connection.executemany(f"INSERT INTO {identifier(table)} VALUES (?)", rows)


def _columns(connection: DuckDBPyConnection, table: str) -> list[str]:
    return [str(row[0]) for row in connection.execute(f"DESCRIBE {table}").fetchall()]


def _number(connection: DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
