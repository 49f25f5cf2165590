"""A straightforward evaluator of the mapping language, one user at a time, to hold the compiled SQL against.

Written from the stated rules alone; shares nothing with the compiler but the tree.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from trueup.transforms.mapping.tree import Attribute, Call, Comparison, Joined, Number, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trueup.transforms.mapping.tree import Expression


class LeaveAttribute(Exception):
    """The attribute is left alone."""


class SetAside(Exception):
    """The person is set aside."""


def text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value)


def meaning(tree: Expression | None, inputs: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one case each
    """The value of ``tree`` for one user."""
    match tree:
        case None:
            return None
        case Attribute(name):
            value = inputs.get(name)
            return None if value == [] else value
        case Text(value):
            return value
        case Number():
            return tree.value
        case Joined(left, right):
            one, other = text(meaning(left, inputs)), text(meaning(right, inputs))
            return None if one is None or other is None else one + other
        case Comparison(operator, left, right):
            return compare(operator, meaning(left, inputs), meaning(right, inputs))
        case Call(name, slots):
            return CALLS[name](slots, inputs)
        case _:
            raise AssertionError(tree)


def compare(operator: str, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    if any(isinstance(v, int) and not isinstance(v, bool) for v in (one, other)):
        numbers = [number(one), number(other)]
        if None in numbers:
            return operator == "<>"
        one, other = numbers
    else:
        one, other = text(one).encode(), text(other).encode()  # type: ignore[union-attr]  # neither is null
    holds: dict[str, bool] = {
        "=": one == other,
        "<>": one != other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }
    return holds[operator]


def number(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip("\t\n\f\r ")):
        return None
    return int(value.strip("\t\n\f\r "))


def truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    return isinstance(value, str) and (value.lower() == "true" or bool(number(value)))


def _args(slots: Any, inputs: Any) -> list[Any]:
    return [meaning(slot, inputs) for slot in slots]


def _switch(slots: Any, inputs: Any) -> Any:
    source = text(meaning(slots[0], inputs))
    for key, value in zip(slots[2::2], slots[3::2], strict=True):
        wanted = text(meaning(key, inputs))
        if (wanted is not None and source == wanted) or (wanted == "" and source is None):
            return meaning(value, inputs)
    return meaning(slots[1], inputs)


def _iif(slots: Any, inputs: Any) -> Any:
    return meaning(slots[1] if truth(meaning(slots[0], inputs)) else slots[2], inputs)


def _coalesce(slots: Any, inputs: Any) -> Any:
    for slot in slots:
        if (value := meaning(slot, inputs)) is not None:
            return value
    return None


def _join(slots: Any, inputs: Any) -> str:
    separator, *sources = _args(slots, inputs)
    parts: list[str] = []
    for source in sources:
        values = source if isinstance(source, list) else [source]
        parts.extend(str(value) for value in values if text(value))
    return (text(separator) or "").join(parts)


def _left(slots: Any, inputs: Any) -> str:
    value, count = _args(slots, inputs)
    value = text(value) or ""
    return value if count < 0 else value[:count]


def _mid(slots: Any, inputs: Any) -> str | None:
    value, start, *length = _args(slots, inputs)
    value = text(value)
    if value is None:
        return None
    return value[start - 1 :][: max(length[0], 0)] if length else value[start - 1 :]


def _word(slots: Any, inputs: Any) -> str:
    value, count, delimiters = _args(slots, inputs)
    words, current = [], ""
    for character in text(value) or "":
        if character in delimiters:
            words.append(current)
            current = ""
        else:
            current += character
    words = [word for word in [*words, current] if word]
    return words[count - 1] if 1 <= count <= len(words) else ""


def _plain(slots: Any, inputs: Any) -> str | None:
    value = text(_args(slots, inputs)[0])
    if value is None:
        return None
    special = {"æ": "ae", "Æ": "AE", "ø": "oe", "Ø": "OE", "ß": "ss", "ł": "l", "Ł": "L", "\u0131": "i"}
    found = []
    for character in value:
        latin = "LATIN" in unicodedata.name(character, "")
        base = unicodedata.normalize("NFD", character)[0] if latin else character
        found.append(special.get(base, base))
    return "".join(found)


def _item(slots: Any, inputs: Any) -> Any:
    values, index = _args(slots, inputs)
    if values is None:
        return None
    if not 1 <= index <= len(values):
        raise SetAside
    return values[index - 1]


def _contains(slots: Any, inputs: Any) -> int:
    values, wanted = _args(slots, inputs)
    return next((n for n, v in enumerate(values or [], 1) if wanted is not None and wanted in v), 0)


def _ignore(slots: Any, inputs: Any) -> Any:
    value = meaning(slots[0], inputs)
    if value in (None, ""):
        raise LeaveAttribute
    return value


def _replace(slots: Any, inputs: Any) -> str | None:
    padded: list[Any] = [*slots, *[None] * (7 - len(slots))]
    source, old, _, _, new, _, template = padded
    value = text(meaning(source, inputs))
    sought = text(meaning(old, inputs)) or ""
    # Arguments are not branches: what they say of the flow counts whether the value is there or not.
    put = text(meaning(new if template is None else template, inputs)) or ""
    if template is not None:
        return None if value is None else put.replace(sought, value)
    return value if value is None or not sought else value.replace(sought, put)


def _title(slots: Any, inputs: Any) -> str | None:
    value = text(_args(slots, inputs)[0])
    if value is None:
        return None
    found, inside = "", False
    for character in _lower(value) or "":
        category = unicodedata.category(character)
        if inside:
            inside = character == "'" or not (category[0] in "ZPS" or category in {"Cc", "Cf"})
            found += character
        elif category[0] == "L":
            inside = True
            found += _upper(character) or ""
        else:
            found += character
    return found


def _lower(value: str | None) -> str | None:
    return None if value is None else "".join(c if c == "İ" else c.lower() for c in value)


def _upper(value: str | None) -> str | None:
    return None if value is None else "".join(c if c in "ß\u0131" else c.upper() for c in value)


def _first(function: Any) -> Any:
    return lambda slots, inputs: function(meaning(slots[0], inputs))


def _of_text(function: Any) -> Any:
    def run(slots: Any, inputs: Any) -> Any:
        value = text(meaning(slots[0], inputs))
        return None if value is None else function(value)

    return run


def _append(slots: Any, inputs: Any) -> str | None:
    one, other = (text(value) for value in _args(slots, inputs))
    return None if one is None or other is None else one + other


def _split(slots: Any, inputs: Any) -> list[str] | None:
    value, delimiter = _args(slots, inputs)
    value = text(value)
    return None if value is None else value.split(delimiter)


def _instr(slots: Any, inputs: Any) -> int:
    value, sought = map(text, _args(slots, inputs))
    return 0 if value is None or sought is None else value.find(sought) + 1


def _nothing(value: Any) -> bool:
    return value in (None, "", [])


CALLS: dict[str, Any] = {
    "Append": _append,
    "CBool": _first(truth),
    "CStr": _first(text),
    "Coalesce": _coalesce,
    "Contains": _contains,
    "ConvertToBase64": _of_text(lambda v: base64.b64encode(v.encode("utf-16-le")).decode()),
    "ConvertToUTF8Hex": _of_text(lambda v: v.encode().hex().upper()),
    "Count": _first(lambda v: 0 if v is None else len(v) if isinstance(v, list) else 1),
    "IIF": _iif,
    "IgnoreFlowIfNullOrEmpty": _ignore,
    "InStr": _instr,
    "IsNull": _first(lambda v: v in (None, [])),
    "IsNullOrEmpty": _first(_nothing),
    "IsPresent": _first(lambda v: not _nothing(v)),
    "Item": _item,
    "Join": _join,
    "Left": _left,
    "Len": _first(lambda v: len(text(v) or "")),
    "Mid": _mid,
    "NormalizeDiacritics": _plain,
    "Not": _first(lambda v: (text(v) or "").lower() != "true"),
    "PCase": _title,
    "Redact": _first(lambda v: v),
    "RemoveDuplicates": _first(lambda v: None if v is None else list(dict.fromkeys(v))),
    "Replace": _replace,
    "Split": _split,
    "StripSpaces": _of_text(lambda v: v.replace(" ", "")),
    "Switch": _switch,
    "ToLower": _of_text(_lower),
    "ToUpper": _of_text(_upper),
    "Word": _word,
}
