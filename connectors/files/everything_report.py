"""A directory report such as Pingboard's Everything Report (CSV or XLSX) as a table of people and SCIM paths.

Pingboard's help pages: managers stand under *Reports To* as e-mail, "First Last" or Pingboard User ID; people have a
*Pingboard User ID*; only a name is required of a profile.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from trueup.connectors.files.report_headers import Headers, headers_of
from trueup.transforms.errors import Misused, Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_OTHER_KINDS = frozenset({".json", ".ndjson", ".jsonl", ".parquet", ".xls", ".ods", ".pdf", ".html"})
_GIVEN, _FAMILY, _DISPLAY = "name.givenName", "name.familyName", "displayName"


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says, and what of it was not understood."""

    table: pa.Table
    """``row`` (in the file, the header is 1), ``email``, ``id``, ``name``, and a text column per SCIM path; an empty
    cell is null."""
    notes: tuple[str, ...]
    """A sentence for every kind of thing that was passed over."""


def read_everything_report(
    path: Path, columns: Mapping[str, str] | None = None, *, managed: Iterable[str] | None = None
) -> Report:
    """One row per person; who is meant by it is not judged here.

    Headers are compared without case. Those neither in ``columns`` nor known are named in the notes.

    Args:
        path: ``.csv`` (UTF-8, comma, semicolon or tab) or ``.xlsx`` (first sheet).
        columns: header → SCIM path, ``email`` or ``id``; goes before what is known of headers.
        managed: SCIM paths the mapping manages; what else the report holds is named in the notes. None: not known.

    Raises:
        Misused: no such file, another kind of file, no column that says who a row is about, none besides, or a header
            of ``columns`` that is not there.
        Refused: the file is cut off.
    """
    if path.suffix.casefold() in _OTHER_KINDS:
        raise Misused(f"{path.name} is neither CSV nor XLSX.", remedy="Export the report as CSV (UTF-8) or XLSX.")
    rows = list(_xlsx(path) if path.suffix.casefold() in {".xlsx", ".xlsm"} else _csv(path))
    if not rows:
        raise Misused(f"{path.name} is empty.", remedy="Export the report again.")
    (_, header), *people = rows
    found = headers_of(header, columns or {}, managed=managed, file=path.name)
    return Report(_table(people, found), found.notes)


def _table(people: list[tuple[int, list[Any]]], found: Headers) -> pa.Table:
    # A row whose every cell is blank is about nobody: spreadsheets leave such rows behind.
    filled = [(number, row) for number, row in people if any(_cell(row, place) for place in range(len(row)))]
    cells = {name: [_cell(row, place) for _, row in filled] for name, place in found.places.items()}
    nothing: list[str | None] = [None] * len(filled)
    names = zip(*(cells.get(path, nothing) for path in (_GIVEN, _FAMILY, _DISPLAY)), strict=True)
    who: dict[str, pa.Array] = {
        "row": pa.array([number for number, _ in filled], pa.int64()),
        "email": pa.array(cells.pop("email", nothing), pa.string()),
        "id": pa.array(cells.pop("id", nothing), pa.string()),
        "name": pa.array([_full_name(*parts) for parts in names], pa.string()),
    }
    return pa.table({**who, **{name: pa.array(column, pa.string()) for name, column in cells.items()}})


def _full_name(given: str | None, family: str | None, display: str | None) -> str | None:
    return f"{given.strip()} {family.strip()}" if given and family else display


def _cell(row: list[Any], place: int) -> str | None:
    value = row[place] if place < len(row) else None
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text if text.strip() else None


def _csv(path: Path) -> Iterator[tuple[int, list[Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"{path.name} cannot be read as UTF-8 text.", remedy="Export it as CSV (UTF-8).") from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    width, number = 0, 0
    try:
        for number, row in enumerate(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True), 1):
            width = width or len(row)
            if row and len(row) != width:
                raise _cut_off(path, number)
            if row:
                yield number, row
    except csv.Error as error:
        raise _cut_off(path, number + 1) from error


def _cut_off(path: Path, number: int) -> Refused:
    text = f"{path.name} is cut off or malformed at row {number}."
    return Refused(Refusal("report_incomplete", text, remedy="Export it again."))


def _xlsx(path: Path) -> Iterator[tuple[int, list[Any]]]:
    from zipfile import BadZipFile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise Misused(f"{path.name} cannot be read as a workbook.", remedy="Export it again as XLSX.") from error
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            if any(cell is not None for cell in row):
                yield number, list(row)
    finally:
        book.close()
