"""``actual.parquet``: the target's profiles in the words of ``desired.parquet``, references as people's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier
from trueup.transforms.duck.relations import columns_of, write
from trueup.transforms.values.columns import bare_expression
from trueup.transforms.values.paths import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute


_DESIRED = "LEFT JOIN desired d ON d.key = o.key"


def write_actual(
    connection: DuckDBPyConnection,
    attributes: Iterable[ManagedAttribute],
    into: Path,
    *,
    bare: Collection[str] = (),
    untyped: Collection[str] = (),
    linked: bool = False,
) -> int:
    """Write every profile once, by key, from ``target`` and ``persons``; returns the rows.

    A reference to a profile nobody has becomes ``profile:`` and its id. An attribute the snapshot has no column for
    is null.

    Args:
        connection: has ``desired`` too, unless this is a rollback.
        attributes: the columns.
        into: the file.
        bare: attributes, in lower case, of which elements were read without ``type``: one that is as desired is meant.
        untyped: those whose elements lose it here: the primary or only one is meant.
        linked: profiles that were not read have the people ``links_before`` gives them to.
    """
    have = columns_of(connection, "target")
    desired = _columns_if_any(connection, "desired")
    chosen, joins = [], []
    for number, attribute in enumerate(attributes):
        column = identifier(attribute.path)
        if attribute.path not in have:
            kind = "BOOLEAN" if attribute.kind == "boolean" else "VARCHAR"
            chosen.append(f"NULL::{kind} AS {column}")
        elif attribute.kind == "reference":
            joins.append(f"LEFT JOIN key_of r{number} ON r{number}.profile_id = t.{column}")
            chosen.append(
                f"CASE WHEN t.{column} <> '' THEN coalesce(r{number}.key, 'profile:' || t.{column}) END AS {column}"
            )
        elif attribute.kind == "boolean":
            chosen.append(f"try_cast(t.{column} AS BOOLEAN) AS {column}")
        elif (path := parse(attribute.path)).kind_of_element and path.whole.lower() in bare:
            wanted = f"d.{column}::VARCHAR" if attribute.path in desired else "NULL::VARCHAR"
            value = bare_expression(path, "t.resource", wanted, untyped=path.whole.lower() in untyped)
            chosen.append(f"coalesce(t.{column}::VARCHAR, {value}) AS {column}")
            if attribute.path in desired and _DESIRED not in joins:
                joins.append(_DESIRED)
        else:
            chosen.append(f"t.{column}::VARCHAR AS {column}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE key_of AS SELECT profile_id, key FROM persons WHERE profile_id IS NOT NULL"
    )
    if linked:
        connection.execute(
            "INSERT INTO key_of SELECT profile_id, source_id FROM links_before "
            "WHERE profile_id NOT IN (SELECT profile_id FROM key_of)"
        )
    return write(
        connection,
        f"SELECT o.key, {''.join(part + ', ' for part in chosen)}[]::VARCHAR[] AS left_alone "
        f"FROM target t JOIN key_of o ON o.profile_id = t.id {' '.join(joins)} ORDER BY o.key",
        into,
    )


def _columns_if_any(connection: DuckDBPyConnection, name: str) -> Collection[str]:
    found = connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()
    return columns_of(connection, name) if found else ()
