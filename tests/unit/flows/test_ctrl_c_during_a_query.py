"""Ctrl-C is Ctrl-C whatever is at work: nobody who stopped a command is told of an unexpected error."""

from __future__ import annotations

import subprocess
import sys

CODE = """
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


def test_ctrl_c_during_a_query_stops_the_step_and_is_not_an_unexpected_error() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "stopped\n", done.stderr
