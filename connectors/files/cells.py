"""Cells of a file as values: several in one cell taken apart, words for true and false, what says nothing at all.

What cannot be read of one person is left out and named in that row's ``unreadable``; it is never an empty value.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from trueup.connectors.entra.selection import ARROW
from trueup.connectors.entra.unsaid import UNREADABLE
from trueup.transforms.damage import SPREADSHEET, TYPE_NAME
from trueup.transforms.errors import Refusal, Refused

if TYPE_CHECKING:
    from trueup.connectors.entra.pages import Problem
    from trueup.connectors.entra.selection import Selection

TYPE_WRITTEN = "is given as the name of a .NET type: the export wrote what kind of thing it was, not what it held"
RUN_TOGETHER = "holds several values in one cell that cannot be told apart for certain"
SPREADSHEET_WRITTEN = "holds an error or a rounded number of a spreadsheet"
NOT_EXPANDED = "is given as an object without an id: it was not asked for when the users were exported"
WHY_UNREADABLE = frozenset({TYPE_WRITTEN, RUN_TOGETHER, SPREADSHEET_WRITTEN, NOT_EXPANDED})

_TRUTH = (
    ("true", "false"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("verdadero", "falso"),
    ("vero", "falso"),
    ("verdadeiro", "falso"),
    ("waar", "onwaar"),
    ("sant", "falskt"),
    ("sand", "falsk"),
    ("sann", "usann"),
    ("tosi", "epätosi"),
    ("prawda", "fałsz"),
    ("pravda", "nepravda"),
    ("igaz", "hamis"),
    ("adevărat", "fals"),
    ("истина", "ложь"),
    ("doğru", "yanliş"),
    ("cert", "fals"),
)
"""How spreadsheets write true and false in the languages of their users, case folded."""
TRUE = frozenset(true for true, _ in _TRUTH)
FALSE = frozenset(false for _, false in _TRUTH)

_PRESENT = r"[^\s\p{Z}\p{C}]"
_STRONG = re.compile(r"[;|\r\n,]")
_DIGITS = re.compile(r"[0-9]")
_PHONE = re.compile(r"[+(]?[0-9][0-9 ().\-/]*(?:(?:x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z0-9]+:)?[^\s@;|,:\"<>]+@[^\s@;|,:\"<>]+", re.IGNORECASE)
_OTHER_PROXY = re.compile(r"(?:x500|notes|eum|spo|sip|smtp|mgrid|ceo):[^;|]+", re.IGNORECASE)
_LONGEST_NUMBER = 15
"""Digits of an international number (ITU-T E.164)."""


def whole_values(text: str, column: str) -> list[str] | None:
    """The values a cell of a collection holds; None where there are several and they cannot be told apart.

    Separators are ``;``, ``|``, comma and line breaks, a JSON list, or PowerShell's ``{a, b}``. A cell is only
    taken apart where every part looks whole: a number has no comma in it, an address one @.
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return _json_list(text)
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
        if text.endswith(("...", "…")):
            return None
    parts = [part.strip() for part in _STRONG.split(text)]
    parts = [part for part in parts if part]
    is_whole = _is_phone if column == "businessPhones" else _is_address
    if len(parts) > 1:
        return parts if all(is_whole(part, column) for part in parts) else None
    if not parts:
        return []
    return _apart_by_space(parts[0], column)


def _json_list(text: str) -> list[str] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if all(isinstance(item, str) for item in found):
        return [item for item in found if item.strip()]
    return None


def _apart_by_space(text: str, column: str) -> list[str] | None:
    """One value, or several with nothing but blanks or a stroke between them."""
    if column != "businessPhones":
        parts = text.split()
        if len(parts) > 1 and all(_is_address(part, column) for part in parts):
            return parts
        return None if text.count("@") > 1 else [text]
    if text.count("+") > 1:
        parts = [part.strip(" /\t") for part in re.split(r"(?=\+)", text)]
        parts = [part for part in parts if part]
        return parts if all(part.startswith("+") and _is_phone(part, column) for part in parts) else None
    return None if len(_DIGITS.findall(text)) > _LONGEST_NUMBER + 6 else [text]


