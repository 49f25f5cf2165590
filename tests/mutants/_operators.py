"""Small faults: one sign, word or step of a function or of a statement made wrong."""

from __future__ import annotations

import ast
import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
WORDS = (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.ListComp)
"""``+`` and ``|`` beside one of these joins; another sign would only be a type error."""
IN_SQL = (
    (r"\bAND\b", "OR"),
    (r"\bOR\b(?! REPLACE)", "AND"),
    (r"\bIS DISTINCT FROM\b", "IS NOT DISTINCT FROM"),
    (r"\bIS NOT DISTINCT FROM\b", "IS DISTINCT FROM"),
    (r"\bIS NULL\b", "IS NOT NULL"),
    (r"\bIS NOT NULL\b", "IS NULL"),
    (r"(?<!IS )\bNOT (?!NULL|DISTINCT|MATERIALIZED)", ""),
    (r"\bLEFT JOIN\b", "JOIN"),
    (r"\bANTI JOIN\b", "SEMI JOIN"),
    (r"\bSEMI JOIN\b", "ANTI JOIN"),
    (r"\bSELECT DISTINCT\b", "SELECT"),
    (r"\bTRUE\b", "FALSE"),
    (r"\bFALSE\b", "TRUE"),
    (r"\bbool_or\b", "bool_and"),
    (r"\bbool_and\b", "bool_or"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bDESC\b", "ASC"),
    (r"(?<![<>=!:-])=(?![=>])", "<>"),
    (r"<>", "="),
    (r"(?<![=<-])>(?![=>])", ">="),
    (r">=", ">"),
    (r"(?<!<)<(?![=>])", "<="),
    (r"<=", "<"),
    (r"(?<![\w.$\"])\d+(?![\w.\"])", "+1"),
    (r"'(?:[^']|'')+'", "text"),
)


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One fault at one place."""

    path: str
    """Of the file, from the root of the repository."""
    line: int
    number: int
    """Which of the faults of this file, counted from its start."""
    said: str
    """What was made of what."""
    function: str = ""
    """The qualified name of the function; empty in SQL."""

    @property
    def name(self) -> str:
        """What it is called in figures and lists."""
        return f"{self.path}:{self.line} {self.said}"


def faults(root: Path, path: str) -> list[Mutant]:
    """Every fault this file can be given, from its start to its end."""
    text = (root / path).read_text(encoding="utf-8")
    if path.endswith(".sql"):
        found = [(at, said, "") for at, said, _ in _sql(text)]
    else:
        found = [
            (at, said, name) for name, function in _functions(ast.parse(text)) for at, said, _ in _python(function)
        ]
    return [Mutant(path, at, number, said, name) for number, (at, said, name) in enumerate(found)]


def mutated_sql(text: str, mutant: Mutant) -> str:
    """The statement with the fault in it."""
    return [changed for _, _, changed in _sql(text)][mutant.number]


def mutated_code(text: str, filename: str, mutant: Mutant) -> tuple[CodeType, int]:
    """The code of the function with the fault in it, and the line where the function begins."""
    tree = ast.parse(text)
    number = 0
    for name, function in _functions(tree):
        for _, _, change in _python(function):
            if number == mutant.number:
                change()
                code = compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)
                return _within(code, name, function), function.lineno
            number += 1
    raise LookupError(mutant.name)


def _within(code: CodeType, name: str, function: Function) -> CodeType:
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    for constant in code.co_consts:
        if hasattr(constant, "co_qualname"):
            if constant.co_qualname == name and constant.co_firstlineno == first:
                found: CodeType = constant
                return found
            if name.startswith(f"{constant.co_qualname}."):
                return _within(constant, name, function)
    raise LookupError(name)


def _functions(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """The functions of a module and of its classes; one inside another belongs to the outer."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


@dataclass(frozen=True, slots=True)
class _Change:
    """Puts ``to`` where ``node`` has ``name`` (or the item of it at ``at``)."""

    node: ast.AST
    name: str
    to: object
    at: int | None = None

    def __call__(self) -> None:
        if self.at is None:
            setattr(self.node, self.name, self.to)
        else:
            getattr(self.node, self.name)[self.at] = self.to


def _python(function: Function) -> Iterator[tuple[int, str, _Change]]:
    """Line, words and how to make it, for every fault of one function."""
    for statement in function.body:
        yield from _in(statement)
    for at, statement in enumerate(function.body):
        yield from _dropped(function, "body", at, statement)


def _in(node: ast.AST) -> Iterator[tuple[int, str, _Change]]:
    yield from _of(node)
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Raise):
            break  # the words of a refusal; that it is raised is a fault of its own
        if name in {"annotation", "returns", "decorator_list", "type_params"}:
            continue
        items = value if isinstance(value, list) else [value]
        for at, item in enumerate(items):
            if not isinstance(item, ast.AST):
                continue
            place = at if isinstance(value, list) else None
            yield from _placed(node, name, place, item)
            if isinstance(item, ast.stmt) and place is not None:
                yield from _dropped(node, name, place, item)
            yield from _in(item)


