"""The language as a whole: printing and parsing, meaning of compiled SQL, and what no input may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.mapping_meaning import LeaveAttribute, SetAside, meaning
from trueup.transforms.duck.database import connect
from trueup.transforms.mapping import WrongExpression, parse, render
from trueup.transforms.mapping.cases import Case, alike, evaluate
from trueup.transforms.mapping.dotnet.regex import translate
from trueup.transforms.mapping.filters import OPERATORS, parse_clause
from trueup.transforms.mapping.functions.catalogue import FUNCTIONS
from trueup.transforms.mapping.tree import Attribute, Call, Comparison, Expression, Joined, Keyword, Number, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = [
    "",
    " ",
    "'",
    '"',
    "\\",
    "';--",
    "<script>",
    "\x00",
    "\u202e",
    "é",
    "ß",
    "Łø",
    "😀",
    "a\nb",
    "True",
    "12",
    "]",
]
# Letters whose case differs between Python's full and the simple mapping .NET and DuckDB use are left to unit tests.
LETTERS = st.sampled_from("abzAZ09 .,-_'\"\\$^()[]{}%&|\t\n\x00\u00a0éßłØñÅœ한я😀\u202e")
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(LETTERS, max_size=8))
NAMES = ("t", "u", "n", "b", "missing")
INPUTS = st.fixed_dictionaries(
    {
        "t": st.none() | TEXTS,
        "u": st.none() | TEXTS,
        "n": st.none() | st.integers(-1000, 1000),
        "b": st.none() | st.booleans(),
        "l": st.none() | st.lists(TEXTS, max_size=4),
    }
)

SCALARS: st.SearchStrategy[Expression] = st.one_of(
    st.sampled_from(NAMES).map(Attribute),
    TEXTS.map(Text),
    st.integers(-20, 20).map(lambda n: Number(str(n))),
)
LISTS: st.SearchStrategy[Expression] = st.just(Attribute("l"))
PLACES = st.integers(1, 6).map(lambda n: Number(str(n)))


def _call(name: str, *slots: st.SearchStrategy[Any]) -> st.SearchStrategy[Expression]:
    return st.tuples(*slots).map(lambda made: Call(name, made))


def _grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    condition = st.one_of(
        st.builds(Comparison, st.sampled_from(["=", "<>", ">", ">=", "<", "<="]), inner, inner),
        *(_call(name, inner) for name in ("IsNull", "IsNullOrEmpty", "IsPresent", "Not", "CBool")),
    )
    lists = st.one_of(
        LISTS,
        _call("RemoveDuplicates", LISTS),
        _call("Split", inner.filter(_is_no_list), st.sampled_from([",", ".", " ", "ab"]).map(Text)),
    )
    pairs = st.lists(st.tuples(inner, inner), min_size=1, max_size=3)
    plain = ("ToLower", "ToUpper", "StripSpaces", "NormalizeDiacritics", "PCase", "Len", "CStr", "Redact")
    return st.one_of(
        *(_call(name, inner) for name in (*plain, "ConvertToBase64", "ConvertToUTF8Hex")),
        _call("Append", inner, inner),
        _call("Left", inner, st.integers(-2, 9).map(lambda n: Number(str(n)))),
        _call("Mid", inner, PLACES),
        _call("Mid", inner, PLACES, PLACES),
        _call("InStr", inner, inner),
        _call(
            "Word",
            inner,
            st.integers(0, 4).map(lambda n: Number(str(n))),
            st.sampled_from([" ", ".,", "-]^\\"]).map(Text),
        ),
        _call("Count", lists),
        _call("Item", lists, PLACES),
        _call("Contains", lists, TEXTS.map(Text)),
        _call("IIF", condition, inner, inner),
        _call("IIF", inner, inner, st.none() | inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda made: Call("Coalesce", tuple(made))),
        st.lists(st.one_of(inner, lists), min_size=1, max_size=4).map(lambda m: Call("Join", (Text(", "), *m))),
        st.tuples(inner, st.none() | inner, pairs).map(
            lambda made: Call("Switch", (made[0], made[1], *(slot for pair in made[2] for slot in pair)))
        ),
        st.tuples(inner, TEXTS, inner).map(lambda m: Call("Replace", (m[0], Text(m[1]), None, None, m[2]))),
        st.tuples(inner, inner).map(
            lambda m: Call("Replace", (m[0], Text("<u>"), None, None, None, None, Text("x<u>")))
        ),
        _call("IgnoreFlowIfNullOrEmpty", inner),
        st.builds(Joined, inner, inner),
    )


def _is_no_list(_: Expression) -> bool:
    return True


MEANINGFUL = st.recursive(SCALARS, _grown, max_leaves=8)


@pytest.fixture(scope="module")
def connection() -> Iterator[DuckDBPyConnection]:
    with connect(threads=1) as connection:
        yield connection


def _expected(tree: Expression, inputs: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "value", meaning(tree, inputs)
    except LeaveAttribute:
        return "ignore-attribute", None
    except SetAside:
        return "ignore-object", None


def _holds(connection: DuckDBPyConnection, tree: Expression, inputs: dict[str, Any]) -> None:
    written = render(tree)
    again = parse(written)
    answer = evaluate(connection, Case("p", written, inputs, None), now=NOW)
    if answer.error is not None and "(at character" in answer.error:
        assert "IgnoreFlowIfNullOrEmpty cannot be part of a condition" in answer.error
        return
    flow, value = _expected(again, inputs)
    assert (answer.flow, alike(answer.value, value)) == (flow, True), (answer, value)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=MEANINGFUL, inputs=INPUTS)
@example(tree=Call("Coalesce", (Attribute("n"), Attribute("t"))), inputs={"n": None, "t": "x"})
@example(
    tree=Call(
        "Switch",
        (Attribute("t"), None, Text("x"), Text("y"), Call("IgnoreFlowIfNullOrEmpty", (Attribute("u"),)), Text("z")),
    ),
    inputs={"t": "z", "u": None},
)
@example(
    tree=Call(
        "Switch",
        (Attribute("t"), None, Text("x"), Text("y"), Call("IgnoreFlowIfNullOrEmpty", (Attribute("u"),)), Text("z")),
    ),
    inputs={"t": "x", "u": None},
)
def test_compiled_sql_means_what_the_rules_say(
    connection: DuckDBPyConnection, tree: Expression, inputs: dict[str, Any]
) -> None:
    _holds(connection, tree, inputs)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=MEANINGFUL, inputs=INPUTS)
def test_compiled_sql_means_what_the_rules_say_at_length(
    connection: DuckDBPyConnection, tree: Expression, inputs: dict[str, Any]
) -> None:
    _holds(connection, tree, inputs)


ANY_NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
OPERANDS: st.SearchStrategy[Expression] = st.deferred(
    lambda: st.one_of(
        st.text(st.characters(blacklist_characters="[]\n", blacklist_categories=["Cs"]), min_size=1)
        .filter(lambda name: name == name.strip())
        .map(Attribute),
        st.text(st.characters(blacklist_categories=["Cs"])).map(Text),
        st.from_regex(r"-?[0-9]{1,8}(\.[0-9]{1,4})?|&H[0-9A-F]{1,6}", fullmatch=True).map(Number),
        ANY_NAME.map(Keyword),
        st.builds(Call, ANY_NAME, st.lists(st.none() | TREES, max_size=4).map(_slots)),
    )
)
TREES: st.SearchStrategy[Expression] = st.deferred(
    lambda: st.one_of(
        OPERANDS,
        st.builds(Joined, OPERANDS, OPERANDS),
        st.builds(Comparison, st.sampled_from(["=", "<>", ">", ">=", "<", "<="]), OPERANDS, OPERANDS),
    )
)


def _slots(made: list[Expression | None]) -> tuple[Expression | None, ...]:
    return () if made == [None] else tuple(made)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=TREES)
def test_what_is_printed_parses_to_an_equal_tree(tree: Expression) -> None:
    assert parse(render(tree)) == tree


TOKENS = st.sampled_from(
    [
        "[",
        "]",
        '"',
        "\\",
        "(",
        ")",
        ",",
        "&",
        "&H",
        "=",
        "<>",
        " ",
        "\n",
        "-",
        "1",
        ".",
        "x",
        "'",
        ";",
        "--",
        "\x00",
        "é",
    ]
    + [f"{name}(" for name in FUNCTIONS]
    + ["[mail]", '"text"', "IgnoreAttributeFlow", "vbTextCompare", "${a}", "(?<a>", ".*"]
)
NOISE = st.one_of(st.text(), st.lists(TOKENS, max_size=25).map("".join))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=NOISE)
@example(noise="(" * 5000)
@example(noise="Not(" * 2400)
@example(noise='"a"&' * 2400)
@example(noise="x" * 10_001)
@example(noise="[" + "\\" * 9000)
@example(noise='"' + "\\" * 9000)
@example(noise="-" * 9000)
@example(noise="\ud800")
def test_any_input_gives_a_tree_or_a_mistake_with_its_place(noise: str) -> None:
    wrong, tree = _parsed(noise)
    if wrong is not None:
        assert 0 <= wrong.at <= len(noise)
        assert "^" in str(wrong.placed(noise, "here"))
    if tree is not None:
        assert parse(render(tree)) == tree


def _parsed(noise: str) -> tuple[WrongExpression | None, Expression | None]:
    try:
        return None, parse(noise)
    except WrongExpression as wrong:
        return wrong, None


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(noise=NOISE, inputs=INPUTS)
def test_any_input_gives_an_answer_and_never_sql_of_its_own(
    connection: DuckDBPyConnection, noise: str, inputs: dict[str, Any]
) -> None:
    answer = evaluate(connection, Case("fuzz", noise, inputs, None), now=NOW)
    assert answer.error is not None or answer.flow in {"value", "ignore-attribute", "ignore-object"}


SIGNS = st.sampled_from(list("ab1 .*+?()[]{}|^$\\-,<>=!:idwsWDSbBnxzZAkpPLu{2}&é\n")) | st.sampled_from(
    ["(?:", "(?<n>", "(?i)", "\\d", "\\W", "[^", "{1,2}", "\\p{L}", "(?=", "-["]
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(pattern=st.lists(SIGNS, max_size=12).map("".join))
def test_any_pattern_is_translated_or_refused_by_name(pattern: str) -> None:
    try:
        translated = translate(pattern)
    except WrongExpression as wrong:
        problem = wrong.problem
    else:
        problem = "regular expression"
        assert len(translated.names) <= pattern.count("(")
    assert "regular expression" in problem


@settings(max_examples=300, deadline=None)
@given(
    text=st.one_of(
        st.text(),
        st.tuples(st.sampled_from(["mail", "[a b]", "x"]), st.sampled_from([*OPERATORS, "is", "=="]), st.text()).map(
            " ".join
        ),
    )
)
def test_any_clause_is_read_or_refused(text: str) -> None:
    try:
        clause = parse_clause(text)
    except WrongExpression:
        return
    assert clause.operator in OPERATORS
    assert clause.attribute
