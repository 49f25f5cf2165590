"""One page of changes: bytes to Arrow, strictly; a property not sent is told from one sent as null.

The fast way hands the whole page to Arrow's JSON reader, which takes absent and null for the same. So each null is
spelled out first: as a word no value can be where text is expected, else as a field of its own. Inside a text that
breaks the JSON, so nothing is ever taken for what it is not: a page the reader refuses, and one that holds anything
not plainly settled, is looked at value by value.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from trueup.connectors.entra.pages import is_utf8, json_fields, read_object, value_at
from trueup.connectors.entra.responses import Spoiled, json_object, next_link
from trueup.connectors.entra.selection import ARROW

if TYPE_CHECKING:
    from trueup.transforms.attributes import SourceAttribute

Rows = list[dict[str, Any]]
NULL = secrets.token_hex(8)
"""What a null is spelled as; made anew in each process: no value of a page is equal to it."""
BARE = ("text", "time")
"""Types whose columns hold ``NULL`` for what was sent as null; other columns are STRUCT(sent, value)."""
_SPACED = re.compile(rb":[ \t\r\n]+null")
_REMOVED = pa.struct([("reason", pa.string())])
_MANAGERS = pa.list_(pa.struct([("id", pa.string()), ("@removed", _REMOVED)]))


@dataclass(frozen=True, slots=True)
class ChangePage:
    """The changes of one page, in the order they came."""

    table: pa.Table
    """``id, is_removed, is_unclear`` and the columns: null is what was not sent, see ``BARE``."""
    end: str | None
    """On the last page: the link to the next round."""
    surfaced: frozenset[str] = frozenset()
    """Properties that came although the last full read had them for nobody."""


class ChangeReader:
    """Reads pages of changes of some columns.

    Args:
        columns: what is followed; ``id`` is among them.
        hidden: what the last full read had for nobody.
    """

    def __init__(self, columns: tuple[SourceAttribute, ...], hidden: tuple[SourceAttribute, ...] = ()) -> None:
        self.columns = columns
        self.hidden = {column.select or column.name for column in hidden}
        looked_at = dict(json_fields((*columns, *hidden)))
        # A manager sent whole, and be it as null, is looked at closely, like what nobody had before.
        plain = {"manager", f"manager{NULL}"} if "manager" in looked_at else set()
        self._unwanted = self.hidden | {f"{name}@delta" for name in self.hidden} | plain
        self._solid = [name for name, kind in looked_at.items() if kind != pa.string()]
        fields = looked_at | {"@removed": _REMOVED} | {f"{name}@delta": pa.string() for name in sorted(self.hidden)}
        if "manager" in looked_at:
            fields["manager@delta"] = _MANAGERS
        fields |= {f"{name}{NULL}": pa.bool_() for name in self._solid}
        self._spelled: tuple[bytes, ...] = ()
        links = [("@odata.nextLink", pa.string()), ("@odata.deltaLink", pa.string())]
        self._schema = pa.schema([*links, ("value", pa.list_(pa.struct(list(fields.items()))))])

    def __call__(self, body: bytes) -> tuple[ChangePage, str | None]:
        """The changes on the page and the link to the next.

        Raises:
            Spoiled: the page is truncated, is not a page, ends without a link, or holds somebody without an id.
        """
        return self._read_fast(body) or self._read_strict(body)

    def _read_fast(self, body: bytes) -> tuple[ChangePage, str | None] | None:
        table = self._read(body) if is_utf8(body) else None
        if table is None:
            return None
        following, end = (_link(table.column(name)) for name in ("@odata.nextLink", "@odata.deltaLink"))
        if following == "" or (following is None and not end):
            return None
        rows = table.column("value").combine_chunks().flatten()
        given = dict(zip(rows.type.names, rows.flatten(), strict=True))
        if not _are_keys(given["id"]) or any(_came(given[name]) for name in self._unwanted):
            return None
        unclear = pa.repeat(pa.scalar(value=False), len(rows))
        arrays: dict[str, pa.Array] = {}
        for column in self.columns:
            if column.name == "manager":
                arrays[column.name], unclear = _managers(given["manager@delta"])
            elif column.name != "id":
                values = _values(given, column)
                if values is None:
                    return None
                arrays[column.name] = values
        changes = {"id": given["id"], "is_removed": given["@removed"].is_valid(), "is_unclear": unclear, **arrays}
        return ChangePage(pa.table(changes), end if following is None else None), following

    def _read(self, body: bytes) -> pa.Table | None:
        table = read_object(_spelled_out(body, self._spelled), self._schema)
        if table is None:
            # Properties other than text are looked for from the first page on that holds one as null.
            names = tuple(name.encode() for name in self._solid if re.search(rb'"%s": ?null' % name.encode(), body))
            if not set(names) <= set(self._spelled):
                self._spelled = tuple({*self._spelled, *names})
                table = read_object(_spelled_out(body, self._spelled), self._schema)
        return table

    def _read_strict(self, body: bytes) -> tuple[ChangePage, str | None]:
        (rows, end), following = bare_page(body)
        surfaced = {
            name for name in self.hidden if any(row.get(name) is not None or row.get(f"{name}@delta") for row in rows)
        }
        return ChangePage(change_table(rows, self.columns), end, frozenset(surfaced)), following


def bare_page(body: bytes) -> tuple[tuple[Rows, str | None], str | None]:
    """The changes on a page as plain JSON, the link to the next round on the last one, the link to the next page.

    Raises:
        Spoiled: it is not a page of changes, or the last one without a link.
    """
    page = json_object(body)
    value = page.get("value")
    if not isinstance(value, list) or not all(isinstance(row, dict) and _is_key(row.get("id")) for row in value):
        raise Spoiled("the page holds no list of changes")
    following, end = next_link(page), page.get("@odata.deltaLink")
    if following is None and not (isinstance(end, str) and end):
        raise Spoiled("the last page holds no delta link")
    return (value, end if following is None else None), following


def change_table(rows: Rows, columns: tuple[SourceAttribute, ...]) -> pa.Table:
    """Changes in Graph's JSON as ``ChangePage.table`` has them, looked at value by value."""
    unclear = [False] * len(rows)
    arrays: dict[str, pa.Array] = {}
    for column in columns:
        if column.name == "id":
            continue
        sent, values = [], []
        for place, row in enumerate(rows):
            was_sent, value, problem = _manager(row) if column.name == "manager" else _plain(row, column)
            unclear[place] = unclear[place] or problem
            sent.append(was_sent)
            values.append(value)
        if column.type in BARE:
            values = [
                NULL if value is None and was_sent else value for was_sent, value in zip(sent, values, strict=True)
            ]
        typed = pa.array(values, ARROW[column.type])
        arrays[column.name] = typed
        if column.type not in BARE:
            arrays[column.name] = pa.StructArray.from_arrays([pa.array(sent, pa.bool_()), typed], ["sent", "value"])
    return pa.table(
        {
            "id": pa.array([row["id"] for row in rows], pa.string()),
            "is_removed": pa.array(["@removed" in row for row in rows], pa.bool_()),
            "is_unclear": pa.array(unclear, pa.bool_()),
            **arrays,
        }
    )


