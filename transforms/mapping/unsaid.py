"""What the source did not say of one person: its columns, and what follows for values, flow and scope, as SQL.

A column of a person is unsaid where ``source.parquet`` names it in the list ``unreadable``, or where the text in it was
written by no person (:data:`transforms.damage.NO_VALUE`). Nothing is concluded from it: what is mapped from it is left
alone, and who is in scope by it is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.damage import NO_VALUE
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.mapping.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNREADABLE = "unreadable"
"""Column of ``source.parquet``: list of columns that could not be read of this person; null where all were."""
UNSAID = '"not said"'
"""The list, in the statement's relation ``users``; null where everything was said."""


def columns_unsaid(kinds: Mapping[str, Kind], *, has_list: bool) -> str:
    """SQL of :data:`UNSAID` over ``source.parquet``.

    Args:
        kinds: the columns that matter, with what they hold.
        has_list: whether the snapshot has the column ``unreadable``.
    """
    texts = {name: _text(name, kind) for name, kind in kinds.items() if kind in {Kind.TEXT, Kind.LIST}}
    listed = identifier(UNREADABLE) if has_list else "NULL::VARCHAR[]"
    if not texts:
        return listed
    together = f"concat_ws(chr(10), {', '.join(texts.values())})"
    pairs = ", ".join(f"{{'name': {literal(name)}, 'text': {text}}}" for name, text in texts.items())
    # The columns are only looked at one by one where all of them together show that one is damaged.
    return (
        f"CASE WHEN regexp_matches({together}, {literal(NO_VALUE)})\n"
        f"      THEN list_concat({listed}, list_transform(list_filter([{pairs}],\n"
        f"        lambda one: regexp_matches(one.text, {literal(NO_VALUE)})), lambda one: one.name))\n"
        f"      ELSE {listed} END"
    )


def _text(name: str, kind: Kind) -> str:
    quoted = identifier(name)
    return f"array_to_string({quoted}, chr(10))" if kind is Kind.LIST else f"{quoted}::VARCHAR"


def is_unsaid(columns: Iterable[str]) -> str:
    """SQL, never null: whether one of ``columns`` is unsaid of the person."""
    listed = ", ".join(map(literal, sorted(columns)))
    return f"({UNSAID} IS NOT NULL AND list_has_any({UNSAID}, [{listed}]))"


def filter_reason(columns: Iterable[str]) -> str:
    """SQL of the reason why a person is held whose scope rests on ``columns``, of which one is unsaid."""
    listed = ", ".join(map(literal, sorted(columns)))
    named = f"array_to_string(list_sort(list_intersect({UNSAID}, [{listed}])), ', ')"
    said = f"concat('the scope rests on ', {named}, ', which the source did not say')"
    return f"CASE WHEN {is_unsaid(columns)} THEN {said} END"
