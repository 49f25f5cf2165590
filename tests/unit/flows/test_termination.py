"""A process that is asked to end ends, whatever is at work when it is asked, and nobody is told of a fault."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SOON = 45
"""Seconds: longer than Python takes to import the product on a busy machine. What would go on takes a minute."""

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
import hashlib, os, signal, sys, threading, time
from pathlib import Path
import typer
from trueup.flows import termination
from trueup.flows.commands.ending import run_to_its_end
from trueup.transforms.errors import Failed

signal.signal(signal.SIGINT, signal.default_int_handler)
app = typer.Typer()

def press():
    os.kill(os.getpid(), signal.SIGINT)
    sum(range(1000))

class Ends:
    def __del__(self):
        press()

def destructor():
    Ends()
    time.sleep(10)

def another_error():
    try:
        press()
    except KeyboardInterrupt:
        raise Failed("The directory did not answer.") from None

def swallowed():
    try:
        press()
    except KeyboardInterrupt:
        pass

def a_thread_goes_on():
    threading.Thread(target=time.sleep, args=(60,)).start()
    press()

def again():
    termination._PATIENCE = 60
    threading.Thread(target=time.sleep, args=(60,)).start()
    threading.Timer(0.5, press).start()
    try:
        press()
    finally:
        time.sleep(60)

def slow_import():
    termination._PATIENCE = 1
    importing()

def slow_import_again():
    termination._PATIENCE = 60
    threading.Timer(1, press).start()
    importing()

def importing():
    threading.Timer(0.5, press).start()
    Path("slow.py").write_text("import time; time.sleep(60)")
    sys.path.insert(0, "")
    import slow

def deaf():
    threading.Timer(0.5, press).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000_000)

@app.command()
def work() -> None:
    try:
        with termination.prompt(is_gentle={is_gentle}):
            {how}()
        print("done")
    finally:
        time.sleep(0.3)
        print("cleaned up")

code = int(run_to_its_end(app))
sys.exit(code)
"""

IMPORTING = """
import os, signal, sys, threading
from trueup.flows import termination

sys.path.insert(0, sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    with termination.prompt():
        import pressed
        termination.time.sleep(10)
except KeyboardInterrupt:
    print(sys.modules["pressed"].is_whole)
os._exit(0)
"""

QUERY = """
import os, signal, sys, threading
import duckdb
from prefect.exceptions import TerminationSignal
from trueup.flows.notify import harmless
from trueup.flows.run_draft import Draft
from trueup.flows.safe_errors import sanitize_errors
from trueup.transforms.vocabulary import Kind

def asked(number, frame):
    raise TerminationSignal(signal=number)

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, asked)


@sanitize_errors("counting")
def in_a_step():
    count()


def in_a_run():
    with Draft(Kind.RECONCILE).taking():
        count()


def in_a_message():
    with harmless():
        count()


def count():
    alone = duckdb.connect(config={"threads": 1})  # with more, the main thread may wait for another, and hears nothing
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()
    alone.execute("SELECT sum(hash(range)) FROM range(100000000000)")


for number in (signal.SIGINT, signal.SIGTERM):
    for where in (in_a_step, in_a_run, in_a_message):
        try:
            where()
        except KeyboardInterrupt:
            print(number.name, where.__name__)
"""


def run(code: str, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(("asked", "heeded"), [("SIGTERM", "TerminationSignal"), ("SIGINT", "KeyboardInterrupt")])
def test_a_signal_that_a_destructor_swallows_is_sent_again_and_nothing_is_printed(asked: str, heeded: str) -> None:
    done = run(DESTRUCTOR.format(asked=asked))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, heeded, "")


@pytest.mark.parametrize("is_gentle", [False, True])
@pytest.mark.parametrize("how", ["destructor", "another_error", "swallowed", "a_thread_goes_on"])
def test_ctrl_c_stops_a_command_whatever_is_made_of_it_and_it_cleans_up(
    how: str, is_gentle: bool, tmp_path: Path
) -> None:
    done = stopped(how, tmp_path, is_gentle=is_gentle)
    assert done.stdout == "cleaned up\n"


@pytest.mark.parametrize("is_gentle", [False, True])
@pytest.mark.parametrize("how", ["again", "slow_import", "slow_import_again"])
def test_a_command_that_does_not_end_in_time_or_is_asked_again_is_ended(
    how: str, is_gentle: bool, tmp_path: Path
) -> None:
    stopped(how, tmp_path, is_gentle=is_gentle)


def test_a_command_that_hears_of_nothing_is_ended(tmp_path: Path) -> None:
    stopped("deaf", tmp_path)


def stopped(how: str, folder: Path, *, is_gentle: bool = False) -> subprocess.CompletedProcess[str]:
    begun = time.monotonic()
    done = run(COMMAND.format(how=how, is_gentle=is_gentle), folder=folder)
    assert (done.returncode, done.stderr) == (1, "Stopped. Nothing was written to the target.\n"), done.stdout
    assert "done" not in done.stdout
    assert time.monotonic() - begun < SOON
    return done


AFTER = """
import signal, time
from trueup.flows import termination

signal.signal(signal.SIGINT, signal.default_int_handler)
termination._PATIENCE = 1
with termination.prompt():
    termination._watches[-1].tell(signal.SIGINT)  # as if it came with the block's last step
time.sleep(2)
print("everybody was told")
"""


def test_what_follows_the_block_is_not_ended_by_what_was_pressed_in_it() -> None:
    assert run(AFTER).stdout == "everybody was told\n"


IGNORED = """
import os, signal, threading, time
from trueup.flows import termination
from trueup.flows.commands.apply import _ctrl_c_stops_cleanly

def ask(number):
    os.kill(os.getpid(), number)
    sum(range(1000))

signal.signal(signal.SIGINT, signal.SIG_IGN)
asked = threading.Event()
with termination.prompt(is_gentle=True), _ctrl_c_stops_cleanly(asked):
    ask(signal.SIGINT)
    print(asked.is_set())
    ask(signal.SIGTERM)
    print(asked.is_set(), flush=True)
    try:
        ask(signal.SIGTERM)
    finally:
        ask(signal.SIGTERM)
        time.sleep(60)
"""


def test_an_apply_begun_where_ctrl_c_is_ignored_leaves_it_so_and_heeds_sigterm_as_often_as_it_comes() -> None:
    begun = time.monotonic()
    done = run(IGNORED)
    assert (done.returncode, done.stdout) == (1, "False\nTrue\n")
    assert "Stopping: requests in flight are finished first." in done.stderr
    assert "Stopped." in done.stderr
    assert time.monotonic() - begun < SOON


def test_an_import_ends_before_ctrl_c_is_heeded_so_that_no_lock_of_its_stays_taken(tmp_path: Path) -> None:
    (tmp_path / "pressed.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsum(range(1000))\nis_whole = True\n", encoding="utf-8"
    )
    done = run(IMPORTING, str(tmp_path))
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_who_asks_for_the_end_during_a_query_is_heeded_and_no_error_is_told() -> None:
    done = run(QUERY)
    wheres = ("in_a_step", "in_a_run", "in_a_message")
    assert done.stdout.splitlines() == [f"{name} {where}" for name in ("SIGINT", "SIGTERM") for where in wheres]
    assert done.stderr == ""
