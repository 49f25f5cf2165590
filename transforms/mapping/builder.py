"""What a function of the language is compiled with: the compiler, as the functions see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from trueup.transforms.mapping.tree import Call, Expression
    from trueup.transforms.mapping.values import Kind, Value


class Builder(Protocol):
    """Gives the values of an expression's parts and lays out the SQL made of them.

    ``trueup.transforms.mapping.compiler.Compiler`` is the one that does; functions know only this, so that the
    compiler may know the functions.
    """

    at: datetime
    """The run's time, in UTC."""
    default_domain: str | None
    """The tenant's, where it is known."""
    taken: str | None
    """SQL of the relation of values already used, for ``SelectUniqueValue``."""
    own_names: Callable[[], list[str]]
    """Columns by which a person is known in the target too."""
    uniques: list[str]
    """Further CTEs, after the steps that they read."""

    def is_root(self, node: Expression) -> bool:
        """Whether ``node`` is the whole expression."""
        ...

    def part(self, node: Expression) -> Value:
        """The value of a part of an expression."""
        ...

    def slot(self, call: Call, number: int) -> Expression | None:
        """The expression in slot ``number`` (from 0), or none where it is empty or not given."""
        ...

    def needed(self, call: Call, number: int, what: str) -> Expression:
        """The expression in a slot that must be given."""
        ...

    def constant(self, call: Call, number: int, what: str) -> str | None:
        """The constant text, number or keyword in a slot; none where the slot is empty."""
        ...

    def constant_number(self, call: Call, number: int, what: str) -> int | None:
        """The whole number in a slot, bare or in quotes; none where the slot is empty."""
        ...

    def text(self, node: Expression) -> Value:
        """The part's text form, null where it is null."""
        ...

    def to_text(self, value: Value, node: Expression) -> Value:
        """``value`` as text."""
        ...

    def integer(self, node: Expression) -> Value:
        """The part as a whole number; quoted digits count, anything else sets the person aside."""
        ...

    def time(self, node: Expression) -> Value:
        """The part as a moment in UTC; read as ``CDate`` does; text that is not a date sets the person aside."""
        ...

    def to_time(self, value: Value, node: Expression) -> Value:
        """``value`` as a moment in UTC."""
        ...

    def values(self, node: Expression) -> Value:
        """The part as a list; one value is a list of one, null stays null."""
        ...

    def to_values(self, value: Value, node: Expression) -> Value:
        """``value`` as a list."""
        ...

    def made(self, sql: str, kind: Kind, *uses: Value, flow: str | None = None) -> Value:
        """A value made of others: their flows come first, then ``flow``."""
        ...

    def failing(self, value: Value, condition: str, reason: str) -> Value:
        """``value``; people for whom ``condition`` (SQL over what ``value`` was made of) holds are set aside."""
        ...

    def once(self, value: Value) -> Value:
        """``value`` in a form that may be repeated in SQL: computed in a step of its own unless it is simple."""
        ...

    def short(self, value: Value) -> Value:
        """``value`` with what has grown long moved to a step."""
        ...

    def step(self, sql: str, level: int) -> tuple[str, int]:
        """A column of its own for ``sql``, computed after ``level``; its name and the level it is there from."""
        ...

    def draw(self) -> str:
        """SQL of text that differs per person, per run and per call: what chance is made of."""
        ...

    def choose(self, branches: Sequence[tuple[str, Value]], otherwise: Value, *uses: Value) -> Value:
        """The value of the first branch whose condition (SQL, never null) holds, else ``otherwise``."""
        ...
