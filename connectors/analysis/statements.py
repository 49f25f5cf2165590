"""Which statements are taken, judged by DuckDB's own parser: those that only read, and only what the archive holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_FILES = frozenset(
    {"read_parquet", "parquet_scan", "parquet_schema", "parquet_metadata", "parquet_file_metadata", "read_text"}
    | {"read_json", "read_json_auto", "read_json_objects", "read_blob", "read_ndjson", "read_ndjson_objects"}
)
_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "repeat", "summary"})
_ONLY = "Only SELECT, DESCRIBE and SUMMARIZE are taken"


@dataclass(frozen=True, slots=True)
class Reads:
    """What a statement reads."""

    views: frozenset[str]
    """Names of tables, in small letters; those of its own CTEs are among them."""
    files: frozenset[str]
    """Paths as written."""


def judge(parser: DuckDBPyConnection, text: str) -> Reads:
    """What ``text`` reads.

    A SELECT may hold an INSERT in a WITH, and DuckDB calls the whole a SELECT: so every node of the parsed tree is
    looked at, and every function that gives rows must be one that only reads.

    Raises:
        Misused: it is not one statement, cannot be parsed, or would do more than read.
    """
    import duckdb

    try:
        statements = parser.extract_statements(text)
    except duckdb.Error as error:
        raise Misused(f"The statement cannot be read: {str(error).splitlines()[0]}") from error
    if len(statements) != 1:
        raise Misused(f"{_ONLY}, one at a time; these are {len(statements)} statements.")
    row = parser.execute("SELECT json_serialize_sql($1)", [text]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if statements[0].type is not duckdb.StatementType.SELECT or tree.get("error"):
        word = text.split(None, 1)[0].upper() if text.split() else "nothing"
        raise Misused(f"{_ONLY}, not {word[:20]}.", remedy="To write results: --format csv or parquet, or df().")
    views, files = set[str](), set[str]()
    for node in _nodes(tree["statements"]):
        kind = str(node.get("type"))
        if kind.endswith("_NODE") and kind not in _NODES:
            raise Misused(f"{_ONLY}; there is another statement inside this one.")
        if kind == "BASE_TABLE":
            views.add(str(node["table_name"]).lower())
            if "/" in str(node["table_name"]) or "." in str(node["table_name"]):
                files.add(str(node["table_name"]))
        elif kind == "TABLE_FUNCTION":
            files |= _asked(node["function"])
        elif kind == "SHOW_REF" and node.get("table_name"):
            raise Misused(
                f"{_ONLY}, not SHOW.", remedy="docs/analysis.md lists the views; DESCRIBE tells the columns of one."
            )
    return Reads(frozenset(views), frozenset(files))


def _asked(function: dict[str, Any]) -> set[str]:
    name = str(function.get("function_name", "")).lower()
    if name in _FUNCTIONS:
        return set()
    if name not in _FILES:
        raise Misused(f"The function {name} is not taken here: it may do more than read the archive.")
    arguments = [one.get("expression", one) for one in function.get("arguments", ())]
    constants: set[str] = set()
    places = [one for one in arguments if one.get("class") in {"CONSTANT", "FUNCTION"}]
    for place in places:
        inner = [one.get("expression", one) for one in place.get("arguments", ())] or [place]
        if any(one.get("class") != "CONSTANT" for one in inner):
            raise Misused(f"{name} takes the names of files as they are, not computed ones.")
        constants |= {str((one.get("literal") or {}).get("text", "")) for one in inner}
    if not constants:
        raise Misused(f"{name} takes the names of files as they are, not computed ones.")
    return constants


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _nodes(one)
    elif isinstance(value, list):
        for one in value:
            yield from _nodes(one)
