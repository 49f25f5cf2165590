"""From tree to SQL: one DuckDB expression per part, laid out in steps so that nothing is computed twice.

Nothing the compiled SQL does raises an error at run time: what fails for one person (a date that is none, an item
that is not there) becomes a *flow*, text beside the value that sets this person aside with the reason. A flow counts
only in the branch that is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier, literal
from trueup.transforms.mapping import comparing
from trueup.transforms.mapping.dotnet.date_formats import read_time
from trueup.transforms.mapping.errors import WrongExpression, suggestion
from trueup.transforms.mapping.functions.catalogue import KEYWORDS, look_up
from trueup.transforms.mapping.tree import (
    Attribute,
    Call,
    Comparison,
    Expression,
    Joined,
    Keyword,
    Number,
    Text,
    walk,
)
from trueup.transforms.mapping.values import (
    LEAVE,
    PASS,
    Kind,
    Value,
    as_text,
    constant_text,
    failure,
    first_flow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

_LONG = 1500
_LARGEST = 2**63 - 1
_WHOLE = r"^\s*[+-]?[0-9]{1,19}\s*$"


class Compiler:
    """Compiles expressions over one relation; collects the steps they need.

    Args:
        resolve: the column behind an attribute.
        at: the run's time, for ``Now()``; in UTC.
        seed: what makes ``Guid()`` and ``RandomString()`` of this run its own.
        key: SQL of the person's key.
        default_domain: the tenant's default domain, where it is known.
        taken: for ``SelectUniqueValue``: SQL of a relation of VARCHAR columns, each value already used, with the
            key (externalId) and the user name of who has it.
        own_names: gives columns by which a person is known in the target too; what they have is not taken from them.
    """

    def __init__(
        self,
        *,
        resolve: Callable[[Attribute], Value],
        at: datetime,
        seed: str,
        key: str,
        default_domain: str | None = None,
        taken: str | None = None,
        own_names: Callable[[], list[str]] = list,
    ) -> None:
        self._resolve = resolve
        self.at = at
        self.seed = seed
        self.key = key
        self.default_domain = default_domain
        self.taken = taken
        self.own_names = own_names
        self.steps: list[dict[str, str]] = []
        """Per level the columns it adds: SQL by name."""
        self.uniques: list[str] = []
        """Further CTEs, after the steps that they read."""
        self._names: dict[tuple[int, str], str] = {}
        self._drawn = 0
        self._root: Expression | None = None

    def compile(self, tree: Expression) -> Value:
        """The value of a whole expression.

        Raises:
            WrongExpression: the expression asks for what is not there or cannot be kept.
        """
        self._root = tree
        for node in walk(tree):
            if isinstance(node, Call):
                look_up(node)
        return self.part(tree)

    def is_root(self, node: Expression) -> bool:
        """Whether ``node`` is the whole expression."""
        return node is self._root

    def part(self, node: Expression) -> Value:  # noqa: PLR0911 - one case each
        """The value of a part of an expression."""
        match node:
            case Attribute():
                return self._resolve(node)
            case Text(value):
                return constant_text(value)
            case Number(written):
                return _number(node, written)
            case Keyword():
                return self._keyword(node)
            case Comparison(operator, left, right):
                return comparing.compare(self, operator, (left, right))
            case Joined(left, right):
                one, other = self.text(left), self.text(right)
                return self.made(f"({one.sql} || {other.sql})", Kind.TEXT, one, other)
            case Call():
                return look_up(node).compile(self, node)

    def _keyword(self, node: Keyword) -> Value:
        if node.name == "IgnoreAttributeFlow":
            return Value("NULL", Kind.NOTHING, flow=literal(LEAVE))
        if node.name == "IgnoreObjectFlow":
            return Value("NULL", Kind.NOTHING, flow=literal(PASS))
        hint = suggestion(node.name, (*KEYWORDS, "IgnoreAttributeFlow", "IgnoreObjectFlow"))
        raise WrongExpression(
            f"the bare word {node.name} has no value here",
            at=node.at,
            remedy=hint or f'Text is written "{node.name}", an attribute [{node.name}], a function {node.name}(…).',
        )

    # Slots of a call

    def slot(self, call: Call, number: int) -> Expression | None:
        """The expression in slot ``number`` (from 0), or none where it is empty or not given."""
        return call.arguments[number] if number < len(call.arguments) else None

    def needed(self, call: Call, number: int, what: str) -> Expression:
        """The expression in a slot that must be given."""
        node = self.slot(call, number)
        if node is None:
            raise WrongExpression(f"{call.function} needs {what} in slot {number + 1}", at=call.at)
        return node

    def constant(self, call: Call, number: int, what: str) -> str | None:
        """The constant text, number or keyword in a slot; none where the slot is empty.

        Raises:
            WrongExpression: the slot holds something that differs from person to person.
        """
        node = self.slot(call, number)
        match node:
            case None:
                return None
            case Text(value):
                return value
            case Number():
                return str(node.value)
            case Keyword(name):
                return name
            case _:
                raise WrongExpression(
                    f"{call.function} takes {what} only as a constant: it decides how the statement is built",
                    at=node.at,
                    remedy=f"Write {what} as text in quotes.",
                )

    def constant_number(self, call: Call, number: int, what: str) -> int | None:
        """The whole number in a slot, bare or in quotes; none where the slot is empty."""
        text = self.constant(call, number, what)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            node = self.needed(call, number, what)
            raise WrongExpression(f"{call.function} needs a whole number as {what}", at=node.at) from None

    # Conversions

    def text(self, node: Expression) -> Value:
        """The part's text form, null where it is null."""
        return self.to_text(self.part(node), node)

    def to_text(self, value: Value, node: Expression) -> Value:
        """``value`` as text."""
        if value.kind is Kind.TEXT:
            return value
        try:
            sql = as_text(value)
        except ValueError:
            raise WrongExpression(
                "this gives several values where one is needed",
                at=node.at,
                remedy='Take one with Item(…, 1), or put them together with Join(", ", …).',
            ) from None
        return Value(sql, Kind.TEXT, value.flow, value.level, value.constant)

    def integer(self, node: Expression) -> Value:
        """The part as a whole number; quoted digits count, anything else sets the person aside."""
        value = self.part(node)
        if value.kind is Kind.INTEGER:
            return value
        if value.constant is not None:
            try:
                return Value(str(int(value.constant)), Kind.INTEGER, constant=str(int(value.constant)))
            except ValueError:
                raise WrongExpression("expected a whole number", at=node.at) from None
        text = self.once(self.to_text(value, node))
        guarded = f"CASE WHEN regexp_matches({text.sql}, '{_WHOLE}') THEN TRY_CAST({text.sql} AS BIGINT) END"
        number = self.once(self.made(guarded, Kind.INTEGER, text))
        return self.failing(
            number, f"{text.sql} IS NOT NULL AND {number.sql} IS NULL", "a value that is not a whole number"
        )

    def time(self, node: Expression) -> Value:
        """The part as a moment in UTC; read as ``CDate`` does; text that is not a date sets the person aside."""
        return self.to_time(self.part(node), node)

    def to_time(self, value: Value, node: Expression) -> Value:
        """``value`` as a moment in UTC."""
        if value.kind is Kind.TIME:
            return value
        text = self.once(self.to_text(value, node))
        moment = self.once(read_time(self, text))
        blank = f"trim({text.sql}) = ''"
        return self.failing(
            moment, f"{text.sql} IS NOT NULL AND NOT {blank} AND {moment.sql} IS NULL", "text that is not a date"
        )

    def values(self, node: Expression) -> Value:
        """The part as a list; one value is a list of one, null stays null."""
        return self.to_values(self.part(node), node)

    def to_values(self, value: Value, node: Expression) -> Value:
        """``value`` as a list."""
        if value.kind is Kind.LIST:
            return value
        if value.kind is Kind.NOTHING:
            return Value("NULL::VARCHAR[]", Kind.LIST, value.flow, value.level)
        text = self.once(self.to_text(value, node))
        return self.made(f"CASE WHEN {text.sql} IS NOT NULL THEN [{text.sql}] END", Kind.LIST, text)

    # Building

    def made(self, sql: str, kind: Kind, *uses: Value, flow: str | None = None) -> Value:
        """A value made of others: their flows come first, then ``flow``."""
        flows = first_flow(*(use.flow for use in uses), flow)
        return self.short(Value(sql, kind, flows, max((use.level for use in uses), default=0)))

    def failing(self, value: Value, condition: str, reason: str) -> Value:
        """``value``; people for whom ``condition`` (SQL over what ``value`` was made of) holds are set aside."""
        flow = f"CASE WHEN {condition} THEN {failure(reason)} END"
        return Value(value.sql, value.kind, first_flow(value.flow, flow), value.level, value.constant, value.tag)

    def once(self, value: Value) -> Value:
        """``value`` in a form that may be repeated in SQL: computed in a step of its own unless it is simple."""
        if value.is_simple:
            return value
        sql, level = self.step(value.sql, value.level)
        return Value(sql, value.kind, value.flow, level, None, value.tag, value.options)

    def short(self, value: Value) -> Value:
        """``value`` with what has grown long moved to a step."""
        if len(value.sql) > _LONG:
            value = self.once(value)
        if value.flow is not None and len(value.flow) > _LONG:
            flow, level = self.step(value.flow, value.level)
            value = Value(value.sql, value.kind, flow, level, value.constant, value.tag, value.options)
        return value

    def step(self, sql: str, level: int) -> tuple[str, int]:
        """A column of its own for ``sql``, computed after ``level``; its name and the level it is there from."""
        while len(self.steps) <= level:
            self.steps.append({})
        known = self._names.get((level, sql))
        if known is None:
            known = identifier(f"step {sum(map(len, self.steps)) + 1}")
            self.steps[level][known] = sql
            self._names[level, sql] = known
        return known, level + 1

    def draw(self) -> str:
        """SQL of text that differs per person, per run and per call: what chance is made of."""
        self._drawn += 1
        return f"{literal(f'{self.seed}|{self._drawn}|')} || {self.key}"

    def choose(self, branches: Sequence[tuple[str, Value]], otherwise: Value, *uses: Value) -> Value:
        """The value of the first branch whose condition (SQL, never null) holds, else ``otherwise``.

        Flows of ``uses`` (what the conditions read) always count; a branch's own flow where it is taken.
        """
        values = [*(value for _, value in branches), otherwise]
        level = max(value.level for value in (*values, *uses))
        kind = _common(values)

        def case(pick: Callable[[Value], str | None]) -> str | None:
            picked = [pick(value) for value in values]
            if all(sql is None for sql in picked):
                return None
            whens = " ".join(
                f"WHEN {condition} THEN {sql or 'NULL'}" for (condition, _), sql in zip(branches, picked, strict=False)
            )
            return f"CASE {whens} ELSE {picked[-1] or 'NULL'} END"

        sql = case(lambda value: _as_kind(value, kind)) or "NULL"
        flow = first_flow(*(use.flow for use in uses), case(lambda value: value.flow))
        tag = case(_tag) if kind is Kind.MIXED else None
        if tag is not None and len(tag) > _LONG:
            tag, level = self.step(tag, level)
        return self.short(Value(sql, kind, flow, level, None, tag, _options(values)))


