"""A process that is asked to end ends, whatever is at work when it is asked, and nobody is told of a fault."""

from __future__ import annotations

import subprocess
import sys

import pytest

DESTRUCTOR = """
import os, signal, time
from prefect.exceptions import TerminationSignal
from trueup.flows import termination

def asked(number, frame):
    raise TerminationSignal(signal=number)

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.{asked})
        sum(range(1000))

signal.signal(signal.SIGTERM, asked)
signal.signal(signal.SIGINT, signal.default_int_handler)
termination.heed()
termination.heed()
try:
    Ends()
    time.sleep(10)
except (TerminationSignal, KeyboardInterrupt) as error:
    print(type(error).__name__)
"""

COMMAND = """
import os, signal, time
import typer
from trueup.flows.commands.ending import run_to_its_end

signal.signal(signal.SIGINT, signal.default_int_handler)
app = typer.Typer()

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        sum(range(1000))

@app.command()
def work() -> None:
    Ends()
    time.sleep(10)
    print("done")

print(int(run_to_its_end(app)))
"""

QUERY = """
import os, signal, sys, threading
import duckdb
from trueup.flows.safe_errors import sanitize_errors

signal.signal(signal.SIGINT, signal.default_int_handler)


@sanitize_errors("counting")
def count():
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    duckdb.connect().execute("SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 3")


try:
    count()
except KeyboardInterrupt:
    print("stopped")
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("asked", "heeded"), [("SIGTERM", "TerminationSignal"), ("SIGINT", "KeyboardInterrupt")])
def test_a_signal_that_a_destructor_swallows_is_sent_again_and_nothing_is_printed(asked: str, heeded: str) -> None:
    done = run(DESTRUCTOR.format(asked=asked))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, heeded, "")


def test_ctrl_c_stops_a_command_though_a_destructor_ran_when_it_came() -> None:
    done = run(COMMAND)
    assert (done.stdout, done.stderr) == ("1\n", "Stopped. Nothing was written to the target.\n")


def test_ctrl_c_during_a_query_stops_the_step_and_is_not_an_unexpected_error() -> None:
    done = run(QUERY)
    assert done.stdout == "stopped\n", done.stderr
