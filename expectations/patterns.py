r"""What makes a text usable, as RE2 patterns: the same in DuckDB and in Arrow.

``\s`` alone is ASCII in RE2; a name made of no-break spaces, zero-width characters or Hangul fillers is as blank as
an empty one (Unicode, general categories Z and C; UTR 36).
"""

from __future__ import annotations

PRESENT = r"[^\s\p{Z}\p{C}\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]"
"""At least one character that can be seen."""

INVISIBLE = (
    r"[\p{Cc}\x{00AD}\x{034F}\x{061C}\x{115F}\x{1160}\x{180E}\x{200B}\x{200E}\x{200F}\x{2028}-\x{202E}"
    r"\x{2060}-\x{206F}\x{2800}\x{3164}\x{FEFF}\x{FFA0}\x{FFF9}-\x{FFFB}\x{E0000}-\x{E007F}]"
    r"|(?:^|[\p{Latin}\p{Cyrillic}\p{Greek}\p{Han}\p{N}\s])[\x{200C}\x{200D}]"
    r"|[\x{200C}\x{200D}](?:$|[\p{Latin}\p{Cyrillic}\p{Greek}\p{Han}\p{N}\s])"
)
"""Control, direction and zero-width characters. Joiners belong into Persian and Indic names and pass there."""

OUTER_SPACE = r"^[\s\p{Z}]|[\s\p{Z}]$|[\s\p{Z}]{2}"
"""Space before, behind, or twice within."""

_STANDS_FOR_NOTHING = (
    r"[^\p{L}\p{M}]*[^\p{L}\p{M}\s\p{Z}\p{C}][^\p{L}\p{M}]*|#[\p{L}\p{N}/]+[!?]?"
    r"|tests?|testing|n[./ ]a\.?|n\.a\.?|tbd|tba|tbc|xxx+|yyy+|zzz+|asdf+|qwertz?y?|unknown"
    r"|undefined|unbekannt|inconnu|desconocido|placeholder|first[ _]?name|last[ _]?name|given[ _]?name|surname"
    r"|family[ _]?name|vorname|nachname|prénom|apellidos?|no[ _]?name|not[ _]applicable|\(null\)"
)
_AS_FIRST_NAME_ONLY = r"|null|none|blank|empty|leer|dummy|nombre|todo|tester|xx"


def _whole(words: str) -> str:
    return rf"(?i)^[\s\p{{Z}}]*(?:{words})[\s\p{{Z}}]*$"


PLACEHOLDER_FIRST = _whole(_STANDS_FOR_NOTHING + _AS_FIRST_NAME_ONLY)
"""What forms put where nobody knew better: no letter at all, or a word that stands for nothing."""

PLACEHOLDER_LAST = _whole(_STANDS_FOR_NOTHING)
"""The same without the words that are also family names (Null, Blank, Todo)."""

_SINGLE_BYTE = r"[\x{0080}-\x{00BF}\x{0152}-\x{0192}\x{02C6}\x{02DC}\x{2013}-\x{2122}]"
_ESCAPED = r"&(?:[A-Za-z]{2,8}|#[0-9]{2,5}|#x[0-9A-Fa-f]{2,5});|\\u[0-9A-Fa-f]{4}"
_MANGLED = rf"{_ESCAPED}|\x{{FFFD}}|[\x{{00C3}}\x{{00C2}}\x{{00D0}}\x{{00D1}}]{_SINGLE_BYTE}|\x{{00E2}}\x{{20AC}}"
BROKEN = rf"\p{{L}}\?|\?\p{{L}}|{_MANGLED}"
"""Letters lost (U+FFFD, or a question mark in their place), escaped, or UTF-8 read as a single-byte code page."""

BROKEN_TEXT = rf"{BROKEN}|\?\?"
"""The same in a text that is not a name: whole words of another script become question marks only."""

BROKEN_MARK = r"[?&\\\x{FFFD}\x{00C3}\x{00C2}\x{00D0}\x{00D1}\x{00E2}]"
"""What a text must hold for ``BROKEN_TEXT`` to be found in it; it proves nothing itself."""

CERTAINLY_BROKEN = rf"\p{{L}}\?\p{{L}}|(?:^|\s)\?\p{{L}}|\?\?|{_MANGLED}"
"""The same but for a question mark behind a word, which somebody may have meant."""

_NOT_IN_ADDRESS = r"\s\p{Z}\p{C}@<>()\[\]\\,;:" + '"'
ADDRESS = rf"^[^{_NOT_IN_ADDRESS}]+@[^{_NOT_IN_ADDRESS}._-][^{_NOT_IN_ADDRESS}_]*\.[^{_NOT_IN_ADDRESS}._]{{2,}}$"
"""One address as RFC 5322 writes the usual ones: no quoted forms, no comments, a domain with a dot."""

LOOKS_LIKE_ADDRESS = r"@"

NO_NUMBER = r"(?i)^[\s\p{Z}]*(?:0+|-+|n[./ ]?a\.?|none|null|unknown|tbd|tba|x+|\?+|\.+|external)?[\s\p{Z}]*$"
"""What stands in an employee number's place without being one."""
