"""A mapping as the TOML a person would write: what ``trueup mapping import`` gives."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.transforms.mapping.filters import Filter
    from trueup.transforms.mapping.model import Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def as_toml(mapping: Mapping, *, where: str) -> str:
    """``[mapping]``, ``[mapping.attributes]``, ``[matching]`` and ``[source] filters`` as text; notes as comments.

    Loading it gives the same attributes, apart from which are required: that is the preset's or the import's to say.
    """
    lines = [f"# From {_comment(where)}.", *(f"# Not honoured: {_comment(note)}." for note in mapping.notes), ""]
    if mapping.scope_filters:
        lines += ["[source]", "filters = ["]
        lines += [
            f"    [{', '.join(text(str(clause)) for clause in one)}],"
            for given in mapping.scope_filters
            for one in single_valued(given)
        ]
        lines += ["]", ""]
    if mapping.matching:
        lines += ["[matching]", f"by = [{', '.join(text(path) for path in mapping.matching)}]", ""]
    lines += ["[mapping]", 'preset = ""', "", "[mapping.attributes]"]
    for attribute in mapping.attributes:
        parts = [f"expression = {text(attribute.expression)}"] if attribute.expression else []
        if attribute.apply == "create":
            parts.append('apply = "create"')
        if attribute.default is not None:
            parts.append(f"default = {text(attribute.default)}")
        plain = len(parts) == 1 and attribute.expression
        lines.append(
            f"{key(attribute.path)} = {text(attribute.expression) if plain else '{ ' + ', '.join(parts) + ' }'}"
        )
    return "\n".join(lines) + "\n"


def single_valued(given: Filter) -> list[Filter]:
    """Filters that together mean the same, every clause with one value at most.

    Several values mean any of them: one filter each; denied, none of them: one clause each; a list stays a list.
    """
    filters: list[Filter] = [()]
    for clause in given:
        listed = clause.operator in {"&", "!&"}
        parts = [replace(clause, values=(value,)) for value in clause.values]
        if listed:
            parts = [replace(clause, values=(",".join(clause.values),))]
        if len(parts) <= 1:
            filters = [(*one, *(parts or [clause])) for one in filters]
        elif clause.operator.startswith("NOT"):
            filters = [(*one, *parts) for one in filters]
        else:
            filters = [(*one, part) for one in filters for part in parts]
    return filters


def key(name: str) -> str:
    """A TOML key, quoted where it must be."""
    return name if _BARE.match(name) else text(name)


def text(value: str) -> str:
    """A TOML string: literal where that reads better, else basic with escapes."""
    if ('"' in value or "\\" in value) and "'" not in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _comment(words: str) -> str:
    return "".join(c if c.isprintable() else " " for c in words).rstrip(".")
