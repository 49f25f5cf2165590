"""Names are hostile: text that came from a directory, made harmless for each place it is shown.

What is invisible, changes the direction of reading or speaks to a terminal is spelt out as ``⟨U+202E⟩``, so that a
reviewer sees what a value really holds. Nothing is dropped. HTML is escaped by Jinja on top of this.
"""

from __future__ import annotations

import re

_INVISIBLE = (
    "\u0000-\u001f\u007f-\u009f"  # C0, DEL, C1: what a terminal obeys
    "\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\uffff"
    "\ud800-\udfff\ue000-\uf8ff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_JOINED_EMOJI = re.compile(
    "(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d(?=[\u2600-\u27bf\U0001f000-\U0001faff])"
)
_OUTER_SPACE = re.compile(r"^ +| +$| {2,}")
_DANGEROUS_IN_JSON = re.compile(
    "[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MARKDOWN = re.compile(
    r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|(?<!\w)@|:(?=//)|(?<=www)\.|^ *(?:[-+#=]|\d+(?=[.)](?: |$)))", re.IGNORECASE
)
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def visible(text: str) -> str:
    """``text`` with every invisible, directional or control character spelt out as ``⟨U+XXXX⟩``.

    Spaces at either end and runs of spaces become ``␣``. Joined emoji stay whole.
    """
    if text.isascii() and text.isprintable() and "  " not in text and text == text.strip():
        return text
    spaced = _OUTER_SPACE.sub(lambda match: "␣" * len(match.group()), text)
    if not _UNSEEN.search(spaced):
        return spaced
    joined = {match.start() for match in _JOINED_EMOJI.finditer(spaced)}
    return _UNSEEN.sub(
        lambda match: match.group() if match.start() in joined else f"⟨U+{ord(match.group()):04X}⟩", spaced
    )


def markdown(text: str) -> str:
    """``text`` as Markdown that shows it and does nothing: no link, image, HTML, table cell, list or emphasis."""
    return _MARKDOWN.sub(_escaped, visible(text).translate(_ENTITIES))


def _escaped(match: re.Match[str]) -> str:
    found = match.group()
    if found[-1].isdigit():  # what would start a numbered list: the dot is what must be escaped
        return f"{found}\\"
    return f"{found[:-1]}\\{found[-1]}"


def cell(text: str) -> str:
    """``text`` as a cell of a spreadsheet or CSV that no program takes for a formula, without control characters.

    A value that begins with ``=``, ``+``, ``-``, ``@``, tab or return (also after spaces) gets an apostrophe in
    front, phone numbers included.
    """
    shown = _UNSEEN.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text) if not text.isprintable() else text
    return f"'{shown}" if text.lstrip(" ").startswith(_STARTS_A_FORMULA) else shown


def json_text(text: str) -> str:
    """JSON ``text`` where what a terminal or an editor would obey is escaped; it parses to the same value."""
    return _DANGEROUS_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def script_data(text: str) -> str:
    """JSON ``text`` that can stand inside a ``<script>`` element; it parses to the same value."""
    return json_text(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
