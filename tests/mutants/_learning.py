"""Which tests run which line, learnt module by module and remembered until the module of tests changes.

Where the product has changed since, a line is looked for where it stands now.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import os
import re
import time
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import coverage
import pytest

from tests.mutants._processes import Failures, fork, silent
from trueup.transforms.duck import database

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from tests.mutants._operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
MEMORY = ROOT / ".pytest_cache" / "mutants"
CATCHES = MEMORY / "catches"
"""One JSON document a line: who caught what, from earlier samples too."""


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
        tests = sorted(set(found))
        at_hand = _identifiers_of(mutant.path, mutant.line)
        spoken_of = {test: at_hand & _identifiers_in(test) for test in tests}
        common = Counter(word for words in spoken_of.values() for word in words)
        rare = {test: sum(1 / common[word] for word in words) for test, words in spoken_of.items()}
        return sorted(tests, key=lambda test: self._patience(mutant, test, rare[test]))

    def caught(self, mutant: Mutant, test: str) -> None:
        """``test`` has caught this one, so it may well catch its neighbours, in later samples too."""
        self._count(mutant.path, mutant.function, test)
        with CATCHES.open("a", encoding="utf-8") as out:
            out.write(json.dumps([mutant.path, mutant.function, test]) + "\n")

    def remember(self) -> None:
        """Take in who caught what in earlier samples."""
        if CATCHES.exists():
            for line in CATCHES.read_text(encoding="utf-8").splitlines():
                self._count(*json.loads(line))

    def _count(self, path: str, function: str, test: str) -> None:
        self.in_function[path, function][test] += 1
        self.in_file[path][test] += 1

    def _patience(self, mutant: Mutant, test: str, rare: float) -> float:
        """Seconds until it has told something, as far as its past says, and the words it shares with few others."""
        near = self.in_function[mutant.path, mutant.function][test] + 0.2 * self.in_file[mutant.path][test]
        near += 0.3 * len(_words(f"{mutant.path} {mutant.function}") & _words(test)) + 3 * rare
        return (self.seconds.get(test, 0.0) + 0.01) / (0.1 + near)

    def add(self, learnt: dict[str, Any]) -> None:
        """Take in what was learnt of one module of tests."""
        self.seconds |= learnt["seconds"]
        for path, lines in learnt["lines"].items():
            moved = _moved(path, learnt["sources"].get(path, ""))
            for line, tests in lines.items():
                if (now := moved(int(line))) is not None:
                    self.lines[path][now] += tests


def learn(items: Sequence[pytest.Item], paths: Sequence[str]) -> Known:
    """Run every test once, each module in a child, and note the lines; what is remembered is not run again."""
    known = Known()
    modules: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        modules[item.nodeid.partition("::")[0]].append(item)
    around = _digest([*(ROOT / "tests" / "support").rglob("*.py"), *(ROOT / "tests").rglob("conftest.py")])
    for module, tests in modules.items():
        about = f"{around} {_digest([ROOT / module])} {[test.nodeid for test in tests]} {list(paths)}"
        memory = MEMORY / f"{hashlib.sha256(about.encode()).hexdigest()}.json"
        if not memory.exists():
            begun = time.monotonic()
            text = _told(tests, paths)
            MEMORY.mkdir(parents=True, exist_ok=True)
            memory.write_text(text, encoding="utf-8")
            print(f"{module}: {len(tests)} tests in {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201 - output
        learnt = json.loads(memory.read_text(encoding="utf-8"))
        for failing in learnt["failing"]:
            print(f"fails without any mutant, and is left out: {failing}", flush=True)  # noqa: T201 - likewise
        known.add(learnt)
    known.remember()
    return known


def _moved(path: str, digest: str) -> Callable[[int], int | None]:
    """Where a line of ``path`` as it was learnt stands now; nowhere, when it was changed."""
    then = MEMORY / "sources" / digest
    if not path.endswith(".py") or _digest([ROOT / path]) == digest or not then.is_file():
        return lambda line: line
    was, is_now = (one.read_text(encoding="utf-8").splitlines() for one in (then, ROOT / path))
    same = difflib.SequenceMatcher(None, was, is_now, autojunk=False).get_matching_blocks()
    places = {block.a + at + 1: block.b + at + 1 for block in same for at in range(block.size)}
    return places.get


def _kept(path: str) -> str:
    """The digest of a source, of which a copy is kept to find its lines again."""
    digest = _digest([ROOT / path])
    copy = MEMORY / "sources" / digest
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / path).read_bytes())
    return digest


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file():
            found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
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
    assert text, f"nothing was learnt of {items[0].nodeid.partition('::')[0]}; what its process said stands above"
    return text


def _noted(items: Sequence[pytest.Item], paths: Sequence[str]) -> dict[str, Any]:
    measure = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / path) for path in paths])
    watch = _Watch(measure)
    listen(watch.read)
    measure.start()
    failures, seconds, failing = Failures(), {}, {}
    items[0].config.pluginmanager.register(failures)
    items[0].config.pluginmanager.register(watch)
    for item, following in zip(items, [*items[1:], None], strict=True):
        watch.go_on_in(item.nodeid)
        forget_statements()
        begun = time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        seconds[item.nodeid] = time.process_time() - begun
        if failures.seen:
            failing[item.nodeid] = failures.words
            failures.seen = False
    measure.stop()
    sharing: dict[str, list[str]] = {item.nodeid: [item.nodeid] for item in items}
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            sharing.setdefault(f"{_SHARED}{fixture}", []).append(item.nodeid)

    def of(contexts: Iterable[str]) -> list[str]:
        found = {test for context in contexts for test in sharing.get(context, ())}
        return sorted(found - failing.keys())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", coverage.exceptions.CoverageWarning)  # a module may run no line of the rooms
        data = measure.get_data()  # by the names the links of the package lead to
    lines: dict[str, dict[int, list[str]]] = {path: {0: of(said)} for path, said in watch.statements.items()}
    for path in paths:
        if path.endswith(".py") and (by_line := data.contexts_by_lineno(str(ROOT / path))):
            lines[path] = {line: of(contexts) for line, contexts in by_line.items()}
    sources = {path: _kept(path) for path in lines if path.endswith(".py")}
    told = [f"{test}: {words}" for test, words in failing.items()]
    return {"lines": lines, "seconds": seconds, "failing": told, "sources": sources}


_SHARED = "a fixture: "


class _Watch:
    """Notes which test runs a line, or which fixture: what one test sets up, others of its module go on from."""

    def __init__(self, measure: coverage.Coverage) -> None:
        self.statements: dict[str, set[str]] = defaultdict(set)
        self._measure = measure
        self._at_work = [""]

    def go_on_in(self, test: str) -> None:
        self._at_work = [test]
        self._measure.switch_context(test)

    def read(self, name: str, package: str, text: str) -> str:
        path = f"{package.removeprefix('trueup.').replace('.', '/')}/{name}.sql"
        self.statements[path].add(self._at_work[-1])
        return text

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Called by pytest around the making of a fixture."""
        self._at_work.append(f"{_SHARED}{fixturedef.argname}")
        self._measure.switch_context(self._at_work[-1])
        try:
            return (yield)
        finally:
            self._at_work.pop()
            self._measure.switch_context(self._at_work[-1])


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
def _words(text: str) -> frozenset[str]:
    """What a name is about, in words without their endings: ``limits.py`` and ``test_a_limit_trips`` share one."""
    found = re.findall(r"[a-z]{4,}", text.lower())
    return frozenset(word[:6].rstrip("s") for word in found) - {"test", "unit", "transf", "connec", "plan", "planni"}


_IDENTIFIER = re.compile(r"[a-z_]{4,}")


@cache
def _identifiers_of(path: str, line: int) -> frozenset[str]:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return frozenset(_IDENTIFIER.findall(lines[line - 1].lower())) if line <= len(lines) else frozenset()


@cache
def _identifiers_in(test: str) -> frozenset[str]:
    """The words of a test, of its parameters too."""
    module, _, name = test.partition("::")
    bare, _, parameters = name.rpartition("::")[2].partition("[")
    return _identifiers_by_test(module).get(bare, frozenset()) | frozenset(_IDENTIFIER.findall(parameters.lower()))


@cache
def _identifiers_by_test(module: str) -> dict[str, frozenset[str]]:
    text = (ROOT / module).read_text(encoding="utf-8")
    lines = text.lower().splitlines()
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            found[node.name] = frozenset(_IDENTIFIER.findall(said))
    return found


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
