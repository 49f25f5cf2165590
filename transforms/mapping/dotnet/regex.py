r""".NET regular expressions, kept in meaning by RE2 or refused by name.

Kept: ``\d \w \s`` and their opposites in Unicode's meaning, classes (also one taken away from another), groups named
or not, lazy quantifiers, ``^ $ \A \z \Z``, inline ``i s m``. Refused: look-around, back-references, atomic and
conditional groups, ``\b \B \G``, ``(?x)``, ``(?n)``, named blocks.

Source: Microsoft, "Regular Expression Language - Quick Reference"; RE2's syntax page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

import duckdb

from trueup.transforms.mapping.dotnet.character_classes import (
    CATEGORIES,
    POSITIVE,
    SPACE,
    WORD,
    Item,
    in_class,
    quoted,
    spelt,
)
from trueup.transforms.mapping.errors import WrongExpression

_OPEN = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)'|([ismnx-]*)(:|\)))")
_REFUSED = {
    "(?=": "look-ahead (?=…)",
    "(?!": "look-ahead (?!…)",
    "(?<=": "look-behind (?<=…)",
    "(?<!": "look-behind (?<!…)",
    "(?>": "an atomic group (?>…)",
    "(?(": "a conditional group (?(…)…)",
}
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})")
_MOST_REPEATS = 1000
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a sequence: its text for RE2 and what can be said of it."""

    text: str
    empty: bool
    """Whether it can match no character."""
    group: int = 0
    """Its number when it is a capturing group repeated exactly once."""
    anchor: str = ""
    """``^`` or ``$`` where it is one."""
    last: int = 0
    """The number of the last group that opens inside it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A translated pattern."""

    text: str
    """For RE2."""
    nullable: bool
    """Whether it can match the empty text somewhere."""
    starts: bool
    """Whether a match can begin at the very start only."""
    ends: bool
    """Whether a match can end at the very end only."""
    dollar: bool
    """Whether a final line break would make a difference that RE2 cannot tell."""
    caret: bool
    names: tuple[str | None, ...]
    """Per group, in order of its opening parenthesis: the name, or none."""
    pieces: tuple[Piece, ...] = field(default=())
    """Of the outermost sequence, where there is but one."""

    def group(self, name: str) -> int | None:
        """The number, counted by opening parenthesis, of what .NET calls group ``name`` (a name or a number)."""
        if name in self.names:
            return self.names.index(name) + 1
        if not name.isdigit():
            return None
        # .NET numbers groups without a name first.
        ordered = [n for n, given in enumerate(self.names, 1) if given is None]
        ordered += [n for n, given in enumerate(self.names, 1) if given is not None]
        number = int(name)
        return ordered[number - 1] if 1 <= number <= len(ordered) else None


def translate(pattern: str, *, at: int = 0, matching: bool = False) -> Pattern:
    """The pattern for RE2.

    Args:
        pattern: as .NET reads it.
        at: where it stands in the expression, for messages.
        matching: only whether it matches is asked, not where: ``$`` can then be kept to the letter.

    Raises:
        WrongExpression: it uses what RE2 cannot do, by name, or is not a regular expression.
    """
    translated = _Translator(pattern, at, matching=matching).whole()
    if problem := _objection(translated.text):
        raise WrongExpression(f"the regular expression cannot be used: {problem}", at=at)
    return translated


@cache
def _objection(text: str) -> str:
    """What the engine says against a pattern, or nothing."""
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
        try:
            connection.execute("SELECT regexp_matches('', $1)", [text])
        except duckdb.Error as error:
            return str(error).splitlines()[0].split(": ", 1)[-1]
    return ""


