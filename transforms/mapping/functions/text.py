"""Functions on one text. Characters are Unicode code points, so that no half of an emoji is ever written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.dotnet.regex import in_class
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.tree import Keyword
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call

_WHITE = r"[\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]+"
_EDGES = literal(rf"^{_WHITE}|{_WHITE}\z")
_CULTURE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")
_SEPARATORS = r"\p{Z}\p{Cc}\p{Cf}\p{P}\p{S}"
_TITLE_WORD = rf"\p{{L}}(?:'|[^{_SEPARATORS}])*"
_DOTLESS = "\u0131"
_UNDECOMPOSED = (
    ("[æǣ]", "ae"),
    ("[ÆǢ]", "AE"),
    (r"ø|œ\x{304}", "oe"),
    (r"Ø|Œ\x{304}", "OE"),
    ("ß", "ss"),
    ("ł", "l"),
    ("Ł", "L"),
    (_DOTLESS, "i"),
)


def _source(compiler: Builder, call: Call) -> Value:
    return compiler.text(compiler.needed(call, 0, "a text"))


def append(compiler: Builder, call: Call) -> Value:
    """``Append``, ``Prepend``: both texts, nothing between; null where either is null."""
    one = _source(compiler, call)
    other = compiler.text(compiler.needed(call, 1, "a text"))
    return compiler.made(f"({one.sql} || {other.sql})", Kind.TEXT, one, other)


def cstr(compiler: Builder, call: Call) -> Value:
    """``CStr``, ``CRef``: the value's text form."""
    return _source(compiler, call)


def length(compiler: Builder, call: Call) -> Value:
    """``Len``: characters; 0 for null."""
    text = _source(compiler, call)
    return compiler.made(f"coalesce(length({text.sql}), 0)", Kind.INTEGER, text)


def left(compiler: Builder, call: Call) -> Value:
    """``Left``: null gives the empty text, a negative count the whole."""
    text = _source(compiler, call)
    count = compiler.integer(compiler.needed(call, 1, "a count"))
    if count.constant is not None:
        sql = f"coalesce({text.sql}, '')" if int(count.constant) < 0 else f"coalesce(left({text.sql}, {count.sql}), '')"
        return compiler.made(sql, Kind.TEXT, text, count)
    text, count = compiler.once(text), compiler.once(count)
    sql = f"coalesce(CASE WHEN {count.sql} < 0 THEN {text.sql} ELSE left({text.sql}, {count.sql}) END, '')"
    return compiler.made(sql, Kind.TEXT, text, count)


def mid(compiler: Builder, call: Call) -> Value:
    """``Mid``: from a place counted from 1; past the end gives the empty text, a place before 1 sets aside."""
    text = _source(compiler, call)
    start_node = compiler.needed(call, 1, "a start")
    start = compiler.once(compiler.integer(start_node))
    if start.constant is not None and int(start.constant) < 1:
        raise WrongExpression("Mid counts from 1", at=start_node.at)
    uses, length_sql = [text, start], ""
    if (length_node := compiler.slot(call, 2)) is not None:
        count = compiler.integer(length_node)
        length_sql = f", greatest({count.sql}, 0)" if count.constant is None else f", {max(int(count.constant), 0)}"
        uses.append(count)
    if start.constant is not None:
        return compiler.made(f"substr({text.sql}, {start.sql}{length_sql})", Kind.TEXT, *uses)
    made = compiler.made(
        f"CASE WHEN {start.sql} >= 1 THEN substr({text.sql}, {start.sql}{length_sql}) END", Kind.TEXT, *uses
    )
    return compiler.failing(made, f"{start.sql} < 1", "Mid counts from 1")


