"""What every function gives where Microsoft's pages say so, and what it does at the edges they leave open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trueup.transforms.duck.database import connect
from trueup.transforms.mapping.cases import Answer, Case, alike, evaluate
from trueup.transforms.mapping.functions.catalogue import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
ROLES = [{"id": "1", "value": 'b"', "displayName": "B"}, {"id": "2", "value": "a", "displayName": "A"}]
ROLE = {"primary": False, "type": "WindowsAzureActiveDirectoryRole"}

VALUES: list[tuple[str, dict[str, Any], Any]] = [
    ('Append([x], "s")', {}, None),
    ('Prepend("a", "b")', {}, "ab"),
    ("AppRoleAssignments([r])", {"r": ROLES}, ["A", "B"]),
    (
        "AppRoleAssignmentsComplex([r])",
        {"r": ROLES},
        [{**ROLE, "display": "A", "value": "a"}, {**ROLE, "display": "B", "value": 'b"'}],
    ),
    ("AssertiveAppRoleAssignmentsComplex([r])", {"r": ["Admin"]}, [{**ROLE, "display": "Admin", "value": "Admin"}]),
    ("AppRoleAssignmentsComplex([r])", {}, None),
    ("SingleAppRoleAssignment([r])", {"r": ROLES}, "A"),
    ("SingleAppRoleAssignment([r])", {}, None),
    ("AppRoleAssignments([r])", {}, None),
    ('BitAnd("6", &H3)', {}, 2),
    ("CBool([a])", {"a": "1"}, True),
    ("CBool([a])", {"a": "no"}, False),
    ("CBool([a])", {"a": True}, True),
    ("CBool(0)", {}, False),
    ("CBool([x])", {}, False),
    ('CDate("June 30, 2021")', {}, "6/30/2021 12:00:00 AM"),
    ('CDate("30 Jun 2021 10:15 PM")', {}, "6/30/2021 10:15:00 PM"),
    ('CDate("Wed, 30 Jun 2021 10:00:00 GMT")', {}, "6/30/2021 10:00:00 AM"),
    ('CDate("6/5/2021 12:02:03 AM")', {}, "6/5/2021 12:02:03 AM"),
    ('CDate("2021-06-30T12:24:24.5Z")', {}, "6/30/2021 12:24:24 PM"),
    ("CDate([x])", {}, None),
    ('CDate("")', {}, None),
    ('Coalesce([x], "")', {}, ""),
    ("Coalesce([y], CDate([y]))", {"y": "k"}, "k"),
    ("Coalesce([x], [n])", {"n": 5}, 5),
    ('IIF([a] < Coalesce([n], [x]), "yes", "no")', {"a": "9", "n": 10}, "yes"),
    ('IIF([a] < Coalesce([n], [x]), "yes", "no")', {"a": "9", "x": "10"}, "no"),
    ('IIF([a] <> Coalesce([n], [x]), "yes", "no")', {"a": "10 ", "n": 10}, "no"),
    ("Coalesce([x])", {}, None),
    ("Coalesce(IIF([b], 1, [x]), 2)", {"b": True}, 1),
    ('Coalesce([l], "z")', {"l": []}, "z"),
    ('Contains([l], "b")', {"l": ["a", "abc"]}, 2),
    ('Contains([l], "x")', {"l": ["a"]}, 0),
    ('ConvertFromBase64("SABlAGwAbABvACAAdwBvAHIAbABkACEA")', {}, "Hello world!"),
    ('ConvertFromBase64("SGVsbG8gd29ybGQh", ASCII)', {}, "Hello world!"),
    ("ConvertFromBase64([a])", {"a": "YQA92ADe6QA="}, "a😀é"),
    ("ConvertToBase64([a])", {"a": "a😀é"}, "YQA92ADe6QA="),
    ("ConvertFromBase64(ConvertToBase64(ConvertFromBase64([a])))", {"a": "YQA92ADe6QA="}, "a😀é"),
    ("Not(" * 47 + '"True"' + ")" * 47, {}, False),
    ("Count(" * 47 + '"x"' + ")" * 47, {}, 1),
    ("NumFromDate(DateFromNum(" * 20 + "0" + "))" * 20, {}, 0),
    ('ConvertToUTF8Hex("Hello world!")', {}, "48656C6C6F20776F726C6421"),
    ("Count([l])", {}, 0),
    ("Count([r])", {"r": ROLES}, 2),
    ('Count("one")', {}, 1),
    ("CStr([b])", {"b": False}, "False"),
    ("CStr(5)", {}, "5"),
    ('DateAdd("m", 1, CDate("2024-01-31"))', {}, "2/29/2024 12:00:00 AM"),
    ('DateAdd("yyyy", "-1", CDate("2024-02-29"))', {}, "2/28/2023 12:00:00 AM"),
    ('DateAdd("ww", 1, Now())', {}, "11/30/2026 1:02:03 AM"),
    ('DateAdd("s", 90, CDate("12/31/2025 11:59:00 PM"))', {}, "1/1/2026 12:00:30 AM"),
    ('DateAdd("n", "30", "2020-01-01")', {}, "1/1/2020 12:30:00 AM"),
    ('DateAdd("d", [x], Now())', {}, None),
    ('DateDiff("ww", [now], CDate([S]))', {"S": "2012-03-16-07:00", "now": "2021-08-25T17:41:18Z"}, -493),
    ('DateDiff("yyyy", CDate("2021-12-31"), CDate("2022-01-01"))', {}, 1),
    ('DateDiff("n", CDate("2021-08-24"), CDate("2021-08-25"))', {}, 1440),
    ('DateDiff("d", CDate("2021-08-25T12:00"), CDate("2021-08-24"))', {}, -1),
    ('DateDiff("h", "2020-01-01T05:59", "2020-01-01")', {}, -5),
    ("DateFromNum(0)", {}, "1/1/1601 12:00:00 AM"),
    ("DNComponent(CRef([dn]), 2)", {"dn": "cn=Doe\\, Joe,ou=Sales"}, "Sales"),
    ("DNComponent([dn], 1)", {"dn": "cn=Doe\\, Joe,ou=Sales"}, "Doe, Joe"),
    ("DNComponent([dn], 9)", {"dn": "cn=x"}, None),
    (
        'FormatDateTime([d], , "dd.MM.yyyy HH:mm", "yyyy-MM-dd\'T\'HH:mm:sszzz")',
        {"d": "03.04.2020 05:06"},
        "2020-04-03T05:06:00+00:00",
    ),
    ('FormatDateTime([d], , "d MMMM yyyy", "M/d/yy")', {"d": "3 August 2020"}, "8/3/20"),
    ('FormatDateTime([d], , "ddd d MMM yy", "dddd fff F t")', {"d": "Mon 3 Aug 20"}, "Monday 000  A"),
    ('FormatDateTime([d], , "yyyy-MM-dd", "R")', {"d": "2020-01-02"}, "Thu, 02 Jan 2020 00:00:00 GMT"),
    ('FormatDateTime([d], , "h:mm tt", "HH:mm yyyy-MM-dd")', {"d": "3:07 pm"}, "15:07 2026-11-23"),
    ('FormatDateTime([d], , "yyyy", "MM/dd")', {"d": "2020"}, "01/01"),
    (
        'FormatDateTime([d], , "yyyy-MM-ddTHH:mm:sszzz", "yyyy-MM-dd HH:mm")',
        {"d": "2020-01-02T01:00:00+02:00"},
        "2020-01-01 23:00",
    ),
    ('FormatDateTime([d], "None", "yyyy-MM-dd", "yyyy")', {"d": "2020-01-02"}, "2020"),
    ('FormatDateTime([d], , "yyyy-MM-dd", "yyyy")', {"d": ""}, ""),
    ('FormatDateTime([d], , "yyyy-MM-dd", "yyyy")', {}, None),
    ('FormatDateTime([d], , "yyyy-MM-dd", "yyyy\\\\y%d")', {"d": "2020-01-02"}, "2020y2"),
    ('IIF([a]="", 1, 2)', {"a": ""}, 1),
    ('IIF([a]<>"x", "y", "n")', {}, "n"),
    ('IIF([n]>5, "y", "n")', {"n": "10"}, "y"),
    ('IIF([n]<>5, "y", "n")', {"n": "abc"}, "y"),
    ('IIF([n]>"5", "y", "n")', {"n": "10"}, "n"),
    ('IIF([a], "y", "n")', {"a": "True"}, "y"),
    ('IIF([a], "y")', {"a": "x"}, None),
    ('IIF(Len([a])<="5", "y", "n")', {"a": "abc"}, "y"),
    ('IIF(CDate("2020-01-02") > "2020-01-01", "y", "n")', {}, "y"),
    ('IIF(CDate("2020-01-02") <> CDate("2020-01-02"), "y", "n")', {}, "n"),
    ("IIF(1=1, 1, 2.5)", {}, 1),
    ("IIF(1=2, 1, 2.5)", {}, 2.5),
    ('IIF([x]="x", Error("no"), "ok")', {}, "ok"),
    ('InStr("repEated", "e", 3, vbBinaryCompare)', {}, 7),
    ('InStr([a], "Q", 1, vbTextCompare)', {"a": "the quick"}, 5),
    ('InStr([a], "zz")', {}, 0),
    ("IsNothing([x])", {}, True),
    ('IsNull("")', {}, False),
    ("IsNullOrEmpty([l])", {"l": []}, True),
    ("IsNullOrEmpty([l])", {"l": ["a"]}, False),
    ("IsNull([l])", {"l": ["a"]}, False),
    ("IsPresent([n])", {"n": 5}, True),
    ("IsString([l])", {"l": ["a", "b"]}, False),
    ("Item([l], 1)", {}, None),
    ('Item(Split([a], " "), 2)', {"a": "1 2"}, "2"),
    ('Join("-", [l], [x], "", 1, 2.5)', {"l": ["a", "", "b"]}, "a-b-1-2.5"),
    ('Join(", ", "", [s], [g])', {"s": "Doe", "g": "John"}, "Doe, John"),
    ('Join([s], "a", "b")', {"s": "+"}, "a+b"),
    ('Join(" ", [x], [y])', {}, ""),
    ('Join(, "a", "b")', {}, "ab"),
    ("Left([a], -1)", {"a": "abc"}, "abc"),
    ("Left([a], 0)", {"a": "abc"}, ""),
    ("Left([a], [n])", {"a": "abc", "n": "2"}, "ab"),
    ("Left([a], [n])", {"a": "abc", "n": "-2"}, "abc"),
    ("Len(42568.75)", {}, 8),
    ("Len([n])", {"n": 42568}, 5),
    ("Mid([a], 3)", {"a": "abcdef"}, "cdef"),
    ("Mid([a], 9, 2)", {"a": "abc"}, ""),
    ('Mid([a], "2", "1")', {"a": "abc"}, "b"),
    ("Mid([a], [n], [n])", {"a": "abcd", "n": 2}, "bc"),
    ("Mid([a], 2, -1)", {"a": "abc"}, ""),
    ("NormalizeDiacritics([a])", {"a": "Łódź œ œ̄ đ й 한 ạ ẞ"}, "Lodz œ oe đ й 한 a ẞ"),
    ("NormalizeDiacritics([a])", {"a": "plain"}, "plain"),
    ("Not([a])", {}, True),
    ('Not("x")', {}, True),
    ('Not(Not("True"))', {}, True),
    ("Not([b])", {"b": True}, False),
    ("Now()", {}, "11/23/2026 1:02:03 AM"),
    ('NumFromDate("2020-01-01 00:00:00.1234567")', {}, 132223104001234567),
    ("NumFromDate(Now())", {}, 134398693230000000),
    ("PCase([a])", {"a": "O'BRIEN mc-donald 3rd éCOLE ßtraße"}, "O'brien Mc-Donald 3Rd École ßtraße"),
    ('PCase([a], "-")', {"a": "anne-marie o'neil x"}, "Anne-Marie o'neil x"),
    ('PCase([a], "]-^")', {"a": "ab]cd-ef^gh"}, "Ab]Cd-Ef^Gh"),
    ("Redact([a])", {"a": "s"}, "s"),
    ("RemoveDuplicates([l])", {"l": ["a", "A", "a"]}, ["a", "A"]),
    ('Replace([a], "x", , , "", , )', {}, None),
    ('Replace([a], "", , , "y", , )', {"a": "x"}, "x"),
    ('Replace([a], [o], , , "-", , )', {"a": "axb", "o": "x"}, "a-b"),
    ("Replace([a], [o], , , [x], , )", {"a": "axb", "o": "x"}, "ab"),
    ('Replace([a], "<u>", , , , , "<u>@<u>")', {"a": "j"}, "j@j"),
    ('Split([a], "")', {"a": "ab"}, ["ab"]),
    ('Split("a;b;;c", ";")', {}, ["a", "b", "", "c"]),
    ("Split([a], [d])", {"a": "a;b", "d": ";"}, ["a", "b"]),
    ("Split([a], [d])", {"a": "a;b", "d": ""}, ["a;b"]),
    (
        "StringFromSid([s])",
        {"s": "AQUAAAAAAAUVAAAAoGXPfnhLm1/nfIdw6wMAAA=="},
        "S-1-5-21-2127521184-1604012920-1887927527-1003",
    ),
    ("StringFromSid([s])", {"s": "S-1-5-21-1"}, "S-1-5-21-1"),
    ("StripSpaces([a])", {"a": "a\u00a0 b\tc"}, "a\u00a0b\tc"),
    ('Switch([b], "d", "True", "yes")', {"b": True}, "yes"),
    ('Switch([a], , "k", )', {"a": "k"}, None),
    ('Switch([x], 1, "a", "b")', {}, 1),
    ('Switch([a], "d", [k], "v")', {"a": "z", "k": "z"}, "v"),
    ('Switch([a], "d", [k], "v")', {"k": ""}, "v"),
    ('Switch([a], "d", "k", "v", IgnoreFlowIfNullOrEmpty([x]), "w")', {"a": "k"}, "v"),
    ('Switch([a], "d", "k", "v", CStr(FormatDateTime([x], , "yyyy", "yyyy")), "w")', {"a": "k", "x": "none"}, "v"),
    ("ToLower([a])", {"a": "İSTANBUL I"}, "İstanbul i"),
    ('ToLower([a], "tr-TR")', {"a": "İI"}, "i\u0131"),
    ("ToUpper([a])", {"a": "straße \u0131 é"}, "STRAßE \u0131 É"),
    ('ToUpper([a], "tr-TR")', {"a": "i\u0131 ß"}, "İI ß"),
    ('ToUpper([a], "en-US")', {"a": "i\u0131 ß"}, "II ß"),
    ("Trim([l])", {"l": [" a\u00a0", "b "]}, ["a", "b"]),
    ('Word([a], 2, " ,")', {"a": "a, b,c"}, "b"),
    ('Word([a], 9, " ")', {"a": "a b"}, ""),
    ('Word([a], 1, " ")', {}, ""),
    ('Word([a], 1, "")', {"a": "a b"}, "a b"),
    ('Word([a], 2, "-]^\\\\")', {"a": "a-b]c"}, "b"),
    ('"a" & [x]', {}, None),
    ('[a] & "b" = "ab"', {"a": "a"}, True),
    ("-2.5", {}, -2.5),
    ("&HFF", {}, 255),
    ("[a]", {"a": 1.5}, 1.5),
    ("[a]", {"a": 2**70}, 2**70),
    ("[r]", {"r": [{"id": "1"}]}, [{"id": "1", "value": None, "displayName": None}]),
]

SET_ASIDE: list[tuple[str, dict[str, Any], str]] = [
    ('CDate("bad")', {}, "not a date"),
    ('CDate("2021-02-30")', {}, "not a date"),
    ('CDate("2021-06-30T24:00:00")', {}, "not a date"),
    ('CDate("13/13/2021")', {}, "not a date"),
    ('CDate("6/5/2021 13:00 PM")', {}, "not a date"),
    ('Coalesce([x], CDate("bad"), "z")', {}, "not a date"),
    ('DateAdd("d", 99999999, Now())', {}, "1 to 9999"),
    ('DateFromNum("9223372036854775807")', {}, "1601 to 9999"),
    ('FormatDateTime([d], , "yyyy-MM-dd", "yyyy")', {"d": "bad"}, "format"),
    ('FormatDateTime([d], "None", "yyyy-MM-dd", "yyyy")', {"d": " 2020-01-02"}, "format"),
    ('FormatDateTime([d], , "ddd d MMM yyyy", "yyyy")', {"d": "Tue 3 Aug 2020"}, "format"),
    ("ConvertFromBase64([a])", {"a": "!!"}, "base64"),
    ("StringFromSid([a])", {"a": "x"}, "SID"),
    ("Item([l], 3)", {"l": ["a"]}, "not there"),
    ("Mid([a], [n], 1)", {"a": "abc", "n": "x"}, "whole number"),
    ("Mid([a], [n], 1)", {"a": "abc", "n": "0"}, "counts from 1"),
    ('InStr([a], "b", [n])', {"a": "abc", "n": "0"}, "counts from 1"),
    ('Error(Join(" ", "no", [a]))', {"a": "x"}, "no x"),
    ('IIF([a]="x", Error("no"), "ok")', {"a": "x"}, "no"),
    ('SelectUniqueValue([a], Append([a], "1"))', {}, "taken"),
]

REFUSED: list[tuple[str, int, str]] = [
    ("switch([a])", 0, "Did you mean Switch?"),
    ("Mid([a], 0, 2)", 9, "counts from 1"),
    ("Item([a], 0)", 10, "counts from 1"),
    ("Left([a], 2.5)", 10, "whole number"),
    ('Switch([a], "d", "k")', 0, "pairs"),
    ('Switch([a], "d", , "v")', 0, "key"),
    ("CStr(True)", 5, 'Write "True"'),
    ("Join(vbTextCompare)", 5, "bare word"),
    ("CBool(vbTextComparee)", 6, "Did you mean vbTextCompare?"),
    ("Guid(1)", 0, "at most 0"),
    ("Left([a])", 0, "at least 2"),
    ("Append(, [a])", 0, "slot 1"),
    ("DefaultDomain()", 0, "not known"),
    ("Append(SelectUniqueValue([a], [b]), [c])", 7, "outermost"),
    ('IIF(IsNull(IgnoreFlowIfNullOrEmpty([a])), "x", "y")', 11, "condition"),
    ("AppRoleAssignmentsComplex([a])", 26, "appRoleAssignments"),
    ('DateAdd("x", 1, Now())', 0, "interval"),
    ("DateAdd([a], 1, Now())", 8, "constant"),
    ('FormatDateTime([a], , "yyyy-MM-dd", "d")', 36, "culture"),
    ('FormatDateTime([a], , "Mdyyyy", "yyyy")', 22, "one or two digits"),
    ('FormatDateTime([a], , "yyyy yyyy", "yyyy")', 22, "twice"),
    ('FormatDateTime([a], , "--", "yyyy")', 22, "no part"),
    ('FormatDateTime([a], , "yyyy", "gg")', 30, "not supported"),
    ('FormatDateTime([a], , "yyyy gg", "yyyy")', 22, "not supported"),
    ('FormatDateTime([a], , "", "yyyy")', 22, "empty"),
    ('FormatDateTime([a], "AllowInnerWhite", "yyyy", "yyyy")', 0, "allowinnerwhite"),
    ('InStr([a], "b", 1, "x")', 0, "vbTextCompare"),
    ('ConvertFromBase64([a], "x")', 0, "encoding"),
    ('ToLower([a], "not a culture")', 0, "culture"),
    ("RandomString(3, 3, 3, 0, 0)", 0, "minima"),
    ('RandomString(3, 3, 0, 0, 0, "0123456789")', 0, "may use no character"),
    ('RandomString("x", 3, 0, 0, 0)', 13, "whole number"),
    ('Replace([a], "x", , , , , )', 0, "five forms"),
    ('Replace([a], , "(", , "x", , )', 15, "without its"),
    ('Replace([a], , "(?<a>x)", "b", "x", , )', 26, "no group"),
    ('Replace([a], , [b], , "x", , )', 15, "constant"),
    ("Coalesce(, )", 0, "needs a value"),
    ("SelectUniqueValue([a], )", 0, "two candidates"),
    ('Replace([a], , "(?:(?<a>x))", "a", "y", , )', 35, "outermost"),
    ('IIF([l] = "x", 1, 2)', 4, "several"),
    ("ToLower([l])", 8, "several"),
]


@pytest.fixture(scope="module")
def connection() -> Iterator[DuckDBPyConnection]:
    with connect(threads=1) as connection:
        yield connection


def answer(connection: DuckDBPyConnection, expression: str, inputs: dict[str, Any]) -> Answer:
    return evaluate(connection, Case("case", expression, inputs, None), now=NOW)


@pytest.mark.parametrize(("expression", "inputs", "expected"), VALUES, ids=lambda value: str(value)[:60])
def test_an_expression_gives_the_stated_value(
    connection: DuckDBPyConnection, expression: str, inputs: dict[str, Any], expected: Any
) -> None:
    found = answer(connection, expression, inputs)
    assert (found.error, found.flow) == (None, "value")
    assert alike(found.value, expected), found.value


@pytest.mark.parametrize(("expression", "inputs", "reason"), SET_ASIDE, ids=lambda value: str(value)[:60])
def test_what_fails_for_one_person_sets_them_aside_with_the_reason(
    connection: DuckDBPyConnection, expression: str, inputs: dict[str, Any], reason: str
) -> None:
    found = answer(connection, expression, inputs)
    assert found.flow == "ignore-object"
    assert found.error is not None
    assert reason in found.error


@pytest.mark.parametrize(("expression", "at", "reason"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_kept_is_refused_with_place_and_reason(
    connection: DuckDBPyConnection, expression: str, at: int, reason: str
) -> None:
    found = answer(connection, expression, {"l": ["a", "b"], "a": "x"})
    assert found.error is not None
    assert f"(at character {at + 1})" in found.error
    assert reason in found.error


def test_ignore_flows_leave_the_attribute_or_the_person_alone(connection: DuckDBPyConnection) -> None:
    for written in (
        "Coalesce(IgnoreFlowIfNullOrEmpty([x]))",
        'Join("-", IgnoreFlowIfNullOrEmpty(""))',
        'Replace([y], "", , , IgnoreFlowIfNullOrEmpty([x]))',
    ):
        assert answer(connection, written, {}).flow == "ignore-attribute"
    assert answer(connection, 'IgnoreFlowIfNullOrEmpty(Join("", [x]))', {}).flow == "ignore-attribute"
    assert answer(connection, "IgnoreFlowIfNullOrEmpty([l])", {"l": ["a"]}).value == ["a"]
    assert answer(connection, 'IIF([a]="x", IgnoreObjectFlow, "ok")', {"a": "x"}).flow == "ignore-object"
    assert answer(connection, "IgnoreAttributeFlow", {}).flow == "ignore-attribute"
    assert answer(connection, "Append(IIF([x] = 1, 1, IgnoreAttributeFlow), 2)", {}).flow == "ignore-attribute"


def test_every_entry_of_the_diacritics_table_is_replaced(connection: DuckDBPyConnection) -> None:
    table = json.loads((Path(__file__).parent / "diacritics.json").read_text(encoding="utf-8"))
    for plain, letters in table.items():
        for letter in letters:
            assert answer(connection, "NormalizeDiacritics([a])", {"a": f"x{letter}y"}).value == f"x{plain}y"


def test_chance_is_the_same_for_the_same_run_and_meets_what_is_asked(connection: DuckDBPyConnection) -> None:
    first, again = (answer(connection, "RandomString(12, 2, 2, 2, 2)", {}).value for _ in range(2))
    assert first == again
    assert len(first) == 12
    assert sum(c.isdigit() for c in first) >= 2
    assert sum(c.isupper() for c in first) >= 2
    assert sum(c.islower() for c in first) >= 2
    assert sum(not c.isalnum() for c in first) >= 2
    guid = answer(connection, "Guid()", {}).value
    assert guid == answer(connection, "Guid()", {}).value
    assert guid[14] == "4"
    assert guid[19] in "89ab"
    assert [len(part) for part in guid.split("-")] == [8, 4, 4, 4, 12]


def test_unique_values_pass_over_what_the_target_has_whatever_its_case(connection: DuckDBPyConnection) -> None:
    case = Case("u", 'SelectUniqueValue([a], Append([a], "1"), "z")', {"a": "Ann"}, None, taken=("ann", "ANN1"))
    assert evaluate(connection, case, now=NOW).value == "z"


def test_the_default_domain_comes_from_the_tenant(connection: DuckDBPyConnection) -> None:
    assert answer(connection, "DefaultDomain()", {"$defaultDomain": "contoso.com"}).value == "contoso.com"


def test_all_functions_of_the_reference_are_there() -> None:
    names = json.loads((Path(__file__).parent / "function_names.json").read_text(encoding="utf-8"))
    assert sorted(FUNCTIONS) == sorted(names)
