"""Names beside keys: messages name people by key, as they go to logs too; a person who reads one wants the name."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def words_of(message: str) -> set[str]:
    """What may be a key in ``message``: its words, without the punctuation around them."""
    return {word.rstrip(".:") for word in re.findall(r"[^\s,;()]+", message)}


def with_names(message: str, names: Mapping[str, str]) -> str:
    """``message`` with a person's name before each key; ``names`` by key."""
    for key, name in names.items():
        if name and name != key:
            alone = rf"(?<![^\s,;(]){re.escape(key)}(?![^\s,;).:])"
            message = re.sub(alone, partial(_beside, name), message)
    return message


def _beside(name: str, key: re.Match[str]) -> str:
    return f"{name} ({key[0]})"
