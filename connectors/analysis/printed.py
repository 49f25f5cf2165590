"""Rows for a terminal, in which no name can repaint the screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def table_of(rows: pa.Table) -> Table:
    """The rows as a table; text with control characters and direction overrides spelt out."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(rows.column_names, rows.schema.types, strict=True):
        table.add_column(
            _shown(name),
            overflow="fold",
            justify="right" if str(kind).startswith(("int", "uint", "double")) else "left",
        )
    for row in rows_of(rows):
        table.add_row(*(_shown(value) for value in row))
    return table


def rows_of(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows as tuples, in the order of the columns, of which several may have one name."""
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _shown(value: Any) -> Text:
    text = "" if value is None else str(value)
    return Text(_CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text))
