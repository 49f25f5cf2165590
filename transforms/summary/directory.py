"""The directory after a run as one statement over the run's files, whatever attributes the run managed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.database import statement
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.values.labels import KINDS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGE = "trueup.transforms.summary.sql"
COLUMNS: Mapping[str, str] = {
    "user_name": "username",
    "display_name": "displayname",
    "department": "department",
    "title": "title",
    "manager_key": "manager",
    "active": "active",
}
"""Column of ``people`` → the last part of the attribute's path, in small letters."""
OUTCOME = (
    ("key", "VARCHAR"),
    ("profile_id", "VARCHAR"),
    ("operation", "VARCHAR"),
    ("result", "VARCHAR"),
    ("reason", "VARCHAR"),
    ("written", "STRUCT(attribute VARCHAR, value VARCHAR)[]"),
    ("found", 'STRUCT(attribute VARCHAR, value VARCHAR, "class" VARCHAR)[]'),
)
"""What is used of ``outcome.parquet``, with types, for runs without one."""


def directory(*, actual: str, columns: Iterable[str], decisions: str, outcome: str | None) -> str:
    """``SELECT key, user_name, …``: the directory after a run; see ``directory.sql``.

    Args:
        actual: path of ``actual.parquet``.
        columns: its columns.
        decisions: path of ``decisions.parquet``.
        outcome: path of ``outcome.parquet``; none for the directory as it was read.
    """
    found = f"(SELECT key, {chosen(columns)} FROM read_parquet({literal(actual)}))"
    wrote = f"read_parquet({literal(outcome)})" if outcome else nothing(OUTCOME)
    text = statement("directory", PACKAGE)
    for name, relation in ((":actual", found), (":outcome", wrote), (":decisions", _read(decisions))):
        text = text.replace(name, relation)
    return "\n".join(line for line in text.split("\n") if not line.startswith("--"))


def chosen(columns: Iterable[str]) -> str:
    """The columns of ``people`` that ``actual.parquet`` has, under their names there; null for those it lacks."""
    by_name = {column.rsplit(":", 1)[-1].lower().removesuffix(".value"): column for column in columns}
    parts = []
    for name, wanted in COLUMNS.items():
        kind = "BOOLEAN" if name == "active" else "VARCHAR"
        column = by_name.get(wanted)
        value = f"try_cast({identifier(column)} AS {kind})" if column else f"NULL::{kind}"
        parts.append(f"{value} AS {name}")
    return ", ".join(parts)


def nothing(columns: Iterable[tuple[str, str]]) -> str:
    """A relation without rows."""
    return f"(SELECT {', '.join(f'NULL::{kind} AS {identifier(name)}' for name, kind in columns)} WHERE FALSE)"


def word_macro() -> str:
    """``CREATE MACRO word(attribute)``: what an attribute is called in a sentence."""
    text = statement("word", PACKAGE)
    return text.replace(":names", _map(NAMES)).replace(":kinds", _map(KINDS))


def _map(words: Mapping[str, str]) -> str:
    return "MAP {" + ", ".join(f"{literal(key)}: {literal(value)}" for key, value in words.items()) + "}"


def _read(path: str) -> str:
    return f"read_parquet({literal(path)})"
