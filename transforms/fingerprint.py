"""What a plan says, as one SHA-256: over content, never over file bytes, row order or Parquet's own choices."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.parquet import open_file, rows_of, schema_of
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.errors import Refusal, Refused
from trueup.transforms.private import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trueup.transforms.run_files import RunFiles
    from trueup.transforms.settings import Settings

VERSION = 1
"""The rule new runs are sealed by; kept in the manifest as ``fingerprint_version``."""
ROWS = 65_536
"""Rows hashed at a time; part of the format, so that how a file is cut into row groups does not matter."""
_READ = 8_192
"""Rows decoded at a time; they wait in such pieces, and are hashed piece by piece, so that nothing is copied."""
_AT_ONCE = 2
"""Files hashed side by side: more take more memory and, on two cores, no less time."""
# Made of bytes: to turn a Python value into one of Arrow's loads pandas, for which an approval has no other use.
_NOUGHT = pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(bytes(8))])[0]
_NO_TEXT = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(bytes(16)), pa.py_buffer(b"")])[0]


def configuration_digest(settings: Settings, extra: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the configuration that matters (design: scope, mapping, matching … target URL).

    Args:
        settings: the whole configuration; only ``what_matters()`` of it counts.
        extra: the digest of every file the configuration names, by the key that names it.
    """
    content = {"settings": settings.what_matters(), "files": dict(extra)}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(files: RunFiles, configuration_digest: str, *, version: int = VERSION) -> str:
    """SHA-256, in hex, over the sorted content of source, target, decisions and changes, mapping and configuration.

    The same for any order of rows and columns, any compression and any cut into row groups; another for any other
    value, including null against empty text. Memory stays bounded by ``ROWS`` rows per file where files are sorted.

    Args:
        files: the run.
        configuration_digest: of :func:`configuration_digest`.
        version: the rule, as the run's manifest names it: an earlier run is held against its own.

    Raises:
        Refused: a newer Trueup sealed the run by a rule that is not known here.
    """
    if version not in _RULES:
        raise Refused(
            Refusal(
                code="newer_version",
                message=f"Run {files.run_id} was sealed by a newer Trueup (fingerprint version {version}; the newest "
                f"known here is {VERSION}).",
                remedy="Use the version of Trueup that made the run, or a later one.",
            )
        )
    return _RULES[version](files, configuration_digest)


def _rule_1(files: RunFiles, configuration_digest: str) -> str:
    parts = (
        (files.source, ("id",)),
        (files.target, ("id",)),
        (files.decisions, ("key",)),
        (files.changes, ("key", "attribute")),
    )
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        digests = list(pool.map(lambda part: content_digest(*part), parts))
    whole = hashlib.sha256(b"trueup plan 1\0")
    for (path, _), digest in zip(parts, digests, strict=True):
        whole.update(path.name.encode() + b"\0" + digest)
    whole.update(b"mapping.sql\0" + hashlib.sha256(read_bytes(files.mapping_sql)).digest())
    whole.update(b"configuration\0" + configuration_digest.encode())
    return whole.hexdigest()


_RULES = {VERSION: _rule_1}
"""Every rule a run was ever sealed by. A new one is added with the next number; none is ever changed."""


def content_digest(path: Path, keys: tuple[str, ...]) -> bytes:
    """SHA-256 of the rows of the Parquet file ``path`` in the order of ``keys``, whatever order they lie in."""
    schema = schema_of(path)
    names = sorted(schema.names)
    digest = hashlib.sha256(json.dumps(names, ensure_ascii=False).encode())
    batches = _as_they_lie(path, names) if is_sorted(path, keys) else _sorted(path, names, keys)
    rows = 0
    for table in _cut(batches):
        rows += table.num_rows
        for name in names:
            _feed(digest, table.column(name).chunks)
    digest.update(f"rows {rows}".encode())
    return digest.digest()


def is_sorted(path: Path, keys: tuple[str, ...]) -> bool:
    """Whether the rows lie in strictly ascending order of ``keys``, compared byte by byte."""
    last: tuple[Any, ...] | None = None
    with open_file(path) as file:
        for batch in file.iter_batches(ROWS, columns=list(keys)):
            columns = [batch.column(key) for key in keys]
            if any(column.null_count for column in columns):
                return False
            first = tuple(column[0].as_py() for column in columns)
            if last is not None and not _bytes(last) < _bytes(first):
                return False
            if not _ascends(columns):
                return False
            last = tuple(column[-1].as_py() for column in columns)
    return True


