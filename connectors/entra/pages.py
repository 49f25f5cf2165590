"""One page of users: bytes to Arrow, strictly. What is not of the stated type is a problem, never a null.

The fast way hands the whole page to Arrow's JSON reader under an explicit schema, which refuses any other type;
only a page it refuses is looked at value by value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json as arrow_json

from trueup.connectors.entra.responses import Spoiled, next_link
from trueup.connectors.entra.selection import ARROW
from trueup.connectors.entra.unsaid import UNREADABLE, UNREADABLE_TYPE, all_say, may_be_left_out, unsaid_by_row

if TYPE_CHECKING:
    from trueup.connectors.entra.selection import Selection
    from trueup.transforms.attributes import SourceAttribute

Problem = tuple[str, str, str]
"""Key, attribute, what is wrong."""

_KINDS = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
_WANTED = {"text": "text", "time": "text", "boolean": "true or false", "integer": "a list", "texts": "a list of text"}


@dataclass(frozen=True, slots=True)
class UserPage:
    """The users of one page, a column per selected attribute, in the order they came."""

    users: pa.Table
    """With ``unreadable``, what an entry did not say although it was asked for, where one lacks something."""
    problems: tuple[Problem, ...] = ()


class PageReader:
    """Reads pages of one selection; remembers which properties have been seen at all."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.schema = pa.schema([(column.name, ARROW[column.type]) for column in selection.columns])
        self.unseen = {name for name in selection.properties if name != "id"}
        self.blank: list[tuple[str, pa.Array]] = []
        """What may be left out where there is none, and the ids of a page of which nobody came with it."""
        self.carriers: dict[str, str] = {}
        """What may be left out where there is none, and somebody who came with it."""
        self._page_schema = pa.schema(
            [("@odata.nextLink", pa.string()), ("value", pa.list_(pa.struct(json_fields(selection.columns))))]
        )

    def __call__(self, body: bytes) -> tuple[UserPage, str | None]:
        """The users on the page and the link to the next.

        Raises:
            Spoiled: the page is truncated, is not a page, or holds somebody without an id.
        """
        if not is_utf8(body):
            raise Spoiled("the page is not valid UTF-8")
        if self.unseen:
            self.unseen -= {name for name in self.unseen if _names(body, name)}
        page = self._read_fast(body)
        return page if page is not None else self._read_strict(body)

    def _read_fast(self, body: bytes) -> tuple[UserPage, str | None] | None:
        table = read_object(body, self._page_schema)
        if table is None:
            return None
        arrays = _columns(table.column("value").combine_chunks().flatten(), self.selection)
        if any(array is None for array in arrays) or not _all_named(arrays[0]):
            return None
        link = table.column("@odata.nextLink")[0].as_py()
        if link == "":
            raise Spoiled("the link to the next page is not text")
        users = pa.Table.from_arrays(arrays, schema=self.schema)
        unsaid = self._unsaid(body, arrays)
        return self._noted(users if unsaid is None else users.append_column(UNREADABLE, unsaid)), link

    def _unsaid(self, body: bytes, arrays: list[pa.Array]) -> pa.Array | None:
        """What each entry lacks; None where none lacks anything.

        Arrow takes absent and null for the same, so that where it found one is looked at.
        """
        asked = zip(self.selection.columns, arrays, strict=True)
        empty = tuple(column for column, values in asked if values.null_count and not may_be_left_out(column))
        if not empty or all_say(body, empty):
            return None
        return unsaid_by_row(_parse_lenient(body)["value"], self.selection)

    def _noted(self, users: pa.Table, problems: tuple[Problem, ...] = ()) -> UserPage:
        """The page, once it is known which of what may be left out nobody on it came with."""
        for column in self.selection.columns:
            if may_be_left_out(column) and users.num_rows:
                values = users.column(column.name)
                if values.null_count == users.num_rows:
                    self.blank.append((column.name, users.column("id").combine_chunks()))
                elif column.name not in self.carriers:
                    first = pc.index(values.is_valid(), value=True).as_py()
                    self.carriers[column.name] = users.column("id")[first].as_py()
        return UserPage(users, problems)

    def _read_strict(self, body: bytes) -> tuple[UserPage, str | None]:
        page = _parse_lenient(body)
        if not isinstance(page, dict) or not isinstance(page.get("value"), list):
            raise Spoiled("the page holds no list of users")
        users, problems = user_table(page["value"], self.selection)
        return self._noted(users, tuple(problems)), next_link(page)


