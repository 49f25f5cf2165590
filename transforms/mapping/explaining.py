"""How one expression is read: the tree as text, what it gives, what it reads, the SQL it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import identifier
from trueup.transforms.mapping.compiler import Compiler
from trueup.transforms.mapping.parser import parse
from trueup.transforms.mapping.sources import FIRST_PHONE, SOFT_DELETED, column_of, column_type, kind_of
from trueup.transforms.mapping.tree import attributes, render
from trueup.transforms.mapping.values import Kind, Value

if TYPE_CHECKING:
    from datetime import datetime

    from trueup.transforms.mapping.tree import Attribute


@dataclass(frozen=True, slots=True)
class Explained:
    """One expression, taken apart."""

    expression: str
    """Printed anew: how it was understood."""
    kind: str
    columns: tuple[str, ...]
    """Of ``source.parquet``."""
    sql: str


def assumed(node: Attribute) -> Value:
    """The value behind an attribute when every column is there as it should be.

    Raises:
        WrongExpression: there is no such attribute.
    """
    if node.name == FIRST_PHONE:
        return Value('"businessPhones"[1]', Kind.TEXT)
    if node.name == SOFT_DELETED:
        return Value('(NOT "accountEnabled" OR NOT "in scope")', Kind.BOOLEAN)
    name = column_of(node.name, node.at)
    return Value(identifier(name), kind_of(column_type(name)))


def explained(text: str, *, at: datetime) -> Explained:
    """``text`` taken apart.

    Raises:
        WrongExpression: it does not parse or cannot be run.
    """
    tree = parse(text)
    names = tuple(dict.fromkeys(column_of(node.name, node.at) for node in attributes(tree)))
    compiler = Compiler(
        resolve=assumed, at=at, seed="run id", key='"key"', taken="SELECT NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR"
    )
    value = compiler.compile(tree)
    lines = ["WITH users AS (SELECT id AS \"key\", * FROM read_parquet('source.parquet'))"]
    last = "users"
    for number, step in enumerate(compiler.steps, 1):
        columns = "".join(f",\n    {sql} AS {name}" for name, sql in step.items())
        lines.append(f", step_{number} AS (\n  SELECT *{columns}\n  FROM {last}\n)")
        last = f"step_{number}"
    if compiler.uniques:
        lines += [f", stepped AS (SELECT * FROM {last})", *(f", {sql}" for sql in compiler.uniques)]
        joined = 'stepped LEFT JOIN "unique 1 given" AS u USING ("key")'
        lines.append(f', placed AS (SELECT stepped.*, u.value AS "unique 1" FROM {joined})')
        last = "placed"
    flow = "" if value.flow is None else f",\n  {value.flow} AS flow"
    lines.append(f"SELECT\n  {value.sql} AS value{flow}\nFROM {last}")
    return Explained(render(tree), value.kind.value, names, "\n".join(lines))