def _of(node: ast.AST) -> Iterator[tuple[int, str, _Change]]:
    """What is made wrong by changing the node itself."""
    if isinstance(node, ast.Compare):
        for at, sign in enumerate(node.ops):
            other = COMPARISONS.get(type(sign))
            if other is not None:
                yield node.lineno, f"{type(sign).__name__} → {other.__name__}", _Change(node, "ops", other(), at)
    elif isinstance(node, ast.BoolOp):
        other_word = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node.lineno, f"{type(node.op).__name__} → {type(other_word).__name__}", _Change(node, "op", other_word)
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        yield from _arithmetic(node)
    elif isinstance(node, ast.comprehension) and node.ifs:
        yield node.ifs[0].lineno, "condition of a comprehension dropped", _Change(node, "ifs", [])
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield node.lineno, "return None", _Change(node, "value", ast.Constant(None))


def _arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[tuple[int, str, _Change]]:
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
    joins = any(isinstance(side, WORDS) and not _is_number(side) for side in sides)
    other = ARITHMETIC.get(type(node.op))
    if other is not None and not joins:
        yield node.lineno, f"{type(node.op).__name__} → {other.__name__}", _Change(node, "op", other())


def _placed(node: ast.AST, name: str, at: int | None, item: ast.AST) -> Iterator[tuple[int, str, _Change]]:
    """What is made wrong by putting something else in the place of ``item``."""
    if isinstance(item, ast.UnaryOp) and isinstance(item.op, ast.Not):
        yield item.lineno, "not dropped", _Change(node, name, item.operand, at)
    elif isinstance(item, ast.Constant):
        wrong = _wrong(node, item)
        if wrong is not None:
            yield item.lineno, f"{item.value!r} → {wrong.value!r}", _Change(node, name, wrong, at)
    elif name == "test" and isinstance(item, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr):
        yield item.lineno, "condition turned round", _Change(node, name, ast.UnaryOp(ast.Not(), copy.copy(item)), at)
    elif isinstance(item, ast.Break | ast.Continue):
        other = ast.Continue() if isinstance(item, ast.Break) else ast.Break()
        yield item.lineno, f"{type(item).__name__} → {type(other).__name__}", _Change(node, name, other, at)


def _wrong(node: ast.AST, item: ast.Constant) -> ast.Constant | None:
    value = item.value
    if isinstance(value, bool):
        return ast.Constant(not value)
    if isinstance(value, int):
        return ast.Constant(value + 1)
    if isinstance(value, str) and isinstance(node, ast.Compare | ast.Return | ast.Subscript | ast.Set | ast.Dict):
        return ast.Constant(f"{value}!")
    return None


def _dropped(node: ast.AST, name: str, at: int, item: ast.stmt) -> Iterator[tuple[int, str, _Change]]:
    """A step left out: a call made for its effect, a refusal, a sum."""
    call = isinstance(item, ast.Expr) and isinstance(item.value, ast.Call | ast.Await)
    if call or isinstance(item, ast.Raise | ast.AugAssign | ast.Delete):
        yield item.lineno, f"{type(item).__name__} dropped", _Change(node, name, ast.Pass(), at)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _sql(text: str) -> list[tuple[int, str, str]]:
    """Line, words and the changed text, for every fault of a statement; comments and literals are not looked into."""
    bare = re.sub(r"--[^\n]*", lambda found: " " * len(found[0]), text)
    masked = re.sub(r"'(?:[^']|'')*'", lambda found: "'" + "_" * (len(found[0]) - 2) + "'", bare)
    between = {found.start(1) for found in re.finditer(r"\bBETWEEN\b[^\n]*?\b(AND)\b", masked)}
    made = []
    for pattern, other in IN_SQL:
        for found in re.finditer(pattern, bare if other == "text" else masked):
            if found.start() in between or _inside(masked, found.start()):
                continue
            was = text[found.start() : found.end()]
            new = _number_or_text(was, other)
            changed = text[: found.start()] + new + text[found.end() :]
            made.append((found.start(), f"{was.strip()} → {new.strip() or 'nothing'}", changed))
    return [(text.count("\n", 0, start) + 1, said, changed) for start, said, changed in sorted(made)]


def _inside(masked: str, start: int) -> bool:
    return masked[start] == "_" or masked.count("'", 0, start) % 2 == 1


def _number_or_text(was: str, other: str) -> str:
    if other == "+1":
        return str(int(was) + 1)
    return was[:-1] + "!'" if other == "text" else other
