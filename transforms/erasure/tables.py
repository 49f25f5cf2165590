"""Parquet files without one person: their rows go, what names them in other rows gives way; schema and order stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.transforms.duck.parquet import create_file, open_file
from trueup.transforms.erasure.person import is_name
from trueup.transforms.erasure.texts import GONE, forgotten, spellings, text_at

if TYPE_CHECKING:
    from pathlib import Path

    from trueup.transforms.erasure.person import Person

_ROWS = 65_536
_WHOSE = {"source": ("id",), "target": ("id",), "target_after": ("id",)}
_WHOSE_ELSE = ("key", "source_id", "profile_id")
_VALUES = frozenset({"resource", "before", "after", "expected", "found", "written", "value"})
"""Columns that hold values of attributes; which one, a column ``attribute`` or the value itself says."""


def write_without(path: Path, into: Path, person: Person) -> bool:
    """Write the file without the person; whether it was another one. What nobody would miss is not written.

    Memory stays bounded by the rows of one batch.
    """
    with open_file(path) as file:
        schema = file.schema_arrow
        if all(_without(batch, path.stem, person) is None for batch in file.iter_batches(_ROWS)):
            return False
        compression = file.metadata.row_group(0).column(0).compression if file.metadata.num_row_groups else "ZSTD"
        with create_file(into, schema, compression=compression) as writer:
            for batch in file.iter_batches(_ROWS):
                left = _without(batch, path.stem, person)
                writer.write_table(pa.Table.from_batches([batch if left is None else left]), row_group_size=_ROWS)
    return True


def rows_about(path: Path, person: Person) -> int:
    """How many rows of the file are about the person."""
    with open_file(path) as file:
        names = [name for name in _WHOSE.get(path.stem, _WHOSE_ELSE) if name in file.schema_arrow.names]
        if not names:
            return 0
        batches = file.iter_batches(_ROWS, columns=names)
        return sum(int(pc.sum(_about(batch, path.stem, person)).as_py() or 0) for batch in batches)


def _about(batch: pa.RecordBatch, stem: str, person: Person) -> Any:
    """For each row whether it is about the person."""
    keys = pa.array(sorted(person.keys), pa.string())
    verdict: Any = pa.array([False] * batch.num_rows, pa.bool_())
    for name in _WHOSE.get(stem, _WHOSE_ELSE):
        if name in batch.schema.names:
            verdict = pc.or_(verdict, pc.is_in(batch.column(name).cast(pa.string()), value_set=keys))
    return verdict


def _without(batch: pa.RecordBatch, stem: str, person: Person) -> pa.RecordBatch | None:
    """The batch without the person; none where nothing of it is about them."""
    about = _about(batch, stem, person)
    is_about = bool(pc.any(about).as_py())
    others = batch.filter(pc.invert(about)) if is_about else batch
    said = {name: _column(others, name, stem, person) for name in others.schema.names}
    if not is_about and all(one is None for one in said.values()):
        return None
    columns = [others.column(name) if one is None else one for name, one in said.items()]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _column(rows: pa.RecordBatch, name: str, stem: str, person: Person) -> Any:
    """The column without the person; none where no value of it names them."""
    column = rows.column(name)
    texts = _texts(column)
    if texts is None or not len(column):
        return None
    if name in _WHOSE.get(stem, _WHOSE_ELSE) or is_name(name):
        return None
    is_value = name in _VALUES
    pattern = _sought(person, reference=is_value or "manager" in name.lower())
    if not pattern or not _hits(texts, pattern):
        return None
    values = column.to_pylist()
    of = _standing_at(rows) if is_value else [name] * len(column)
    said = [_value(one, person, at or name) for one, at in zip(values, of, strict=True)]
    return None if said == values else pa.array(said, column.type)


def _standing_at(rows: pa.RecordBatch) -> list[str | None]:
    """What each value is of: an attribute, or in a side file the member of the record, which may list people."""
    if "attribute" in rows.schema.names:
        return [None if one is None else str(one) for one in rows.column("attribute").to_pylist()]
    if "place" in rows.schema.names:
        return [re.sub(r"/\d+$", "", str(one)) for one in rows.column("place").to_pylist()]
    return [None] * rows.num_rows


def _value(value: Any, person: Person, name: str) -> Any:
    if isinstance(value, str):
        return text_at(value, person, name)
    said = forgotten(value, person, name)
    return None if said is GONE else said


def _texts(column: Any) -> Any:
    """All text in a column, end to end; none where it holds none."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [column]
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _texts(column.flatten())
    if pa.types.is_struct(kind):
        found = [texts for part in column.flatten() if (texts := _texts(part)) is not None]
        return [one for texts in found for one in texts] or None
    return None


def _hits(texts: Any, pattern: str) -> bool:
    return any(bool(pc.any(pc.match_substring_regex(one, pattern)).as_py()) for one in texts)


def _sought(person: Person, *, reference: bool) -> str:
    words = {*person.words, *person.sought, *person.clear, *(person.bare if reference else ())}
    spelt = sorted({one for word in words for one in spellings(word)}, key=len, reverse=True)
    return f"(?i)(?:{'|'.join(re.escape(one) for one in spelt)})" if spelt else ""
