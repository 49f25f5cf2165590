"""Dates: what ``CDate`` reads, and .NET's custom formats in and out.

Everything is a moment in UTC (the service's own zone). Text without an offset is taken as UTC as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.transforms.mapping.builder import Builder

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun|monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_DATE = (
    r"(?:(?P<iy>[0-9]{4})[-/](?P<im>[0-9]{1,2})[-/](?P<id>[0-9]{1,2})"
    r"|(?P<um>[0-9]{1,2})/(?P<ud>[0-9]{1,2})/(?P<uy>[0-9]{4})"
    rf"|(?:{_DAY_NAME},?\s+)?(?P<dd>[0-9]{{1,2}})[ -](?P<dm>{_MONTH})[ -](?P<dy>[0-9]{{4}})"
    rf"|(?:{_DAY_NAME},?\s+)?(?P<nm>{_MONTH})\s+(?P<nd>[0-9]{{1,2}}),?\s+(?P<ny>[0-9]{{4}}))"
)
_CLOCK = (
    r"(?:(?:T|\s+)(?P<h>[0-9]{1,2}):(?P<mi>[0-9]{1,2})(?::(?P<s>[0-9]{1,2})(?:\.(?P<f>[0-9]{1,7}))?)?"
    r"\s*(?P<ap>[ap]m)?)?\s*(?P<z>Z|GMT|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
ANY_DATE = rf"(?i)^\s*{_DATE}{_CLOCK}\s*$"
_GROUPS = ("iy", "im", "id", "um", "ud", "uy", "dd", "dm", "dy", "nm", "nd", "ny", "h", "mi", "s", "f", "ap", "z")


def read_time(compiler: Builder, text: Value) -> Value:
    """TIMESTAMP of a date in any of the forms ``CDate`` reads; null for anything else.

    ``text`` must be simple. Forms: ISO 8601 and ``yyyy/M/d``, ``M/d/yyyy``, ``d MMM yyyy``, ``MMM d, yyyy``; each with
    an optional time of day (24 hours or AM/PM) and an optional offset, also directly behind a bare date.
    """
    groups = ", ".join(literal(group) for group in _GROUPS)
    fields = Value(f"regexp_extract({text.sql}, {literal(ANY_DATE)}, [{groups}])", Kind.NOTHING, level=text.level)
    sql, level = compiler.step(fields.sql, fields.level)

    def field(*names: str) -> str:
        parts = [f"{sql}['{name}']" for name in names]
        return parts[0] if len(parts) == 1 else f"concat({', '.join(parts)})"

    month = f"CASE WHEN {field('im', 'um')} <> '' THEN {field('im', 'um')} ELSE {_month_number(field('dm', 'nm'))} END"
    year, day = field("iy", "uy", "dy", "ny"), field("id", "ud", "dd", "nd")
    parts = _Parts(year, month, day, field("h"), field("mi"), field("s"), field("f"), field("ap"), field("z"))
    return Value(_moment(parts), Kind.TIME, text.flow, level)


@dataclass(frozen=True, slots=True)
class _Parts:
    """SQL of the parts of a date as text; what is absent is the empty text."""

    year: str
    month: str
    day: str
    hour: str = "''"
    minute: str = "''"
    second: str = "''"
    fraction: str = "''"
    half: str = "''"
    zone: str = "''"


def _month_number(name: str) -> str:
    names = ", ".join(f"'{month}'" for month in _MONTHS)
    return f"list_position([{names}], lower({name}[1:3]))::VARCHAR"


def _hour(parts: _Parts) -> str:
    """Hour of the day as text, ``x`` where there is no such hour."""
    if parts.half == "''":
        return f"coalesce(nullif({parts.hour}, ''), '0')"
    whole = f"TRY_CAST({parts.hour} AS INTEGER)"
    afternoon = f"CASE WHEN lower({parts.half}[1:1]) = 'p' THEN 12 ELSE 0 END"
    return (
        f"CASE WHEN {parts.hour} = '' THEN '0' WHEN {parts.half} = '' THEN {parts.hour} "
        f"WHEN {whole} BETWEEN 1 AND 12 THEN ({whole} % 12 + {afternoon})::VARCHAR ELSE 'x' END"
    )


def _moment(parts: _Parts) -> str:
    """SQL of the TIMESTAMP, null where there is no such date or time."""
    hour = _hour(parts)
    day = f"concat(lpad({parts.year}, 4, '0'), '-', lpad({parts.month}, 2, '0'), '-', lpad({parts.day}, 2, '0'))"
    clock = (
        f"concat(lpad(replace({hour}, '24', 'x'), 2, '0'), ':', "
        f"lpad({parts.minute}, 2, '0'), ':', lpad({parts.second}, 2, '0'), '.', rpad({parts.fraction}[1:6], 6, '0'))"
    )
    sql = f"TRY_CAST(concat({day}, ' ', {clock}) AS TIMESTAMP)"
    if parts.zone == "''":
        return sql
    digits = f"replace({parts.zone}[2:], ':', '')"
    minutes = f"TRY_CAST({digits}[1:2] AS INTEGER) * 60 + TRY_CAST(concat('0', {digits}[3:4]) AS INTEGER)"
    shift = (
        f"CASE {parts.zone}[1:1] WHEN '+' THEN to_minutes(-({minutes})) WHEN '-' THEN to_minutes({minutes}) "
        "ELSE to_minutes(0) END"
    )
    return f"({sql} + {shift})"


# .NET's custom formats

_TOKEN = re.compile(r"y+|M+|d+|H+|h+|m+|s+|f+|F+|t+|z+|K|g+|'[^']*'|\"[^\"]*\"|\\.|%|.", re.DOTALL)
_STANDARD = {
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
}
STYLES = {
    "none",
    "allowleadingwhite",
    "allowtrailingwhite",
    "assumeuniversal",
    "assumelocal",
    "adjusttouniversal",
    "roundtripkind",
}
_READ = {
    "yyyy": ("y", r"[0-9]{4}"),
    "yy": ("yy", r"[0-9]{2}"),
    "MMMM": ("mn", ""),
    "MMM": ("mn", ""),
    "MM": ("mo", r"[0-9]{2}"),
    "M": ("mo", r"[0-9]{1,2}"),
    "dd": ("d", r"[0-9]{2}"),
    "d": ("d", r"[0-9]{1,2}"),
    "HH": ("h", r"[0-9]{2}"),
    "H": ("h", r"[0-9]{1,2}"),
    "hh": ("h12", r"[0-9]{2}"),
    "h": ("h12", r"[0-9]{1,2}"),
    "mm": ("mi", r"[0-9]{2}"),
    "m": ("mi", r"[0-9]{1,2}"),
    "ss": ("s", r"[0-9]{2}"),
    "s": ("s", r"[0-9]{1,2}"),
    "tt": ("ap", r"(?i:[ap]m)"),
    "t": ("ap", r"(?i:[ap])"),
    "K": ("z", r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"),
    "Z": ("z", r"(?:Z|GMT)"),
    "zzz": ("z", r"[+-][0-9]{2}:?[0-9]{2}"),
    "zz": ("z", r"[+-][0-9]{2}"),
    "z": ("z", r"[+-][0-9]{1,2}"),
}
_FULL_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December"  # the invariant culture
)
_FULL_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_WRITE = {
    "yyyy": "%Y",
    "yy": "%y",
    "MMMM": "%B",
    "MMM": "%b",
    "MM": "%m",
    "M": "%-m",
    "dddd": "%A",
    "ddd": "%a",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "tt": "%p",
    "fff": "%g",
    "ffffff": "%f",
    "zzz": "+00:00",
    "zz": "+00",
    "z": "+0",
}


def _tokens(text: str, at: int) -> list[str]:
    """A .NET custom format cut into its parts."""
    if len(text) == 1:
        if text not in _STANDARD:
            raise WrongExpression(
                f"the one-letter format {text!r} depends on a culture",
                at=at,
                remedy="Write the format out, e.g. yyyy-MM-dd.",
            )
        text = _STANDARD[text]
    if not text:
        raise WrongExpression("an empty date format", at=at, remedy="Write the format out, e.g. yyyy-MM-dd.")
    return [token for token in _TOKEN.findall(text) if token != "%"]  # noqa: S105 - a sign in a format


def _literal_part(token: str) -> str | None:
    """What a token stands for as it is, or none where it is a part of a date."""
    if token[0] in "'\"" and len(token) > 1:
        return token[1:-1]
    if token[0] == "\\" and len(token) > 1:
        return token[1:]
    return None if token[0] in "yMdHhmsfFtzKg" else token


def _unknown(token: str, at: int) -> WrongExpression:
    return WrongExpression(f"the date format part {token!r} is not supported", at=at, remedy="Use yyyy MM dd HH mm ss.")


def parse_exact(compiler: Builder, text: Value, form: str, *, at: int, white: tuple[bool, bool]) -> Value:
    """TIMESTAMP of ``text`` (simple) read by a .NET custom format to the letter, else null.

    Args:
        form: the format, e.g. ``yyyyMMddHHmmss.fZ``.
        at: where it stands in the expression.
        white: whether blanks before and behind are allowed.
    """
    pattern, groups = _pattern(form, at)
    before, behind = (r"\s*" if allowed else "" for allowed in white)
    names = ", ".join(literal(name) for name in groups)
    if not groups:
        raise WrongExpression(f"the format {form!r} names no part of a date", at=at)
    full = f"^{before}{pattern}{behind}$"
    fields, level = compiler.step(f"regexp_extract({text.sql}, {literal(full)}, [{names}])", text.level)
    matched, level = compiler.step(f"regexp_matches({text.sql}, {literal(full)})", level)
    moment = _moment(_parts(groups, fields, compiler.at))
    wrong_day = ""
    if "dn" in groups:
        wrong_day = f" AND lower({fields}['dn'][1:3]) = lower(strftime({moment}, '%a'))"
    return Value(f"CASE WHEN {matched}{wrong_day} THEN {moment} END", Kind.TIME, text.flow, level)


def _parts(groups: list[str], fields: str, now: datetime) -> _Parts:
    def field(name: str, otherwise: str = "''") -> str:
        return f"{fields}['{name}']" if name in groups else otherwise

    year = field("y", f"'{now.year}'")
    if "yy" in groups:
        year = f"concat(CASE WHEN {field('yy')} < '50' THEN '20' ELSE '19' END, {field('yy')})"
    named = "mn" in groups
    today = not {"y", "yy", "mo", "mn", "d"} & set(groups)
    month = _month_number(field("mn")) if named else field("mo", f"'{now.month}'" if today else "'1'")
    day = field("d", f"'{now.day}'" if today else "'1'")
    half = field("ap", "'am'" if "h12" in groups else "''")
    hour = field("h12") if "h12" in groups else field("h")
    if "h12" not in groups:
        half = "''"
    return _Parts(year, month, day, hour, field("mi"), field("s"), field("f"), half, field("z"))


def _pattern(form: str, at: int) -> tuple[str, list[str]]:
    """RE2 for a format, and the names of its groups."""
    pattern, groups, open_ended = "", [], False
    for token in _tokens(form, at):
        plain = _literal_part(token)
        if token == "Z":  # noqa: S105 - a sign in a format
            plain = None
        if plain is not None:
            pattern += _quoted(plain)
            open_ended = False
            continue
        name, inner = _read(token, at)
        if name in groups:
            raise WrongExpression(f"the format {form!r} names {token!r} twice", at=at)
        if open_ended and inner[:5] == "[0-9]":
            raise WrongExpression(
                f"in the format {form!r} a part of one or two digits is followed by digits",
                at=at,
                remedy="Use two-letter parts (MM, dd, HH, hh).",
            )
        open_ended = "{1,2}" in inner or token[0] == "F"
        groups.append(name)
        pattern += f"(?P<{name}>{inner})"
    return pattern, groups


def _read(token: str, at: int) -> tuple[str, str]:
    if token[0] == "f" and len(token) <= 7:
        return "f", f"[0-9]{{{len(token)}}}"
    if token[0] == "F" and len(token) <= 7:
        return "f", f"[0-9]{{0,{len(token)}}}"
    if token in {"MMM", "MMMM"}:
        names = _FULL_MONTHS if token == "MMMM" else "|".join(name[:3] for name in _FULL_MONTHS.split("|"))  # noqa: S105
        return "mn", f"(?i:{names})"
    if token in {"ddd", "dddd"}:
        names = _FULL_DAYS if token == "dddd" else "|".join(name[:3] for name in _FULL_DAYS.split("|"))  # noqa: S105
        return "dn", f"(?i:{names})"
    if token not in _READ:
        raise _unknown(token, at)
    return _READ[token]


def _quoted(text: str) -> str:
    return "".join(
        c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" if ord(c) < 33 else f"\\{c}" for c in text
    )


def written(moment: str, form: str, *, at: int) -> str:
    """SQL of a TIMESTAMP written by a .NET custom format in the invariant culture."""
    parts: list[str] = []
    codes = ""
    for token in _tokens(form, at):
        plain = _literal_part(token)
        if plain is not None:
            codes += plain.replace("%", "%%")
        elif token in _WRITE:
            codes += _WRITE[token]
        else:
            if codes:
                parts.append(f"strftime({moment}, {literal(codes)})")
                codes = ""
            parts.append(_written_part(moment, token, at))
    if codes:
        parts.append(f"strftime({moment}, {literal(codes)})")
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})"


def _written_part(moment: str, token: str, at: int) -> str:
    if token[0] == "f" and len(token) <= 7:
        return f"rpad(strftime({moment}, '%f'), 7, '0')[1:{len(token)}]"
    if token[0] == "F" and len(token) <= 7:
        return f"rtrim(rpad(strftime({moment}, '%f'), 7, '0')[1:{len(token)}], '0')"
    if token == "t":  # noqa: S105 - a sign in a format
        return f"strftime({moment}, '%p')[1:1]"
    raise _unknown(token, at)
