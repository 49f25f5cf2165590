"""What a way back leaves alone where somebody was erased from the run it goes back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.duck.relations import count
from trueup.transforms.erasure.stated import TOKEN, erasures

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from trueup.transforms.history import PriorRun


def leave_alone(connection: DuckDBPyConnection, before: PriorRun | None) -> tuple[str, ...]:
    """Take out of what is to be restored what nobody can know any more; returns what the reviewer must know of it.

    A value that stood for somebody erased is not restored. Whoever has no row in the run ``before`` would end as
    created since; where people were erased from it, they may have been there, and stay as they are.
    """
    mark = f"contains({{}}, {literal(TOKEN)})"
    references = count(connection, f"FROM restore_values WHERE {mark.format('wanted')}")
    connection.execute(f"DELETE FROM restore_values WHERE {mark.format('wanted')}")
    connection.execute(f"DELETE FROM returning_values WHERE {mark.format('after')}")
    notes = []
    if references:
        notes.append(f"{references:,} values that stood for a person erased since are left as they are.")
    if before is not None and erasures(before.acts):
        unknown = "first_op = 'create' AND key NOT IN (SELECT key FROM decisions_then)"
        people = count(
            connection, f"FROM lifecycle l JOIN persons p USING (key) WHERE p.profile_id IS NOT NULL AND {unknown}"
        )
        connection.execute(f"DELETE FROM lifecycle WHERE {unknown}")
        notes.append(
            f"A person was erased from run {before.run_id}: {people:,} who have no row in it are left alone, since "
            "nobody can know any more whether they were there."
        )
    return tuple(notes)
