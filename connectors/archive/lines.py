"""The journal of an encrypted run: a line for each group of records that left together, encrypted by itself.

So the journal only grows, as any other does: what an act states of its length and hash holds for what is added later,
and a line that a crash cut short is a line that was cut short.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from trueup.transforms.errors import Refused
from trueup.transforms.run_files import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trueup.connectors.archive.cipher import Cipher

_SEGMENT = 1 << 20
_HEADER = 40
_TAG = 16
"""Of Tink's AES256_GCM_HKDF_1MB: what is kept is longer by the header once, and by a tag for each segment."""


def closed_line(group: bytes, cipher: Cipher) -> bytes:
    """Records, as they are kept: one line."""
    return base64.b64encode(cipher.encrypt(JOURNAL, group)) + b"\n"


def opened_line(line: bytes, cipher: Cipher) -> bytes | None:
    """The records of one line; None where it was cut short or changed."""
    if not line.endswith(b"\n"):
        return None
    try:
        return cipher.decrypt(JOURNAL, base64.b64decode(line.strip(), validate=True))
    except (binascii.Error, ValueError, Refused):
        return None


def opened_lines(path: Path, cipher: Cipher) -> Iterator[bytes]:
    """The records of every line that can be read."""
    with path.open("rb") as lines:
        for line in lines:
            if (records := opened_line(line, cipher)) is not None:
                yield records


def opened_size(lines: Iterable[bytes]) -> int:
    """How long the records of these lines are, without opening them."""
    size = 0
    for line in lines:
        kept = len(line.strip()) * 3 // 4 - line.strip().count(b"=")
        size += max(0, kept - _HEADER - _TAG * -(-kept // _SEGMENT))
    return size
