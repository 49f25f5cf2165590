"""Secrets are references in the configuration and values only here, as late as possible."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import SecretStr

from trueup.connectors.redaction import foreign, remember
from trueup.transforms.errors import Misused

_WORD = re.compile(r"[A-Za-z][A-Za-z_.]{0,59}")


def code_word(value: object) -> str:
    """A server's code for what went wrong when it is one plain word, else nothing.

    A server, or a proxy before it, may hand back all that it was sent: what is shown or kept must not hold that.
    """
    return value if isinstance(value, str) and _WORD.fullmatch(value) and foreign(value) == value else ""


def reveal(reference: str, *, key: str, folder: Path | None = None) -> SecretStr:
    """The value behind ``env:NAME`` or ``file:PATH`` (relative paths start at ``folder``), known to ``redaction``.

    Args:
        reference: as it stands in the configuration.
        key: where it stands, for the message, e.g. ``target.token``.

    Raises:
        Misused: the reference is empty or does not resolve. The message names key and reference, never a value.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        value = os.environ.get(name, "")
        if not value:
            raise Misused(
                f"{key}: the environment variable {name} is not set.",
                remedy=f'Set {name}, or point {key} at a file with "file:PATH".',
            )
        return SecretStr(remember(value))
    if kind == "file" and name:
        try:
            value = ((folder or Path()) / name).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misused(
                f"{key}: the file {name} cannot be read.", remedy="Check the path and its permissions."
            ) from error
        if not value:
            raise Misused(f"{key}: the file {name} is empty.", remedy="Put the secret into it.")
        return SecretStr(remember(value))
    raise Misused(f"{key} is not set.", remedy=f'Write {key} = "env:NAME" or "file:PATH" in the configuration.')
