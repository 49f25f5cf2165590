"""Scoping filters: clauses of text to SQL. AND inside a filter, OR between filters.

    clause    = attribute operator [ value ]
    attribute = name | "[" name "]"
    operator  = EQUALS | NOT EQUALS | IS TRUE | IS FALSE | IS NULL | IS NOT NULL | REGEX MATCH | NOT REGEX MATCH
              | Greater_Than | Greater_Than_OR_EQUALS | Includes | ENDS_WITH | & | !&
    value     = the rest of the line, or text in quotes as in expressions

About nothing, in one place (``_ABOUT_NOTHING``): a clause over an attribute that is null or empty is false, whatever
its operator; only IS NULL is then true. So ``NOT EQUALS`` and ``NOT REGEX MATCH`` exclude who has no value.
``&`` and ``!&`` are half defined by Microsoft: two whole numbers are compared bit by bit, otherwise the value is a list
with commas that the attribute's value is in, or not.

Source: Entra, "Scoping users or groups to be provisioned with scoping filters"; Graph's filterOperators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.regex import translate
from trueup.transforms.mapping.errors import WrongExpression, suggestion
from trueup.transforms.mapping.values import Kind, Value, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATORS = (
    "NOT REGEX MATCH",
    "REGEX MATCH",
    "IS NOT NULL",
    "IS NULL",
    "IS TRUE",
    "IS FALSE",
    "NOT EQUALS",
    "EQUALS",
    "GREATER THAN OR EQUALS",
    "GREATER THAN",
    "INCLUDES",
    "ENDS WITH",
    "!&",
    "&",
)
_SPELT = {
    "GREATER THAN OR EQUALS": "Greater_Than_OR_EQUALS",
    "GREATER THAN": "Greater_Than",
    "INCLUDES": "Includes",
    "ENDS WITH": "ENDS_WITH",
}
_WITHOUT_VALUE = {"IS TRUE", "IS FALSE", "IS NULL", "IS NOT NULL"}
_NUMERIC = {"GREATER THAN", "GREATER THAN OR EQUALS"}
_ABOUT_NOTHING = "coalesce({text} <> '' AND ({clause}), FALSE)"
"""The one rule about null and empty: such a clause is false."""
_CLAUSE = re.compile(r"\s*(?:\[([^\]]+)\]|([^\s\[\]\"]+))\s*(.*)\Z", re.DOTALL)
_OPERATOR = re.compile(
    "(?:" + "|".join(re.escape(o).replace(r"\ ", r"[\s_]+") for o in OPERATORS) + r")(?=\s|\"|\Z)", re.IGNORECASE
)
_INTEGER = r"^\s*[+-]?[0-9]{1,18}\s*$"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition on one attribute."""

    attribute: str
    operator: str
    """One of ``OPERATORS``."""
    values: tuple[str, ...] = ()
    """None for the operators that take none; several mean any of them."""

    def __str__(self) -> str:
        name = f"[{self.attribute}]" if re.search(r"\s", self.attribute) else self.attribute
        said = f"{name} {_SPELT.get(self.operator, self.operator)}"
        return f"{said} {', '.join(map(_spelt_value, self.values))}" if self.values else said


def _spelt_value(value: str) -> str:
    """A value as a clause's text has it: in quotes where blanks or a quote at its edges would be lost."""
    if value and value == value.strip() and not value.startswith('"'):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


Filter = tuple[Clause, ...]
"""Clauses that must all hold."""


def parse_clause(text: str) -> Clause:
    """The clause ``text`` spells.

    Raises:
        WrongExpression: it names no attribute, no operator, or has a value too many or too few.
    """
    found = _CLAUSE.match(text)
    if not found:
        raise WrongExpression("expected an attribute, an operator and a value", remedy="E.g. department EQUALS Sales.")
    rest, at = found.group(3), found.start(3)
    operator = _OPERATOR.match(rest)
    if not operator:
        said = rest.split(maxsplit=1)[0] if rest.split() else ""
        raise WrongExpression(
            f"{said!r} is not an operator" if said else "expected an operator",
            at=at,
            remedy=suggestion(said, [*OPERATORS, *_SPELT.values()])
            or "Operators are " + ", ".join(_SPELT.get(o, o) for o in sorted(OPERATORS)) + ".",
        )
    name = re.sub(r"[\s_]+", " ", operator.group()).upper()
    value = _value(rest[operator.end() :], at + operator.end())
    return checked(Clause((found.group(1) or found.group(2)).strip(), name, () if value is None else (value,)), at)