def read_object(body: bytes | None, schema: pa.Schema) -> pa.Table | None:
    """The one JSON object ``body`` holds, with a ``value``, as one row; None where it is not as ``schema`` says."""
    # Arrow's reader crashes the process on a document that is not an object, so that is looked at first.
    if body is None or (body[:1] != b"{" and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{"):
        return None
    try:
        table = arrow_json.read_json(
            pa.BufferReader(body),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(body) + 64),
            parse_options=arrow_json.ParseOptions(
                explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior="ignore"
            ),
        )
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if table.num_rows == 1 and not table.column("value").null_count else None


def user_table(rows: list[Any], selection: Selection) -> tuple[pa.Table, list[Problem]]:
    """Users in Graph's JSON as a table of the selection's columns, and every value of a wrong type.

    Raises:
        Spoiled: something in the list is not a user with an id.
    """
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not row["id"] or not _is_text(row["id"]):
            raise Spoiled("the page holds something without an id")
    problems: list[Problem] = []
    arrays = []
    for column in selection.columns:
        values = []
        for row in rows:
            value, problem = value_at(row, column)
            if problem:
                problems.append((row["id"], column.name, problem))
            values.append(value)
        arrays.append(pa.array(values, ARROW[column.type]))
    arrays.append(unsaid_by_row(rows, selection))
    return pa.Table.from_arrays(arrays, schema=table_schema(selection)), problems


def table_schema(selection: Selection) -> pa.Schema:
    """The columns of a read: those of the selection, then what of them each person's entry did not say."""
    columns = [(column.name, ARROW[column.type]) for column in selection.columns]
    return pa.schema([*columns, (UNREADABLE, UNREADABLE_TYPE)])


def value_at(row: dict[str, Any], column: SourceAttribute) -> tuple[Any, str]:
    """The value of ``column`` in a user as Graph sends it, or None and what is wrong with it."""
    value: Any = row.get(column.path[0])
    if value is None:
        return None, ""
    if len(column.path) > 1:
        if not isinstance(value, dict):
            return None, f"{_kind(value)} where an object is expected"
        value = value.get(column.path[1])
    if value is None:
        return None, "a manager without an id" if column.name == "manager" else ""
    return _checked(value, column)


def _checked(value: Any, column: SourceAttribute) -> tuple[Any, str]:
    if column.type == "integer":
        return (len(value), "") if isinstance(value, list) else (None, f"{_kind(value)} where a list is expected")
    if _fits(value, column.type):
        return value, ""
    return None, f"{_kind(value)} where {_WANTED[column.type]} is expected"


def _fits(value: object, kind: str) -> bool:
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "texts":
        return isinstance(value, list) and all(item is None or _is_text(item) for item in value)
    return _is_text(value)


def is_utf8(body: bytes) -> bool:
    """Whether ``body`` is text. Arrow takes bytes as text unlooked at; the damage would surface much later."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _names(body: bytes, name: str) -> bool:
    """Whether ``body`` has a property called ``name``; a job title "city" is not the property of that name."""
    quoted = f'"{name}"'.encode()
    return quoted in body and re.search(re.escape(quoted) + rb"\s*:", body) is not None


def _all_named(ids: pa.Array) -> bool:
    return not ids.null_count and (not len(ids) or not pc.any(pc.equal(ids, "")).as_py())


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    if isinstance(value, str) and not _is_text(value):
        return "text that is not valid Unicode"
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return "a list of something else"
    return _KINDS.get(type(value), "something else")


def _parse_lenient(body: bytes) -> Any:
    text = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(text)
    except ValueError:
        try:
            return json.loads(text)  # takes lone surrogates, which are then a problem of one person, not of the page
        except (ValueError, RecursionError) as error:
            raise Spoiled("the page is not whole JSON") from error


def json_fields(columns: tuple[SourceAttribute, ...]) -> list[tuple[str, pa.DataType]]:
    """The properties of a user in Graph's JSON that ``columns`` are made of, each with its type."""
    nested: dict[str, dict[str, pa.DataType]] = {}
    plain: dict[str, pa.DataType] = {}
    for column in columns:
        if column.type == "integer":
            plain[column.path[0]] = pa.list_(pa.struct([("skuId", pa.string())]))
        elif len(column.path) == 1:
            plain[column.path[0]] = ARROW[column.type]
        else:
            nested.setdefault(column.path[0], {})[column.path[1]] = ARROW[column.type]
    return [*plain.items(), *((name, pa.struct(list(inner.items()))) for name, inner in nested.items())]


def _columns(rows: pa.StructArray, selection: Selection) -> list[Any]:
    """The values of each column, None in place of one of which only a closer look can tell."""
    outer = dict(zip(rows.type.names, rows.flatten(), strict=True))
    return [_column(outer[column.path[0]], column) for column in selection.columns]


def _column(outer: pa.Array, column: SourceAttribute) -> Any:
    if column.type == "integer":
        return pc.list_value_length(outer).cast(pa.int64())
    if len(column.path) == 1:
        return outer
    inner = pc.struct_field(outer, [column.path[1]])
    if column.name == "manager" and inner.null_count != outer.null_count:
        return None
    return inner