def _is_phone(text: str, _: str) -> bool:
    digits = len(_DIGITS.findall(text))
    return bool(_PHONE.fullmatch(text)) and (digits >= 5 or text.startswith("+"))


def _is_address(text: str, column: str) -> bool:
    return bool(_ADDRESS.fullmatch(text)) or (column == "proxyAddresses" and bool(_OTHER_PROXY.fullmatch(text)))


@dataclass(slots=True)
class Unsaid:
    """What could not be read, and of which people, while a table is made."""

    rows: int
    lists: dict[str, pa.Array] = field(default_factory=dict)
    """Column → a mask of the rows it could not be read of."""

    def note(self, column: str, mask: pa.Array, why: str, keys: pa.Array, problems: list[Problem]) -> None:
        """Remember that ``column`` could not be read where ``mask`` is true."""
        if not pc.any(mask).as_py():
            return
        before = self.lists.get(column)
        self.lists[column] = mask if before is None else pc.or_(before, mask)
        problems += [(key, column, why) for key in keys.filter(mask).to_pylist()]

    def column(self) -> pa.Array:
        """The column ``unreadable``: null where everything was said."""
        found = pa.nulls(self.rows, pa.list_(pa.string()))
        if not self.lists:
            return found
        names, masks = list(self.lists), [mask.to_numpy(zero_copy_only=False) for mask in self.lists.values()]
        rows = [[name for name, mask in zip(names, masks, strict=True) if mask[row]] for row in range(self.rows)]
        return pa.array([row or None for row in rows], pa.list_(pa.string()))


def _mask(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), fill_value=False)


def present(texts: pa.Array) -> pa.Array:
    """``texts`` with null where there is nothing to be seen."""
    return pc.if_else(_mask(texts, _PRESENT), texts, pa.scalar(None, pa.string()))


def without_types(texts: pa.Array, column: str, unsaid: Unsaid, keys: pa.Array, problems: list[Problem]) -> pa.Array:
    """``texts`` with null, and a note, where the name of a .NET type stands."""
    # Every such name has one of these; the long pattern is only tried where one is there at all.
    if not pc.any(_mask(texts, r"System\.|Microsoft\.|@\{")).as_py():
        return texts
    mask = _mask(texts, TYPE_NAME)
    unsaid.note(column, mask, TYPE_WRITTEN, keys, problems)
    return pc.if_else(mask, pa.scalar(None, pa.string()), texts)


def without_errors(texts: pa.Array, column: str, unsaid: Unsaid, keys: pa.Array, problems: list[Problem]) -> pa.Array:
    """``texts`` with null, and a note, where a spreadsheet's error stands in place of a number or truth value."""
    mask = _mask(texts, SPREADSHEET)
    unsaid.note(column, mask, SPREADSHEET_WRITTEN, keys, problems)
    return pc.if_else(mask, pa.scalar(None, pa.string()), texts)


def collection(texts: pa.Array, column: str, unsaid: Unsaid, keys: pa.Array, problems: list[Problem]) -> pa.Array:
    """Cells of a collection as lists of text; each different cell is taken apart once."""
    coded = texts.dictionary_encode()
    cells = [apart(text, column) for text in coded.dictionary.to_pylist()]
    together = pa.array([cell is None for cell in cells], pa.bool_())
    mask = pc.fill_null(together.take(coded.indices), fill_value=False)
    unsaid.note(column, mask, RUN_TOGETHER, keys, problems)
    return pa.array([cell or None for cell in cells], pa.list_(pa.string())).take(coded.indices)


def apart(text: str, column: str) -> list[str] | None:
    """``whole_values``, but what is not a value at all stays in one piece, to be found by what it is."""
    # A number that a spreadsheet rounded has a comma in some languages, a type's name has one between its parameters.
    is_none = any(pc.match_substring_regex(text, pattern).as_py() for pattern in (SPREADSHEET, TYPE_NAME))
    return [text] if is_none else whole_values(text, column)


