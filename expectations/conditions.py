"""Which columns a ``row_condition`` looks at: they must be read, and stand in the frame, like any other."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|`([^`]+)`""")
_INDEX = "index"
"""In pandas' query language the rows' own numbers."""


def condition_columns(condition: Any) -> tuple[str, ...]:
    """The columns a ``row_condition`` names, in order, each once; none without a condition.

    Args:
        condition: as Great Expectations keeps it: nothing, a Condition, or a query in pandas' own language (there
            called pass-through), in which a name with blanks or dots stands in backticks.

    Raises:
        ValueError: the query cannot be read.
    """
    return tuple(dict.fromkeys(_named(condition)))


def _named(condition: Any) -> Iterator[str]:
    if condition is None:
        return
    if isinstance(condition, str):
        yield from _in_query(condition)
    elif (query := getattr(condition, "pass_through_filter", None)) is not None:
        yield from _in_query(query)
    elif (parts := getattr(condition, "conditions", None)) is not None:
        for part in parts:
            yield from _named(part)
    else:
        yield str(condition.column.name)


def _in_query(query: str) -> Iterator[str]:
    quoted: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        if found[2] is None:
            return found[0]
        quoted.append(found[2])
        return f"_quoted_{len(quoted) - 1}_"

    try:
        tree = ast.parse(_QUOTED.sub(stand_in, query).strip(), mode="eval")
    except SyntaxError as error:
        raise ValueError("cannot be read as a query of pandas") from error
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and id(node) not in called and node.id != _INDEX:
            number = re.fullmatch(r"_quoted_(\d+)_", node.id)
            yield quoted[int(number[1])] if number else node.id
