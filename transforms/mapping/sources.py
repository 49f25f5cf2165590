"""Source attributes as the language names them, and the columns of ``source.parquet`` behind them."""

from __future__ import annotations

from trueup.transforms.attributes import CATALOGUE, COMPUTED, by_name
from trueup.transforms.mapping.errors import WrongExpression, suggestion

SOFT_DELETED = "IsSoftDeleted"
FIRST_PHONE = "telephoneNumber"

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