def _bytes(row: tuple[Any, ...]) -> tuple[bytes, ...]:
    return tuple(str(value).encode() for value in row)


def _ascends(columns: list[pa.Array]) -> bool:
    """Whether each row is greater than the one before it."""
    verdict: Any = None
    for column in reversed(columns):
        before, after = column.slice(0, len(column) - 1), column.slice(1)
        greater = pc.greater(after, before)
        verdict = greater if verdict is None else pc.or_(greater, pc.and_(pc.equal(after, before), verdict))
    return bool(pc.all(verdict, min_count=0).as_py())


def _as_they_lie(path: Path, names: list[str]) -> Iterator[pa.RecordBatch]:
    with open_file(path) as file:
        yield from file.iter_batches(_READ, columns=names)


def _sorted(path: Path, names: list[str], keys: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    # Keys first, then everything: rows with equal keys have one order too.
    order = ", ".join(identifier(name) for name in (*keys, *(n for n in names if n not in keys)))
    chosen = ", ".join(identifier(name) for name in names)
    connection = connect()
    try:
        query = f"SELECT {chosen} FROM {rows_of(path)} ORDER BY {order}"
        reader: pa.RecordBatchReader = connection.sql(query).to_arrow_reader(_READ)
        yield from reader
    finally:
        connection.close()


def _cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in tables of exactly ``ROWS`` rows, but for the last."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rest = batch
        while rows + rest.num_rows >= ROWS:
            head = rest.slice(0, ROWS - rows)
            yield pa.Table.from_batches([*waiting, head])
            rest, waiting, rows = rest.slice(head.num_rows), [], 0
        if rest.num_rows:
            waiting.append(rest)
            rows += rest.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting)


def _feed(digest: Any, pieces: list[Any]) -> None:
    """Add one column, in pieces: which rows have a value, how long each is, and the values end to end."""
    kind = pieces[0].type
    if pa.types.is_dictionary(kind):
        pieces, kind = [values.dictionary_decode() for values in pieces], kind.value_type
    digest.update(b"v")
    for values in pieces:
        digest.update(_plain(pc.cast(values.is_valid(), pa.uint8())) if values.null_count else b"\1" * len(values))
    if pa.types.is_null(kind):
        return
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        digest.update(b"l")
        for values in pieces:
            digest.update(_plain(_of_nulls(pc.list_value_length(values).cast(pa.int64()), _NOUGHT)))
        _feed(digest, [values.flatten() for values in pieces])
    elif pa.types.is_struct(kind):
        parts = [values.flatten() for values in pieces]
        for number in sorted(range(kind.num_fields), key=lambda n: kind.field(n).name):
            digest.update(b"f" + kind.field(number).name.encode())
            _feed(digest, [part[number] for part in parts])
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        _feed_text(digest, pieces)
    else:
        _feed_text(digest, [values.cast(pa.large_string()) for values in pieces])


def _feed_text(digest: Any, pieces: list[Any]) -> None:
    """Text is hashed where it lies: only a piece with nulls is copied, as what lies below a null is not known."""
    digest.update(b"t")
    for values in pieces:
        digest.update(_plain(_of_nulls(pc.binary_length(values).cast(pa.int64()), _NOUGHT)))
    for values in pieces:
        digest.update(_text(_of_nulls(values.cast(pa.large_string()), _NO_TEXT) if values.null_count else values))


def _of_nulls(values: Any, stands_for: Any) -> Any:
    return pc.fill_null(values, stands_for) if values.null_count else values


def _text(values: Any) -> memoryview | bytes:
    """The characters of texts without nulls, end to end."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return b""
    kind = pa.int64() if pa.types.is_large_string(values.type) else pa.int32()
    bounds = pa.Array.from_buffers(kind, len(values) + 1, [None, offsets], offset=values.offset)
    return memoryview(data)[bounds[0].as_py() : bounds[len(values)].as_py()]


def _plain(numbers: Any) -> bytes:
    """The numbers end to end, little-endian, without what Arrow keeps around them."""
    width = numbers.type.bit_width // 8
    buffer = numbers.buffers()[1]
    start = numbers.offset * width
    return bytes(memoryview(buffer)[start : start + len(numbers) * width]) if buffer is not None else b""
