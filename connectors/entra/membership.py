"""Lists of ids read from Graph, proven complete: members of groups, assignments of an app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
from pyarrow import json as arrow_json

from trueup.connectors.entra.responses import LinkExpired, Spoiled, expired_too_often, json_object, next_link
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.connectors.entra.graph import Graph


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list holds and how it was proven."""

    rows: pa.Table
    """One text column per field; repeats by the first field collapsed."""
    count: int | None
    """As Graph stated it; None where it offers none."""
    proof: str
    """``count``, or ``two_reads``."""
    pages: int
    note: str = ""
    """A sentence where the proof needs one."""

    def as_record(self) -> dict[str, Any]:
        """For the manifest."""
        return {"rows": self.rows.num_rows, "count": self.count, "proof": self.proof, "pages": self.pages}


def text_reader(fields: tuple[str, ...]) -> Callable[[bytes], tuple[pa.Table, str | None]]:
    """A reader of pages whose rows have text in ``fields``; the first must be there."""
    inner = pa.struct([(name, pa.string()) for name in fields])
    schema = pa.schema([("@odata.nextLink", pa.string()), ("value", pa.list_(inner))])

    def read(body: bytes) -> tuple[pa.Table, str | None]:
        page = json_object(body)
        if not isinstance(page.get("value"), list):
            raise Spoiled("the page holds no list")
        plain = orjson.dumps({"@odata.nextLink": next_link(page), "value": page["value"]})
        try:
            table = arrow_json.read_json(
                pa.BufferReader(plain),
                read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(plain) + 64),
                parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid as error:
            raise Spoiled("the page holds something of an unexpected type") from error
        rows = table.column("value").combine_chunks().flatten()
        result = pa.Table.from_arrays(rows.flatten(), names=list(fields))
        if result.column(0).null_count:
            raise Spoiled("the page holds something without an id")
        return result, table.column("@odata.nextLink")[0].as_py()

    return read


async def complete_list(
    graph: Graph,
    link: str,
    fields: tuple[str, ...],
    *,
    count: str = "",
    what: str,
    lost: Callable[[pa.Table], list[str]] | None = None,
) -> Listing:
    """Every row behind ``link``, proven by Graph's own count or by two consecutive reads that agree.

    Args:
        link: without ``$top``, which is added (and varied between reads, so that loss at page ends shows).
        fields: text columns; the first is the row's identity.
        count: address of the count; empty where there is none.
        what: for messages, e.g. ``the members of group <id>``.
        lost: the people the last run knew and these rows lack; asked only when the count contradicts two equal reads.

    Raises:
        Refused: three reads neither agree with the count nor two running with each other.
    """
    before: pa.Table | None = None
    stated: int | None = None
    join = "&" if "?" in link else "?"
    for top in (999, 731, 997, 613):
        rows, pages = await _read(graph, f"{link}{join}$top={top}", fields)
        stated = await graph.count(count) if count else None
        if stated is not None and rows.num_rows == stated:
            return Listing(rows, stated, "count", pages)
        if before is not None and _same(before, rows):
            if stated and not rows.num_rows:
                raise _nothing_came(what, stated)
            if stated is not None and lost is not None and (missing := lost(rows)):
                raise _known_are_missing(what, rows.num_rows, stated, missing)
            note = f"Graph counts {stated} of {what}, but two reads gave the same {rows.num_rows}."
            return Listing(rows, stated, "two_reads", pages, note if stated is not None else "")
        before = rows
    raise Refused(
        Refusal(
            "source_incomplete",
            f"{what[0].upper()}{what[1:]} could not be read completely: {before.num_rows if before else 0} rows were "
            f"read, Graph counts {stated if stated is not None else 'nothing'}, and no two reads agree.",
            remedy="Run again later; nothing was changed.",
        )
    )


def _known_are_missing(what: str, rows: int, stated: int, missing: list[str]) -> Refused:
    return Refused(
        Refusal(
            "source_incomplete",
            f"Two reads of {what} give {rows} rows, Graph counts {stated}, and {len(missing)} known from the last "
            f"run are missing ({', '.join(missing[:5])}).",
            used=rows,
            limit=stated,
            remedy="Run again later; nothing was changed.",
        )
    )


def _nothing_came(what: str, stated: int) -> Refused:
    return Refused(
        Refusal(
            "source_incomplete",
            f"Graph counts {stated} of {what}, but lists none.",
            used=0,
            limit=stated,
            remedy="Run again later. If a group hides its members, grant Member.Read.Hidden and admin consent.",
        )
    )


async def _read(graph: Graph, link: str, fields: tuple[str, ...]) -> tuple[pa.Table, int]:
    reader = text_reader(fields)
    for _ in range(3):
        try:
            tables = [page async for page in graph.pages(link, reader, _first_column)]
        except LinkExpired:
            graph.tally.restarts += 1
            continue
        whole = pa.concat_tables(tables).group_by(fields[0], use_threads=False)
        kept = whole.aggregate([(name, "last") for name in fields[1:]])
        return kept.rename_columns(list(fields)), len(tables)
    raise expired_too_often()


def _first_column(page: pa.Table) -> pa.ChunkedArray:
    return page.column(0)


def _same(one: pa.Table, other: pa.Table) -> bool:
    if one.num_rows != other.num_rows:
        return False
    key = one.column_names[0]
    return bool(one.sort_by(key).equals(other.sort_by(key)))
