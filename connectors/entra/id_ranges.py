"""A read of users, a slice of ids after the other: what needs all users at once needs few of them at a time."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from duckdb import DuckDBPyConnection

SLICE = 32_000
"""About so many users are sorted and written at once."""
COUNTED = 200_000
"""About so many ids are counted at once."""
ROW_GROUP = 4_096
"""Rows in a row group of a read: few, so that a slice finds its own without the rest."""
AS_A_READ = f"ROW_GROUP_SIZE {ROW_GROUP}"
"""How DuckDB writes a read that is not to be the last."""
_EVERY = 256
"""One id in so many is looked at to see where to cut."""


def slices(engine: DuckDBPyConnection, path: Path, size: int = SLICE) -> Iterator[None]:
    """Let ``users_read`` be the read at ``path``, and the macro ``within(id)`` true for one slice of it, turn by turn.

    Slices are in the order of ids and hold every user once, all repeats of a user in the same one; there is at least
    one. Where the read is in sorted runs of small row groups, a slice reads little besides itself.
    """
    engine.execute(f"CREATE OR REPLACE VIEW users_read AS FROM {rows_of(path)}")
    for low, high in pairwise([None, *_cuts(engine, size), None]):
        tests = [f"t {sign} {literal(bound)}" for sign, bound in ((">=", low), ("<", high)) if bound is not None]
        engine.execute(f"CREATE OR REPLACE MACRO within(t) AS ({' AND '.join(tests) or 'TRUE'})")
        yield


def _cuts(engine: DuckDBPyConnection, size: int) -> list[str]:
    """Ids at which slices of about ``size`` users begin, but the first; the same for the same read."""
    (rows,) = engine.execute("SELECT count(*) FROM users_read").fetchall()[0]
    if rows <= size:
        return []
    some = "SELECT DISTINCT id FROM users_read WHERE hash(id) % $every = 0 ORDER BY id"
    sample = [row[0] for row in engine.execute(some, {"every": _EVERY}).fetchall()]
    step = max(1, len(sample) * size // rows)
    return sample[step::step]
