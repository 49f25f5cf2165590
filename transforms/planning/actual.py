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
    from trueup.transforms.values.paths import ScimPath


_DESIRED = "LEFT JOIN desired d ON d.key = o.key"
_BEFORE = "LEFT JOIN desired_before b ON b.key = o.key"


def write_actual(
    connection: DuckDBPyConnection,
    attributes: Iterable[ManagedAttribute],
    into: Path,
    *,
    bare: Collection[str] = (),
    untyped: Collection[str] = (),
    linked: bool = False,
    before: Collection[str] = (),
) -> int:
    """Write every profile once, by key, from ``target`` and ``persons``; returns the rows.

    A reference to a profile nobody has becomes ``profile:`` and its id. An attribute the snapshot has no column for
    is null.

    Args:
        connection: has ``desired`` too, unless this is a rollback.
        attributes: the columns.
        into: the file.
        bare: attributes, in lower case, of which elements were read without ``type``: one that is as desired is meant.
        untyped: those whose elements lose it here: the primary or only one is meant. Where several kinds of one list
            are managed, it is the first kind's, and only if no other kind is to have that value.
        before: columns of ``desired_before``, what the last applied run wanted: so an element of a list without
            types is known again.
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
            mates = _same_list(path, desired)
            is_first = (
                next((one.kind_of_element for one in mates.values()), path.kind_of_element) == path.kind_of_element
            )
            others = [
                name
                for name, one in mates.items()
                if one.kind_of_element != path.kind_of_element and one.sub == path.sub
            ]
            value = bare_expression(
                path,
                "t.resource",
                wanted,
                untyped=path.whole.lower() in untyped and is_first,
                was=f"b.{column}::VARCHAR" if path.whole.lower() in untyped and attribute.path in before else None,
                others=[f"d.{identifier(name)}::VARCHAR" for name in others],
            )
            chosen.append(f"coalesce(t.{column}::VARCHAR, {value}) AS {column}")
            joins += [join for join, have in ((_DESIRED, desired), (_BEFORE, before)) if attribute.path in have]
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
        f"FROM target t JOIN key_of o ON o.profile_id = t.id {' '.join(dict.fromkeys(joins))} ORDER BY o.key",
        into,
    )


def _same_list(path: ScimPath, desired: Iterable[str]) -> dict[str, ScimPath]:
    """The columns of ``desired`` that hold elements of the same list, told by their ``type``, and their paths."""
    known = {name: parse(name) for name in desired if name.startswith(f"{path.whole}[")}
    return {name: one for name, one in known.items() if one.whole == path.whole and one.kind_of_element}


def _columns_if_any(connection: DuckDBPyConnection, name: str) -> Collection[str]:
    found = connection.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [name]).fetchone()
    return columns_of(connection, name) if found else ()
