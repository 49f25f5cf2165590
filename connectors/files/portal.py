"""The users CSV that the Entra admin center downloads ("Bulk operations → Download users")."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from trueup.connectors.entra.selection import ARROW
from trueup.connectors.entra.unsaid import UNREADABLE, UNREADABLE_TYPE
from trueup.connectors.files import cells
from trueup.connectors.files.names import Names, incomplete
from trueup.connectors.files.text import encoding_of, why_no_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trueup.connectors.entra.pages import Problem
    from trueup.connectors.entra.selection import Selection

_BLOCK = 4 << 20
_HEADER = 1 << 20
_HINTS = ("sep=", "#type", '"#type', "\ufeffsep=", "\ufeff#type")
"""Lines before the header: a spreadsheet's separator, PowerShell's name of the type."""
ENCODE = "Save it as UTF-8 (Excel: “CSV UTF-8”; PowerShell: Export-Csv -Encoding utf8), then run again."
ONE = "Leave one of them out, then run again."


class PortalFile:
    """Reads the file once, some megabytes at a time."""

    def __init__(self, path: Path, selection: Selection) -> None:
        self._path = path
        self._selection = selection
        self.lacking: set[str] = set()
        """Columns of the selection the file does not have; known once the first table is there."""

    def tables(self) -> Iterator[tuple[pa.Table, list[Problem]]]:
        """The users and values of a wrong form, in the order of the file. An empty cell is not a value.

        Raises:
            Refused: the file is cut off, has no id column, or an entry without an id.
        """
        try:
            layout = _layout(self._path)
            with _opened(self._path, layout) as reader:
                headers = _headers(reader.schema.names, self._selection)
                if "id" not in headers:
                    if why := why_no_text(self._path):
                        raise incomplete(why, remedy=ENCODE)
                    raise incomplete('has no column "id" or "objectId" (in any case)')
                self.lacking = {column.name for column in self._selection.columns} - headers.keys()
                for batch in reader:
                    yield self._table(pa.Table.from_batches([batch]), headers)
        except (pa.ArrowInvalid, UnicodeError) as error:
            if why := why_no_text(self._path):
                raise incomplete(why, remedy=ENCODE) from error
            raise incomplete("is not a whole CSV") from error

    def _table(self, table: pa.Table, headers: dict[str, str]) -> tuple[pa.Table, list[Problem]]:
        keys = table.column(headers["id"]).combine_chunks()
        if len(keys) and not pc.all(pc.match_substring_regex(keys, r"\S")).as_py():
            raise incomplete("holds an entry without an id")
        problems: list[Problem] = []
        unsaid = cells.Unsaid(table.num_rows)
        arrays = []
        for column in self._selection.columns:
            if column.name in self.lacking:
                arrays.append(pa.nulls(table.num_rows, ARROW[column.type]))
                continue
            values = table.column(headers[column.name]).combine_chunks()
            filled = pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)
            said = cells.without_types(filled, column.name, unsaid, keys, problems)
            if column.type == "texts":
                arrays.append(cells.collection(cells.present(said), column.name, unsaid, keys, problems))
            elif column.type == "boolean":
                said = cells.without_errors(cells.present(said), column.name, unsaid, keys, problems)
                arrays.append(cells.truth(said, column.name))
            elif column.type == "integer":
                arrays.append(_whole_numbers(said, keys, column.name, problems))
            else:
                arrays.append(said)
        schema = pa.schema([(column.name, ARROW[column.type]) for column in self._selection.columns])
        told = pa.Table.from_arrays(arrays, schema=schema)
        return told.append_column(pa.field(UNREADABLE, UNREADABLE_TYPE), unsaid.column()), problems


@dataclass(frozen=True, slots=True)
class _Layout:
    encoding: str
    delimiter: str
    names: tuple[str, ...]
    skipped: int
    """Lines before the header."""


def _layout(path: Path) -> _Layout:
    """How the file is written, from its header; read to the end once to see that no quotes are left open.

    Comma, semicolon and tab part cells, depending on where the file was saved. ``sep=;`` is a spreadsheet's hint and
    ``#TYPE …`` what Export-Csv writes first; both are passed over.
    """
    encoding = encoding_of(path)
    skipped, quotes = 0, 0
    with path.open(encoding=encoding, newline="") as file:
        header = file.readline(_HEADER)
        while skipped < len(_HINTS) and header.casefold().startswith(_HINTS):
            skipped += 1
            quotes += header.count('"')
            header = file.readline(_HEADER)
        quotes += header.count('"')
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


def _headers(names: list[str], selection: Selection) -> dict[str, str]:
    """Column of ``source.parquet`` → header of the file, whatever case it is written in.

    Raises:
        Refused: two headers are the same but for their case, or mean the same column.
    """
    known = Names(selection)
    found: dict[str, str] = {}
    for name in names:
        clean = name.strip().removeprefix("\ufeff").strip()
        if not clean:
            continue
        column = known.column(clean)
        if column in found:
            other = found[column].strip().removeprefix("\ufeff").strip()
            if other.casefold() == clean.casefold() and other != clean:
                raise incomplete(f'has two columns that differ only by case: "{other}" and "{clean}"', remedy=ONE)
            raise incomplete(f'has two columns for {column}: "{other}" and "{clean}"', remedy=ONE)
        found[column] = name
    return found


def _whole_numbers(filled: pa.Array, keys: pa.Array, name: str, problems: list[Problem]) -> pa.Array:
    digits = pc.fill_null(pc.match_substring_regex(filled, "^[0-9]{1,9}$"), fill_value=False)
    wrong = pc.and_(pc.is_valid(filled), pc.invert(digits))
    problems += [(key, name, "text where a number is expected") for key in keys.filter(wrong).to_pylist()]
    return pc.cast(pc.if_else(digits, filled, pa.scalar(None, pa.string())), pa.int64())