class _Translator:
    def __init__(self, pattern: str, at: int, *, matching: bool) -> None:
        self._pattern = pattern
        self._place = at
        self._matching = matching
        self._at = 0
        self._names: list[str | None] = []
        self._multi = False
        self._dollar = False
        self._caret = False
        self._depth = 0

    def whole(self) -> Pattern:
        options = self._options()
        if self._at < len(self._pattern):
            raise self._refused("a ) without its (")
        return Pattern(
            text="|".join("".join(piece.text for piece in option) for option in options),
            nullable=any(all(piece.empty for piece in option) for option in options),
            starts=all(bool(option) and option[0].anchor == "^" for option in options),
            ends=all(bool(option) and option[-1].anchor == "$" for option in options),
            dollar=self._dollar,
            caret=self._caret,
            names=tuple(self._names),
            pieces=tuple(options[0]) if len(options) == 1 else (),
        )

    def _refused(self, what: str) -> WrongExpression:
        return WrongExpression(
            f"the regular expression {self._pattern!r} uses {what} at its character {self._at + 1}, "
            "which has no counterpart in RE2",
            at=self._place,
            remedy="Rewrite it without, or split the work over two Replace calls.",
        )

    def _options(self) -> list[list[Piece]]:
        options = [self._sequence()]
        while self._pattern.startswith("|", self._at):
            self._at += 1
            options.append(self._sequence())
        return options

    def _sequence(self) -> list[Piece]:
        pieces: list[Piece] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            piece = self._quantified(self._atom())
            if piece.text:
                pieces.append(piece)
        return pieces

    def _quantified(self, piece: Piece) -> Piece:
        found = _QUANTIFIER.match(self._pattern, self._at)
        if not found:
            return piece
        if piece.anchor or not piece.text:
            raise self._refused("a quantifier with nothing to repeat")
        least, comma, most = found.group(1), found.group(2), found.group(3)
        if max(int(least or 0), int(most or 0)) > _MOST_REPEATS:
            raise self._refused(f"more than {_MOST_REPEATS} repetitions")
        self._at = found.end()
        text = found.group()
        if self._pattern.startswith("?", self._at):
            self._at += 1
            text += "?"
        if _QUANTIFIER.match(self._pattern, self._at):
            raise self._refused("a quantifier behind a quantifier")
        once = least == "1" and comma is None
        can_be_none = found.group() in {"*", "?"} or (least is not None and int(least) == 0)
        return Piece(piece.text + text, piece.empty or can_be_none, piece.group if once else 0, last=piece.last)

    def _atom(self) -> Piece:  # noqa: PLR0911 - one case each
        sign = self._pattern[self._at]
        if sign == "(":
            return self._group()
        if sign == "[":
            return Piece(self._class(), empty=False)
        if sign == "\\":
            return self._escape()
        self._at += 1
        match sign:
            case ".":
                return Piece(".", empty=False)
            case "^":
                self._caret = True
                return Piece("^", empty=True, anchor="" if self._multi else "^")
            case "$":
                return self._end()
            case "*" | "+" | "?":
                self._at -= 1
                raise self._refused("a quantifier with nothing to repeat")
            case _:
                return Piece(quoted(sign), empty=False)

    def _end(self) -> Piece:
        r"""``$`` and ``\Z``: the end, also before a final line break."""
        if self._multi:
            return Piece("$", empty=True)
        if not self._matching:
            self._dollar = True
            return Piece("$", empty=True, anchor="$")
        if self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            raise self._refused("$ before more of the pattern")
        return Piece(r"\n?\z", empty=True, anchor="$")

    def _group(self) -> Piece:
        for opening, name in _REFUSED.items():
            if self._pattern.startswith(opening, self._at):
                raise self._refused(name)
        if self._pattern.startswith("(?#", self._at):
            self._at = self._pattern.find(")", self._at) + 1
            if not self._at:
                raise self._refused("a comment without its )")
            return Piece("", empty=True)
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._refused(f"more than {_DEEPEST} groups inside one another")
        multi = self._multi
        opening, number = self._opening()
        if opening.endswith(")"):
            self._depth -= 1
            return Piece(opening, empty=True)
        options = self._options()
        if not self._pattern.startswith(")", self._at):
            raise self._refused("a ( without its )")
        self._at += 1
        self._depth -= 1
        self._multi = multi
        inside = "|".join("".join(piece.text for piece in option) for option in options)
        empty = any(all(piece.empty for piece in option) for option in options)
        return Piece(f"{opening}{inside})", empty, number, last=len(self._names))

    def _opening(self) -> tuple[str, int]:
        """What a group opens with for RE2, and its number (0: it captures nothing)."""
        if not self._pattern.startswith("(?", self._at):
            self._at += 1
            self._names.append(None)
            return "(", len(self._names)
        found = _OPEN.match(self._pattern, self._at)
        if not found:
            raise self._refused("a group of a kind")
        self._at = found.end()
        if name := found.group(1) or found.group(2):
            if name in self._names or not name.isascii():
                raise self._refused(f"the group name {name} (twice, or not in plain letters)")
            self._names.append(name)
            return f"(?P<{name}>", len(self._names)
        flags = found.group(3)
        if "n" in flags or "x" in flags:
            raise self._refused(f"the option {flags}")
        on, _, off = flags.partition("-")
        self._multi = (self._multi or "m" in on) and "m" not in off
        return f"(?{flags}{found.group(4)}", 0

    def _escape(self) -> Piece:
        item = self._escaped()
        if isinstance(item, str):
            match item:
                case "^":
                    self._caret = True
                    return Piece(r"\A", empty=True, anchor="^")
                case "$":
                    return self._end()
                case _:
                    return Piece(r"\z", empty=True, anchor="$")
        if item.letter:
            text = {"W": f"[^{WORD}]", "S": f"[^{SPACE}]"}.get(item.letter) or f"[{POSITIVE[item.letter]}]"
            return Piece(text, empty=False)
        return Piece(spelt([item], negated=False), empty=False)

    def _escaped(self) -> Item | str:
        """What a backslash and the signs behind it stand for; ``^ $ z`` for the anchors."""
        sign = self._pattern[self._at + 1 : self._at + 2]
        if not sign:
            raise self._refused("a backslash at the end")
        self._at += 2
        if sign in "dDwWsS":
            return Item(letter=sign)
        if sign in "AZz":
            return {"A": "^", "Z": "$", "z": "z"}[sign]
        if sign in _CONTROL:
            return _one(_CONTROL[sign])
        if sign in "pP":
            return self._category(outside=sign == "P")
        if sign in "xuc0":
            return _one(self._coded(sign))
        if sign.isalnum() or sign == "_":
            self._at -= 2
            kinds = {"b": "\\b", "B": "\\B", "G": "\\G", "k": "a back-reference"}
            raise self._refused(kinds.get(sign) or ("a back-reference" if sign.isdigit() else f"\\{sign}"))
        return _one(sign)

    def _coded(self, sign: str) -> str:
        rest = self._pattern[self._at :]
        form = {"x": r"[0-9A-Fa-f]{2}", "u": r"[0-9A-Fa-f]{4}", "c": r"[A-Za-z\[\\\]^_@]", "0": r"[0-7]{0,2}"}[sign]
        found = re.match(form, rest)
        if not found:
            raise self._refused(f"an incomplete \\{sign}")
        self._at += found.end()
        if sign == "c":
            return chr(ord(found.group().upper()) & 31)
        code = int(found.group() or "0", 8 if sign == "0" else 16)
        if 0xD800 <= code <= 0xDFFF:
            raise self._refused("half of a surrogate pair")
        return chr(code)

    def _category(self, *, outside: bool) -> Item:
        found = re.match(r"\{(\w+)\}", self._pattern[self._at :])
        if not found or found.group(1) not in CATEGORIES:
            raise self._refused("a named block or category it does not share")
        self._at += found.end()
        return Item(category=found.group(1), outside=outside)

    def _class(self) -> str:
        items, negated, without = self._class_items()
        return spelt(items, negated=negated, without=without)

    def _class_items(self) -> tuple[list[Item], bool, list[Item] | None]:
        self._at += 1
        negated = self._pattern.startswith("^", self._at)
        self._at += negated
        items: list[Item] = []
        first = True
        while True:
            if self._at >= len(self._pattern):
                raise self._refused("a [ without its ]")
            if self._pattern[self._at] == "]" and not first:
                self._at += 1
                return items, negated, None
            if self._pattern.startswith("-[", self._at) and not first:
                self._at += 1
                inner, inner_negated, deeper = self._class_items()
                if inner_negated or deeper is not None or not self._pattern.startswith("]", self._at):
                    raise self._refused("a negated or nested class taken away from a class")
                self._at += 1
                return items, negated, inner
            items.append(self._class_item())
            first = False

    def _class_item(self) -> Item:
        low = self._class_sign()
        if low.low < 0 or not re.match(r"-[^\]\[]", self._pattern[self._at :]):
            return low
        self._at += 1
        high = self._class_sign()
        if high.low < low.low:
            raise self._refused("a range in reverse order")
        return Item(low.low, high.low)

    def _class_sign(self) -> Item:
        if self._pattern[self._at] != "\\":
            self._at += 1
            return _one(self._pattern[self._at - 1])
        if self._pattern.startswith("\\b", self._at):
            self._at += 2
            return _one("\b")
        item = self._escaped()
        if isinstance(item, str):
            raise self._refused("an anchor inside a class")
        return item


def _one(character: str) -> Item:
    return Item(ord(character), ord(character))


__all__ = ["Pattern", "Piece", "in_class", "translate"]
