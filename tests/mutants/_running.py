"""Runs the tests that concern a mutant in a process forked off one that has collected them all.

Nothing is written to the sources: the code of one function (or the text of one statement) is exchanged in the child.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import threading
import time
import traceback
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import coverage

from tests.mutants._operators import mutated_code, mutated_sql
from trueup.transforms.duck import database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

    from tests.mutants._operators import Mutant

ROOT = Path(__file__).resolve().parents[2]
CAUGHT, SURVIVED, NOT_RUN, HUNG = "caught", "survived", "not run", "hung"


@dataclass(slots=True)
class Known:
    """Which tests run which line, and how long each takes."""

    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    """File → line → tests; a statement in SQL has only a line 0."""
    seconds: dict[str, float] = field(default_factory=dict)

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that run the line, else those that run the function; the quickest first."""
        lines = self.lines.get(mutant.path, {})
        found = lines.get(mutant.line) or lines.get(0) or []
        if not found and mutant.function:
            near = range(*_extent(mutant.path, mutant.function))
            found = [test for line in near for test in lines.get(line, ())]
        return sorted(set(found), key=lambda test: self.seconds.get(test, 0.0))


@dataclass(slots=True)
class Driver:
    """A plugin of pytest in whose place of running tests the mutants are tried."""

    mutants: Sequence[Mutant]
    said: Callable[[Mutant, str, float], None]
    """Called with the result of each mutant."""
    jobs: int
    limit: float
    """Seconds of CPU for the tests of one mutant; what is not caught by then has survived."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn which test runs what, then try each mutant."""
        assert len(threading.enumerate()) == 1, "collecting has started a thread; nothing can safely be forked off"
        items = {item.nodeid: item for item in session.items}
        for item in session.items:
            _only_generate(item)
        gc.freeze()
        begun = time.monotonic()
        known = _learn(session.items, sorted({mutant.path for mutant in self.mutants}))
        print(f"{len(items)} tests run once in {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201 - its output
        self._try(items, known)
        return True

    def _try(self, items: dict[str, pytest.Item], known: Known) -> None:
        running: dict[int, tuple[Mutant, float]] = {}
        waiting = list(reversed(self.mutants))
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = [items[name] for name in known.tests(mutant) if name in items]
                if tests:
                    running[_fork(partial(self._alone, mutant, tests))] = (mutant, time.monotonic())
                else:
                    self.said(mutant, NOT_RUN, 0.0)
            self._collect(running)

    def _collect(self, running: dict[int, tuple[Mutant, float]]) -> None:
        """Wait a little for one of them to end; end those that have hung."""
        child, status = os.waitpid(-1, os.WNOHANG)
        if child in running:
            mutant, since = running.pop(child)
            code = os.waitstatus_to_exitcode(status)
            self.said(mutant, {0: SURVIVED, -signal.SIGKILL: HUNG}.get(code, CAUGHT), time.monotonic() - since)
            return
        for each, (_, since) in running.items():
            if time.monotonic() - since > 4 * self.limit + 120:
                os.killpg(each, signal.SIGKILL)
        time.sleep(0.02)

    def _alone(self, mutant: Mutant, tests: Sequence[pytest.Item]) -> int:
        """In a process of its own: 0 when no test noticed the mutant."""
        os.setsid()
        _silent(tests[0].config)
        if not mutant.function:
            _exchange_statement(mutant)
        elif not _exchange_code(mutant):
            return 3
        failures = _Failures()
        tests[0].config.pluginmanager.register(failures)
        for item in tests:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if failures.seen:
                return 1
            spent = resource.getrusage(resource.RUSAGE_SELF)
            if spent.ru_utime + spent.ru_stime > self.limit:
                break
        return 0


class _Failures:
    """Remembers whether a test has failed."""

    def __init__(self) -> None:
        self.seen = False
        self.words = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.seen, self.words = True, report.longreprtext


def _fork(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 4
        errors = os.fdopen(os.dup(2), "w")
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - whatever it is, the child must not go on as the parent
            traceback.print_exc(file=errors)
            errors.flush()
        finally:
            os._exit(code)
    return child


def _silent(config: pytest.Config) -> None:
    terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
    terminal._tw._file = Path(os.devnull).open("w")  # noqa: SIM115 - to the end of the process
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def _only_generate(item: pytest.Item) -> None:
    """A property that fails need not be made small, and no example is remembered."""
    from hypothesis import Phase, settings  # here, so that pytest can make its assertions tell before

    test = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    own = getattr(test, "_hypothesis_internal_use_settings", None)
    if isinstance(own, settings):
        phases = (Phase.explicit, Phase.generate)
        test._hypothesis_internal_use_settings = settings(own, phases=phases, database=None)  # type: ignore[union-attr]


def _learn(items: Sequence[pytest.Item], paths: Sequence[str]) -> Known:
    """Run every test once, in a child, and note the lines."""
    reading, writing = os.pipe()

    def work() -> int:
        os.close(reading)
        _silent(items[0].config)
        with os.fdopen(writing, "w") as out:
            json.dump(_noted(items, paths), out)
        return 0

    child = _fork(work)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    found = json.loads(text)
    lines = {path: {int(line): tests for line, tests in each.items()} for path, each in found["lines"].items()}
    failing = found["failing"]
    assert not failing, f"fails without any mutant: {failing}"
    return Known(lines, found["seconds"])


def _noted(items: Sequence[pytest.Item], paths: Sequence[str]) -> dict[str, Any]:
    statements: dict[str, set[str]] = {}
    current = ""

    def read(name: str, package: str, text: str) -> str:
        statements.setdefault(f"{package.removeprefix('trueup.').replace('.', '/')}/{name}.sql", set()).add(current)
        return text

    _listen(read)
    measure = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / path) for path in paths])
    measure.start()
    failures, seconds, failing = _Failures(), {}, []
    items[0].config.pluginmanager.register(failures)
    for item in items:
        current = item.nodeid
        measure.switch_context(current)
        database.statement.cache_clear()
        begun = time.process_time()
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        seconds[current] = time.process_time() - begun
        if failures.seen:
            failing.append(f"{current}: {failures.words}")
            failures.seen = False
    measure.stop()
    data = measure.get_data()  # by the names the links of the package lead to
    lines: dict[str, dict[int, list[str]]] = {path: {0: sorted(tests)} for path, tests in statements.items()}
    for path in paths:
        if path.endswith(".py"):
            by_line = data.contexts_by_lineno(str(ROOT / path))
            lines[path] = {line: [name for name in names if name] for line, names in by_line.items()}
    return {"lines": lines, "seconds": seconds, "failing": failing}


