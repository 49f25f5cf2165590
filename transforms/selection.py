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
    unknown = connection.execute("SELECT count(*) FROM wished ANTI JOIN selection USING (wish)").fetchone()
    if unknown and unknown[0]:
        raise Misused(
            f"--only: {unknown[0]} of the {len(only)} given name no user and no profile.",
            remedy="Give an object id, a user name or an e-mail as the source or the target spells it.",
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE selected AS SELECT DISTINCT key FROM selection")
    found = connection.execute("SELECT count(*) FROM selected").fetchone()
    return int(found[0]) if found else 0
