"""A YAML file of checks is refused, with the same checks as TOML to go on with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trueup.transforms.errors import Misused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def refusal_of(path: Path, text: str) -> Misused:
    """The error to raise for the YAML file at ``path``; its remedy holds the checks as TOML where they can be read."""
    import yaml

    message = f"checks.file: {path.name} is YAML; checks are written in TOML or Python."
    try:
        document = yaml.safe_load(text) or {}
        if not isinstance(document, dict):
            raise TypeError(type(document).__name__)
        toml = "\n".join(_file(document))
    except (yaml.YAMLError, TypeError, ValueError):
        return Misused(message, remedy="It cannot be read either. See docs/checks.md for what a file may hold.")
    other = path.with_suffix(".toml").name
    return Misused(message, remedy=f"Save this as {other} beside it, and set [checks] file to that:\n\n{toml}")


def _file(document: dict[str, Any]) -> Iterator[str]:
    listed, overrides = document.get("expectations") or [], document.get("override") or {}
    if not isinstance(listed, list) or not isinstance(overrides, dict):
        raise TypeError("expectations")
    for entry in listed:
        yield "[[expectations]]"
        yield from _rows(entry)
    for check, entry in overrides.items():
        yield f"[override.{_key(check)}]"
        yield from _rows(entry)


def _rows(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        raise TypeError(type(entry).__name__)
    for key, value in entry.items():
        # TOML has no null; an argument left out is none.
        if value is not None:
            yield f"{_key(key)} = {_value(value)}"
    yield ""


def _key(key: Any) -> str:
    text = str(key)
    return text if text and set(text) <= _BARE else _value(text)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items() if one is not None)
        return f"{{ {inner} }}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(type(value).__name__)
