"""The users CSV that the Entra admin center downloads ("Bulk operations → Download users")."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.entra.selection import ARROW
from connectors.files.graph_shaped import incomplete
from connectors.files.text import encoding_of
from transforms.attributes import by_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.entra.pages import Problem
    from connectors.entra.selection import Selection

_BLOCK = 4 << 20
_HEADER = 1 << 20
PORTAL_NAMES = {
    "objectid": "id",
    "telephonenumber": "businessPhones",
    "mobile": "mobilePhone",
    "physicaldeliveryofficename": "officeLocation",
    "alternateemailaddress": "otherMails",
    "directorysynced": "onPremisesSyncEnabled",
    "invitationstate": "externalUserState",
    "manager": "manager",
    "managerid": "manager",
}
"""Header as the portal writes it, without case → column of ``source.parquet``, where the names differ."""


class PortalFile:
    """Reads the file once, some megabytes at a time."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self._path = path
        self._selection = selection
        self.lacking: set[str] = set()
        """Columns of the selection the file does not have; known once the first table is there."""

    def tables(self) -> Iterator[tuple[pa.Table, list[Problem]]]:
        """The users and values of a wrong form, in the order of the file. An empty cell is no value.

        Raises:
            Refused: the file is cut off, has no id column, or an entry without an id.
        """
        try:
            layout = _layout(self._path)
            with _opened(self._path, layout) as reader:
                headers = _headers(reader.schema.names)
                if "id" not in headers:
                    raise incomplete('has no column "id" or "objectId"')
                self.lacking = {column.name for column in self._selection.columns} - headers.keys()
                for batch in reader:
                    yield self._table(pa.Table.from_batches([batch]), headers)
        except (pa.ArrowInvalid, UnicodeError) as error:
            raise incomplete("is no whole CSV") from error

    def _table(self, table: pa.Table, headers: dict[str, str]) -> tuple[pa.Table, list[Problem]]:
        keys = table.column(headers["id"])
        if len(keys) and pc.any(pc.equal(keys, "")).as_py():
            raise incomplete("holds an entry without an id")
        problems: list[Problem] = []
        arrays = []
        for column in self._selection.columns:
            if column.name in self.lacking:
                arrays.append(pa.nulls(table.num_rows, ARROW[column.type]))
                continue
            values = table.column(headers[column.name]).combine_chunks()
            arrays.append(_typed(values, keys, column.name, column.type, problems))
        schema = pa.schema([(column.name, ARROW[column.type]) for column in self._selection.columns])
        return pa.Table.from_arrays(arrays, schema=schema), problems


@dataclass(frozen=True, slots=True)
class _Layout:
    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skipped: int
    """Lines before the header."""


def _layout(path: Path) -> _Layout:
    """How the file is written, from its header; read to the end once to see that no quotes are left open.

    Comma, semicolon and tab part cells, depending on where the file was saved; ``sep=;`` is a spreadsheet's hint.
    """
    encoding = encoding_of(path)
    quotes = 0
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline(_HEADER)
        skipped = 1 if first.casefold().startswith("sep=") else 0
        header = file.readline(_HEADER) if skipped else first
        quotes += first.count('"') + (header.count('"') if skipped else 0)
        while some := file.read(1 << 20):
            quotes += some.count('"')
    if quotes % 2:
        raise incomplete("is cut off inside quotes")
    outside = re.sub(r'"[^"]*"', "", header)
    delimiter = max(",;\t", key=outside.count)
    names = next(csv.reader([header.removeprefix("\ufeff").rstrip("\r\n")], delimiter=delimiter), [])
    return _Layout(encoding, delimiter, tuple(names), skipped)


def _opened(path: Path, layout: _Layout) -> arrow_csv.CSVStreamingReader:
    """The rows, every cell as text."""
    plain = layout.encoding.startswith("utf-8")
    return arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(
            block_size=_BLOCK,
            encoding="utf8" if plain else layout.encoding,
            skip_rows=layout.skipped,
            use_threads=False,
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(_spelt(layout.names), pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )


def _spelt(names: tuple[str, ...]) -> list[str]:
    """The names with and without the mark some leave before the first."""
    return [*names, *(f"\ufeff{name}" for name in names[:1])]


def _headers(names: list[str]) -> dict[str, str]:
    """Column of ``source.parquet`` → header of the file."""
    found: dict[str, str] = {}
    for name in names:
        clean = name.strip().removeprefix("\ufeff")
        attribute = by_name(clean)
        column = PORTAL_NAMES.get(clean.casefold()) or (attribute.name if attribute else clean)
        if column in found:
            raise incomplete(f"has two columns for {column}")
        found[column] = name
    return found


def _typed(values: pa.Array, keys: pa.ChunkedArray, name: str, kind: str, problems: list[Problem]) -> pa.Array:
    filled = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
    if kind == "texts":
        bounds = pa.array([0, *pc.cumulative_sum(pc.cast(pc.is_valid(filled), pa.int32())).to_pylist()], pa.int32())
        return pa.ListArray.from_arrays(bounds, filled.drop_null(), mask=pc.is_null(filled))
    if kind == "boolean":
        folded = pc.utf8_lower(filled)
        good = pc.is_in(folded, pa.array(["true", "false"]))
        wrong = pc.and_(pc.is_valid(filled), pc.invert(good))
        problems += [(key, name, "text where true or false is expected") for key in keys.filter(wrong).to_pylist()]
        return pc.if_else(good, pc.equal(folded, "true"), pa.scalar(None, pa.bool_()))
    if kind == "integer":
        digits = pc.match_substring_regex(filled, "^[0-9]{1,9}$")
        wrong = pc.and_(pc.is_valid(filled), pc.invert(pc.fill_null(digits, fill_value=False)))
        problems += [(key, name, "text where a number is expected") for key in keys.filter(wrong).to_pylist()]
        return pc.cast(
            pc.if_else(pc.fill_null(digits, fill_value=False), filled, pa.scalar(None, pa.string())), pa.int64()
        )
    return filled
