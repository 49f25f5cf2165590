"""Every operator of scoping filters over values, null and empty text."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.transforms.duck.database import connect
from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.regex import translate
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.filters import any_holds, first_failing, holds, parse_clause
from trueup.transforms.mapping.values import Kind, Value

WORDS = ["Sales", "sales", "SalesForce", "", None]


def verdict(clause: str, value: Any, kind: Kind = Kind.TEXT) -> bool:
    sql = f"CAST({literal(value)} AS {'BOOLEAN' if kind is Kind.BOOLEAN else 'VARCHAR'})"
    with connect(threads=1) as connection:
        row = connection.execute(f"SELECT {holds(parse_clause(clause), Value(sql, kind))}").fetchone()
    assert row is not None
    assert row[0] is not None, "a clause is never null"
    return bool(row[0])


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("x EQUALS Sales", [True, False, False, False, False]),
        ("x NOT EQUALS Sales", [False, True, True, False, False]),
        ("x IS NULL", [False, False, False, True, True]),
        ("x IS NOT NULL", [True, True, True, False, False]),
        ("x REGEX MATCH ^S", [True, False, True, False, False]),
        ("x NOT REGEX MATCH ^S", [False, True, False, False, False]),
        ("x Includes ales", [True, True, True, False, False]),
        ("x ENDS_WITH les", [True, True, False, False, False]),
        ("x & Sales, IT", [True, False, False, False, False]),
        ("x !& Sales, IT", [False, True, True, False, False]),
        ("x IS TRUE", [False, False, False, False, False]),
        ("x IS FALSE", [False, False, False, False, False]),
    ],
)
def test_an_operator_over_text_null_and_empty(clause: str, expected: list[bool]) -> None:
    assert [verdict(clause, word) for word in WORDS] == expected


@pytest.mark.parametrize(
    ("clause", "value", "expected"),
    [
        ("x Greater_Than 5", "6", True),
        ("x Greater_Than 5", "5", False),
        ("x Greater_Than_OR_EQUALS 5", "5", True),
        ("x Greater_Than 5", "six", False),
        ("x Greater_Than 5", "10", True),
        ("x & 4", "6", True),
        ("x & 1", "6", False),
        ("x !& 1", "6", True),
        ("x & 4", "4x", False),
        ("x IS TRUE", "true", True),
        ("x IS FALSE", "False", True),
        ("x REGEX MATCH a$", "a\n", True),
        ("x REGEX MATCH a\\z", "a\n", False),
        ("x REGEX MATCH (1[0-9]{6})", "11234567", True),
        ('x REGEX MATCH "^\\d+$"', "٣٤", True),
    ],
)
def test_an_operator_at_its_edges(clause: str, value: str, expected: bool) -> None:
    assert verdict(clause, value) is expected


def test_booleans_are_tested_as_such() -> None:
    values = (True, False, None)
    assert [verdict("x IS TRUE", v, Kind.BOOLEAN) for v in values] == [True, False, False]
    assert [verdict("x IS FALSE", v, Kind.BOOLEAN) for v in values] == [False, True, False]
    assert [verdict("x EQUALS True", v, Kind.BOOLEAN) for v in values] == [True, False, False]
    assert [verdict("x IS NULL", v, Kind.BOOLEAN) for v in values] == [False, False, True]


def test_several_values_cannot_be_filtered_by() -> None:
    with pytest.raises(WrongExpression, match="several values"):
        holds(parse_clause("x EQUALS y"), Value('"x"', Kind.LIST))


def test_no_filters_let_everybody_through() -> None:
    assert any_holds((), lambda _: Value("NULL", Kind.TEXT)) == "TRUE"
    only = ((parse_clause("x EQUALS y"),),)
    assert "x EQUALS y" in first_failing(only, lambda _: Value("'z'", Kind.TEXT))


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("(?<a>x)(y)", "(?P<a>x)(y)", {"a": 1, "1": 2, "2": 1, "3": None, "b": None}),
        ("(?'a'x)", "(?P<a>x)", {"a": 1}),
        ("\\d[\\d.]", "[\\p{Nd}][\\p{Nd}\\.]", {}),
        ("\\S\\W", "[^\\t-\\r\\x{85}\\p{Z}][^\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}]", {}),
        ("[\\W_]", "(?:[^\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}]|[_])", {}),
        ("\\u0041\\x41\\cA\\t\\/\\061", "[A][A][\\x{1}][\\x{9}][\\/][1]", {}),
        ("a{2}b{1,}?c{,3}", "a{2}b{1,}?c\\{\\,3\\}", {}),
        ("(?#c)a|(?i:b)", "a|(?i:b)", {}),
        ("[]a-c]", "[\\]a-c]", {}),
        ("\\p{Lu}\\P{L}", "[\\p{Lu}][\\P{L}]", {}),
        ("[\\b-]", "[\\x{8}\\-]", {}),
        ("(?m)^a$", "(?m)^a$", {}),
    ],
)
def test_a_pattern_is_spelt_for_re2(pattern: str, text: str, groups: dict[str, int | None]) -> None:
    translated = translate(pattern)
    assert translated.text == text
    assert {name: translated.group(name) for name in groups} == groups


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("(?=a)", "look-ahead"),
        ("(?!a)", "look-ahead"),
        ("(?<=a)", "look-behind"),
        ("(?<!a)", "look-behind"),
        ("(?>a)", "atomic"),
        ("(?(a)b|c)", "conditional"),
        ("\\bfoo", "\\b"),
        ("\\B", "\\B"),
        ("\\G", "\\G"),
        ("(a)\\1", "back-reference"),
        ("(?<a>x)\\k<a>", "back-reference"),
        ("(?x)a", "option"),
        ("(?<a>x)(?<a>y)", "twice"),
        ("(?<a-b>x)", "a group of a kind"),
        ("\\p{IsGreek}", "category"),
        ("a**", "quantifier"),
        ("*a", "quantifier"),
        ("^*", "quantifier"),
        ("a{2000}", "repetitions"),
        ("(a{1000}){1000}", "cannot be used"),
        ("\\", "backslash"),
        ("\\y", "\\y"),
        ("\\x4", "incomplete"),
        ("\\uD800", "surrogate"),
        ("[a", "without its ]"),
        ("[b-a]", "reverse"),
        ("[a-z-[^b]]", "taken away"),
        ("[\\A]", "anchor"),
        ("a)", "without its ("),
        ("(?#a", "comment"),
        ("(" * 60, "inside one another"),
    ],
)
def test_what_re2_cannot_keep_is_refused_by_name(pattern: str, name: str) -> None:
    with pytest.raises(WrongExpression) as caught:
        translate(pattern)
    assert name in caught.value.problem


def test_a_dollar_in_the_middle_cannot_be_matched_by() -> None:
    with pytest.raises(WrongExpression, match="before more"):
        translate("a$b", matching=True)
