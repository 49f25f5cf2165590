r"""Character classes of .NET's regular expressions, spelt for RE2.

Where a class can be spelt with Unicode categories it is; where not (a class taken away from another, a negated class
holding ``\W`` or ``\S``) the code points themselves are listed.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CATEGORIES = frozenset(
    {
        "L",
        "Lu",
        "Ll",
        "Lt",
        "Lm",
        "Lo",
        "M",
        "Mn",
        "Mc",
        "Me",
        "N",
        "Nd",
        "Nl",
        "No",
        "P",
        "Pc",
        "Pd",
        "Ps",
        "Pe",
        "Pi",
        "Pf",
        "Po",
        "S",
        "Sm",
        "Sc",
        "Sk",
        "So",
        "Z",
        "Zs",
        "Zl",
        "Zp",
        "Cc",
        "Cf",
        "Co",
    }
)
"""General categories that .NET and RE2 both know by these names."""
WORD = r"\p{L}\p{Mn}\p{Nd}\p{Pc}"
SPACE = r"\t-\r\x{85}\p{Z}"
POSITIVE = {"d": r"\p{Nd}", "w": WORD, "s": SPACE, "D": r"\P{Nd}"}
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a class: a range of code points, or a class by letter (``d D w W s S``) or category."""

    low: int = -1
    high: int = -1
    letter: str = ""
    category: str = ""
    outside: bool = False
    """For a category: everything but it."""


def quoted(character: str) -> str:
    """One character as itself, in a pattern or a class."""
    if character.isalnum() or character in "_ " or ord(character) > 0x9F:
        return character
    code = ord(character)
    return f"\\x{{{code:X}}}" if code < 0x20 or code >= 0x7F else f"\\{character}"


def in_class(characters: Iterable[str]) -> str:
    """Characters as the inside of a class."""
    return "".join(quoted(character) for character in characters)


def spelt(items: list[Item], *, negated: bool, without: list[Item] | None = None) -> str:
    """A class for RE2.

    Args:
        items: what it holds.
        negated: everything else is meant.
        without: taken away from it (.NET's ``[a-z-[aeiou]]``).
    """
    hard = [item for item in items if item.letter in {"W", "S"}]
    if without is not None or (hard and negated):
        return _listed(_meaning(items, negated=negated), None if without is None else _meaning(without, negated=False))
    easy = "".join(_item(item) for item in items if item not in hard)
    if not hard:
        return f"[{'^' if negated else ''}{easy}]"
    options = [f"[^{POSITIVE[item.letter.lower()]}]" for item in hard]
    return f"(?:{'|'.join([*options, f'[{easy}]'] if easy else options)})"


def _item(item: Item) -> str:
    if item.letter:
        return POSITIVE[item.letter]
    if item.category:
        return f"\\{'P' if item.outside else 'p'}{{{item.category}}}"
    low, high = quoted(chr(item.low)), quoted(chr(item.high))
    return low if low == high else f"{low}-{high}"


@cache
def _categories() -> tuple[str, ...]:
    return tuple(unicodedata.category(chr(code)) for code in range(_LAST + 1))


def _meaning(items: list[Item], *, negated: bool) -> Callable[[int, str], bool]:
    """Whether a code point of a category belongs to the class."""

    def belongs(code: int, category: str) -> bool:
        return any(_holds(item, code, category) for item in items) is not negated

    return belongs


def _holds(item: Item, code: int, category: str) -> bool:
    if item.category:
        return category.startswith(item.category) is not item.outside
    match item.letter.lower():
        case "d":
            inside = category == "Nd"
        case "w":
            inside = category[0] == "L" or category in {"Mn", "Nd", "Pc"}
        case "s":
            inside = category[0] == "Z" or 9 <= code <= 13 or code == 0x85
        case _:
            return item.low <= code <= item.high
    return inside is not item.letter.isupper()


def _listed(wanted: Callable[[int, str], bool], unwanted: Callable[[int, str], bool] | None) -> str:
    ranges: list[list[int]] = []
    for code, category in enumerate(_categories()):
        if category == "Cs" or not wanted(code, category) or (unwanted is not None and unwanted(code, category)):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    if not ranges:
        return r"[^\x{0}-\x{10FFFF}]"
    return "[" + "".join(f"\\x{{{a:X}}}" + (f"-\\x{{{b:X}}}" if b > a else "") for a, b in ranges) + "]"