def truth(texts: pa.Array, column: str) -> pa.Array:
    """Words for true and false as booleans.

    Raises:
        Refused: a word that is neither; it is named where it is a word at all.
    """
    coded = pc.utf8_trim_whitespace(texts).dictionary_encode()
    folded = [text.casefold() for text in coded.dictionary.to_pylist()]
    unknown = [word for word in folded if word not in TRUE and word not in FALSE]
    if unknown:
        raise _no_truth(column, coded, folded, unknown)
    return pa.array([word in TRUE for word in folded], pa.bool_()).take(coded.indices)


def _no_truth(column: str, coded: pa.DictionaryArray, folded: list[str], unknown: list[str]) -> Refused:
    given = dict(zip(folded, coded.dictionary.to_pylist(), strict=True))
    # A column that moved holds people's data: only what is a plain word is repeated.
    named = [
        f"“{given[word]}”" if word.isalpha() and len(word) <= 12 else "text that is not a word" for word in unknown
    ]
    rows = sum(folded[index] in unknown for index in coded.indices.to_pylist() if index is not None)
    listed = ", ".join(sorted(set(named))[:5])
    return Refused(
        Refusal(
            "source_incomplete",
            f"The source file has {rows} cells in {column} that are neither true nor false: {listed}.",
            remedy=f"Write true or false into {column} (or the words of your spreadsheet's language), then run again.",
        )
    )


def checked_table(table: pa.Table, selection: Selection, problems: list[Problem], *, left: list[Problem]) -> pa.Table:
    """A table of users, what says nothing taken out and told of in the column ``unreadable``.

    For users that came as JSON, whose types are already as the selection says.

    Args:
        table: the users.
        selection: its columns, in order.
        problems: what was found wrong so far; what is left out is added.
        left: what was left out before the users became a table.
    """
    keys = table.column("id").combine_chunks()
    unsaid = Unsaid(table.num_rows)
    lacking = table.column(UNREADABLE).to_pylist() if table.column(UNREADABLE).null_count < table.num_rows else []
    for name in sorted({name for names in lacking for name in names or ()}):
        unsaid.lists[name] = pa.array([name in (names or ()) for names in lacking], pa.bool_())
    table = table.drop_columns([UNREADABLE])
    for place, column in enumerate(selection.columns):
        values = table.column(place).combine_chunks()
        if column.type in {"text", "time"}:
            said = without_types(values, column.name, unsaid, keys, problems)
            table = table if said is values else table.set_column(place, table.schema.field(place), said)
        elif column.type == "texts" and len(values.flatten()):
            table = table.set_column(
                place, table.schema.field(place), _said_lists(values, column.name, unsaid, keys, problems)
            )
    for name, why in dict.fromkeys((name, why) for _, name, why in left):
        ids = pa.array([key for key, *what in left if what == [name, why]], pa.string())
        unsaid.note(name, pc.is_in(keys, value_set=ids), why, keys, problems)
    return table.append_column(pa.field(UNREADABLE, pa.list_(pa.string())), unsaid.column())


def _said_lists(
    lists: pa.ListArray, column: str, unsaid: Unsaid, keys: pa.Array, problems: list[Problem]
) -> pa.ListArray:
    items = lists.flatten()
    parents = pc.list_parent_indices(lists)
    types = _mask(items, TYPE_NAME)
    seen = _mask(items, _PRESENT)
    if pc.all(seen).as_py() and not pc.any(types).as_py():
        return lists
    named = pc.is_in(pa.array(range(len(lists)), parents.type), value_set=parents.filter(types))
    unsaid.note(column, named, TYPE_WRITTEN, keys, problems)
    told = lists.to_pylist()
    kept = seen.to_pylist()
    begin, found = 0, []
    for values, is_type in zip(told, named.to_pylist(), strict=True):
        size = len(values or [])
        left = [value for value, good in zip(values or [], kept[begin : begin + size], strict=True) if good]
        found.append(None if is_type or values is None else left)
        begin += size
    return pa.array(found, ARROW["texts"])
