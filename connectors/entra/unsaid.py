"""What an entry did not say although it was asked for: a property that is absent is not an empty one.

A selected property stands in every entry, with null where there is none. Only extensions, the manager by ``$expand``
and the times of sign-ins are left out where there is none, so of those a page as a whole is asked: see ``asked_again``.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from trueup.transforms.mapping.unsaid import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.connectors.entra.selection import Selection
    from trueup.transforms.attributes import SourceAttribute

UNREADABLE_TYPE = pa.list_(pa.string())
"""Of the column ``unreadable``: names of the columns that this person's entry did not say; null where it said all."""
_FEW = 20
_PART = 0.05


def may_be_left_out(column: SourceAttribute) -> bool:
    """Whether Graph leaves the property out of an entry that has no value."""
    return column.name == "manager" or column.select == "signInActivity" or column.name.startswith("extension_")


def allowed(users: int) -> int:
    """How many people may stay unreadable in one thing: a few, or a twentieth of all. More is a fault of the source."""
    return max(_FEW, int(users * _PART))


def said(lacked: Mapping[str, int]) -> str:
    """Columns, each with how many people it is unreadable for."""
    return ", ".join(f"{name} of {people}" for name, people in sorted(lacked.items()))


def all_say(body: bytes, columns: tuple[SourceAttribute, ...]) -> bool:
    """Whether every user on the page says each of ``columns``, be it null; False where only a closer look can tell.

    Nothing is made of the values: msgspec refuses an object that lacks a required member while it passes over them,
    which takes a quarter of the time of parsing the page.
    """
    try:
        _page_that_says(tuple(column.path for column in columns)).decode(body)
    except msgspec.DecodeError:
        return False
    return True


@lru_cache(maxsize=64)
def _page_that_says(paths: tuple[tuple[str, ...], ...]) -> msgspec.json.Decoder[Any]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for name, *inner in paths:
        members[name] += inner
    types = {
        name: (_object_of(dict.fromkeys(inner, msgspec.Raw)) | None) if inner else msgspec.Raw
        for name, inner in members.items()
    }
    return msgspec.json.Decoder(_object_of({"value": GenericAlias(list, (_object_of(types),))}))


def _object_of(members: dict[str, Any]) -> Any:
    """A JSON object that must have ``members``, whatever else it has."""
    fields = [(f"f{number}", kind, msgspec.field(name=name)) for number, (name, kind) in enumerate(members.items())]
    return msgspec.defstruct("Members", fields, gc=False)


def unsaid_by_row(rows: list[Any], selection: Selection) -> pa.Array:
    """What each of ``rows``, users in Graph's JSON, lacks; null where it lacks nothing."""
    asked = [column for column in selection.columns if not may_be_left_out(column)]
    needed = frozenset(column.path[0] for column in asked)
    nested = [column for column in asked if len(column.path) > 1]
    lacking: list[list[str] | None] = []
    for row in rows:
        names = [] if row.keys() >= needed else [column.name for column in asked if column.path[0] not in row]
        for column in nested:
            inner = row.get(column.path[0])
            if isinstance(inner, dict) and column.path[1] not in inner:
                names.append(column.name)
        lacking.append(sorted(names) or None)
    return pa.array(lacking, UNREADABLE_TYPE)


def with_unsaid(users: pa.Table) -> pa.Table:
    """``users`` with the column ``unreadable``, of nothing where it was not there."""
    if UNREADABLE in users.schema.names:
        return users
    return users.append_column(UNREADABLE, pa.nulls(users.num_rows, UNREADABLE_TYPE))


def all_said(users: pa.Table) -> pa.Table:
    """``users`` where what an entry lacks counts as said to be none."""
    place = users.schema.get_field_index(UNREADABLE)
    return users.set_column(place, users.schema.field(place), pa.nulls(users.num_rows, UNREADABLE_TYPE))


__all__ = [
    "UNREADABLE",
    "UNREADABLE_TYPE",
    "all_said",
    "all_say",
    "allowed",
    "may_be_left_out",
    "said",
    "unsaid_by_row",
    "with_unsaid",
]
