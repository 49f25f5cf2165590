#!/bin/sh
# What does Python code meet when somebody presses Ctrl-C while DuckDB works on a query?
#
# One would guess KeyboardInterrupt, as from any call that lets signals in, or DuckDB's own InterruptException, which
# the interrupt() of a connection raises. In truth it is a bare RuntimeError with the text "Query interrupted": the
# KeyboardInterrupt of the signal's handler is dropped, and stands neither as cause nor as context. It is an Exception,
# so that whatever catches those (a task runner, a command that makes sentences of errors) takes a person's wish to
# stop for a fault, and goes on with what comes next.
#
# Nor is it met at once: signals are looked at between two vectors of rows, so that one function over a few long texts
# works to its end first, whatever the handler would have done; the handler does not run before. Only a thread that is
# told by the signal itself (`signal.set_wakeup_fd`) knows meanwhile.
#
# Seen on 2026-11-30 with Python 3.11 and duckdb 2.0.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
venv/bin/python - <<'PY'
import os
import signal
import threading
import time

import duckdb

signal.signal(signal.SIGINT, signal.default_int_handler)
LONG = "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 3"


def met(stop):
    connection = duckdb.connect()
    threading.Timer(0.5, stop, [connection]).start()
    try:
        connection.execute(LONG)
    except BaseException as error:
        return type(error).__name__, str(error), error.__context__
    return None


by_hand = met(lambda _: os.kill(os.getpid(), signal.SIGINT))
by_call = met(lambda connection: connection.interrupt())
connection = duckdb.connect()
slow = "SELECT sum(levenshtein(repeat('ab', 6000), repeat('ba', 6000 + range::INT))) FROM range(40)"
threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT]).start()
begun = time.monotonic()
try:
    connection.execute(slow)
except RuntimeError:
    waited = time.monotonic() - begun - 0.5
begun = time.monotonic()
connection.execute(slow)
whole = time.monotonic() - begun
print(f"40 long texts: heard {waited:.1f} s after Ctrl-C; the whole takes {whole:.1f} s")
assert waited > whole / 2
print("Ctrl-C:     ", by_hand)
print("interrupt():", by_call)
assert by_hand == ("RuntimeError", "Query interrupted", None)
assert by_call[0] == "InterruptException"
PY