def _listen(heard: Callable[[str, str, str], str]) -> None:
    """Have every text of a statement pass through ``heard``."""
    plain = database.statement.__wrapped__
    given: dict[str, Any] = dict(plain.__globals__)

    def told(name: str, package: str) -> str:
        return _HEARD(name, package, _PLAIN(name, package))  # type: ignore[name-defined,no-any-return] # noqa: F821

    original = FunctionType(plain.__code__, given)
    plain.__globals__.update(_HEARD=heard, _PLAIN=original)
    plain.__code__ = told.__code__


def _exchange_statement(mutant: Mutant) -> None:
    changed = mutated_sql((ROOT / mutant.path).read_text(encoding="utf-8"), mutant)
    package, _, name = f"trueup/{mutant.path.removesuffix('.sql')}".replace("/", ".").rpartition(".")
    _listen(lambda asked, where, text: changed if (asked, where) == (name, package) else text)
    database.statement.cache_clear()


def _exchange_code(mutant: Mutant) -> bool:
    filename = str(ROOT / "trueup" / mutant.path)
    code, _ = mutated_code((ROOT / mutant.path).read_text(encoding="utf-8"), filename, mutant)
    found = False
    for each in _functions_of(filename, mutant.function):
        each.__code__ = code
        found = True
    return found


def _functions_of(filename: str, name: str) -> Iterator[FunctionType]:
    gc.unfreeze()  # what is frozen is not listed
    for each in gc.get_objects():
        if not isinstance(each, FunctionType) or each.__code__.co_filename != filename:
            continue
        if each.__code__.co_qualname == name:
            yield each


@cache
def _extent(path: str, name: str) -> tuple[int, int]:
    import ast

    def within(body: list[ast.stmt], prefix: str) -> tuple[int, int]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and prefix + node.name == name:
                return node.body[0].lineno, (node.end_lineno or node.lineno) + 1
            if isinstance(node, ast.ClassDef) and name.startswith(f"{prefix}{node.name}."):
                return within(node.body, f"{prefix}{node.name}.")
        return (0, 0)

    return within(ast.parse((ROOT / path).read_text(encoding="utf-8")).body, "")
