"""A process that is asked to end while a destructor runs ends all the same, and prints no traceback."""

from __future__ import annotations

import subprocess
import sys

ASKED = """
import os, signal, time
from prefect.exceptions import TerminationSignal
from trueup.flows import termination

def asked(number, frame):
    raise TerminationSignal(signal=number)

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        sum(range(1000))

signal.signal(signal.SIGTERM, asked)
termination.heed()
termination.heed()
try:
    Ends()
    time.sleep(10)
except TerminationSignal:
    print("heeded")
"""


def test_a_signal_that_a_destructor_swallows_is_sent_again_and_nothing_is_printed() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "heeded", "")
