"""The catalogue: every function by name, how many slots it has, and what compiles it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.mapping.errors import WrongExpression, suggestion
from trueup.transforms.mapping.functions import conditionals, generated, replace, roles
from trueup.transforms.mapping.functions import dates as date_functions
from trueup.transforms.mapping.functions import lists as list_functions
from trueup.transforms.mapping.functions import text as text_functions
from trueup.transforms.mapping.tree import Keyword

if TYPE_CHECKING:
    from collections.abc import Callable

    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call
    from trueup.transforms.mapping.values import Value

KEYWORDS = ("vbBinaryCompare", "vbTextCompare", "UTF8", "Unicode", "ASCII")
"""Bare words some functions take."""
_ANY = 10_000


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the language."""

    name: str
    signature: str
    compile: Callable[[Builder, Call], Value]
    least: int
    most: int = _ANY


def _table() -> dict[str, Function]:
    text, lists, dates, choice = text_functions, list_functions, date_functions, conditionals
    rows = (
        Function("Append", "Append(source, suffix)", text.append, 2, 2),
        Function("AppRoleAssignments", "AppRoleAssignments([appRoleAssignments])", roles.names, 1, 1),
        Function("AppRoleAssignmentsComplex", "AppRoleAssignmentsComplex([appRoleAssignments])", roles.roles, 1, 1),
        Function(
            "AssertiveAppRoleAssignmentsComplex",
            "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])",
            roles.roles,
            1,
            1,
        ),
        Function("BitAnd", "BitAnd(value1, value2)", text.bit_and, 2, 2),
        Function("CBool", "CBool(expression)", choice.cbool, 1, 1),
        Function("CDate", "CDate(expression)", dates.cdate, 1, 1),
        Function("Coalesce", "Coalesce(source1, source2, …)", choice.coalesce, 1),
        Function("Contains", "Contains(attribute, value)", lists.contains, 2, 2),
        Function("ConvertFromBase64", "ConvertFromBase64(source, encoding)", text.convert_from_base64, 1, 2),
        Function("ConvertToBase64", "ConvertToBase64(source)", text.convert_to_base64, 1, 1),
        Function("ConvertToUTF8Hex", "ConvertToUTF8Hex(source)", text.convert_to_utf8_hex, 1, 1),
        Function("Count", "Count(attribute)", lists.count, 1, 1),
        Function("CRef", "CRef(value)", text.cstr, 1, 1),
        Function("CStr", "CStr(value)", text.cstr, 1, 1),
        Function("DateAdd", "DateAdd(interval, value, dateTime)", dates.date_add, 3, 3),
        Function("DateDiff", "DateDiff(interval, date1, date2)", dates.date_diff, 3, 3),
        Function("DateFromNum", "DateFromNum(value)", dates.date_from_num, 1, 1),
        Function("DefaultDomain", "DefaultDomain()", generated.default_domain, 0, 0),
        Function("DNComponent", "DNComponent(dn, componentNumber)", text.dn_component, 2, 2),
        Function("Error", "Error(message)", choice.error, 1, 1),
        Function(
            "FormatDateTime",
            "FormatDateTime(source, dateTimeStyles, inputFormat, outputFormat)",
            dates.format_date_time,
            3,
            4,
        ),
        Function("Guid", "Guid()", generated.guid, 0, 0),
        Function(
            "IgnoreFlowIfNullOrEmpty", "IgnoreFlowIfNullOrEmpty(expression)", choice.ignore_flow_if_null_or_empty, 1, 1
        ),
        Function("IIF", "IIF(condition, valueIfTrue, valueIfFalse)", choice.iif, 1, 3),
        Function("InStr", "InStr(value1, value2, start, compareType)", text.in_str, 2, 4),
        Function("IsNothing", "IsNothing(source)", choice.is_null, 1, 1),
        Function("IsNull", "IsNull(expression)", choice.is_null, 1, 1),
        Function("IsNullOrEmpty", "IsNullOrEmpty(expression)", choice.is_null_or_empty, 1, 1),
        Function("IsPresent", "IsPresent(expression)", choice.is_present, 1, 1),
        Function("IsString", "IsString(expression)", choice.is_string, 1, 1),
        Function("Item", "Item(attribute, index)", lists.item, 2, 2),
        Function("Join", "Join(separator, source1, source2, …)", lists.join, 1),
        Function("Left", "Left(string, numChars)", text.left, 2, 2),
        Function("Len", "Len(string)", text.length, 1, 1),
        Function("Mid", "Mid(source, start, length)", text.mid, 2, 3),
        Function("NormalizeDiacritics", "NormalizeDiacritics(source)", text.normalize_diacritics, 1, 1),
        Function("Not", "Not(source)", choice.negation, 1, 1),
        Function("Now", "Now()", dates.now, 0, 0),
        Function("NumFromDate", "NumFromDate(value)", dates.num_from_date, 1, 1),
        Function("PCase", "PCase(source, wordSeparators)", text.pcase, 1, 2),
        Function("Prepend", "Prepend(prefix, source)", text.append, 2, 2),
        Function(
            "RandomString",
            "RandomString(length, minimumNumbers, minimumSpecialCharacters, minimumCapital, minimumLowerCase, "
            "charactersToAvoid)",
            generated.random_string,
            5,
            6,
        ),
        Function("Redact", "Redact(value)", choice.redact, 1, 1),
        Function("RemoveDuplicates", "RemoveDuplicates(attribute)", lists.remove_duplicates, 1, 1),
        Function(
            "Replace",
            "Replace(source, oldValue, regexPattern, regexGroupName, replacementValue, replacementAttributeName, "
            "template)",
            replace.replace,
            1,
            7,
        ),
        Function("SelectUniqueValue", "SelectUniqueValue(rule1, rule2, …)", generated.select_unique_value, 2),
        Function("SingleAppRoleAssignment", "SingleAppRoleAssignment([appRoleAssignments])", roles.single, 1, 1),
        Function("Split", "Split(source, delimiter)", lists.split, 2, 2),
        Function("StringFromSid", "StringFromSid(objectSid)", text.string_from_sid, 1, 1),
        Function("StripSpaces", "StripSpaces(source)", text.strip_spaces, 1, 1),
        Function("Switch", "Switch(source, defaultValue, key1, value1, key2, value2, …)", choice.switch, 2),
        Function("ToLower", "ToLower(source, culture)", text.to_lower, 1, 2),
        Function("ToUpper", "ToUpper(source, culture)", text.to_upper, 1, 2),
        Function("Trim", "Trim(value)", text.trim, 1, 1),
        Function("Word", "Word(string, wordNumber, delimiters)", text.word, 3, 3),
    )
    return {row.name: row for row in rows}


FUNCTIONS = _table()
"""Every function of the language, by its case-sensitive name."""


def look_up(call: Call) -> Function:
    """The function a call names, its slots counted.

    Raises:
        WrongExpression: there is no such function, or the call has too many or too few slots.
    """
    found = FUNCTIONS.get(call.function)
    if found is None:
        raise WrongExpression(
            f"there is no function {call.function}; names are case-sensitive",
            at=call.at,
            remedy=suggestion(call.function, FUNCTIONS) or "docs/mapping.md lists the functions.",
        )
    given = len(call.arguments)
    while given > found.most and call.arguments[given - 1] is None:
        given -= 1
    if given < found.least or given > found.most:
        bound = f"at least {found.least}" if given < found.least else f"at most {found.most}"
        raise WrongExpression(
            f"{found.name} takes {bound} arguments, not {given}", at=call.at, remedy=f"It is {found.signature}."
        )
    for argument in call.arguments:
        if isinstance(argument, Keyword) and argument.name in {"True", "False", "true", "false", "null"}:
            raise WrongExpression(
                f"the bare word {argument.name} has no meaning", at=argument.at, remedy=f'Write "{argument.name}".'
            )
    return found


__all__ = ["FUNCTIONS", "KEYWORDS", "Function", "look_up"]
