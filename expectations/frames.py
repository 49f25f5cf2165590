"""The frames the suites are evaluated over: one row per person in scope, only the columns somebody looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup.expectations.catalogue import SHARED_BY
from trueup.expectations.check_relations import LEFT_ALONE, LEFT_ALONE_ADDRESS
from trueup.expectations.conditions import condition_columns
from trueup.expectations.relations import frame
from trueup.transforms.duck.quoting import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from duckdb import DuckDBPyConnection

    from trueup.expectations.subjects import Subjects


def columns_in(expectations: Iterable[Any]) -> tuple[str, ...]:
    """Every column some expectation looks at, that of its ``row_condition`` included, in order, each once."""
    found: dict[str, None] = {}
    for expectation in expectations:
        for name in ("column", "column_A", "column_B", "column_list"):
            value = getattr(expectation, name, None)
            for column in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(column, str) and column:
                    found[column] = None
        found |= dict.fromkeys(condition_columns(getattr(expectation, "row_condition", None)))
    return tuple(found)


def source_frame(connection: DuckDBPyConnection, expectations: Sequence[Any], _: Subjects) -> Any:
    """``looked_at`` beside the source columns that are looked at."""
    worked_out = {"verdict": "people.verdict", "name_order": "people.name_order"}
    chosen = _chosen(columns_in(expectations), worked_out, "users")
    query = f"SELECT {chosen} FROM looked_at AS people JOIN users ON users.id = people.key"
    return frame(connection, query, _named_by_hand(expectations))


def desired_frame(connection: DuckDBPyConnection, expectations: Sequence[Any], subjects: Subjects) -> Any:
    """``looked_at`` beside what the target would be given, and the same folded for comparison (enabled people only)."""
    worked_out = {"names": "people.names", "rehired": "CASE WHEN rehired.key IS NOT NULL THEN 'yes' END"}
    joined = ["LEFT JOIN desired ON desired.key = people.key", "LEFT JOIN rehired ON rehired.key = people.key"]
    for number, check in enumerate(SHARED_BY):
        # Who shares a value has its number; everybody else has one of their own.
        worked_out[f"{check} (folded)"] = f"coalesce(shared_{number}.number, -row_number() OVER ())"
        joined.append(
            f"LEFT JOIN shared AS shared_{number} ON shared_{number}.key = people.key "
            f'AND shared_{number}."check" = {literal(check)}'
        )
    for path, there in ((subjects.given, "has_given"), (subjects.family, "has_family")):
        if path:
            # A blank name is missing and nothing else; what it is made of needs no second finding.
            worked_out[path] = f"CASE WHEN people.{there} THEN desired.{identifier(path)} END"
    needed = (*subjects.required, *(path for path in (subjects.user_name, subjects.email) if path))
    for path in dict.fromkeys(needed):
        # What is left alone is neither missing nor unusable: there is nothing anybody could put right.
        stands_for = LEFT_ALONE_ADDRESS if path == subjects.email else LEFT_ALONE
        worked_out[path] = (
            f"CASE WHEN list_contains(desired.left_alone, {literal(path)}) THEN {literal(stands_for)} "
            f"ELSE desired.{identifier(path)} END"
        )
    chosen = _chosen(columns_in(expectations), worked_out, "desired")
    return frame(
        connection, f"SELECT {chosen} FROM looked_at AS people {' '.join(joined)}", _named_by_hand(expectations)
    )


def references_frame(connection: DuckDBPyConnection, *, odd_only: bool = False) -> Any:
    """What is odd about each person's manager, now that it is known who is held; adds the held to ``details``.

    Where only some are looked at, ``odd_only``: people about whom nothing is odd have no row.
    """
    connection.execute(
        "INSERT INTO details SELECT people.key, 'manager_held', people.manager FROM people "
        "SEMI JOIN failed ON failed.key = people.manager AND failed.severity = 'warning'"
    )
    return frame(
        connection,
        "SELECT people.key, CASE WHEN managers.state IS NOT NULL THEN managers.state "
        "WHEN held.key IS NOT NULL THEN 'manager_held' END AS manager_state, "
        "CASE WHEN spans.key IS NOT NULL THEN 'wide' END AS span_state FROM people "
        "LEFT JOIN managers ON managers.key = people.key LEFT JOIN spans ON spans.key = people.key "
        "LEFT JOIN (SELECT DISTINCT key FROM failed WHERE severity = 'warning') AS held ON held.key = people.manager"
        + (" WHERE managers.state IS NOT NULL OR held.key IS NOT NULL OR spans.key IS NOT NULL" if odd_only else ""),
    )


def _named_by_hand(expectations: Iterable[Any]) -> tuple[str, ...]:
    """Columns that somebody's own expectations look at: those get the values as they are."""
    return columns_in(one for one in expectations if (one.meta or {}).get("own"))


def _chosen(columns: Iterable[str], worked_out: dict[str, str], relation: str) -> str:
    chosen = ["people.key AS key"]
    for column in columns:
        if column != "key":
            value = worked_out.get(column) or f"{relation}.{identifier(column)}"
            chosen.append(f"{value} AS {identifier(column)}")
    return ", ".join(chosen)
