"""How a file's bytes become text: UTF-8 or UTF-16, as its first bytes say; what it seems to be where it is neither."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KINDS = (
    (b"PK\x03\x04", "a workbook or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (XLS)"),
    (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"%PDF", "a PDF"),
)
_ZEROS = "looks like UTF-16 without a byte order mark: its encoding cannot be told for certain"
_LOOKED_AT = 1 << 20
# ä ö ü ß and é as the code pages of DOS windows write them; none of these bytes is a letter in Windows-1252.
_DOS = frozenset(b"\x81\x84\x94\x82\x86\x91")


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


def why_no_text(path: Path) -> str | None:
    """What the file seems to be written in, as the end of “The source file …”; None where its bytes are sound text.

    A single-byte code page cannot be told from another by its bytes alone, so the usual one is named with a doubt.
    """
    with path.open("rb") as file:
        first = file.read(8)
        for mark, name in _KINDS:
            if first.startswith(mark):
                return f"is {name}, not text"
        file.seek(0)
        return _judged(encoding_of(path), iter(lambda: file.read(_LOOKED_AT), b""))


def _judged(encoding: str, pieces: Iterable[bytes]) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    for piece in pieces:
        if encoding == "utf-8" and piece.count(0) * 10 > len(piece):
            return _ZEROS
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            return _named(encoding, piece[max(error.start, 0) :])
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "ends in the middle of a letter: it is cut off"
    return None


def _named(encoding: str, rest: bytes) -> str:
    """The likely encoding of bytes that are not ``encoding``; ``rest`` starts at the first wrong one."""
    if encoding.startswith("utf-16"):
        return "has the mark of UTF-16 and is not UTF-16"
    high = [byte for byte in rest if byte >= 0x80]
    if sum(byte in _DOS for byte in high) * 2 > len(high):
        return "is not UTF-8: its encoding looks like a code page of DOS windows (437 or 850)"
    return "is not UTF-8: its encoding looks like Windows-1252 (“ANSI”) or another single-byte code page"