def in_str(compiler: Builder, call: Call) -> Value:
    """``InStr``: the place of the first hit at or after start, counted from 1; 0 if absent."""
    node = compiler.slot(call, 3)
    mode = node.name if isinstance(node, Keyword) else compiler.constant(call, 3, "the compare type")
    if mode not in {None, "", "vbBinaryCompare", "vbTextCompare", "0", "1"}:
        raise WrongExpression("the compare type is vbTextCompare or vbBinaryCompare", at=call.at)
    text, sought = (compiler.once(compiler.text(compiler.needed(call, n, "a text"))) for n in (0, 1))
    one, other = text.sql, sought.sql
    if mode in {"vbTextCompare", "1"}:
        one, other = f"lower({one})", f"lower({other})"
    start_node = compiler.slot(call, 2)
    if start_node is None:
        return compiler.made(f"coalesce(instr({one}, {other}), 0)", Kind.INTEGER, text, sought)
    start = compiler.once(compiler.integer(start_node))
    within = compiler.once(
        compiler.made(f"instr(substr({one}, greatest({start.sql}, 1)), {other})", Kind.INTEGER, text, sought, start)
    )
    sql = f"CASE WHEN {within.sql} > 0 THEN {within.sql} + {start.sql} - 1 ELSE 0 END"
    return compiler.failing(compiler.made(sql, Kind.INTEGER, within), f"{start.sql} < 1", "InStr counts from 1")


def strip_spaces(compiler: Builder, call: Call) -> Value:
    """``StripSpaces``: without U+0020; other white space stays."""
    text = _source(compiler, call)
    return compiler.made(f"replace({text.sql}, ' ', '')", Kind.TEXT, text)


def trim(compiler: Builder, call: Call) -> Value:
    """``Trim``: without Unicode white space at both ends, value by value."""
    node = compiler.needed(call, 0, "a value")
    value = compiler.part(node)
    if value.kind is Kind.LIST:
        sql = f"list_transform({value.sql}, lambda v: regexp_replace(v, {_EDGES}, '', 'g'))"
        return compiler.made(sql, Kind.LIST, value)
    text = compiler.to_text(value, node)
    return compiler.made(f"regexp_replace({text.sql}, {_EDGES}, '', 'g')", Kind.TEXT, text)


def word(compiler: Builder, call: Call) -> Value:
    """``Word``: the n-th run of characters that are not delimiters; else the empty text."""
    text = _source(compiler, call)
    number = compiler.once(compiler.integer(compiler.needed(call, 1, "a number")))
    delimiters = compiler.constant(call, 2, "the delimiters") or ""
    pattern = rf"[^{in_class(delimiters)}]+" if delimiters else r"(?s).+"
    words = f"regexp_extract_all({text.sql}, {literal(pattern)})"
    sql = f"coalesce(CASE WHEN {number.sql} >= 1 THEN {words}[{number.sql}] END, '')"
    return compiler.made(sql, Kind.TEXT, text, number)


def to_lower(compiler: Builder, call: Call) -> Value:
    """``ToLower``: character by character, as .NET; invariant without a culture."""
    return _cased(compiler, call, "lower", {"invariant": "İ", "turkish": ("Iİ", f"{_DOTLESS}i")})


def to_upper(compiler: Builder, call: Call) -> Value:
    """``ToUpper``: character by character, as .NET: ``ß`` stays; invariant without a culture."""
    return _cased(
        compiler, call, "upper", {"invariant": f"ß{_DOTLESS}", "culture": "ß", "turkish": (f"i{_DOTLESS}", "İI")}
    )


def _cased(compiler: Builder, call: Call, function: str, special: dict[str, str | tuple[str, str]]) -> Value:
    culture = compiler.constant(call, 1, "the culture")
    if culture and not _CULTURE.match(culture):
        raise WrongExpression(f"{culture!r} is not a culture", at=call.at, remedy="A culture is written tr-TR.")
    text = compiler.once(_source(compiler, call))
    sql = text.sql
    if culture and culture[:2].lower() in {"tr", "az"}:
        pair = special["turkish"]
        sql = f"translate({sql}, {literal(pair[0])}, {literal(pair[1])})"
        kept = f"{pair[1]}ß" if function == "upper" else pair[1]
    else:
        kept = str(special.get("culture" if culture else "invariant", ""))
    if not kept:
        return compiler.made(f"{function}({sql})", Kind.TEXT, text)
    held = compiler.once(Value(sql, Kind.TEXT, text.flow, text.level))
    pieces = f"regexp_extract_all({held.sql}, '[{kept}]|[^{kept}]+')"
    slow = f"list_transform({pieces}, lambda p: CASE WHEN contains('{kept}', p) THEN p ELSE {function}(p) END)"
    plain = f"strlen({held.sql}) = length({held.sql})"
    sql = f"CASE WHEN {plain} THEN {function}({held.sql}) ELSE array_to_string({slow}, '') END"
    return compiler.made(sql, Kind.TEXT, held)


