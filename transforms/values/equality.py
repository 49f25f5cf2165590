"""When two values of a SCIM attribute are the same, and what a target made of one that was written."""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueup.transforms.values.paths import ScimPath
from trueup.transforms.vocabulary import Kept

_EMPTY = frozenset({str, list, dict})
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_ESCAPE = re.compile(r"\\(?:\\|u00([0-9a-f]{2}))")
"""A backslash that is itself escaped, or a control character: only the latter has hex digits."""
_NOT_ALNUM = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"\D+")
_NUMBER = re.compile(r"[\d+\-()./ ]+\Z")
_DIGITS_OF_A_NUMBER = 6
_LEAST_PLAIN, _MOST_PLAIN = -6, 21
_SPACES = re.compile(r"\s+")


def canonical(value: Any) -> str:
    """One JSON text for one value: sorted names, no blanks; what complex columns and changes hold.

    Control characters are escaped as DuckDB escapes them, in capitals: both write what is compared.
    """
    text = _encode(value)
    return _ESCAPE.sub(_in_capitals, text) if "\\u00" in text else text


def _in_capitals(escape: re.Match[str]) -> str:
    return f"\\u00{escape[1].upper()}" if escape[1] else escape[0]


def is_nothing(value: Any) -> bool:
    """Whether a server may mean "no value" by it: null, empty text, empty list, empty object (RFC 7643 §2.5)."""
    return value is None or (not value and type(value) in _EMPTY)


def as_boolean(value: Any) -> bool | None:
    """True and false in the spellings servers use (``"True"``, ``1``); none for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).strip().lower())


def same(left: Any, right: Any) -> bool:
    """Whether two values mean the same: nothing equals nothing, ``"True"`` equals true, 7 equals ``"7"``.

    Text is compared exactly.
    """
    if is_nothing(left) or is_nothing(right):
        return is_nothing(left) and is_nothing(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return as_boolean(left) is as_boolean(right) and as_boolean(left) is not None
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return repr(left) == repr(right) or _whole(left) == _whole(right)
    return plain(left) == plain(right)


def _whole(value: Any) -> str:
    """A list or object as one text; where planning read it into a text column, it comes as its JSON."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return canonical(json.loads(value))
        except ValueError:
            return value
    return plain(value)


def classify(written: Any, found: Any) -> Kept:
    """What the target made of ``written``, seen by reading ``found`` back.

    ``normalised``: the same but for case, blanks, Unicode form or punctuation (a phone number written another way);
    anything else that differs is ``not_kept``.
    """
    if same(written, found):
        return Kept.KEPT
    if is_nothing(written) or is_nothing(found) or isinstance(written, bool):
        return Kept.NOT_KEPT
    if isinstance(written, (dict, list)) or isinstance(found, (dict, list)):
        return Kept.NORMALISED if _loose_json(written) == _loose_json(found) else Kept.NOT_KEPT
    left, right = loose(str(written)), loose(str(found))
    bare = _NOT_ALNUM.sub("", left)
    if left == right or (bare and bare == _NOT_ALNUM.sub("", right)) or _is_one_number(left, right):
        return Kept.NORMALISED
    return Kept.NOT_KEPT


def loose(text: str) -> str:
    """``text`` without the differences servers make on their own: case, outer and doubled blanks, Unicode form."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()


def differs_only_in_case(left: Any, right: Any) -> bool:
    """Whether two texts are one but for case: a target that does this to a value alters case itself."""
    return isinstance(left, str) and isinstance(right, str) and left != right and left.casefold() == right.casefold()


def _is_one_number(left: str, right: str) -> bool:
    """Two spellings of one telephone number, one of which may lack the country's code or a leading zero."""
    if not (_NUMBER.match(left) and _NUMBER.match(right)):
        return False
    longer, shorter = sorted((_NOT_DIGIT.sub("", left), _NOT_DIGIT.sub("", right)), key=len, reverse=True)
    return len(shorter) >= _DIGITS_OF_A_NUMBER and longer.endswith(shorter.lstrip("0"))


def _loose_json(value: Any) -> str:
    return loose(canonical(value))


def without_reading(resource: dict[str, Any]) -> dict[str, Any]:
    """``resource`` without what the server alone says (``meta``, ``schemas``): two of these compare as content."""
    return {
        name: value for name, value in resource.items() if name not in {"meta", "schemas"} and not is_nothing(value)
    }


def moved_members(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the attributes in which two readings of one profile differ, sorted."""
    left, right = without_reading(before), without_reading(now)
    return sorted(name for name in left.keys() | right.keys() if not same(left.get(name), right.get(name)))


def is_same_text(left: Any, right: Any, *, case_exact: bool) -> bool:
    """Whether two identifiers are one, heeding case or not as the target's schema says."""
    if not isinstance(left, str) or not isinstance(right, str):
        return same(left, right)
    return left == right or (not case_exact and left.casefold() == right.casefold())


def plain(value: Any) -> str:
    """A value as a text column holds it, as DuckDB's ``json_extract_string`` gives it: text as it is, else JSON."""
    if isinstance(value, str):
        return value
    return _number(value) if isinstance(value, float) else canonical(value)


def _number(value: float) -> str:
    """A number with a fraction or an exponent as DuckDB spells it: plain up to 21 digits, else ``1.5e22``."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    exponent = int(exponent) + len(digits) - len(text)
    point = len(text) + exponent if value else 1
    minus = "-" if sign else ""
    if not value:
        return f"{minus}0.0"
    if not _LEAST_PLAIN < point <= _MOST_PLAIN:
        return f"{minus}{text[0]}{'.' + text[1:] if text[1:] else ''}e{point - 1}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"


def seen(path: ScimPath, value: Any, like: Any = None) -> Any:
    """``value`` as it is compared and journalled, in the type planning reads it in.

    ``active``, and what stands beside a boolean (``like``), is a boolean where it can be read as one; any other number
    or boolean is its text, as JSON spells it, unless a whole list or object is meant.
    """
    is_active = path.attribute.lower() == "active" and not path.schema and not path.sub
    if (is_active or isinstance(like, bool)) and value is not None:
        return as_boolean(value)
    if isinstance(value, bool):
        return canonical(value) if isinstance(like, str) else value
    if isinstance(value, (int, float)) or (isinstance(like, str) and isinstance(value, (dict, list))):
        return plain(value)
    return value
