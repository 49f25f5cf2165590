"""Which tests run which line, learnt module by module and remembered until the module or the product changes."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import coverage

from tests.mutants._processes import Failures, fork, silent
from trueup.transforms.duck import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pytest

    from tests.mutants._operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("transforms", "connectors/scim", "connectors/scim_writer", "tests/support")
MEMORY = ROOT / ".pytest_cache" / "mutants"


@dataclass(slots=True)
class Known:
    """Which tests run which line, how long each takes, and which have caught something."""

    lines: dict[str, dict[int, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    """File → line → tests; a statement in SQL has only a line 0."""
    seconds: dict[str, float] = field(default_factory=dict)
    in_function: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """(file, function) → test → how many of its mutants it has caught."""
    in_file: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that run the line, else those that run the function; what soonest tells first."""
        lines = self.lines.get(mutant.path, {})
        found = lines.get(mutant.line) or lines.get(0) or []
        if not found and mutant.function:
            near = range(*_extent(mutant.path, mutant.function))
            found = [test for line in near for test in lines.get(line, ())]
        return sorted(set(found), key=lambda test: self._patience(mutant, test))

    def caught(self, mutant: Mutant, test: str) -> None:
        """``test`` has caught this one, so it may well catch its neighbours."""
        self.in_function[mutant.path, mutant.function][test] += 1
        self.in_file[mutant.path][test] += 1

    def _patience(self, mutant: Mutant, test: str) -> float:
        """Seconds until it has told something, as far as its past says."""
        near = self.in_function[mutant.path, mutant.function][test] + 0.2 * self.in_file[mutant.path][test]
        return (self.seconds.get(test, 0.0) + 0.01) / (0.1 + near)

    def add(self, learnt: dict[str, Any]) -> None:
        """Take in what was learnt of one module of tests."""
        self.seconds |= learnt["seconds"]
        for path, lines in learnt["lines"].items():
            for line, tests in lines.items():
                self.lines[path][int(line)] += tests


def learn(items: Sequence[pytest.Item], paths: Sequence[str]) -> Known:
    """Run every test once, each module in a child, and note the lines; what is remembered is not run again."""
    known = Known()
    modules: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        modules[item.nodeid.partition("::")[0]].append(item)
    product = _digest(path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*")))
    for module, tests in modules.items():
        key = hashlib.sha256(f"{product} {_digest([ROOT / module])} {[test.nodeid for test in tests]}".encode())
        memory = MEMORY / f"{key.hexdigest()}.json"
        if not memory.exists():
            begun = time.monotonic()
            text = _told(tests, paths)
            MEMORY.mkdir(parents=True, exist_ok=True)
            memory.write_text(text, encoding="utf-8")
            print(f"{module}: {len(tests)} tests in {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201 - output
        known.add(json.loads(memory.read_text(encoding="utf-8")))
    return known


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        if path.suffix in {".py", ".sql", ".json", ".toml", ".txt"} and path.is_file():
            found.update(f"{path}\0".encode() + path.read_bytes())
    return found.hexdigest()


def _told(items: Sequence[pytest.Item], paths: Sequence[str]) -> str:
    reading, writing = os.pipe()

    def work() -> int:
        os.close(reading)
        silent(items[0].config)
        with os.fdopen(writing, "w") as out:
            json.dump(_noted(items, paths), out)
        return 0

    child = fork(work)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    failing = json.loads(text)["failing"]
    assert not failing, f"fails without any mutant: {failing}"
    return text


def _noted(items: Sequence[pytest.Item], paths: Sequence[str]) -> dict[str, Any]:
    statements: dict[str, set[str]] = {}
    current = ""

    def read(name: str, package: str, text: str) -> str:
        statements.setdefault(f"{package.removeprefix('trueup.').replace('.', '/')}/{name}.sql", set()).add(current)
        return text

    listen(read)
    measure = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / path) for path in paths])
    measure.start()
    failures, seconds, failing = Failures(), {}, []
    items[0].config.pluginmanager.register(failures)
    for item, following in zip(items, [*items[1:], None], strict=True):
        current = item.nodeid
        measure.switch_context(current)
        forget_statements()
        begun = time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[current] = time.process_time() - begun
        if failures.seen:
            failing.append(f"{current}: {failures.words}")
            failures.seen = False
    measure.stop()
    data = measure.get_data()  # by the names the links of the package lead to
    lines: dict[str, dict[int, list[str]]] = {path: {0: sorted(tests)} for path, tests in statements.items()}
    for path in paths:
        if path.endswith(".py") and (by_line := data.contexts_by_lineno(str(ROOT / path))):
            lines[path] = {line: [name for name in names if name] for line, names in by_line.items()}
    return {"lines": lines, "seconds": seconds, "failing": failing}


def listen(heard: Callable[[str, str, str], str]) -> None:
    """Have every text of a statement pass through ``heard``."""
    plain = database.statement.__wrapped__
    given: dict[str, Any] = dict(plain.__globals__)

    def told(name: str, package: str) -> str:
        return _HEARD(name, package, _PLAIN(name, package))  # type: ignore[name-defined,no-any-return] # noqa: F821

    original = FunctionType(plain.__code__, given)
    plain.__globals__.update(_HEARD=heard, _PLAIN=original)
    plain.__code__ = told.__code__


def forget_statements() -> None:
    """Have every text of a statement read again."""
    from trueup.transforms.duck import runner

    database.statement.cache_clear()
    runner.statement.cache_clear()


@cache
def _extent(path: str, name: str) -> tuple[int, int]:
    def within(body: list[ast.stmt], prefix: str) -> tuple[int, int]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and prefix + node.name == name:
                return node.body[0].lineno, (node.end_lineno or node.lineno) + 1
            if isinstance(node, ast.ClassDef) and name.startswith(f"{prefix}{node.name}."):
                return within(node.body, f"{prefix}{node.name}.")
        return (0, 0)

    return within(ast.parse((ROOT / path).read_text(encoding="utf-8")).body, "")
