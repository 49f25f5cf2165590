"""Commands in processes of their own that need not import everything anew.

A stem imports what the command line loads and does nothing else. Each command is forked off it with the words, the
folder, the environment and the streams it was given, and goes through the same ``main`` to the same end of the
interpreter. Prefect reads its settings when it is imported, so those of the stem hold for all its commands.
"""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NoReturn, TypedDict

from trueup.flows.handing_over import ALONE
from trueup.flows.warm_process import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parents[2]
TRUEUP = str(Path(sys.executable).parent / "trueup")
PATIENCE = 240
"""Seconds; a plan of the sample takes five on an idle machine."""


class Order(TypedDict):
    """A command to run."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    streams: str
    """A folder for ``out`` and ``err``."""
    umask: int
    """Below zero: that of the stem."""


@dataclass(frozen=True)
class Warm:
    """A stem, and how to have it run commands one after the other."""

    stem: subprocess.Popen[bytes]

    def run(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        begun: Callable[[int], None] = lambda _: None,
        *,
        umask: int = -1,
    ) -> subprocess.CompletedProcess[str]:
        """What ``trueup`` does with these words; its input is empty. ``begun`` is told the id of the process."""
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place, "out"), Path(place, "err")
            given = dict(environment)
            order = Order(words=[*words], folder=str(folder), environment=given, streams=place, umask=umask)
            assert self.stem.stdin is not None
            assert self.stem.stdout is not None
            self.stem.stdin.write(json.dumps(order).encode() + b"\n")
            self.stem.stdin.flush()
            child = int(self.stem.stdout.readline() or b"0")
            assert child, "the stem is gone; it has said why"
            begun(child)
            if not select.select([self.stem.stdout], [], [], PATIENCE)[0]:
                os.kill(child, signal.SIGUSR1)  # say where it is
                time.sleep(1)
                os.kill(child, signal.SIGKILL)
                self.stem.stdout.readline()
                raise AssertionError((words, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")))
            code = int(self.stem.stdout.readline())
            said = (out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))
            return subprocess.CompletedProcess([TRUEUP, *words], code, *said)


@contextmanager
def warm_commands(environment: Mapping[str, str]) -> Iterator[Warm]:
    """A stem for the length of the block, with the settings of Prefect that ``environment`` gives."""
    stem = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.support.warm_commands"],
        env={**os.environ, **environment, **ALONE, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # so that a line that has come is one that can be waited for
    )
    with stem:
        try:
            yield Warm(stem)
        finally:
            stem.kill()


def _grow() -> None:
    """Import all that, after what the command line itself says to Prefect first."""
    from trueup.flows.orchestrator import Orchestrator

    Orchestrator()
    load()


def _become(order: Order) -> None:
    """Take over what the command was given, as its own."""
    place = Path(order["streams"])
    for number, (path, mode) in enumerate(((Path(os.devnull), "r"), (place / "out", "w"), (place / "err", "w"))):
        with path.open(mode) as stream:
            os.dup2(stream.fileno(), number)
    os.environ.clear()
    os.environ.update(order["environment"])
    tempfile.tempdir = None  # looked for anew, where this environment says
    if order["umask"] >= 0:
        os.umask(order["umask"])
    os.chdir(order["folder"])
    sys.argv = [TRUEUP, *order["words"]]
    sys.modules["__main__"].__package__ = None  # a script, not a module: help names the command by it


def _run() -> NoReturn:
    """The command to its end, but for the taking apart of every module, of which each page would be copied first."""
    from trueup.flows.commands.cli import main

    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined] # what the interpreter itself calls, as multiprocessing does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve(orders: IO[bytes], answers: int) -> Order | None:
    """Fork a child for each order, which is where this returns an order."""
    for line in orders:
        child = os.fork()
        if child == 0:
            os.close(answers)
            order: Order = json.loads(line)
            return order
        os.write(answers, b"%d\n" % child)
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return None


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    _grow()
    wanted = _serve(sys.stdin.buffer, os.dup(1))
    if wanted is not None:
        _become(wanted)
        _run()