def _options(values: Sequence[Value]) -> frozenset[str] | None:
    texts = [value.constant for value in values if value.kind is not Kind.NOTHING]
    known = frozenset(text for text in texts if text is not None)
    return known if len(texts) == sum(text is not None for text in texts) else None


def _number(node: Number, written: str) -> Value:
    value = node.value
    if isinstance(value, int) and -_LARGEST <= value <= _LARGEST:
        return Value(str(value), Kind.INTEGER, constant=str(value))
    return Value(literal(written), Kind.NUMBER, constant=written)


def _common(values: Sequence[Value]) -> Kind:
    kinds = {value.kind for value in values} - {Kind.NOTHING}
    if not kinds:
        return Kind.NOTHING
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds <= {Kind.TEXT, Kind.TIME}:
        return Kind.TEXT
    if Kind.COMPLEX in kinds or Kind.ASSIGNMENTS in kinds:
        raise WrongExpression("one branch gives roles and another plain values", remedy="Let all branches give roles.")
    return Kind.LIST if Kind.LIST in kinds else Kind.MIXED


def _as_kind(value: Value, kind: Kind) -> str:
    if value.kind is kind:
        return value.sql
    if value.kind is Kind.NOTHING:
        return "NULL"
    if kind is Kind.LIST:
        text = as_text(value)
        return f"CASE WHEN {text} IS NOT NULL THEN [{text}] END"
    return as_text(value)


def _tag(value: Value) -> str:
    return value.tag if value.tag is not None else literal(value.kind.value)
