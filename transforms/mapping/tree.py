"""An expression as a tree, and its text again. Positions are for messages and take no part in equality."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Attribute:
    """``[name]``: the user's attribute, case-sensitive."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Text:
    """``"value"``: constant text, escapes resolved."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A bare number as it was written: ``1000``, ``-10``, ``42568.75``, ``&HF``."""

    written: str
    at: int = field(default=0, compare=False)

    @property
    def value(self) -> int | float:
        """The number meant."""
        if self.written[:2].upper() == "&H":
            return int(self.written.upper().replace("&H", "0x"), 16)
        return float(self.written) if "." in self.written else int(self.written)


@dataclass(frozen=True, slots=True)
class Keyword:
    """A bare word, e.g. ``vbTextCompare``, ``UTF8``, ``IgnoreAttributeFlow``."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """``Name(a, , b)``; none stands for a slot left empty."""

    function: str
    arguments: tuple[Expression | None, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left = right`` with one of ``= <> > >= < <=``."""

    operator: str
    left: Expression
    right: Expression
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Joined:
    """``left & right``."""

    left: Expression
    right: Expression
    at: int = field(default=0, compare=False)


Expression = Attribute | Text | Number | Keyword | Call | Comparison | Joined


def render(tree: Expression) -> str:  # noqa: PLR0911 - one case each
    """The expression's text on one line; parsing it again gives an equal tree."""
    match tree:
        case Attribute(name):
            return f"[{name}]"
        case Text(value):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Number(written):
            return written
        case Keyword(name):
            return name
        case Call(function, arguments):
            slots = ", ".join("" if a is None else render(a) for a in arguments)
            return f"{function}({slots})"
        case Comparison(operator, left, right):
            return f"{render(left)} {operator} {render(right)}"
        case Joined(left, right):
            return f"{render(left)} & {render(right)}"


def parts(tree: Expression) -> tuple[Expression, ...]:
    """What ``tree`` is directly made of, in order."""
    match tree:
        case Call(_, arguments):
            return tuple(a for a in arguments if a is not None)
        case Comparison(_, left, right) | Joined(left, right):
            return (left, right)
        case _:
            return ()


def walk(tree: Expression) -> Iterator[Expression]:
    """``tree`` and everything in it, innermost first, left to right."""
    for part in parts(tree):
        yield from walk(part)
    yield tree


def attributes(tree: Expression) -> tuple[Attribute, ...]:
    """Every attribute the expression reads, each name once, in the order of first use."""
    found: dict[str, Attribute] = {}
    for node in walk(tree):
        if isinstance(node, Attribute):
            found.setdefault(node.name, node)
    return tuple(found.values())