def pcase(compiler: Builder, call: Call) -> Value:
    """``PCase``: each word with a capital first and small letters after.

    Without separators by .NET's ``TextInfo.ToTitleCase`` on the lowered text: a word begins at a letter and ends at a
    space, control, format, punctuation or symbol character; an apostrophe inside does not end it.
    """
    text = compiler.once(_source(compiler, call))
    separators = compiler.constant(call, 1, "the separators")
    if separators:
        words = rf"[^{in_class(separators)}]"
        pattern, begins = rf"{words}+|[{in_class(separators)}]+", words
    else:
        pattern, begins = rf"{_TITLE_WORD}|[^\p{{L}}]+", r"\p{L}"
    first = "translate(upper(p[1:1]), 'ẞǄǇǊǱ', 'ßǅǈǋǲ')"
    pieces = f"regexp_extract_all(lower({text.sql}), {literal(pattern)})"
    capital = f"CASE WHEN regexp_matches(p, {literal('^' + begins)}) THEN {first} || p[2:] ELSE p END"
    sql = f"array_to_string(list_transform({pieces}, lambda p: {capital}), '')"
    return compiler.made(sql, Kind.TEXT, text)


def normalize_diacritics(compiler: Builder, call: Call) -> Value:
    """``NormalizeDiacritics``: Latin letters without their marks, other scripts untouched."""
    text = compiler.once(_source(compiler, call))
    sql = text.sql
    for pattern, plain in _UNDECOMPOSED:
        sql = (
            f"regexp_replace({sql}, {literal(pattern)}, '{plain}', 'g')"
            if len(pattern) > 1
            else f"replace({sql}, '{pattern}', '{plain}')"
        )
    mapped = rf"regexp_extract_all({sql}, '(?:\p{{Latin}}\p{{M}}*)+|\P{{Latin}}+')"
    bare = r"CASE WHEN regexp_matches(p, '^\p{Latin}') THEN strip_accents(p) ELSE p END"
    slow = f"array_to_string(list_transform({mapped}, lambda p: {bare}), '')"
    plain_text = f"strlen({text.sql}) = length({text.sql})"
    return compiler.made(f"CASE WHEN {plain_text} THEN {text.sql} ELSE {slow} END", Kind.TEXT, text)


def bit_and(compiler: Builder, call: Call) -> Value:
    """``BitAnd``: of two whole numbers."""
    one, other = (compiler.integer(compiler.needed(call, n, "a number")) for n in (0, 1))
    return compiler.made(f"(({one.sql})::BIGINT & ({other.sql})::BIGINT)", Kind.INTEGER, one, other)


def convert_to_utf8_hex(compiler: Builder, call: Call) -> Value:
    """``ConvertToUTF8Hex``: the UTF-8 bytes in capitals."""
    text = _source(compiler, call)
    return compiler.made(f"hex({text.sql})", Kind.TEXT, text)


def convert_to_base64(compiler: Builder, call: Call) -> Value:
    """``ConvertToBase64``: of the UTF-16 little-endian bytes."""
    text = _source(compiler, call)
    unit = "printf('%02X%02X', {u} & 255, {u} >> 8)"
    point = "unicode(c)"
    high, low = f"(55296 + (({point} - 65536) >> 10))", f"(56320 + (({point} - 65536) & 1023))"
    code = (
        f"CASE WHEN {point} < 65536 THEN {unit.format(u=point)} ELSE {unit.format(u=high)} || {unit.format(u=low)} END"
    )
    characters = f"list_transform(regexp_extract_all({text.sql}, '(?s).'), lambda c: {code})"
    return compiler.made(f"base64(unhex(array_to_string({characters}, '')))", Kind.TEXT, text)


