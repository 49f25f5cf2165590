"""``Replace`` in its five forms, with .NET's meaning of "every match".

(1) oldValue + replacementValue                      every literal occurrence
(2) oldValue + template                              the source put into the template
(3) regexPattern + replacementValue                  every match
(4) regexPattern + regexGroupName + replacementValue every match, only that group's text
(5) regexPattern + regexGroupName + replacementAttributeName
                                                     the source if it has a value, else the group in the other
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.regex import Pattern, translate
from trueup.transforms.mapping.dotnet.replacement import rewrite, spelt_rewrite
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call, Expression

_MARKS = r"[\x{1}\x{2}]"
_RUN_OF_MATCHES = r"((?:\x{1}[^\x{1}\x{2}]+\x{2})+)"
_PIECES = r"\x{1}[^\x{1}\x{2}]*\x{2}|[^\x{1}\x{2}]+"
_DOLLAR = "a text ending in a line break, before which $ would also match"


def replace(compiler: Builder, call: Call) -> Value:
    """Compile the form the filled slots make."""
    old, pattern, group, value, other, template = (compiler.slot(call, number) for number in range(1, 7))
    source = compiler.once(compiler.text(compiler.needed(call, 0, "a source")))
    if pattern is not None and old is None and template is None:
        if other is not None and group is not None and value is None:
            return _taken_from(compiler, call, source, other)
        if value is not None and other is None:
            return _by_pattern(compiler, call, source, value)
    elif old is not None and pattern is None and group is None and other is None:
        if template is not None and value is None:
            return _filled(compiler, source, old, template)
        if value is not None and template is None:
            return _literally(compiler, source, old, value)
    raise WrongExpression(
        "these arguments of Replace fit none of its five forms",
        at=call.at,
        remedy="Give oldValue with replacementValue or template, or regexPattern with replacementValue, or with "
        "regexGroupName and one of replacementValue, replacementAttributeName.",
    )


def _literally(compiler: Builder, source: Value, old: Expression, value: Expression) -> Value:
    sought, new = compiler.text(old), compiler.text(value)
    if sought.constant == "":
        return compiler.made(source.sql, Kind.TEXT, source, sought, new)
    sql = f"replace({source.sql}, {sought.sql}, coalesce({new.sql}, ''))"
    if new.constant is not None:
        sql = f"replace({source.sql}, {sought.sql}, {new.sql})"
    if sought.constant is None:
        sought = compiler.once(sought)
        sql = f"CASE WHEN coalesce({sought.sql}, '') = '' THEN {source.sql} ELSE {sql} END"
    return compiler.made(sql, Kind.TEXT, source, sought, new)


def _filled(compiler: Builder, source: Value, old: Expression, template: Expression) -> Value:
    sought, form = compiler.text(old), compiler.text(template)
    return compiler.made(f"replace({form.sql}, {sought.sql}, {source.sql})", Kind.TEXT, source, sought, form)


def _translated(compiler: Builder, call: Call) -> Pattern:
    node = compiler.needed(call, 2, "a pattern")
    return translate(compiler.constant(call, 2, "the pattern") or "", at=node.at)


def _taken_from(compiler: Builder, call: Call, source: Value, other: Expression) -> Value:
    pattern = _translated(compiler, call)
    number = _group_number(compiler, call, pattern)
    text = compiler.once(compiler.text(other))
    sought = literal(pattern.text)
    found = f"CASE WHEN regexp_matches({text.sql}, {sought}) THEN regexp_extract({text.sql}, {sought}, {number}) END"
    sql = f"CASE WHEN coalesce({source.sql}, '') <> '' THEN {source.sql} ELSE {found} END"
    made = compiler.made(sql, Kind.TEXT, source, text)
    if not pattern.dollar:
        return made
    return compiler.failing(made, f"coalesce({source.sql}, '') = '' AND ends_with({text.sql}, chr(10))", _DOLLAR)


def _group_number(compiler: Builder, call: Call, pattern: Pattern) -> int:
    name = compiler.constant(call, 3, "the group name") or ""
    number = pattern.group(name)
    if number is None:
        raise WrongExpression(f"the regular expression has no group {name!r}", at=compiler.needed(call, 3, "").at)
    return number


def _by_pattern(compiler: Builder, call: Call, source: Value, value: Expression) -> Value:
    pattern = _translated(compiler, call)
    new = compiler.text(value)
    parts: list[str | int] | None = None
    if new.constant is not None:
        parts = rewrite(new.constant, pattern, at=value.at)
    text = pattern.text
    around: tuple[int, int] | None = None
    if compiler.slot(call, 3) is not None:
        number = _group_number(compiler, call, pattern)
        text, around = _around(pattern, number, value.at)
        parts = None if parts is None else [_moved(part, around[0]) for part in parts]
    if parts is not None:
        has_text = any(isinstance(part, str) for part in parts)
        whole = parts if around is None else [1, *parts, around[1]]
        form = literal(spelt_rewrite(whole, at=value.at))
    else:
        new = compiler.once(new)
        has_text = True
        escaped = rf"replace(coalesce({new.sql}, ''), '\', '\\')"
        form = escaped if around is None else rf"concat('\1', {escaped}, '\{around[1]}')"
    made = _every_match(compiler, source, text, form, pattern if has_text else None)
    made = compiler.made(made.sql, Kind.TEXT, made, new)
    if parts is None:
        made = compiler.failing(made, f"contains({new.sql}, '$')", "a replacement from an attribute holding $")
    if pattern.dollar:
        made = compiler.failing(made, f"ends_with({source.sql}, chr(10))", _DOLLAR)
    if has_text and pattern.nullable and not pattern.starts:
        marked = f"regexp_matches({source.sql}, '{_MARKS}')"
        made = compiler.failing(made, marked, "a control character in a text that is searched")
    return made


def _every_match(compiler: Builder, source: Value, text: str, form: str, pattern: Pattern | None) -> Value:
    """Every match replaced. RE2 passes over an empty match right behind another match; .NET does not.

    So where the pattern can match nothing and the replacement holds text, matches are marked first, an empty one is
    added behind each run of matches, and each is then replaced by itself.
    """
    if pattern is None or not pattern.nullable or pattern.starts:
        sql = f"regexp_replace({source.sql}, {literal(text)}, {form}, 'g')"
        return Value(sql, Kind.TEXT, source.flow, source.level)
    if pattern.caret:
        raise WrongExpression(
            "the regular expression can match nothing and has a ^ inside, where RE2 counts matches differently",
            remedy="Begin it with ^, or let it match at least one character.",
        )
    marked = f"regexp_replace({source.sql}, {literal(f'({text})')}, concat(chr(1), '\\1', chr(2)), 'g')"
    marked = f"regexp_replace({marked}, {literal(_RUN_OF_MATCHES)}, concat('\\1', chr(1), chr(2)), 'g')"
    whole = literal(rf"\A(?:{text})\z")
    each = (
        f"CASE WHEN starts_with(p, chr(1)) THEN regexp_replace(substr(p, 2, length(p) - 2), {whole}, {form}) ELSE p END"
    )
    sql = f"array_to_string(list_transform(regexp_extract_all({marked}, {literal(_PIECES)}), lambda p: {each}), '')"
    return compiler.once(Value(sql, Kind.TEXT, source.flow, source.level))


def _around(pattern: Pattern, number: int, at: int) -> tuple[str, tuple[int, int]]:
    """The pattern with what stands before and behind group ``number`` captured too.

    Returns:
        The text; the number of the last group inside, as it was; the number of the capture behind, as it is now.
    """
    place = next((n for n, piece in enumerate(pattern.pieces) if piece.group == number), None)
    if place is None:
        raise WrongExpression(
            "the group named for replacement stands inside another part of the regular expression",
            at=at,
            remedy="Put it outermost, not repeated and not one of several alternatives.",
        )
    before = "".join(piece.text for piece in pattern.pieces[:place])
    behind = "".join(piece.text for piece in pattern.pieces[place + 1 :])
    piece = pattern.pieces[place]
    return f"({before}){piece.text}({behind})", (piece.last, piece.last + 2)


def _moved(part: str | int, last: int) -> str | int:
    """A group's number after captures were put around: one before everything, one behind ``last``."""
    if isinstance(part, str) or part == 0:
        return part
    return part + 1 if part <= last else part + 2
