"""How a file's bytes become text: UTF-8 or UTF-16, as its first bytes say."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(path: Path) -> str:
    """The encoding of a text file: by its mark, else by where the zero bytes of its first letters lie; else UTF-8."""
    with path.open("rb") as file:
        first = file.read(4)
    for mark, name in MARKS:
        if first.startswith(mark):
            return name
    if len(first) >= 2 and first[1] == 0:
        return "utf-16-le"
    return "utf-16-be" if len(first) >= 2 and first[0] == 0 else "utf-8"
