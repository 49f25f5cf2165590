"""Runs the tests that concern a mutant in a process forked off one that has collected them all.

Nothing is written to the sources: the code of one function (or the text of one statement) is exchanged in the child.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING

from tests.mutants._learning import ROOT, Known, forget_statements, learn, listen
from tests.mutants._operators import mutated_code, mutated_sql
from tests.mutants._processes import Failures, fork, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pytest

    from tests.mutants._operators import Mutant

CAUGHT, SURVIVED, NOT_RUN, HUNG, BROKEN = "caught", "survived", "not run", "hung", "broken"
ENDINGS = {0: SURVIVED, 1: CAUGHT, -signal.SIGKILL: HUNG, -signal.SIGXCPU: HUNG, 3: BROKEN, 4: BROKEN}
"""By exit code; whatever else ends a process has been noticed too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A mutant that is being tried."""

    mutant: Mutant
    since: float
    told: int
    """Where the child names the test that caught it, or says how many did not."""


@dataclass(slots=True)
class Driver:
    """A plugin of pytest in whose place of running tests the mutants are tried."""

    mutants: Sequence[Mutant]
    said: Callable[[Mutant, str, float, str], None]
    """Called with the result of each mutant, the seconds it took and the test that caught it."""
    paths: Sequence[str]
    """All files that mutants are made of."""
    jobs: int
    limit: float
    """Seconds of CPU for the tests of one mutant; what is not caught by then has survived."""
    functions: dict[tuple[str, str], list[FunctionType]] = field(default_factory=lambda: defaultdict(list))
    """(file, qualified name) → the functions made of it."""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn which test runs what, then try each mutant."""
        assert len(threading.enumerate()) == 1, "collecting has started a thread; nothing can safely be forked off"
        items = {item.nodeid: item for item in session.items}
        for item in session.items:
            _only_generate(item)
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(str(ROOT / "trueup")):
                self.functions[each.__code__.co_filename, each.__code__.co_qualname].append(each)
        gc.freeze()
        begun = time.monotonic()
        known = learn(session.items, self.paths)
        print(f"{len(items)} tests known after {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201 - its output
        self._try(items, known)
        return True

    def _try(self, items: Mapping[str, pytest.Item], known: Known) -> None:
        running: dict[int, Trial] = {}
        waiting = list(reversed(self.mutants))
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = [items[name] for name in known.tests(mutant) if name in items]
                if tests:
                    told, tells = os.pipe()
                    child = fork(partial(self._alone, mutant, tests, tells))
                    os.close(tells)
                    running[child] = Trial(mutant, time.monotonic(), told)
                else:
                    self.said(mutant, NOT_RUN, 0.0, "")
            if running:
                self._collect(running, known)

    def _collect(self, running: dict[int, Trial], known: Known) -> None:
        """Wait a little for one of them to end; end those that have hung."""
        child, status = os.waitpid(-1, os.WNOHANG)
        if child in running:
            trial = running.pop(child)
            with os.fdopen(trial.told) as told:
                test = told.read()
            ending = ENDINGS.get(os.waitstatus_to_exitcode(status), CAUGHT)
            if test and ending == CAUGHT:
                known.caught(trial.mutant, test)
            self.said(trial.mutant, ending, time.monotonic() - trial.since, test)
            return
        for each, trial in running.items():
            if time.monotonic() - trial.since > 20 * self.limit + 600:  # what waits, however busy the machine is
                os.killpg(each, signal.SIGKILL)
        time.sleep(0.02)

    def _alone(self, mutant: Mutant, tests: Sequence[pytest.Item], tells: int) -> int:
        """In a process of its own: 0 when no test noticed the mutant."""
        os.setpgid(0, 0)
        seconds = int(3 * self.limit + 30)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))  # what goes round and round
        silent(tests[0].config)
        if not mutant.function:
            _exchange_statement(mutant)
        elif not self._exchange_code(mutant):
            return 3
        failures = Failures()
        tests[0].config.pluginmanager.register(failures)
        tried = 0
        for item, following in zip(tests, [*tests[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            tried += 1
            if failures.seen:
                os.write(tells, item.nodeid.encode())
                return 1
            spent = resource.getrusage(resource.RUSAGE_SELF)
            if spent.ru_utime + spent.ru_stime > self.limit:
                break
        os.write(tells, f"{tried} of {len(tests)} tests".encode())
        return 0

    def _exchange_code(self, mutant: Mutant) -> bool:
        filename = str(ROOT / "trueup" / mutant.path)
        code, _ = mutated_code((ROOT / mutant.path).read_text(encoding="utf-8"), filename, mutant)
        found = self.functions.get((filename, mutant.function), [])
        for each in found:
            each.__code__ = code
        return bool(found)


def _only_generate(item: pytest.Item) -> None:
    """A property that fails need not be made small, and no example is remembered."""
    from hypothesis import Phase, settings  # here, so that pytest can make its assertions tell before

    test = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    own = getattr(test, "_hypothesis_internal_use_settings", None)
    if isinstance(own, settings):
        phases = (Phase.explicit, Phase.generate)
        test._hypothesis_internal_use_settings = settings(own, phases=phases, database=None)  # type: ignore[union-attr]


def _exchange_statement(mutant: Mutant) -> None:
    changed = mutated_sql((ROOT / mutant.path).read_text(encoding="utf-8"), mutant)
    package, _, name = f"trueup/{mutant.path.removesuffix('.sql')}".replace("/", ".").rpartition(".")
    listen(lambda asked, where, text: changed if (asked, where) == (name, package) else text)
    forget_statements()
