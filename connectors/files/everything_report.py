"""A directory report such as Pingboard's Everything Report (CSV or XLSX) as a table of SCIM paths."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from transforms.errors import Misused, Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

EMAIL_HEADERS = ("email", "e-mail", "email address", "e-mail address", "work email", "work e-mail", "primary email")
DEFAULT_COLUMNS = {
    "first name": "name.givenName",
    "given name": "name.givenName",
    "last name": "name.familyName",
    "surname": "name.familyName",
    "family name": "name.familyName",
    "nickname": "nickName",
    "preferred name": "nickName",
    "display name": "displayName",
    "full name": "displayName",
    "job title": "title",
    "title": "title",
    "department": f"{ENTERPRISE}:department",
    "departments": f"{ENTERPRISE}:department",
    "employee id": f"{ENTERPRISE}:employeeNumber",
    "employee number": f"{ENTERPRISE}:employeeNumber",
    "cost center": f"{ENTERPRISE}:costCenter",
    "division": f"{ENTERPRISE}:division",
    "company": f"{ENTERPRISE}:organization",
    "phone": 'phoneNumbers[type eq "work"].value',
    "work phone": 'phoneNumbers[type eq "work"].value',
    "office phone": 'phoneNumbers[type eq "work"].value',
    "mobile": 'phoneNumbers[type eq "mobile"].value',
    "mobile phone": 'phoneNumbers[type eq "mobile"].value',
    "cell phone": 'phoneNumbers[type eq "mobile"].value',
    "office": 'addresses[type eq "work"].formatted',
    "location": 'addresses[type eq "work"].formatted',
    "manager email": f"{ENTERPRISE}:manager",
    "reports to email": f"{ENTERPRISE}:manager",
}
"""Header without case → SCIM path; a mapping given by the caller goes first."""

_OTHER_KINDS = frozenset({".json", ".ndjson", ".jsonl", ".parquet", ".xls", ".ods", ".pdf", ".html"})


def read_everything_report(path: Path, columns: Mapping[str, str] | None = None) -> pa.Table:
    """One row per person: ``email`` and a text column per SCIM path; an empty cell is null.

    Headers are compared without case; those neither in ``columns`` nor known are left out. A manager is given
    by e-mail.

    Args:
        path: ``.csv`` (UTF-8, comma, semicolon or tab) or ``.xlsx`` (first sheet).
        columns: header → SCIM path, before the defaults; ``email`` names the column people are matched by.

    Raises:
        Misused: no such file, another kind of file, no column of e-mail addresses, or none besides.
        Refused: a row is cut off, has no e-mail, or one e-mail occurs twice.
    """
    if path.suffix.casefold() in _OTHER_KINDS:
        raise Misused(f"{path.name} is neither CSV nor XLSX.", remedy="Export the report as CSV (UTF-8) or XLSX.")
    rows = list(_xlsx(path) if path.suffix.casefold() in {".xlsx", ".xlsm"} else _csv(path))
    if not rows:
        raise Misused(f"{path.name} is empty.", remedy="Export the report again.")
    header, *people = rows
    places = _places(header, columns or {})
    if "email" not in places:
        raise Misused(
            f"{path.name} has no column of e-mail addresses (one of: {', '.join(EMAIL_HEADERS)}).",
            remedy="Rename the header of the column with the e-mail addresses to: email",
        )
    table = pa.table(
        {name: pa.array([_cell(row, place) for row in people], pa.string()) for name, place in places.items()}
    )
    _check(table.column("email").to_pylist(), path)
    if len(places) == 1:
        raise Misused(
            f"{path.name} has no column that is known besides the e-mail, so there is nothing to restore.",
            remedy=f"Name its columns as one of: {', '.join(DEFAULT_COLUMNS)}.",
        )
    return table


def _places(header: list[Any], columns: Mapping[str, str]) -> dict[str, int]:
    own = {name.strip().casefold(): target for name, target in columns.items()}
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        name = str(cell or "").removeprefix("\ufeff").strip().casefold()
        target = own.get(name) or ("email" if name in EMAIL_HEADERS else DEFAULT_COLUMNS.get(name))
        if target and (target not in places or name in own):
            places[target] = place
    return places


def _cell(row: list[Any], place: int) -> str | None:
    value = row[place] if place < len(row) else None
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text or None


def _check(emails: list[str | None], path: Path) -> None:
    folded = [email.strip().casefold() for email in emails if email]
    without, twice = len(emails) - len(folded), len(folded) - len(set(folded))
    if without or twice:
        raise Refused(
            Refusal(
                "report_ambiguous",
                f"{path.name}: {without} rows have no e-mail, {twice} repeat one that came before.",
                remedy="Correct these rows; people are matched by e-mail.",
            )
        )


def _csv(path: Path) -> Iterator[list[Any]]:
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
                yield row
    except csv.Error as error:
        raise _cut_off(path, number + 1) from error


def _cut_off(path: Path, number: int) -> Refused:
    text = f"{path.name} is cut off or malformed at row {number}."
    return Refused(Refusal("report_incomplete", text, remedy="Export it again."))


def _xlsx(path: Path) -> Iterator[list[Any]]:
    from zipfile import BadZipFile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise Misused(f"{path.name} cannot be read as a workbook.", remedy="Export it again as XLSX.") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            if any(cell is not None for cell in row):
                yield list(row)
    finally:
        book.close()