def _value(text: str, at: int) -> str | None:
    text = text.strip()
    if not text.startswith('"'):
        return text or None
    if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL):
        raise WrongExpression("the value begins with a quote and does not end with one", at=at)
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def checked(clause: Clause, at: int = 0) -> Clause:
    """``clause`` when its operator has the value it needs.

    Raises:
        WrongExpression: it has not, or a pattern that cannot be kept.
    """
    said = _SPELT.get(clause.operator, clause.operator)
    if clause.operator in _WITHOUT_VALUE:
        if clause.values:
            raise WrongExpression(f"{said} takes no value", at=at)
    elif not clause.values:
        raise WrongExpression(f"{said} needs a value", at=at)
    if clause.operator in _NUMERIC and not all(re.match(_INTEGER, value) for value in clause.values):
        raise WrongExpression(f"{said} compares whole numbers", at=at)
    if clause.operator.endswith("REGEX MATCH"):
        for value in clause.values:
            translate(value, at=at, matching=True)
    return clause


def holds(clause: Clause, value: Value) -> str:
    """SQL, never null: whether the clause holds for the attribute's ``value``.

    Raises:
        WrongExpression: the attribute has several values.
    """
    try:
        text = as_text(value)
    except ValueError:
        raise WrongExpression(
            f"{clause.attribute} has several values and cannot be filtered by", remedy="Entra refuses it too."
        ) from None
    if clause.operator == "IS NULL":
        return f"coalesce({text}, '') = ''"
    return _ABOUT_NOTHING.format(text=text, clause=_with_value(clause, value, text))


def _with_value(clause: Clause, value: Value, text: str) -> str:  # noqa: PLR0911 - one case each
    match clause.operator:
        case "IS NOT NULL":
            return "TRUE"
        case "IS TRUE" | "IS FALSE":
            wanted = clause.operator == "IS TRUE"
            if value.kind is Kind.BOOLEAN:
                return value.sql if wanted else f"NOT {value.sql}"
            return f"lower({text}) = '{str(wanted).lower()}'"
        case "EQUALS":
            return f"{text} IN ({', '.join(map(literal, clause.values))})"
        case "NOT EQUALS":
            return f"{text} NOT IN ({', '.join(map(literal, clause.values))})"
        case "&" | "!&":
            return _exists_in(clause, text)
        case _:
            joined = [_single(clause.operator, text, wanted) for wanted in clause.values]
            if clause.operator.startswith("NOT"):
                return "NOT (" + " OR ".join(joined) + ")"
            return " OR ".join(joined)


def _single(operator: str, text: str, wanted: str) -> str:
    """One test; for a NOT operator the test to be denied."""
    if operator.endswith("REGEX MATCH"):
        return f"regexp_matches({text}, {literal(translate(wanted, matching=True).text)})"
    if operator == "INCLUDES":
        return f"contains({text}, {literal(wanted)})"
    if operator == "ENDS WITH":
        return f"ends_with({text}, {literal(wanted)})"
    sign = ">" if operator == "GREATER THAN" else ">="
    number = f"CASE WHEN regexp_matches({text}, '{_INTEGER}') THEN TRY_CAST({text} AS BIGINT) END"
    return f"coalesce({number} {sign} {int(wanted)}, FALSE)"


def _exists_in(clause: Clause, text: str) -> str:
    items = [item.strip() for value in clause.values for item in value.split(",")]
    listed = f"{text} IN ({', '.join(map(literal, items))})"
    if len(items) == 1 and re.match(_INTEGER, items[0]):
        bits = f"(TRY_CAST({text} AS BIGINT) & {int(items[0])}) <> 0"
        listed = f"CASE WHEN regexp_matches({text}, '{_INTEGER}') THEN {bits} ELSE {listed} END"
    return listed if clause.operator == "&" else f"NOT ({listed})"


def any_holds(filters: tuple[Filter, ...], resolve: Callable[[str], Value]) -> str:
    """SQL, never null: whether all clauses of at least one filter hold; no filters hold for everybody."""
    if not filters:
        return "TRUE"
    each = [" AND ".join(holds(clause, resolve(clause.attribute)) for clause in one) or "TRUE" for one in filters]
    return each[0] if len(each) == 1 else " OR ".join(f"({sql})" for sql in each)


def first_failing(filters: tuple[Filter, ...], resolve: Callable[[str], Value]) -> str:
    """SQL of the clause that excluded a person: per filter the first that does not hold, joined by "; or"."""
    each = []
    for one in filters:
        whens = " ".join(
            f"WHEN NOT ({holds(clause, resolve(clause.attribute))}) THEN {literal(str(clause))}" for clause in one
        )
        each.append(f"CASE {whens} END" if whens else "NULL")
    return each[0] if len(each) == 1 else f"concat_ws('; or ', {', '.join(each)})"
