"""``Replace`` against what .NET's Regex gives by its documented rules, and classes RE2 has no words for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from trueup.transforms.duck.database import connect
from trueup.transforms.mapping.cases import Case, alike, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)

REPLACED: list[tuple[str, str, str, str]] = [
    (".*", "X", "abc", "XX"),
    ("a*", "X", "baac", "XbXXcX"),
    ("a*", "X", "", "X"),
    ("a{0,2}", "X", "aaaaa", "XXXX"),
    ("a*$", "X", "baa", "bXX"),
    ("a*$", "X", "b", "bX"),
    ("(?<x>.*)", "D${x}", "abc", "DabcD"),
    ("(?<x>b*)c?", "<${x}>", "bbca", "<bb><>a<>"),
    ("[^a]*", "-", "xxaxx", "--a--"),
    ("^a*", "X", "aab", "Xb"),
    ("\\\\Aa*", "X", "aab", "Xb"),
    ("(x|y*)", "-", "xyyz", "---z-"),
    ("\\\\d+", "#", "a\u0661\u0662b3", "a#b#"),
    ("[^\\\\W_]+", "#", "ab_c é", "#_# #"),
    ("[^\\\\S\\\\n]+", "#", "a \t\nb", "a#\nb"),
    ("[^\\\\W\\\\d]+", "#", "ab1c", "#1#"),
    ("[^\\\\Wa-c\\\\p{Lu}\\\\P{L}]+", "#", "abcdEf1", "abc#E#1"),
    ("[a-z-[aeiou]]+", "#", "abcde", "a#e"),
    ("[\\\\w-[\\\\w]]", "#", "ab", "ab"),
    ("(?<b>[a-z])(\\\\d)", "$1-$2", "a1", "1-a"),
    ("(a)(b)?", "[$2]", "ac", "[]c"),
    ("(?i)ABC", "$$0", "xabc", "x$0"),
    ("b", "[$&$0]", "abc", "a[bb]c"),
    ("b", "${nope}$9", "abc", "a${nope}$9c"),
    ("(b)", "$10", "abc", "ab0c"),
    ("b", "\\\\1", "abc", "a\\1c"),
    ("^\\\\s+|\\\\s+$", "", " a b ", "a b"),
    ("(?<a>x)|(?<b>y)", "[${a}${b}]", "xy", "[x][y]"),
    (".", "-", "a\nb", "-\n-"),
    ("(?s).", "-", "a\nb", "---"),
    ("a\\\\z", "-", "aa", "a-"),
]

FORMS: list[tuple[str, dict[str, Any], Any]] = [
    ('Replace([a], , "(?<n>o)x", "n", "0", , )', {"a": "foxox"}, "f0x0x"),
    ('Replace([a], , "(?<Suffix>@(.)*)", "Suffix", "@x.com", , )', {"a": "j@y.com"}, "j@x.com"),
    ('Replace([a], , "(p)(?<n>(o)x)(q)", "n", "[$1$2$3${n}$0]", , )', {"a": "poxq"}, "p[poqoxpoxq]q"),
    ('Replace([a], , "(?<n>x*)", "n", [r], , )', {"a": "axb", "r": "-"}, "-a--b-"),
    ('Replace([a], , "x", , [r], , )', {"a": "axb", "r": "\\1"}, "a\\1b"),
    ('Replace([a], , "x", , [r], , )', {"a": "axb"}, "ab"),
    ('Replace([a], , "x*", , [r], , )', {"a": "axb", "r": "-"}, "-a--b-"),
    ('Replace([a], , "(x)", "1", [r], , )', {"a": "axb", "r": "-"}, "a-b"),
    ('Replace([a], , "x(?<g>y)$", "g", , [m], )', {"m": "xy"}, "y"),
    ('Replace([a], , "x(?<g>y)$", "g", , [m], )', {"m": "z"}, None),
    ('Replace([a], , "", , "-", , )', {"a": "ab"}, "-a-b-"),
]

ASIDE: list[tuple[str, dict[str, Any], str]] = [
    ('Replace([a], , "a$", , "y", , )', {"a": "a\n"}, "line break"),
    ('Replace([a], , "x(?<g>y)$", "g", , [m], )', {"m": "xy\n"}, "line break"),
    ('Replace([a], , "x", , [r], , )', {"a": "axb", "r": "$1"}, "holding $"),
    ('Replace([a], , "x*", , "-", , )', {"a": "a\x01b"}, "control character"),
]


@pytest.fixture(scope="module")
def connection() -> Iterator[DuckDBPyConnection]:
    with connect(threads=1) as connection:
        yield connection


@pytest.mark.parametrize(("pattern", "replacement", "text", "expected"), REPLACED)
def test_every_match_is_replaced_as_dotnet_does(
    connection: DuckDBPyConnection, pattern: str, replacement: str, text: str, expected: str
) -> None:
    case = Case("r", f'Replace([a], , "{pattern}", , "{replacement}", , )', {"a": text}, None)
    answer = evaluate(connection, case, now=NOW)
    assert answer.error is None
    assert answer.value == expected


@pytest.mark.parametrize(("expression", "inputs", "expected"), FORMS)
def test_the_other_forms_keep_their_rules(
    connection: DuckDBPyConnection, expression: str, inputs: dict[str, Any], expected: Any
) -> None:
    answer = evaluate(connection, Case("f", expression, inputs, None), now=NOW)
    assert answer.error is None
    assert alike(answer.value, expected), answer.value


@pytest.mark.parametrize(("expression", "inputs", "reason"), ASIDE)
def test_a_text_re2_would_treat_otherwise_sets_the_person_aside(
    connection: DuckDBPyConnection, expression: str, inputs: dict[str, Any], reason: str
) -> None:
    answer = evaluate(connection, Case("a", expression, inputs, None), now=NOW)
    assert answer.flow == "ignore-object"
    assert reason in (answer.error or "")


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('Replace([a], , "x", , "$`", , )', "$`"),
        ('Replace([a], , "(x^)*", , "-", , )', "^ inside"),
        ('Replace([a], , "(?m)^", , "> ", , )', "^ inside"),
        ('Replace([a], , "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", , "$10", , )', "beyond the 9th"),
        ('Replace([a], , "x", "1", "y", , )', "no group"),
    ],
)
def test_what_cannot_be_replaced_alike_is_refused(connection: DuckDBPyConnection, expression: str, reason: str) -> None:
    assert reason in (evaluate(connection, Case("x", expression, {"a": "x"}, None), now=NOW).error or "")
