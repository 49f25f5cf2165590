"""What lies in an archive and belongs to no run, such as configurations of deployments; encrypted too."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING

from trueup.connectors.archive.cipher import (
    KEY_FILE,
    OF_ARCHIVE,
    Cipher,
    keys_of,
    new_cipher,
    unwrapped,
    wrapped,
)

if TYPE_CHECKING:
    from trueup.connectors.archive.store import Store
    from trueup.transforms.settings import Settings


def as_kept_in(records: Store, settings: Settings, name: str, content: bytes) -> bytes:
    """``content`` as it is kept under ``name``: encrypted where a key is configured."""
    keys = keys_of(settings)
    if keys is None:
        return content
    cipher = _cipher(records, settings)
    if cipher is None:
        with contextlib.suppress(FileExistsError):
            records.create_if_absent(KEY_FILE, wrapped(keys, new_cipher(keys, OF_ARCHIVE)))
        cipher = unwrapped(keys, OF_ARCHIVE, records.read(KEY_FILE))
    return base64.b64encode(cipher.encrypt(name, content)) + b"\n"


def said_in(records: Store, settings: Settings, name: str, kept: bytes) -> bytes:
    """What the kept bytes say: a document in clear, or encrypted.

    Raises:
        Misused: it is encrypted and no key is configured.
        Failed: with another key.
        Refused: it is not what was written.
    """
    if kept.lstrip()[:1] == b"{" or (cipher := _cipher(records, settings)) is None:
        return kept
    try:
        return cipher.decrypt(name, base64.b64decode(kept.strip(), validate=True))
    except ValueError:
        return kept


def _cipher(records: Store, settings: Settings) -> Cipher | None:
    try:
        content = records.read(KEY_FILE)
    except FileNotFoundError:
        return None
    return unwrapped(keys_of(settings), OF_ARCHIVE, content)
