"""Source attributes as the language names them, and the columns of ``source.parquet`` behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.attributes import CATALOGUE, COMPUTED, by_name
from trueup.transforms.duck.quoting import identifier
from trueup.transforms.mapping.errors import WrongExpression, suggestion
from trueup.transforms.mapping.unsaid import UNREADABLE, columns_unsaid
from trueup.transforms.mapping.values import Kind, Value, present

if TYPE_CHECKING:
    from collections.abc import Mapping

SOFT_DELETED = "IsSoftDeleted"
FIRST_PHONE = "telephoneNumber"
READ = "read_parquet('source.parquet')"
"""The snapshot, from the run's own directory."""

_TYPES = {
    "text": "VARCHAR",
    "time": "VARCHAR",
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "texts": "VARCHAR[]",
    "assignments": 'STRUCT(id VARCHAR, "value" VARCHAR, displayName VARCHAR)[]',
}


def known_names() -> list[str]:
    """Every name an expression may use, directory extensions apart."""
    aliases = [alias for attribute in CATALOGUE.values() for alias in attribute.aliases]
    return [*CATALOGUE, *aliases, FIRST_PHONE, *COMPUTED]


def column_of(name: str, at: int = 0) -> str:
    """The column behind an attribute's name, case-sensitive; for ``IsSoftDeleted`` the account's state.

    Raises:
        WrongExpression: there is no such attribute.
    """
    if name == FIRST_PHONE:
        return "businessPhones"
    if name == SOFT_DELETED:
        return "accountEnabled"
    if found := by_name(name):
        return found.name
    raise WrongExpression(
        f"there is no source attribute [{name}]; names are case-sensitive",
        at=at,
        remedy=suggestion(name, known_names()) or "docs/mapping.md says which attributes there are.",
    )


def column_type(column: str) -> str:
    """The DuckDB type a column of ``source.parquet`` has when it is read as it should be."""
    return _TYPES[CATALOGUE[column].type] if column in CATALOGUE else "VARCHAR"


def kind_of(column_type: str) -> Kind:
    """The kind of a column by its DuckDB type."""
    name = column_type.upper()
    if name.endswith("[]"):
        return Kind.ASSIGNMENTS if name.startswith("STRUCT") else Kind.LIST
    if name == "BOOLEAN":
        return Kind.BOOLEAN
    return Kind.INTEGER if name.endswith(("INT", "INTEGER")) else Kind.TEXT


class Users:
    """The relation ``users``: which columns of the source it takes, and the values they give."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        """Over ``columns`` of ``source.parquet``: name and DuckDB type."""
        self._columns = columns
        self.taken: dict[str, str] = {}
        """SQL by name, in the order of first use."""

    def has(self, name: str) -> bool:
        """Whether the snapshot has the column ``name``."""
        return name in self._columns

    def value(self, name: str) -> Value:
        """The value behind an attribute's name; the column must be there."""
        column_name = column_of(name)
        kind = kind_of(self._columns[column_name])
        quoted = identifier(column_name)
        as_it_is = self._columns[column_name].upper() in {"VARCHAR", "VARCHAR[]", "BOOLEAN"} or kind not in {
            Kind.TEXT,
            Kind.LIST,
        }
        cast = "" if as_it_is else f"::{'VARCHAR' if kind is Kind.TEXT else 'VARCHAR[]'}"
        self.taken[column_name] = quoted if not cast else f"{quoted}{cast} AS {quoted}"
        if name == FIRST_PHONE:
            first = f"list_filter({quoted}, lambda phone: {present('phone')})[1]"
            return Value(first if kind is Kind.LIST else quoted, Kind.TEXT)
        return Value(quoted, kind)

    def unsaid(self) -> str:
        """SQL of the columns among those taken that the source did not say of the person."""
        kinds = {name: kind_of(self._columns[name]) for name in sorted(self.taken)}
        return columns_unsaid(kinds, has_list=UNREADABLE in self._columns)

    def select(self, extra: Mapping[str, str]) -> str:
        """``SELECT`` of the taken columns, ``key`` first."""
        lines = ['"id" AS "key"', *(sql for _, sql in sorted(self.taken.items()))]
        lines += [f"{sql} AS {name}" for name, sql in extra.items()]
        return "SELECT\n    " + ",\n    ".join(lines) + f"\n  FROM {READ}"
