"""A directory report against the directory: who each row is about, who their manager is, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.duck.relations import columns_of, count, empty, view
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.sql import statement
from trueup.transforms.values.columns import json_of
from trueup.transforms.values.labels import in_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.planning.comparison import Terms

WHO = ("row", "email", "id", "name")
"""Columns of a report that say who a row is about; every other one is named by its SCIM path."""
_TRUE, _FALSE = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
_SHOWN = 60

_ROWS = {
    "nobody": "fit nobody in the directory by e-mail, id or full name, and are left alone",
    "several": "fit several people in the directory, and are left alone",
    "shared": "fit somebody by name alone, but another row has the same name, and are left alone",
    "doubled": "are about a person another row is about too, and are left alone",
    "unmanaged": "are about profiles Trueup does not manage, and are left alone",
}
_FOUND = (
    ("name", "", "have no e-mail and were found by full name alone, which deserves a look"),
    ("name", "NOT", "have an e-mail nobody has now and were found by full name alone, which deserves a look"),
    (
        "id",
        "NOT",
        "have an e-mail nobody has now and were found by id; the address they have now stays unless it is mapped",
    ),
)
_MANAGERS = {
    "nobody": "names a manager that neither the report nor the directory knows",
    "several": "names a manager who could be several people",
    "unclear": "names a manager whose own row does not fit exactly one person",
    "itself": "names the person as their own manager",
}


def desired_from_report(connection: DuckDBPyConnection, report: Path, terms: Terms) -> tuple[str, ...]:
    """Fill ``restore_values`` and ``told`` from a report; returns sentences on every row and cell that is left alone.

    ``report`` is a Parquet file with the columns of ``WHO`` as far as it has them (``row`` is the row in the file it
    was read from) and a text column per SCIM path.

    Raises:
        Refused: not one row is about a person of ours.
    """
    view(connection, "report_file", report)
    _rows(connection)
    _directory(connection)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE report_people AS {statement('report_people')}")
    notes = _notes_on_rows(connection)
    have = columns_of(connection, "report")
    for attribute in terms.attributes:
        if attribute.path not in have:
            continue
        if attribute.kind == "reference":
            notes += _managers(connection, attribute)
        elif attribute.kind == "boolean":
            notes += _booleans(connection, attribute)
        else:
            _values(connection, attribute)
    return tuple(notes)


def _rows(connection: DuckDBPyConnection) -> None:
    """``report``: the file with every column of ``WHO``; ``report_rows``: these, folded."""
    have = columns_of(connection, "report_file")
    missing = {"row": "row_number() OVER () + 1", "email": "NULL", "id": "NULL", "name": "NULL"}
    more = [f"{value}::{'BIGINT' if name == 'row' else 'VARCHAR'} AS {name}" for name, value in missing.items()]
    added = ", ".join(["*", *(text for name, text in zip(missing, more, strict=True) if name not in have)])
    connection.execute(f"CREATE OR REPLACE TEMP TABLE report AS SELECT {added} FROM report_file")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE report_rows AS SELECT row, {_folded('email')} AS email, "
        f"nullif(trim(id), '') AS id, {_folded('name')} AS name FROM report"
    )


def _folded(expression: str) -> str:
    """SQL for a name or an address without regard to case, blanks around it, or how accents are written."""
    blanks = f"regexp_replace(trim({expression}::VARCHAR), '\\s+', ' ', 'g')"
    return f"nullif(lower(nfc_normalize({blanks})), '')"


def _directory(connection: DuckDBPyConnection) -> None:
    """``report_mails`` and ``report_names``: every address and full name somebody in the directory has."""
    have = columns_of(connection, "target")
    mails = [f"t.{identifier(name)}" for name in have if name == "userName" or name.startswith("emails")]
    mails.append("unnest(json_extract_string(t.resource, '$.emails[*].value'))")
    whole = {
        "name.givenName": "json_extract_string(t.resource, '$.name.givenName')",
        "name.familyName": "json_extract_string(t.resource, '$.name.familyName')",
        "displayName": "json_extract_string(t.resource, '$.displayName')",
    }
    given, family, display = (f"t.{identifier(path)}" if path in have else text for path, text in whole.items())
    names = [f"nullif({given}, '') || ' ' || nullif({family}, '')", display]
    for table, column, values in (("report_mails", "email", mails), ("report_names", "name", names)):
        parts = " UNION ALL ".join(f"SELECT t.id, ({value})::VARCHAR AS said FROM target t" for value in values)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT DISTINCT p.key, {_folded('s.said')} AS {column} "
            f"FROM ({parts}) s JOIN persons p ON p.profile_id = s.id WHERE {_folded('s.said')} IS NOT NULL"
        )


def _notes_on_rows(connection: DuckDBPyConnection) -> list[str]:
    total, found = count(connection, "FROM report_rows"), count(connection, "FROM report_people WHERE state = 'found'")
    notes = []
    for state, said in _ROWS.items():
        query = f"SELECT row FROM report_people WHERE state = {literal(state)} ORDER BY row"
        if rows := _numbers(connection, query):
            notes.append(f"{len(rows):,} of the report's {total:,} rows {said}: {_listed(rows)}.")
    if total and not found:
        raise Refused(
            Refusal(
                "report_fits_nobody",
                f"None of the report's {total:,} rows is about a person Trueup manages.",
                remedy="Check that it is the report of this directory. " + " ".join(notes),
            )
        )
    for how, what, said in _FOUND:
        query = (
            "SELECT p.row FROM report_people p JOIN report_rows r USING (row) "
            f"WHERE p.state = 'found' AND p.how = {literal(how)} AND r.email IS {what} NULL ORDER BY p.row"
        )
        if rows := _numbers(connection, query):
            notes.append(f"{len(rows):,} rows {said}: {_listed(rows)}.")
    if count(connection, "FROM report_people WHERE ids_are_foreign"):
        notes.append("The ids in the report are not this directory's, so nobody was looked up by them.")
    if absent := count(
        connection,
        "FROM persons WHERE source_id IS NOT NULL AND profile_id IS NOT NULL "
        "AND key NOT IN (SELECT key FROM report_people WHERE state = 'found')",
    ):
        notes.append(f"The report has no row for {absent:,} managed profiles, which stay as they are.")
    return notes


def _values(connection: DuckDBPyConnection, attribute: ManagedAttribute) -> None:
    value = json_of(attribute, f"r.{identifier(attribute.path)}::VARCHAR")
    connection.execute(
        f"INSERT INTO restore_values SELECT p.key, {literal(attribute.path)}, {value}, NULL, FALSE "
        "FROM report r JOIN report_people p ON p.row = r.row AND p.state = 'found'"
    )


def _booleans(connection: DuckDBPyConnection, attribute: ManagedAttribute) -> list[str]:
    """An empty cell, or one that is neither true nor false, says nothing: nobody is switched off by it."""
    said = f"lower(trim(r.{identifier(attribute.path)}::VARCHAR))"
    is_true, is_false = (f"{said} IN ({', '.join(map(literal, words))})" for words in (_TRUE, _FALSE))
    found = "FROM report r JOIN report_people p ON p.row = r.row AND p.state = 'found'"
    connection.execute(
        f"INSERT INTO restore_values SELECT p.key, {literal(attribute.path)}, "
        f"CASE WHEN {is_true} THEN 'true' ELSE 'false' END, NULL, FALSE {found} WHERE {is_true} OR {is_false}"
    )
    rows = _numbers(connection, f"SELECT r.row {found} WHERE {said} <> '' AND NOT ({is_true} OR {is_false}) ORDER BY 1")
    if not rows:
        return []
    called = in_sentence(attribute.path)
    return [f"The {called} is neither true nor false in {len(rows):,} rows and is left alone: {_listed(rows)}."]


def _managers(connection: DuckDBPyConnection, attribute: ManagedAttribute) -> list[str]:
    """Wishes for managers by key; who is not clear is left alone, with a finding for the person."""
    column, path = f"r.{identifier(attribute.path)}", literal(attribute.path)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE report_said AS SELECT row, {_folded(column)} AS said, "
        f"trim({column}) AS said_id FROM report r WHERE {_folded(column)} IS NOT NULL"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE report_managers AS {statement('report_managers')}")
    connection.execute(
        f"INSERT INTO restore_values SELECT key, {path}, to_json(manager)::VARCHAR, NULL, FALSE FROM report_managers "
        "WHERE state = 'found' UNION ALL "
        f"SELECT key, {path}, NULL, NULL, FALSE FROM report_people "
        "WHERE state = 'found' AND row NOT IN (SELECT row FROM report_said)"
    )
    notes = []
    for state, said in _MANAGERS.items():
        rows = _numbers(connection, f"SELECT row FROM report_managers WHERE state = {literal(state)} ORDER BY row")
        connection.execute(
            "INSERT INTO told SELECT key, 'report_manager_unclear', 'info', 'Row ' || row || ' of the report '"
            f" || {literal(said)} || {literal(f', so the {in_sentence(attribute.path)} stays.')}, "
            "'Correct the cell to the manager''s e-mail address, or set the manager by hand.' "
            f"FROM report_managers WHERE state = {literal(state)}"
        )
        if rows:
            notes.append(
                f"Left alone, because the row {said}: the manager of {len(rows):,} people, rows {_listed(rows)}."
            )
    return notes


def _numbers(connection: DuckDBPyConnection, query: str) -> list[int]:
    return [int(row) for (row,) in connection.execute(query).fetchall()]


def _listed(rows: Iterable[int]) -> str:
    """Row numbers, runs of them as one: ``4, 7–9``."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    shown = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs[:_SHOWN])
    more = sum(b - a + 1 for a, b in runs[_SHOWN:])
    return f"{shown} and {more:,} more" if more else shown


def create_report_findings(connection: DuckDBPyConnection) -> None:
    """``told``: findings about people besides what the comparison finds; empty."""
    empty(connection, "told", ("key", "check", "severity", "reason", "remedy"))
