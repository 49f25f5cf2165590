"""Which people ``--only`` names: by object id, user name, e-mail, or ``profile:`` and its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transforms.engine import statement
from transforms.errors import Misused
from transforms.inputs import empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection


def select(connection: DuckDBPyConnection, only: Sequence[str]) -> int:
    """Make ``selected`` (key) from ``persons`` and ``users``; returns how many people that is.

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
    found = connection.execute("SELECT count(*) FROM selected").fetchone()
    return int(found[0]) if found else 0
