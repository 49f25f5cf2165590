r"""Text that no person wrote: what PowerShell, spreadsheets and code pages leave in a value's place.

RE2 patterns, the same in DuckDB and in Arrow. ``TYPE_NAME`` and ``SPREADSHEET`` say nothing at all about a person, so
what is mapped from such a value is left alone; ``BROKEN`` has lost letters, so the person is held.
"""

from __future__ import annotations

_NAME = r"[A-Z][A-Za-z0-9_.`+]*"
_TYPE = (
    r"(?:Deserialized\.)?(?:"
    rf"System\.{_NAME}\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]"
    r"|System\.(?:Object|String|Array|Byte|Char|Boolean|Int32|Int64|Double|DateTime|Guid)"
    rf"|System\.(?:Collections|Management|Linq|Data|Xml|Net|Text|Security)\.{_NAME}(?:\[.*\])?"
    rf"|Microsoft\.(?:Graph|Open|Online|Exchange|ActiveDirectory|Azure|PowerShell|Rest|Management)\.{_NAME}(?:\[.*\])?"
    r")"
)
TYPE_NAME = rf"(?s)^\s*(?:{_TYPE}(?:\s+{_TYPE})*|@\{{.*\}})\s*$"
"""The name of a .NET type where its value should be: Export-Csv writes lists and objects so."""

TYPE_NAME_WITHIN = rf"\b{_TYPE}|@\{{[A-Za-z]\w*="
"""The same inside a longer text, as an expression that joins values makes it."""

_ERROR = r"#[¿¡]?[\p{Lu}/0-9_]{2,20}[!?]|#\p{Lu}/\p{Lu}|#NV|#{3,}|Err:5[0-9]{2}"
SPREADSHEET = (
    rf"^[\s\p{{Z}}]*(?:{_ERROR}|[+-]?[0-9](?:[.,][0-9]+)?[Ee][+-][0-9]{{2,3}})[\s\p{{Z}}]*$"
    r"|(?:^|[\s,;(])#[¿¡]?(?:NAME\?|REF!|VALUE!|DIV/0!|N/A)(?:$|[\s,;)])"
)
"""An error of a spreadsheet, a cell too narrow for its number, or a long number in scientific notation."""

NO_VALUE = rf"(?m)^\s*(?:{_TYPE}(?:\s+{_TYPE})*|@\{{.*\}})\s*$|{SPREADSHEET}|{TYPE_NAME_WITHIN}"
"""Any of these, in a value or in several with a line break between them: a text that no person wrote."""

NO_VALUE_MARK = r"#|System\.|Microsoft\.|@\{|Err:5|[0-9][Ee][+-][0-9]"
"""What a text must hold for ``NO_VALUE`` to be found in it, and is found faster; it proves nothing itself."""
