"""``actual.parquet``: the target's profiles in the words of ``desired.parquet``, references as people's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from trueup.transforms.duck.quoting import identifier
from trueup.transforms.duck.relations import columns_of, write
from trueup.transforms.values.columns import Claims, bare_expression
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
            are managed, it is the first kind's, and only if no other kind is to have that value, or had it.
        before: columns of ``desired_before``, what the last applied run wanted: so an element of a list without
            types is known again.
        linked: profiles that were not read have the people ``links_before`` gives them to.
    """
    have = columns_of(connection, "target")
    desired = _columns_if_any(connection, "desired") if bare else ()
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
            known = _Known(desired, before, path.whole.lower() in untyped)
            value = known.element(attribute.path, path)
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


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a list whose elements came without ``type``."""

    desired: Collection[str]
    """The columns of ``desired``, as ``d``."""
    before: Collection[str]
    """Those of ``desired_before``, as ``b``."""
    untyped: bool
    """Whether the target keeps no types there."""

    def element(self, name: str, path: ScimPath) -> str:
        """SQL for the element that ``path``, the column ``name``, means."""
        wanted = f"d.{identifier(name)}::VARCHAR" if name in self.desired else "NULL::VARCHAR"
        if not self.untyped:
            return bare_expression(path, "t.resource", wanted, untyped=False)
        told = {one: parse(one) for one in (self.desired or self.before) if one.startswith(f"{path.whole}[")}
        kinds = [one.kind_of_element for one in told.values() if one.whole == path.whole and one.kind_of_element]
        others = [k for k, one in told.items() if one.kind_of_element != path.kind_of_element and one.sub == path.sub]
        claims = Claims(
            f"b.{identifier(name)}::VARCHAR" if name in self.before else "NULL::VARCHAR",
            tuple(f"d.{identifier(one)}::VARCHAR" for one in others if one in self.desired),
            tuple(f"b.{identifier(one)}::VARCHAR" for one in others if one in self.before),
        )
        is_first = not kinds or kinds[0] == path.kind_of_element
        return bare_expression(path, "t.resource", wanted, untyped=is_first, claims=claims)


def _columns_if_any(connection: DuckDBPyConnection, name: str) -> Collection[str]:
    try:
        return columns_of(connection, name)
    except duckdb.CatalogException:
        return ()
