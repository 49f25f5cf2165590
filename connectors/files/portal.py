"""The users CSV that the Entra admin center downloads ("Bulk operations → Download users")."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connectors.entra.selection import ARROW
from connectors.files.graph_shaped import incomplete
from transforms.attributes import by_name

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.entra.pages import Problem
    from connectors.entra.selection import Selection

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


def read_portal_csv(path: Path, selection: Selection) -> tuple[pa.Table, list[Problem], set[str]]:
    """The users, values of a wrong form, and the columns the file does not have.

    An empty cell is no value.

    Raises:
        Refused: the file is cut off, has no id column, or an entry without an id.
    """
    if path.read_bytes().count(b'"') % 2:
        raise incomplete("is cut off inside quotes")
    try:
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=_all_text(path), strings_can_be_null=False, quoted_strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise incomplete("is no whole CSV") from error
    headers = _headers(table.column_names)
    if "id" not in headers:
        raise incomplete('has no column "id" or "objectId"')
    keys = table.column(headers["id"])
    if len(keys) and pc.any(pc.equal(keys, "")).as_py():
        raise incomplete("holds an entry without an id")
    problems: list[Problem] = []
    arrays = []
    lacking: set[str] = set()
    for column in selection.columns:
        if column.name not in headers:
            lacking.add(column.name)
            arrays.append(pa.nulls(table.num_rows, ARROW[column.type]))
            continue
        values = table.column(headers[column.name]).combine_chunks()
        arrays.append(_typed(values, keys, column.name, column.type, problems))
    schema = pa.schema([(column.name, ARROW[column.type]) for column in selection.columns])
    return pa.Table.from_arrays(arrays, schema=schema), problems, lacking


def _all_text(path: Path) -> dict[str, pa.DataType]:
    with arrow_csv.open_csv(path, parse_options=arrow_csv.ParseOptions(newlines_in_values=True)) as reader:
        return dict.fromkeys(reader.schema.names, pa.string())


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
