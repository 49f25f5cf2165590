"""The SQL side of a value: read at a path, spelt as JSON text, compared; the Python is in ``paths`` and ``equality``.

That both sides agree, whatever a server sends, is held by ``tests/property/test_one_value_one_reading.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.values.paths import parse
from trueup.transforms.values.spelling import Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from duckdb import DuckDBPyConnection

    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.values.paths import ScimPath

_NOTHING = ("", "[]", "{}", "null", '""')

_SAID = "json_extract_string(v, '$')"
"""SQL for the text of a value ``v`` of a list."""


def flattened(kinds: Mapping[str, str], profiles: str, *, beside: Iterable[str] = ()) -> str:
    """A query for the columns ``beside`` and those of ``target.parquet``; each profile is parsed once for all of them.

    ``profiles`` is a relation with ``said``, a profile as :class:`Spelling` of ``kinds`` spells it, and a column
    ``complex <path>`` for each path that is complex.
    """
    spelling = Spelling(kinds)
    columns, parts = [*beside], dict[str, int]()
    for path, kind in kinds.items():
        sql = identifier(f"complex {path}")
        if kind != "complex":
            spelt = spelling.path(parse(path))
            at = _json_path([*([spelt.schema] if spelt.schema else []), spelt.attribute])
            sql = _text_at(spelt, f"parts[{parts.setdefault(at, len(parts) + 1)}]")
        if path.lower() == "active" or kind == "boolean":
            text = f"lower(trim({sql}))"
            sql = f"CASE WHEN {text} IN ('true', '1') THEN TRUE WHEN {text} IN ('false', '0') THEN FALSE END"
        columns.append(f"{sql} AS {identifier(path)}")
    split = f"SELECT *, json_extract(said, [{', '.join(parts)}]) AS parts FROM {profiles}"
    selected = ",\n  ".join(columns)
    return f"SELECT {selected}\nFROM ({split})"


def json_of(attribute: ManagedAttribute, expression: str) -> str:
    """SQL for ``expression`` as JSON text; null for every way of saying nothing."""
    if attribute.kind == "boolean":
        return f"CASE {expression} WHEN TRUE THEN 'true' WHEN FALSE THEN 'false' END"
    if attribute.kind == "complex":
        nothing = ", ".join(literal(text) for text in _NOTHING)
        return f"CASE WHEN {expression} NOT IN ({nothing}) THEN {expression} END"
    return f"to_json(nullif({expression}, ''))::VARCHAR"


def create_comparison(connection: DuckDBPyConnection) -> None:
    """Make the macro ``means_same(left, right)`` over JSON texts: :func:`equal`."""
    connection.execute(f"CREATE OR REPLACE TEMP MACRO means_same(a, b) AS {equal('a', 'b')}")


def equal(left: str, right: str) -> str:
    """SQL for whether two JSON texts mean the same, as :func:`trueup.transforms.values.equality.same` has it.

    What was read back from a target is compared so, never by its text: ``"True"`` is true there, and 7 is ``"7"``.
    """
    one, other = _plain(left), _plain(right)
    is_boolean = f"({left}) IN ('true', 'false') OR ({right}) IN ('true', 'false')"
    return (
        f"CASE WHEN {one} IS NULL OR {other} IS NULL THEN {one} IS NULL AND {other} IS NULL "
        f"WHEN {is_boolean} THEN coalesce({_boolean(one)} = {_boolean(other)}, FALSE) ELSE {one} = {other} END"
    )


def _plain(text: str) -> str:
    """SQL for what a JSON text says: text without its quotes, null for nothing."""
    nothing = ", ".join(literal(one) for one in _NOTHING)
    return (
        f"(CASE WHEN ({text}) IN ({nothing}) THEN NULL WHEN starts_with({text}, '\"') "
        f"THEN json_extract_string({text}, '$') ELSE {text} END)"
    )


def _boolean(text: str) -> str:
    said = f"lower(trim({text}))"
    return f"(CASE WHEN {said} IN ('true', '1') THEN TRUE WHEN {said} IN ('false', '0') THEN FALSE END)"


def _text_at(path: ScimPath, part: str) -> str:
    """SQL for ``path`` as VARCHAR, null for missing and null; ``part`` is the JSON of the attribute it lies in.

    Objects and lists come as their JSON text, nothing as null. Names are matched as the path spells them.
    """
    if path.is_reference:
        one = f"CASE json_type({part}) WHEN 'ARRAY' THEN json_extract({part}, '$[0]') ELSE {part} END"
        held = f"CASE json_type({one}) WHEN 'OBJECT' THEN json_extract({one}, '$.value') ELSE {one} END"
        is_id = f"json_type({held}) IN ('VARCHAR', 'BIGINT', 'UBIGINT')"
        return f"nullif(CASE WHEN {is_id} THEN json_extract_string({held}, '$') END, '')"
    text = _extracted(path, part, "json_extract_string")
    kind = f"json_type({_extracted(path, part, 'json_extract')})"
    return f"CASE WHEN {text} IN ('[]', '{{}}') AND {kind} IN ('ARRAY', 'OBJECT') THEN NULL ELSE {text} END"


def _extracted(path: ScimPath, part: str, extract: str) -> str:
    if not path.where and not path.sub:
        return f"{extract}({part}, '$')"
    sub = _json_path([path.sub]) if path.sub else "'$'"
    elements = f"json_extract({part}, '$[*]')"
    if path.where:
        tests = " AND ".join(
            f"lower(json_extract_string(e, {_json_path([name])})) = {literal(str(wanted).lower())}"
            for name, wanted in path.where
        )
        return f"{extract}(list_filter({elements}, lambda e: coalesce({tests}, FALSE))[1], {sub})"
    primary = "json_type(e) = 'OBJECT' AND lower(json_extract_string(e, '$.primary')) = 'true'"
    one = f"coalesce(list_filter({elements}, lambda e: coalesce({primary}, FALSE))[1], {elements}[1])"
    of_one = f"{extract}({one}, {sub})"
    if path.sub.lower() == "value":  # a bare element is its own value
        of_one = f"CASE json_type({one}) WHEN 'OBJECT' THEN {of_one} ELSE {extract}({one}, '$') END"
    return f"CASE WHEN json_type({part}) = 'ARRAY' THEN {of_one} ELSE {extract}({part}, {sub}) END"


@dataclass(frozen=True, slots=True)
class Claims:
    """What is known of the elements of a list without types, as SQL expressions; null where there is nothing."""

    was: str = "NULL::VARCHAR"
    """What the path itself had."""
    others: tuple[str, ...] = ()
    """What the other paths of the list want."""
    others_were: tuple[str, ...] = ()
    """What they had."""


def bare_expression(path: ScimPath, column: str, wanted: str, *, untyped: bool, claims: Claims | None = None) -> str:
    """A SQL expression for an element without ``type``; null where an element fits the filter as it stands.

    See :func:`trueup.transforms.values.paths.element_at`. ``column`` holds the resource as it was read, so that names
    are matched whatever their case; ``wanted`` is a SQL expression too. With ``claims`` an element is meant also if it
    has the value the path had, and not for being the only one if another path claims its value.
    """
    holder = _member(column, path.schema) if path.schema else column
    elements = f"json_extract({_member(holder, path.attribute)}, '$[*]')"
    sub = path.sub or "value"
    own = "WHEN json_type(e) <> 'ARRAY' THEN e" if sub.lower() == "value" else ""
    value = f"CASE WHEN json_type(e) = 'OBJECT' THEN {_member('e', sub)} {own} END"
    fits = " AND ".join(
        f"lower(json_extract_string({_member('e', name)}, '$')) = {literal(str(wants).lower())}"
        for name, wants in path.where
    )
    kind = f"json_extract_string({_member('e', 'type')}, '$')"
    bare = (
        f"list_filter({elements}, lambda e: json_type(e) <> 'OBJECT' "
        f"OR coalesce({kind}, '') IN ('', 'false', '0', '0.0', '-0.0', '[]', '{{}}'))"
    )
    values = f"list_transform({bare}, lambda e: {value})"
    found = _of_text(values, wanted)
    if claims:
        found = f"coalesce({found}, {_of_text(_but(values, claims.others), claims.was)})"
    if untyped:
        main = (
            f"list_filter({bare}, lambda e: json_type(e) = 'OBJECT' "
            f"AND lower(coalesce(json_extract_string({_member('e', 'primary')}, '$'), '')) = 'true')"
        )
        only = f"CASE WHEN len({bare}) = 1 THEN {values}[1] END"
        first = f"CASE WHEN len({main}) > 0 THEN list_transform({main}, lambda e: {value})[1] ELSE {only} END"
        if claims:
            first = f"{_but(f'[{first}]', (*claims.others, *claims.others_were))}[1]"
        found = f"coalesce({found}, CASE WHEN len({bare}) = len({elements}) THEN {first} END)"
    met = f"(len(list_filter({elements}, lambda e: json_type(e) = 'OBJECT' AND coalesce({fits}, FALSE))) > 0)"
    return (
        f"CASE WHEN NOT {met} AND ({found})::VARCHAR NOT IN ('[]', '{{}}') THEN json_extract_string({found}, '$') END"
    )


def _but(values: str, texts: Iterable[str]) -> str:
    """SQL for ``values``, a list of JSON, without those that spell one of ``texts``."""
    is_one = (f"coalesce({_without_spelling(_SAID)} = nullif({_without_spelling(text)}, ''), FALSE)" for text in texts)
    return f"list_filter({values}, lambda v: NOT ({' OR '.join(['FALSE', *is_one])}))"


def _of_text(values: str, text: str) -> str:
    """SQL for the first of ``values``, a list of JSON, that is ``text``; else the first that spells it otherwise."""
    return (
        f"coalesce(list_filter({values}, lambda v: lower({_SAID}) = lower({text}))[1], list_filter({values}, "
        f"lambda v: {_without_spelling(_SAID)} = nullif({_without_spelling(text)}, ''))[1])"
    )


def _without_spelling(text: str) -> str:
    """SQL for a text without the blanks, and a telephone number without the signs, that servers set as they like."""
    small = f"trim(regexp_replace(lower({text}), '[ \\t\\r\\n]+', ' ', 'g'), ' ')"
    is_number = f"regexp_full_match({small}, '[0-9+()./ -]*[0-9][0-9+()./ -]*')"
    return f"CASE WHEN {is_number} THEN regexp_replace({small}, '[^0-9]', '', 'g') ELSE {small} END"


def _member(holder: str, name: str) -> str:
    """SQL for the member ``name`` of a JSON object, as spelt or else whatever its case; null where there is none."""
    folded = f"list_filter(json_keys({holder}), lambda k: lower(k) = {literal(name.lower())})[1]"
    return f"coalesce(json_extract({holder}, {_json_path([name])}), json_extract({holder}, '$.\"' || {folded} || '\"'))"


def _json_path(steps: list[str]) -> str:
    return literal("$" + "".join(f'."{step}"' for step in steps))
