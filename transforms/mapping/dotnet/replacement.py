""".NET replacement texts (``$1 ${name} $& $$``), spelt for RE2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup.transforms.mapping.errors import WrongExpression

if TYPE_CHECKING:
    from trueup.transforms.mapping.dotnet.regex import Pattern

_MOST_GROUPS = 9
_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\d+)|(&)|([`'+_]))")


def rewrite(replacement: str, pattern: Pattern, *, at: int) -> list[str | int]:
    """A .NET replacement text as literal text and group numbers (0 is the whole match)."""
    parts: list[str | int] = []
    end = 0
    for found in _REFERENCE.finditer(replacement):
        parts.append(replacement[end : found.start()])
        end = found.end()
        dollar, name, number, whole, other = found.groups()
        if other:
            raise WrongExpression(f"the replacement uses ${other}, which has no counterpart in RE2", at=at)
        if dollar:
            parts.append("$")
        elif whole or (name or number) == "0":
            parts.append(0)
        else:
            parts += _reference(name or number, pattern, found.group(), is_number=bool(number))
    parts.append(replacement[end:])
    return [part for part in parts if part != ""]


def _reference(name: str, pattern: Pattern, whole: str, *, is_number: bool) -> list[str | int]:
    """A group by name; a number may be followed by plain digits; what names no group stands for itself."""
    for length in range(len(name), 0, -1) if is_number else (len(name),):
        if (group := pattern.group(name[:length])) is not None:
            return [group, name[length:]]
    return [whole]


def spelt_rewrite(parts: list[str | int], *, at: int) -> str:
    """Literal text and group numbers as RE2's rewrite text."""
    if any(isinstance(part, int) and part > _MOST_GROUPS for part in parts):
        raise WrongExpression(f"the replacement refers to a group beyond the {_MOST_GROUPS}th", at=at)
    return "".join(f"\\{part}" if isinstance(part, int) else part.replace("\\", "\\\\") for part in parts)
