"""What is wrong with an expression, where in it, and what would be right.

Misused
├── WrongExpression   one expression: it does not parse, or asks for what cannot be kept
└── WrongMapping      every row and filter of a mapping that cannot be kept, at once
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTH = 100


class WrongExpression(Misused):
    """An expression that does not parse, or that cannot be run with the meaning it has in Entra."""

    def __init__(self, problem: str, *, at: int = 0, remedy: str = "") -> None:
        super().__init__(problem, remedy=remedy)
        self.problem = problem
        self.at = at
        """Offset into the expression, in characters."""

    def placed(self, text: str, where: str = "") -> WrongExpression:
        """The same with the place said in the message: ``where`` (file and key), line, column and a caret."""
        line, column, picture = _picture(text, self.at)
        head = f"{where}: " if where else ""
        wrong = WrongExpression(
            f"{head}line {line}, character {column}: {self.problem}\n{picture}", at=self.at, remedy=self.remedy
        )
        wrong.problem = self.problem
        return wrong


class WrongMapping(Misused):
    """Every row and every filter of a mapping that cannot be kept, said at once."""

    def __init__(self, rows: Iterable[tuple[str, Misused]], others: Iterable[Misused] = ()) -> None:
        named, unnamed = list(rows), list(others)
        wrong = [error for _, error in named] + unnamed
        what = _counted((len(named), "row"), (len(unnamed), "scoping filter"))
        texts = [f"{error.message}\n    {error.remedy}" if error.remedy else error.message for error in wrong]
        one = len(wrong) == 1
        super().__init__(
            wrong[0].message if one else "\n".join((f"{what} of the mapping cannot be kept.", *texts)),
            remedy=wrong[0].remedy if one else "",
        )
        self.paths = tuple(dict.fromkeys(path for path, _ in named))
        """Target attributes of these rows; leaving all of them out leaves a mapping that can be kept, filters apart."""
        self.others = len(unnamed)


def _counted(*parts: tuple[int, str]) -> str:
    return " and ".join(f"{number} {word}{'s' * (number != 1)}" for number, word in parts if number)


def _picture(text: str, at: int) -> tuple[int, int, str]:
    """Line and column (from 1) of ``at``, and that line with a caret under it, printable throughout."""
    at = max(0, min(at, len(text)))
    begin = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[begin : end if end >= 0 else len(text)]
    column = at - begin
    first = max(0, column - _WIDTH // 2)
    shown = "".join(c if c.isprintable() else " " for c in line[first : first + _WIDTH])
    return text.count("\n", 0, at) + 1, column + 1, f"    {shown}\n    {' ' * (column - first)}^"


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence with what ``name`` was probably meant to be, or nothing."""
    names = list(known)
    by_lower = {n.lower(): n for n in reversed(names)}
    exact = by_lower.get(name.lower())
    close = exact or next(
        (by_lower[n] for n in difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)), None
    )
    return f"Did you mean {close}?" if close else ""
