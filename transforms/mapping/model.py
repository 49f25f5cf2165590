"""A mapping as data: its rows as written, and the whole once every expression is known to compile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trueup.transforms.attributes import ManagedAttribute
    from trueup.transforms.errors import Misused
    from trueup.transforms.mapping.filters import Filter
    from trueup.transforms.mapping.tree import Expression


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a mapping before it is compiled."""

    path: str
    expression: str = ""
    required: bool = False
    case_exact: bool = False
    apply: str = "always"
    when_empty: str = ""
    default: str | None = None
    place: str = ""
    """Where it is written, for messages."""
    problem: Misused | None = None
    """Why it cannot be kept as it is written; another expression laid over it, or leaving it out, settles that."""


@dataclass(frozen=True, slots=True)
class Base:
    """What the configuration's attributes are laid over."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    matching: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    problems: tuple[Misused, ...] = ()
    """Filters that cannot be kept; who is in scope would be another without them, so they are never left out."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Target attribute ← expression, every expression parsed and known to compile."""

    attributes: tuple[ManagedAttribute, ...]
    trees: dict[str, Expression | None]
    """By path; none where nothing but a default on creation is given."""
    source_columns: frozenset[str]
    """Columns of ``source.parquet`` the expressions and imported filters read."""
    notes: tuple[str, ...] = ()
    """What is worth knowing: what an import cannot honour, values that are new in every run."""
    matching: tuple[str, ...] = ()
    """Matching attributes of an import, in their order; empty otherwise."""
    scope_filters: tuple[Filter, ...] = ()
    """Scoping filters of an import; the configuration's own take their place."""
    places: dict[str, str] = field(default_factory=dict)

    def place(self, path: str) -> str:
        """Where the row of ``path`` is written, for messages."""
        return self.places.get(path, path)
