"""Texts that are searched for words again and again: a mark beside each text says which words cannot be in it.

Looking through the texts of a hundred thousand people takes ten milliseconds a word. The mark of a text has a bit for
each three bytes that follow each other in it, by a hash of the three; where a bit of a word is missing, the word is not
in the text. What is left, a few texts as a rule, is looked through.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SEARCH = 200
"""Characters."""
_BITS = 512
_SHIFT = np.uint32(32 - 9)
"""What of a hash of 32 bits is left away so that it counts to 512."""
_FACTOR = np.uint32(2_654_435_761)
"""Knuth's, 2³² divided by the golden ratio."""
_ROWS = 2_048
"""Texts that are marked at a time: it takes thirty times their size in memory."""


@dataclass(frozen=True, slots=True)
class Searched:
    """Folded texts, and their marks."""

    texts: pa.Array
    marks: NDArray[np.uint64]
    """One row for each 64 bits of a mark, one column for each text."""

    @classmethod
    def of(cls, texts: pa.Array) -> Searched:
        """Texts as :func:`all_folded` has them, none of them null."""
        return cls(texts, _marked(texts))

    @property
    def nbytes(self) -> int:
        """In memory."""
        return int(self.texts.nbytes + self.marks.nbytes)

    def rows(self, search: str) -> NDArray[np.int32]:
        """The numbers of the texts in which every word of ``search`` stands somewhere, in order."""
        words = [word for one in search.split() if (word := folded(one))]
        rows = np.flatnonzero(self._may_hold(words)).astype(np.int32)
        for word in words:
            left = self.texts if len(rows) == len(self.texts) else self.texts.take(pa.array(rows))
            rows = rows[pc.match_substring(left, word).to_numpy(zero_copy_only=False)]
        return rows

    def _may_hold(self, words: list[str]) -> NDArray[np.bool_]:
        wanted = np.zeros(_BITS, dtype=bool)
        for word in words:
            wanted[_hashes(np.frombuffer(word.encode(), np.uint8).astype(np.uint32))] = True
        fits = np.ones(len(self.texts), dtype=bool)
        for marks, bits in zip(self.marks, _packed(wanted), strict=True):
            if bits:
                fits &= (marks & bits) == bits
        return fits


def folded(text: str) -> str:
    """``text`` as it is searched: without the difference of capitals and accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def all_folded(texts: pa.Array) -> pa.Array:
    """Each of ``texts`` as ``folded`` has it; what is ASCII never leaves Arrow."""
    plain = pc.string_is_ascii(texts)
    lowered = pc.ascii_lower(texts)
    other = texts.filter(pc.invert(plain)).to_pylist()
    if not other:
        return lowered
    return pc.replace_with_mask(lowered, pc.invert(plain), pa.array([folded(text) for text in other], pa.string()))


def _marked(texts: pa.Array) -> NDArray[np.uint64]:
    marks = np.zeros((_BITS // 64, len(texts)), dtype=np.uint64)
    for first in range(0, len(texts), _ROWS):
        part = texts.slice(first, _ROWS)
        marks[:, first : first + len(part)] = _packed(_bits_of(part)).T
    return marks


def _bits_of(texts: pa.Array) -> NDArray[np.bool_]:
    """For each text, which bits its mark has."""
    seen = np.zeros((len(texts), _BITS), dtype=bool)
    _, places, content = texts.buffers()
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if content is None or ends[-1] - ends[0] < 3:
        return seen
    letters = np.frombuffer(content, np.uint8)[ends[0] : ends[-1]].astype(np.uint32)
    lengths = np.diff(ends)
    row = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    within = row[:-2] == row[2:]  # three of one text, not of two neighbours
    seen[row[:-2][within], _hashes(letters)[within]] = True
    return seen


def _hashes(letters: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """A number below 512 for each three that follow each other."""
    three = letters[:-2] | letters[1:-1] << np.uint32(8) | letters[2:] << np.uint32(16)
    hashed: NDArray[np.uint32] = (three * _FACTOR) >> _SHIFT
    return hashed


def _packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    return np.packbits(bits, axis=-1, bitorder="little").view("<u8")
