"""The people of a report as a table: one definition for the view, the spreadsheet and the machine formats."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

_TEXT = pa.string()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``ReportView.people``."""

    name: str
    type: pa.DataType = _TEXT
    place: int | None = None
    """Where it stands in CSV, NDJSON and Parquet, which are read by position too; none: it is not in them."""
    heading: str = ""
    """What the spreadsheet calls it; empty: it is not there."""
    width: int = 0
    """Of the spreadsheet's column, in characters."""


PEOPLE_COLUMNS = (
    Column("person", pa.int32()),
    Column("key", place=0, heading="Key", width=38),
    Column("name", place=1, heading="Person", width=28),
    Column("user_name", place=2, heading="User name", width=32),
    Column("source_id", place=3),
    Column("profile_id", place=4, heading="Profile", width=24),
    Column("decision", place=7, heading="Decision", width=14),
    Column("reason_code", place=8),
    Column("reason", place=9, heading="Why", width=60),
    Column("verdict", place=5),
    Column("matched_by", place=6),
    Column("events", pa.list_(pa.string())),
    Column("event", place=10, heading="What happened", width=26),
    Column("remedy", place=11, heading="What to do", width=60),
    Column("held_since", pa.timestamp("us", tz="UTC"), place=12, heading="Held", width=16),
    Column("left_out_by", place=13),
    Column("is_new", pa.bool_()),
)

PEOPLE = pa.schema([(column.name, column.type) for column in PEOPLE_COLUMNS])
"""Columns of ``ReportView.people``: ``person`` counts from 0, ``events`` are codes, ``event`` their words;
``is_new`` is said of those written now whose plan the night before did not propose."""

IN_MACHINE_FORMATS = tuple(
    column.name
    for column in sorted(
        (column for column in PEOPLE_COLUMNS if column.place is not None), key=lambda column: column.place or 0
    )
)
"""What CSV, NDJSON and Parquet say of a person, in order."""

_BY_NAME = {column.name: column for column in PEOPLE_COLUMNS}


def headings(*names: str) -> dict[str, int]:
    """Heading → width of these columns, as the spreadsheet has them."""
    return {_BY_NAME[name].heading: _BY_NAME[name].width for name in names}
