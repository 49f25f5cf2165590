#!/bin/sh
# Setting a label of a flow run while Prefect's server, on SQLite, writes anything else.
#
# One would guess that it waits its turn, as every other update of a flow run does: SQLite lets a writer wait for a minute
# there. But the server reads the run's labels first and writes them in the same transaction. Whoever has read cannot
# become a writer once somebody else has written, and is turned away at once, without any waiting: the server answers
# 503, and Prefect's client sleeps for about two seconds before it asks again. A change of the run's name, which only
# writes, is never turned away.
#
# It matters where a run marks itself by a label and takes the mark off as it ends: just then the server writes down
# what it was told of the run's tasks, so that one end in two or three takes two seconds longer. What may stay on a run
# that has ended should stay.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58, aiosqlite 0.22.1).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 aiosqlite==0.22.1 2>pip.log
cat >ask.py <<'PY'
import os
import threading
import time
from collections import Counter

import httpx

URL = os.environ["PREFECT_API_URL"]


def client():
    anew = httpx.Limits(max_keepalive_connections=0)  # else the server may hang up between two requests
    return httpx.Client(base_url=URL, timeout=120, trust_env=False, limits=anew)


with client() as api:
    flow = api.post("/flows/", json={"name": "night"}).json()["id"]
    ours, other = (api.post("/flow_runs/", json={"flow_id": flow}).json()["id"] for _ in range(2))
ended = threading.Event()


def write_beside():
    with client() as api:
        number = 0
        while not ended.is_set():
            number += 1
            api.patch(f"/flow_runs/{other}", json={"name": f"run-{number}"})


beside = [threading.Thread(target=write_beside) for _ in range(3)]
for one in beside:
    one.start()
answers = {"labels": Counter(), "name": Counter()}
with client() as api:
    until = time.monotonic() + 40
    number = 0
    while time.monotonic() < until and number < 300:
        number += 1
        answers["labels"][api.patch(f"/flow_runs/{ours}/labels", json={"mark": str(number)}).status_code] += 1
        answers["name"][api.patch(f"/flow_runs/{ours}", json={"name": f"ours-{number}"}).status_code] += 1
ended.set()
for one in beside:
    one.join()
print("Answers while others write:", {what: dict(counts) for what, counts in answers.items()})
raise SystemExit(not answers["labels"][503] or set(answers["name"]) != {204})
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_API_URL="http://127.0.0.1:$port/api"
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
venv/bin/python ask.py
