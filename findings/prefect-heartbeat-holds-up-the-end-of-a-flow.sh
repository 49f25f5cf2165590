#!/bin/sh
# The end of a flow, where Prefect says every so often that its run is alive (every three minutes unless told otherwise).
#
# One would guess that a flow is over as soon as its function has returned and its state is set. In truth the run's end waits for
# the thread of the heartbeat, which sleeps in whole seconds: each flow, and each flow below it, ends by up to a second
# later. An interval of None does without; no environment variable can say so, as its value must be a number.
#
# It matters where a person waits for a flow that has little to do: half a second of an apply of three, on average. Set it to None
# for the flow that is called (prefect.settings.temporary_settings), and beat oneself with a wait that can be ended.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 2>pip.log
cat >run.py <<'PY'
import statistics
import time

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

returned = 0.0


@flow
def little():
    global returned
    time.sleep(0.1)
    returned = time.monotonic()


def seconds_after(every):
    took = []
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: every}):
        for _ in range(7):
            little()
            took.append(time.monotonic() - returned)
    return statistics.median(took)


little()
default = PREFECT_FLOWS_HEARTBEAT_FREQUENCY.value()
beating, silent = seconds_after(default), seconds_after(None)
print(f"From the function's return to the flow's: {beating:.2f} s with a heartbeat every {default} s, {silent:.2f} s with none")
raise SystemExit(not beating > silent + 0.4)
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_API_URL="http://127.0.0.1:$port/api"
export PREFECT_LOGGING_LEVEL=ERROR
venv/bin/prefect server start --host 127.0.0.1 --port "$port" >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
python3 - <<PY
import time, urllib.request
for _ in range(240):
    try:
        urllib.request.urlopen("$PREFECT_API_URL/health", timeout=2)
        break
    except OSError:
        time.sleep(1)
PY
venv/bin/python run.py
