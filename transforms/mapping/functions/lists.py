"""Functions on several values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call


def join(compiler: Builder, call: Call) -> Value:
    """``Join``: null and empty sources are left out with their separator; lists are spread."""
    separator = compiler.text(call.arguments[0]) if call.arguments[0] is not None else None
    glue = "''" if separator is None else separator.sql
    if separator is not None and separator.constant is None:
        separator = compiler.once(separator)
        glue = f"coalesce({separator.sql}, '')"
    uses, sqls = [separator] if separator else [], []
    for node in call.arguments[1:]:
        if node is None:
            continue
        value = compiler.part(node)
        if value.kind is Kind.LIST:
            listed = f"list_filter({value.sql}, lambda v: v <> '')"
            sqls.append(f"nullif(array_to_string({listed}, {glue}), '')")
        else:
            value = compiler.to_text(value, node)
            if value.constant != "":
                sqls.append(value.sql if value.constant else f"nullif({value.sql}, '')")
        uses.append(value)
    if not sqls:
        return compiler.made("''", Kind.TEXT, *uses)
    return compiler.made(f"concat_ws({glue}, {', '.join(sqls)})", Kind.TEXT, *uses)


def split(compiler: Builder, call: Call) -> Value:
    """``Split``: the pieces between the delimiter, blanks kept."""
    source = compiler.text(compiler.needed(call, 0, "a text"))
    delimiter = compiler.text(compiler.needed(call, 1, "a delimiter"))
    if delimiter.constant is None:
        source, delimiter = compiler.once(source), compiler.once(delimiter)
        sql = f"CASE WHEN {delimiter.sql} = '' THEN [{source.sql}] ELSE string_split({source.sql}, {delimiter.sql}) END"
        return compiler.made(sql, Kind.LIST, source, delimiter)
    if delimiter.constant == "":
        source = compiler.once(source)
        return compiler.made(f"CASE WHEN {source.sql} IS NOT NULL THEN [{source.sql}] END", Kind.LIST, source)
    return compiler.made(f"string_split({source.sql}, {delimiter.sql})", Kind.LIST, source, delimiter)


def count(compiler: Builder, call: Call) -> Value:
    """``Count``: how many values; 0 for null."""
    node = compiler.needed(call, 0, "an attribute")
    value = compiler.part(node)
    if value.kind is not Kind.ASSIGNMENTS:
        value = compiler.to_values(value, node)
    return compiler.made(f"coalesce(len({value.sql}), 0)", Kind.INTEGER, value)


def item(compiler: Builder, call: Call) -> Value:
    """``Item``: the value at a place counted from 1; a place that is not there sets the person aside."""
    values = compiler.once(compiler.values(compiler.needed(call, 0, "an attribute")))
    index_node = compiler.needed(call, 1, "an index")
    index = compiler.once(compiler.integer(index_node))
    if index.constant is not None and int(index.constant) < 1:
        raise WrongExpression("Item counts from 1", at=index_node.at)
    there = f"{index.sql} BETWEEN 1 AND len({values.sql})"
    made = compiler.made(f"CASE WHEN {there} THEN {values.sql}[{index.sql}] END", Kind.TEXT, values, index)
    return compiler.failing(made, f"len({values.sql}) > 0 AND NOT ({there})", "Item asks for a value that is not there")


def contains(compiler: Builder, call: Call) -> Value:
    """``Contains``: the place, from 1, of the first value that holds the text, case included; 0 if none does."""
    values = compiler.once(compiler.values(compiler.needed(call, 0, "an attribute")))
    text = compiler.once(compiler.text(compiler.needed(call, 1, "a text")))
    found = f"list_position(list_transform({values.sql}, lambda v: contains(v, {text.sql})), TRUE)"
    return compiler.made(f"coalesce({found}, 0)::BIGINT", Kind.INTEGER, values, text)


def remove_duplicates(compiler: Builder, call: Call) -> Value:
    """``RemoveDuplicates``: each value once, at its first place, case included."""
    values = compiler.once(compiler.values(compiler.needed(call, 0, "an attribute")))
    sql = f"list_filter({values.sql}, lambda v, place: list_position({values.sql}, v) = place)"
    return compiler.made(sql, Kind.LIST, values)
