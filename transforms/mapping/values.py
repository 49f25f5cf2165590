"""What a compiled part of an expression is: SQL for its value, its kind, and SQL for what it does to the flow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from trueup.transforms.duck.quoting import literal

_BLANKS = "concat(' ', chr(9), chr(10), chr(13), chr(160), chr(8239), chr(12288))"
_SIMPLE = re.compile(r'"[^"]*"\Z')


class Kind(StrEnum):
    """What values of an expression are; the column type in DuckDB behind it."""

    NOTHING = "nothing"
    """NULL for everybody."""
    TEXT = "text"
    INTEGER = "integer"
    """BIGINT."""
    NUMBER = "number"
    """A constant with decimals, held as VARCHAR the way it was written."""
    BOOLEAN = "boolean"
    TIME = "time"
    """TIMESTAMP in UTC."""
    LIST = "list"
    """VARCHAR[]."""
    ASSIGNMENTS = "assignments"
    """STRUCT(id, value, displayName)[]."""
    COMPLEX = "complex"
    """VARCHAR holding canonical JSON text."""
    MIXED = "mixed"
    """VARCHAR; ``Value.tag`` says row by row which kind the text stands for."""


LEAVE = "leave"
"""Flow: the attribute is left alone for this person."""
PASS = "pass"  # noqa: S105 - a word of the flow, no password
"""Flow: the person is passed over (IgnoreObjectFlow)."""
FAIL = "!"
"""Flow: what follows is the reason why the person is set aside."""

TIME_FORMAT = "%-m/%-d/%Y %-I:%M:%S %p"
"""``M/d/yyyy h:mm:ss tt``, how Entra shows a time as text."""


@dataclass(frozen=True, slots=True)
class Value:
    """One compiled part of an expression."""

    sql: str
    kind: Kind
    flow: str | None = None
    """SQL of type VARCHAR: null where the value flows, else ``LEAVE``, ``PASS`` or ``FAIL`` + reason."""
    level: int = 0
    """After which step of the statement it can be computed."""
    constant: str | None = None
    """The text of a constant; none for anything else."""
    tag: str | None = None
    """For MIXED: SQL giving the kind of this row's value."""
    options: frozenset[str] | None = None
    """Every text it can be beside null, where only constants are chosen from."""

    @property
    def is_simple(self) -> bool:
        """Whether repeating ``sql`` costs nothing: a column or a constant."""
        return self.constant is not None or self.kind is Kind.NOTHING or bool(_SIMPLE.match(self.sql))


NOTHING = Value("NULL", Kind.NOTHING)


def constant_text(text: str) -> Value:
    """``text`` as a value."""
    return Value(literal(text), Kind.TEXT, constant=text)


def failure(reason: str) -> str:
    """SQL of a flow that sets the person aside for ``reason``."""
    return literal(FAIL + reason)


def present(text: str) -> str:
    """SQL: whether ``text`` has anything but blanks in it; null of null."""
    # Nearly every text begins with a sign of ASCII that can be seen; only the others are worth a closer look.
    return f"CASE WHEN {text} >= '!' AND {text} < chr(127) THEN TRUE ELSE trim({text}, {_BLANKS}) <> '' END"


def first_flow(*flows: str | None) -> str | None:
    """SQL of the first flow that is not null; none where there is none."""
    there = list(dict.fromkeys(flow for flow in flows if flow is not None))
    if not there:
        return None
    return there[0] if len(there) == 1 else f"coalesce({', '.join(there)})"


def as_text(value: Value) -> str:
    """SQL of the value's text form, as the service renders it; null stays null.

    Raises:
        ValueError: a value that has no text form (several values).
    """
    match value.kind:
        case Kind.TEXT | Kind.NUMBER | Kind.MIXED:
            return value.sql
        case Kind.NOTHING:
            return "NULL::VARCHAR"
        case Kind.INTEGER:
            return literal(value.constant) if value.constant is not None else f"({value.sql})::VARCHAR"
        case Kind.BOOLEAN:
            # Named once: DuckDB writes out the operand of CASE … WHEN per branch, which doubles with every nesting.
            return f"replace(replace(({value.sql})::VARCHAR, 'true', 'True'), 'false', 'False')"
        case Kind.TIME:
            return f"strftime({value.sql}, '{TIME_FORMAT}')"
        case _:
            message = "several values have no text form"
            raise ValueError(message)
