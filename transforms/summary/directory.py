"""The directory after a run as one statement over the run's files, whatever attributes the run managed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from trueup.transforms.duck.database import statement
from trueup.transforms.duck.parquet import rows_of
from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.values.labels import KINDS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from trueup.transforms.run_files import RunFiles

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


def directory_of(*, actual: str, decisions: str, outcome: str) -> str:
    """``SELECT run_id, night, key, user_name, …`` over three relations; see ``directory.sql``."""
    text = statement("directory", PACKAGE)
    for name, relation in ((":actual", actual), (":outcome", outcome), (":decisions", decisions)):
        text = text.replace(name, relation)
    return "\n".join(line for line in text.split("\n") if not line.startswith("--"))


def directory(files: RunFiles, columns: Iterable[str], *, night: date = date.min, applied: bool) -> str:
    """The same of one run.

    Args:
        files: the run's.
        columns: of its ``actual.parquet``.
        night: whose night it is, where that matters.
        applied: False for the directory as it was read.
    """
    when = f"{literal(files.run_id)} AS run_id, DATE {literal(night.isoformat())} AS night"
    wrote = _read(files.outcome) if applied else nothing(OUTCOME)
    return directory_of(
        actual=f"(SELECT {when}, key, {chosen(columns)} FROM {_read(files.actual)})",
        decisions=f"(SELECT {when}, key, decision FROM {_read(files.decisions)})",
        outcome=f"(SELECT {when}, key, operation, result, written, found FROM {wrote})",
    )


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


def _read(path: Path) -> str:
    return f"{rows_of(path)}"
