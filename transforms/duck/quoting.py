"""The one place where names and values are quoted into SQL text."""

from __future__ import annotations


def identifier(name: str) -> str:
    """``name`` as a quoted SQL identifier.

    Raises:
        ValueError: ``name`` holds a NUL character, which no identifier can.
    """
    if "\0" in name:
        message = "an identifier cannot hold a NUL character"
        raise ValueError(message)
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | float | bool | None) -> str:  # noqa: FBT001 - the value itself
    """``value`` as a SQL literal; text with a NUL is spelt with ``chr(0)``."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value)
    if "\0" in value:
        return "(" + " || chr(0) || ".join(literal(part) for part in value.split("\0")) + ")"
    return "'" + value.replace("'", "''") + "'"