def convert_from_base64(compiler: Builder, call: Call) -> Value:
    """``ConvertFromBase64``: text of the bytes in UTF-16 (default), ASCII or UTF-8; anything else sets aside."""
    encoding = compiler.constant(call, 1, "the encoding") or "Unicode"
    if encoding not in {"Unicode", "ASCII", "UTF8"}:
        raise WrongExpression("the encoding is Unicode, ASCII or UTF8", at=call.at)
    text = compiler.once(_source(compiler, call))
    if encoding == "UTF8":
        sql = f"TRY(decode(from_base64({text.sql})))"
    elif encoding == "ASCII":
        byte = "('0x' || b)::INTEGER"
        listed = f"regexp_extract_all(TRY(hex(from_base64({text.sql}))), '..')"
        each = f"CASE WHEN {byte} < 128 THEN chr({byte}) ELSE '?' END"
        sql = f"array_to_string(list_transform({listed}, lambda b: {each}), '')"
    else:
        sql, level = _utf16(compiler, text)
        text = Value(text.sql, Kind.TEXT, text.flow, level)
    made = compiler.once(compiler.made(sql, Kind.TEXT, text))
    return compiler.failing(made, f"{text.sql} IS NOT NULL AND {made.sql} IS NULL", "text that is not base64")


def _utf16(compiler: Builder, text: Value) -> tuple[str, int]:
    """The text whose UTF-16 little-endian bytes ``text`` holds in base64, else null: a step's name and level."""
    raw, level = compiler.step(f"TRY(hex(from_base64({text.sql})))", text.level)
    # Per character four hex digits, or eight for a surrogate pair: xxD8..xxDB followed by xxDC..xxDF.
    whole = r"^(?:..D[89AB]..D[CDEF]|..[0-9ABCEF].|..D[0-7])*$"
    units = f"regexp_extract_all({raw}, '..D[89AB]..D[CDEF]|....')"
    first, second = "('0x' || u[3:4] || u[1:2])::INTEGER", "('0x' || u[7:8] || u[5:6])::INTEGER"
    each = (
        f"CASE WHEN length(u) = 4 THEN chr({first}) ELSE chr(65536 + (({first} & 1023) << 10) + ({second} & 1023)) END"
    )
    decoded = f"array_to_string(list_transform({units}, lambda u: {each}), '')"
    sql = f"CASE WHEN regexp_matches({raw}, '{whole}') THEN {decoded} END"
    return compiler.step(sql, level)


def dn_component(compiler: Builder, call: Call) -> Value:
    """``DNComponent``: the value of one part of a distinguished name, counted from 1 from the left; else null."""
    text = _source(compiler, call)
    number = compiler.once(compiler.integer(compiler.needed(call, 1, "a number")))
    listed = rf"regexp_extract_all({text.sql}, '(?s)(?:[^,\\]|\\.)+')"
    value = rf"regexp_extract({listed}[{number.sql}], '(?s)^[^=]*=\s*(.*)$', 1)"
    sql = rf"CASE WHEN {number.sql} BETWEEN 1 AND len({listed}) THEN regexp_replace({value}, '\\(.)', '\1', 'g') END"
    return compiler.made(sql, Kind.TEXT, text, number)


def string_from_sid(compiler: Builder, call: Call) -> Value:
    """``StringFromSid``: ``S-1-…`` of a SID's bytes in base64; text that already is one passes."""
    text = compiler.once(_source(compiler, call))
    raw, level = compiler.step(f"TRY(hex(from_base64({text.sql})))", text.level)
    number = "('0x' || {h})::BIGINT"
    part = number.format(h="(g[7:8] || g[5:6] || g[3:4] || g[1:2])")
    parts = f"list_transform(regexp_extract_all({raw}[17:], '.{{8}}'), lambda g: ({part})::VARCHAR)"
    revision, authority = number.format(h=f"{raw}[1:2]"), number.format(h=f"{raw}[5:16]")
    sound = f"length({raw}) >= 16 AND length({raw}) = 16 + 8 * TRY_CAST('0x' || {raw}[3:4] AS BIGINT)"
    whole = f"concat_ws('-', 'S', ({revision})::VARCHAR, ({authority})::VARCHAR, array_to_string({parts}, '-'))"
    is_text = f"regexp_matches({text.sql}, '^S-1(-[0-9]+)+$')"
    sql = f"CASE WHEN {is_text} THEN {text.sql} WHEN {sound} THEN {whole} END"
    made = compiler.once(Value(sql, Kind.TEXT, text.flow, level))
    return compiler.failing(made, f"{text.sql} IS NOT NULL AND {made.sql} IS NULL", "text that is not a SID")
