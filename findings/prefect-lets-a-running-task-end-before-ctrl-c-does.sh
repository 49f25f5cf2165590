#!/bin/sh
# When somebody presses Ctrl-C while a Prefect flow waits for a task it submitted, when does the process end?
#
# One would guess soon: the thread runner sets a cancel event for each of its tasks, cancels their futures and gives up
# its pool, and the flow run is told to have been interrupted. In truth a task that has begun goes on to its last line:
# what it does never looks at that event, and the runner waits for its thread. A person who stops a plan in the first
# second waits for whole lists of a tenant and a directory to be read, and what the task does at its end is done.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 PREFECT_LOGGING_LEVEL=CRITICAL
venv/bin/python - <<'PY'
import os
import signal
import threading
import time

from prefect import flow, task

SECONDS = 6
seen = {}


@task
def read():
    for _ in range(SECONDS * 10):
        time.sleep(0.1)
    seen["read to its end"] = time.monotonic()


@flow
def night():
    future = read.submit()
    time.sleep(1)
    seen["pressed"] = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
    future.wait()


signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    night()
except KeyboardInterrupt:
    seen["flow given up"] = time.monotonic()
for what, moment in seen.items():
    print(f"{moment - seen['pressed']:5.1f} s  {what}")
assert SECONDS - 2 < seen["read to its end"] - seen["pressed"] < SECONDS
assert seen["flow given up"] > seen["read to its end"]
PY
