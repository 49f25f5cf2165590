"""Functions on dates; a date is a moment in UTC, see :mod:`trueup.transforms.mapping.dotnet.date_formats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.date_formats import STYLES, parse_exact, written
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call

_EPOCH_1601 = 11_644_473_600_000_000
"""Microseconds from 1601-01-01 to 1970-01-01."""
_LAST_TICK = 2_650_467_744_000_000_000 - 1
"""File time of the last 100 ns of the year 9999."""
_INTERVALS = {
    "yyyy": ("to_years", "year"),
    "m": ("to_months", "month"),
    "ww": ("to_weeks", 0),
    "d": ("to_days", 86_400_000_000),
    "h": ("to_hours", 3_600_000_000),
    "n": ("to_minutes", 60_000_000),
    "s": ("to_seconds", 1_000_000),
}


def _interval(compiler: Builder, call: Call) -> str:
    name = (compiler.constant(call, 0, "the interval") or "").lower()
    if name not in _INTERVALS:
        raise WrongExpression(
            f"{call.function} has no interval {name!r}", at=call.at, remedy="It is one of yyyy, m, d, ww, h, n, s."
        )
    return name


def now(compiler: Builder, call: Call) -> Value:  # noqa: ARG001 - every function is called alike
    """``Now``: the run's own time in UTC, whole seconds; the same for everybody and on every repetition."""
    return Value(f"TIMESTAMP {literal(compiler.at.strftime('%Y-%m-%d %H:%M:%S'))}", Kind.TIME)


def cdate(compiler: Builder, call: Call) -> Value:
    """``CDate``: null and blank text stay null, text that is not a date sets the person aside."""
    return compiler.time(compiler.needed(call, 0, "a date"))


def date_add(compiler: Builder, call: Call) -> Value:
    """``DateAdd``: calendar years and months clip at the month's end; the rest is exact."""
    name = _interval(compiler, call)
    amount = compiler.once(compiler.integer(compiler.needed(call, 1, "a number")))
    moment = compiler.once(compiler.time(compiler.needed(call, 2, "a date")))
    added = f"TRY({moment.sql} + {_INTERVALS[name][0]}(TRY_CAST({amount.sql} AS INTEGER)))"
    made = compiler.once(compiler.made(added, Kind.TIME, amount, moment))
    within = compiler.made(
        f"CASE WHEN {made.sql} BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' "
        f"THEN {made.sql} END",
        Kind.TIME,
        made,
    )
    within = compiler.once(within)
    lost = f"{amount.sql} IS NOT NULL AND {moment.sql} IS NOT NULL AND {within.sql} IS NULL"
    return compiler.failing(within, lost, "DateAdd leaves the years 1 to 9999")


def date_diff(compiler: Builder, call: Call) -> Value:
    """``DateDiff``: positive when the second is later; as Microsoft.VisualBasic counts."""
    name = _interval(compiler, call)
    one, other = (compiler.once(compiler.time(compiler.needed(call, n, "a date"))) for n in (1, 2))
    unit = _INTERVALS[name][1]
    if name == "yyyy":
        sql = f"(year({other.sql}) - year({one.sql}))"
    elif name == "m":
        sql = f"((year({other.sql}) * 12 + month({other.sql})) - (year({one.sql}) * 12 + month({one.sql})))"
    elif name == "ww":
        weeks = [f"({v.sql} - to_days((dayofweek({v.sql}) + 1)::INTEGER))" for v in (other, one)]
        sql = f"((epoch_us({weeks[0]}) - epoch_us({weeks[1]})) // 86400000000 // 7)"
    else:
        sql = f"((epoch_us({other.sql}) - epoch_us({one.sql})) // {unit})"
    return compiler.made(f"{sql}::BIGINT", Kind.INTEGER, one, other)


def date_from_num(compiler: Builder, call: Call) -> Value:
    """``DateFromNum``: of 100 ns ticks since 1601; a number beyond the year 9999 sets the person aside."""
    ticks = compiler.once(compiler.integer(compiler.needed(call, 0, "a number")))
    within = f"{ticks.sql} BETWEEN 0 AND {_LAST_TICK}"
    sql = f"CASE WHEN {within} THEN make_timestamp(({ticks.sql})::BIGINT // 10 - {_EPOCH_1601}) END"
    made = compiler.made(sql, Kind.TIME, ticks)
    return compiler.failing(made, f"NOT ({within})", "a file time outside the years 1601 to 9999")


def num_from_date(compiler: Builder, call: Call) -> Value:
    """``NumFromDate``: 100 ns ticks since 1601-01-01 UTC."""
    node = compiler.needed(call, 0, "a date")
    value = compiler.part(node)
    moment = compiler.once(compiler.to_time(value, node))
    ticks = f"(epoch_us({moment.sql}) + {_EPOCH_1601}) * 10"
    uses = [moment]
    if value.kind is not Kind.TIME:
        text = compiler.once(compiler.to_text(value, node))
        seventh = rf"regexp_extract({text.sql}, ':[0-9]+\.[0-9]{{6}}([0-9])', 1)"
        ticks = f"{ticks} + coalesce(TRY_CAST({seventh} AS BIGINT), 0)"
        uses.append(text)
    return compiler.made(f"({ticks})", Kind.INTEGER, *uses)


def format_date_time(compiler: Builder, call: Call) -> Value:
    """``FormatDateTime``: read by one .NET format to the letter, written by another; empty text passes.

    Text that does not fit sets the person aside.
    """
    three = len(call.arguments) == 3
    styles = None if three else compiler.constant(call, 1, "the styles")
    white = _white(call, styles)
    reading, writing = (1, 2) if three else (2, 3)
    form_in, form_out = (compiler.constant(call, n, "the format") or "" for n in (reading, writing))
    at_in, at_out = (compiler.needed(call, n, "a format").at for n in (reading, writing))
    text = compiler.once(compiler.text(compiler.needed(call, 0, "a date")))
    moment = parse_exact(compiler, text, form_in, at=at_in, white=white)
    moment = compiler.once(moment)
    sql = f"CASE WHEN {text.sql} = '' THEN '' ELSE {written(moment.sql, form_out, at=at_out)} END"
    made = compiler.made(sql, Kind.TEXT, text, moment)
    wrong = f"{text.sql} <> '' AND {moment.sql} IS NULL"
    return compiler.failing(made, wrong, "FormatDateTime met text that does not fit its format")


def _white(call: Call, styles: str | None) -> tuple[bool, bool]:
    """Whether blanks are allowed before and behind; .NET's default of the service allows both."""
    if not styles:
        return True, True
    names = {name.strip().lower().removeprefix("datetimestyles.") for name in styles.replace("|", ",").split(",")}
    if unknown := names - STYLES:
        raise WrongExpression(
            f"the date style {min(unknown)!r} is not supported",
            at=call.at,
            remedy="Leave the argument empty for the service's own styles.",
        )
    return "allowleadingwhite" in names, "allowtrailingwhite" in names