def _spelled_out(body: bytes, solid: tuple[bytes, ...]) -> bytes | None:
    """``body`` without a null as the value of a property; None where that cannot be had."""
    word = NULL.encode()
    for apart in (b"", b" "):
        for name in solid:
            body = body.replace(b'"%s":%snull' % (name, apart), b'"%s%s":true' % (name, word))
        body = body.replace(b":%snull" % apart, b':"%s"' % word)
        if b"null" not in body or not _SPACED.search(body):
            return body
    return None


def _link(column: pa.ChunkedArray) -> str | None:
    link: str | None = column[0].as_py()
    return None if link == NULL else link


def _is_key(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isascii()


def _are_keys(ids: pa.Array) -> bool:
    if ids.null_count:
        return False
    fine = pc.and_(pc.string_is_ascii(ids), pc.invert(pc.is_in(ids, value_set=pa.array(["", NULL]))))
    return bool(pc.all(fine, min_count=0).as_py())


def _came(values: pa.Array) -> bool:
    """Whether a property that was not expected has a value anywhere."""
    if values.null_count == len(values):
        return False
    return values.type != pa.string() or not pc.all(pc.equal(values, NULL)).as_py()


def _values(given: dict[str, pa.Array], column: SourceAttribute) -> pa.Array | None:
    """The column as ``ChangePage.table`` has it; None where only a closer look can tell."""
    name, *inner = column.path
    outer = given[name]
    if column.type in BARE and not inner:
        return outer
    sent = outer.is_valid()
    if (nulls := given[name + NULL]).null_count < len(nulls):
        if pc.any(pc.and_(sent, nulls.is_valid())).as_py():
            return None
        sent = pc.or_(sent, nulls.is_valid())
    values = pc.struct_field(outer, inner) if inner else outer
    if inner and pc.any(pc.and_(outer.is_valid(), values.is_null())).as_py():
        return None  # an object without all of it: a closer look tells absent from null
    if column.type == "integer":
        values = pc.list_value_length(values).cast(pa.int64())
    if column.type in BARE:
        return pc.if_else(pc.and_(sent, values.is_null()), pa.scalar(NULL), values)
    return pa.StructArray.from_arrays([sent, values], ["sent", "value"])


def _managers(told: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Of each change: the manager's id where it settles that, and whether it leaves it open."""
    if not pc.any(pc.not_equal(pc.list_value_length(told), 1)).as_py():
        only = pc.list_element(told, 0)
        keys, removed = pc.struct_field(only, ["id"]), pc.struct_field(only, ["@removed"])
        if removed.null_count == len(told) and keys.null_count == told.null_count and _are_keys(keys.drop_null()):
            return keys, pa.repeat(pa.scalar(value=False), len(told))
    settled = [(None, False) if items is None else _added(items) for items in told.to_pylist()]
    return pa.array([key for key, _ in settled], pa.string()), pa.array([unclear for _, unclear in settled], pa.bool_())


def _added(items: list[dict[str, Any] | None]) -> tuple[str | None, bool]:
    keys = [item["id"] for item in items if item is not None and item["@removed"] is None]
    if None not in items and len(keys) == 1 and keys[0] != NULL and _is_key(keys[0]):
        return keys[0], False
    return None, True


def _plain(row: dict[str, Any], column: SourceAttribute) -> tuple[bool, Any, bool]:
    """Whether the column was sent, its value, and whether a closer look is needed."""
    if column.path[0] not in row:
        return False, None, False
    value, problem = value_at(row, column)
    outer = row[column.path[0]]
    is_partial = len(column.path) > 1 and isinstance(outer, dict) and column.path[1] not in outer
    return True, value, bool(problem) or is_partial


def _manager(row: dict[str, Any]) -> tuple[bool, Any, bool]:
    """The manager a change names: sent, id, unclear. One addition settles it; anything else is asked for."""
    if "manager" in row:
        value = row["manager"]
        key = value.get("id") if isinstance(value, dict) else None
        is_known = _is_key(key)
        return True, key if is_known else None, value is not None and not is_known
    if "manager@delta" not in row:
        return False, None, False
    told = row["manager@delta"]
    if not isinstance(told, list) or not all(isinstance(item, dict) for item in told):
        return False, None, True
    added = [item.get("id") for item in told if "@removed" not in item]
    if len(added) == 1 and _is_key(added[0]):
        return True, added[0], False
    return False, None, True
