r"""Entra's expression language, text to tree: recursive descent, any input gives a tree or a placed mistake.

    expression  = joined [ ("=" | "<>" | ">" | ">=" | "<" | "<=") joined ]
    joined      = operand { "&" operand }
    operand     = "[" name "]" | string | number | name "(" [ slots ] ")" | name
    slots       = [ expression ] { "," [ expression ] }
    string      = '"' { any character; \" and \\ are escapes, another backslash stands for itself } '"'
    number      = [ "-" ] digits [ "." digits ] | "&H" hex digits

Source: Entra, "Functions for customizing application data", and the samples on Microsoft's pages (blanks and line
breaks anywhere, empty slots, bare keywords, VBA hex numbers).
"""

from __future__ import annotations

import re

from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.tree import (
    Attribute,
    Call,
    Comparison,
    Expression,
    Joined,
    Keyword,
    Number,
    Text,
)

LONGEST = 10_000
"""Characters an expression may have; Entra's own limit."""
DEEPEST = 48
"""Calls inside one another. Far beyond any real mapping, and within what the engine takes."""

LONGEST_CHAIN = 100
"""Texts one chain of ``&`` may join."""

_BLANKS = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|&[Hh][0-9A-Fa-f]+")
_WORD_GOES_ON = re.compile(r"[A-Za-z0-9_.]")
_COMPARISON = re.compile(r"<>|>=|<=|=|>|<")
_ESCAPE = re.compile(r'\\(["\\])')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_OPERAND = 'an attribute in [brackets], text in "quotes", a number or a function'


def parse(text: str) -> Expression:
    """The tree of ``text``.

    Raises:
        WrongExpression: with the offset of the first character that cannot be right and what was expected there.
    """
    if len(text) > LONGEST:
        raise WrongExpression(
            f"the expression has {len(text)} characters; Entra allows {LONGEST}", at=LONGEST, remedy="Shorten it."
        )
    for at, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise WrongExpression("half of a surrogate pair is not a character", at=at)
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        tree = self._expression()
        self._blanks()
        if self._at < len(self._text):
            raise self._wrong("the end of the expression, an operator or a comma")
        return tree

    def _blanks(self) -> None:
        found = _BLANKS.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _next(self) -> str:
        self._blanks()
        return self._text[self._at : self._at + 1]

    def _wrong(self, expected: str, at: int | None = None) -> WrongExpression:
        at = self._at if at is None else at
        found = self._text[at : at + 1]
        what = repr(found) if found else "the end"
        return WrongExpression(f"expected {expected}, found {what}", at=at)

    def _expression(self) -> Expression:
        left = self._joined()
        self._blanks()
        found = _COMPARISON.match(self._text, self._at)
        if not found:
            return left
        at = self._at
        self._at = found.end()
        right = self._joined()
        self._blanks()
        if again := _COMPARISON.match(self._text, self._at):
            raise WrongExpression(
                f"a second comparison {again.group()} in one condition; there is no AND or OR",
                at=self._at,
                remedy="Nest: IIF(first, IIF(second, …), …).",
            )
        return Comparison(found.group(), left, right, at)

    def _joined(self) -> Expression:
        left = self._operand()
        pieces = 1
        while self._next() == "&":
            at = self._at
            pieces += 1
            if pieces > LONGEST_CHAIN:
                raise WrongExpression(f"more than {LONGEST_CHAIN} texts joined by &", at=at, remedy="Use Join.")
            self._at += 1
            left = Joined(left, self._operand(), at)
        return left

    def _operand(self) -> Expression:
        first = self._next()
        at = self._at
        if first == "[":
            return self._attribute(at)
        if first == '"':
            return self._string(at)
        if found := _NUMBER.match(self._text, at):
            self._at = found.end()
            if _WORD_GOES_ON.match(self._text, self._at):
                raise self._wrong("the end of the number")
            return Number(found.group(), at)
        if found := _NAME.match(self._text, at):
            self._at = found.end()
            if self._next() != "(":
                return Keyword(found.group(), at)
            return self._call(found.group(), at)
        raise self._wrong(_OPERAND)

    def _attribute(self, at: int) -> Attribute:
        end = self._text.find("]", at)
        name = self._text[at + 1 : end]
        if end < 0 or "[" in name or "\n" in name:
            raise WrongExpression("expected ] after the attribute's name", at=at)
        if not name.strip():
            raise self._wrong("the name of an attribute", at + 1)
        self._at = end + 1
        return Attribute(name.strip(), at)

    def _string(self, at: int) -> Text:
        found = _STRING.match(self._text, at)
        if not found:
            raise WrongExpression(
                'text begins here and does not end: expected a closing "',
                at=at,
                remedy=r"A quote inside text is written \" and a backslash before a quote \\.",
            )
        self._at = found.end()
        return Text(_ESCAPE.sub(r"\1", found.group(1)), at)

    def _call(self, name: str, at: int) -> Call:
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise WrongExpression(f"more than {DEEPEST} calls inside one another", at=at, remedy="Simplify it.")
        slots: list[Expression | None] = []
        if self._next() == ")":
            self._at += 1
            self._depth -= 1
            return Call(name, (), at)
        while True:
            slots.append(None if self._next() in {",", ")"} else self._expression())
            following = self._next()
            if following not in {",", ")"}:
                raise self._wrong(f"a comma or the ) of {name}(")
            self._at += 1
            if following == ")":
                break
        self._depth -= 1
        return Call(name, tuple(slots), at)
