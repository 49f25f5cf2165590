"""Which rows of a file are new or other than those of an earlier one: value by value, both read once, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.transforms.duck.parquet import open_file, schema_of
from trueup.transforms.fingerprint import is_sorted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_ROWS = 65_536


def changed_keys(before: Path, now: Path, key: str, *, without: Collection[str] = ()) -> pa.Array | None:
    """Keys of the rows of ``now`` that ``before`` does not have, or has with another value in any column.

    None where the two cannot be compared so: they have other columns, or one is not in the order of its keys.

    Args:
        before: a Parquet file.
        now: another, of the same columns.
        key: the column that names a row.
        without: columns that do not count.
    """
    earlier, later = schema_of(before), schema_of(now)
    columns = [name for name in later.names if name not in without]
    if sorted(columns) != sorted(name for name in earlier.names if name not in without):
        return None
    if any(later.field(name).type != earlier.field(name).type for name in columns):
        return None
    if not (is_sorted(before, (key,)) and is_sorted(now, (key,))):
        return None
    found = [pa.array([], later.field(key).type)]
    with open_file(before) as old, open_file(now) as new:
        others = _Ahead(old.iter_batches(_ROWS, columns=columns), key)
        for batch in new.iter_batches(_ROWS, columns=columns):
            ours = pa.Table.from_batches([batch])
            found.append(_changed(ours, others.up_to(batch.column(key)[-1]), key))
    return pa.concat_arrays(found)


class _Ahead:
    """The rows of an ordered file, taken up to one key after another."""

    def __init__(self, batches: Iterator[pa.RecordBatch], key: str) -> None:
        self._batches = batches
        self._key = key
        self._waiting: list[pa.RecordBatch] = []

    def up_to(self, last: pa.Scalar) -> pa.Table | None:
        """Every row that was not taken yet and whose key is not greater than ``last``; None where there is none."""
        taken, waiting = [], iter(self._waiting)
        self._waiting = []
        while (batch := next(waiting, None) or next(self._batches, None)) is not None:
            rows = pc.sum(pc.less_equal(batch.column(self._key), last)).as_py() or 0
            taken.append(batch.slice(0, rows))
            if rows < batch.num_rows:
                self._waiting = [batch.slice(rows), *waiting]
                break
        return pa.Table.from_batches(taken) if any(batch.num_rows for batch in taken) else None


def _changed(ours: pa.Table, others: pa.Table | None, key: str) -> pa.Array:
    """Keys of the rows of ``ours`` that ``others`` does not have as they are."""
    keys = ours.column(key).combine_chunks()
    if others is None:
        return keys
    there = others.column(key).combine_chunks()
    if keys.equals(there):
        places, differs = None, pa.repeat(pa.scalar(value=False), len(keys))
    else:
        places = pc.index_in(keys, value_set=there)
        differs = places.is_null()
    for name in ours.column_names:
        theirs = others.column(name).combine_chunks()
        found = _differs(ours.column(name).combine_chunks(), theirs if places is None else theirs.take(places))
        if found is not None:
            differs = pc.or_(differs, found)
    return keys.filter(differs)


def _differs(ours: Any, theirs: Any) -> Any:
    """Row by row, whether two columns differ, null being a value like any other; None where no row does."""
    if ours.equals(theirs):
        return None
    if pa.types.is_nested(ours.type):
        rows = set(_unequal(ours, theirs, 0))
        return pa.array([row in rows for row in range(len(ours))], pa.bool_())
    other = pc.fill_null(pc.not_equal(ours, theirs), fill_value=False)
    return pc.or_(other, pc.xor(ours.is_valid(), theirs.is_valid()))


def _unequal(ours: Any, theirs: Any, start: int) -> Iterator[int]:
    """Rows of lists that differ: Arrow compares them as a whole only, so that halves are asked about."""
    if ours.equals(theirs):
        return
    if len(ours) == 1:
        yield start
        return
    half = len(ours) // 2
    yield from _unequal(ours.slice(0, half), theirs.slice(0, half), start)
    yield from _unequal(ours.slice(half), theirs.slice(half), start + half)
