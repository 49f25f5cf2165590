"""Looking for everybody at once in what is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

WIDTH = 8
"""Bytes of a beginning: what a processor compares in one go."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_DOWN_TO_16_BITS = np.uint64(48)


def those_in(content: bytes, sought: Collection[bytes]) -> list[bytes]:
    """Those of ``sought`` that stand in ``content``, each of eight bytes or more; thousands take as long as a few.

    Every stretch of eight bytes is looked up among their beginnings, and only what begins somewhere is looked for.
    """
    assert all(len(one) >= WIDTH for one in sought), "too short to be told from anything else"
    beginnings = {one: int.from_bytes(one[:WIDTH], "little") for one in sought}
    keys = np.array(sorted({*beginnings.values()}), dtype="<u8")
    marks = np.zeros(1 << 16, dtype=bool)
    marks[keys * _SPREAD >> _DOWN_TO_16_BITS] = True
    begun: set[int] = set()
    for offset in range(min(WIDTH, len(content) - WIDTH + 1)):
        stretches = np.frombuffer(content, "<u8", (len(content) - offset) // WIDTH, offset)
        likely = stretches[marks[stretches * _SPREAD >> _DOWN_TO_16_BITS]]
        begun.update(likely[np.isin(likely, keys)].tolist())
    return [one for one, beginning in beginnings.items() if beginning in begun and one in content]
