"""Which people ``--only`` names: by object id, user name, e-mail, or ``profile:`` and its id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.relations import columns_of, empty, view
from trueup.transforms.errors import Misused
from trueup.transforms.planning.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from trueup.transforms.run_files import RunFiles


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that means nobody of an earlier run."""

    name: str
    close: tuple[str, ...]
    """At most three known names that look like it, best first."""
    is_slip: bool
    """Whether it differs so little for its length that one of ``close`` was most likely meant."""


def unknown_in(files: RunFiles, names: Sequence[str]) -> tuple[Unknown, ...]:
    """The names that mean nobody of an earlier run.

    An object id or a profile's looks like no other: one letter makes another person of it.
    """
    with connect() as connection:
        _look_up(connection, files, names)
        rows = connection.execute(statement("selection_unknown")).fetchall()
    return tuple(Unknown(str(wish), tuple(close), bool(is_slip)) for wish, close, is_slip in rows)


def keys_of(files: RunFiles, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Name → keys of the people it meant in an earlier run, sorted; names that meant nobody are not in it."""
    with connect() as connection:
        _look_up(connection, files, names)
        rows = connection.execute(
            "SELECT wish, list(DISTINCT key ORDER BY key) FROM selection GROUP BY wish"
        ).fetchall()
    return {str(wish): tuple(keys) for wish, keys in rows}


def not_selected(files: RunFiles) -> int:
    """How many people a plan for some would write, were it for them."""
    with connect(threads=1) as connection:
        view(connection, "decisions", files.decisions)
        found = connection.execute("SELECT count(*) FROM decisions WHERE reason_code = 'not_selected'").fetchone()
    return int(found[0]) if found else 0


def _look_up(connection: DuckDBPyConnection, files: RunFiles, names: Sequence[str]) -> None:
    """``selection`` (wish, key), with ``persons`` and ``users``, of an earlier run."""
    connection.execute(
        f"CREATE TEMP VIEW persons AS SELECT key, source_id, profile_id, user_name FROM {rows_of(files.decisions)}"
    )
    view(connection, "source", files.source, columns=("id", "userPrincipalName", "mail"))
    have = columns_of(connection, "source")
    user_name, mail = (column if column in have else "NULL" for column in ("userPrincipalName", "mail"))
    connection.execute(
        f"CREATE TEMP VIEW users AS SELECT id AS source_id, {user_name}::VARCHAR AS user_name, "
        f"{mail}::VARCHAR AS mail FROM source"
    )
    empty(connection, "wished", ("wish",))
    connection.executemany("INSERT INTO wished VALUES (?)", [(name,) for name in dict.fromkeys(names)])
    connection.execute(f"CREATE TEMP TABLE selection AS {statement('selection')}")


def select(connection: DuckDBPyConnection, only: Sequence[str]) -> None:
    """Make ``selected`` (key) from ``persons`` and ``users``.

    Raises:
        Misused: one of ``only`` names nobody.
    """
    empty(connection, "wished", ("wish",))
    connection.executemany("INSERT INTO wished VALUES (?)", [(wish,) for wish in only])
    connection.execute(f"CREATE OR REPLACE TEMP TABLE selection AS {statement('selection')}")
    rows = connection.execute("SELECT wish FROM wished ANTI JOIN selection USING (wish)").fetchall()
    if unknown := {wish for (wish,) in rows}:
        # Said by place: a user name or an e-mail is personal data, and this sentence is kept with the flow run.
        places = ", ".join(str(place) for place, wish in enumerate(only, start=1) if wish in unknown)
        given = f": number {places} of the {len(only)} given" if len(only) > 1 else ""
        raise Misused(
            f"--only{given} names no user and no profile.",
            remedy="Give an object id, a user name or an e-mail as the source or the target spells it.",
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE selected AS SELECT DISTINCT key FROM selection")
