#!/bin/sh
# An automation that is read from Prefect's server, one word of it changed, and written back with the client's own update.
#
# One would guess that what read_automations_by_name gives is what update_automation takes: the types say so. The
# server refuses it with 422: the model that is read carries "id" and "owner_resource" as set, the client sends all
# that is set, and the server forbids both. What was made by hand and never read is taken.
#
# It matters to whoever keeps automations as they shall be and leaves a person's switch-off alone, which needs both: copy
# what is wanted over into a model that never had these two fields set.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 2>pip.log
cat >run.py <<'PY'
from datetime import timedelta

from prefect import get_client
from prefect.events import AutomationCore, DoNothing, EventTrigger, Posture
from prefect.exceptions import PrefectHTTPStatusError

trigger = EventTrigger(expect={"a"}, posture=Posture.Reactive, threshold=1, within=timedelta(0))
wanted = AutomationCore(name="one", trigger=trigger, actions=[DoNothing()])
answers = []
with get_client(sync_client=True) as client:
    number = client.create_automation(wanted)
    [read] = client.read_automations_by_name("one")
    bare = AutomationCore.model_validate(read.model_dump(exclude={"id"}))
    clean = AutomationCore.model_validate(read.model_dump(exclude={"id", "owner_resource"}))
    for what, said in (("as read", read), ("without its id", bare), ("without its owner too", clean)):
        try:
            client.update_automation(number, said)
        except PrefectHTTPStatusError as error:
            answers.append(error.response.status_code)
        else:
            answers.append(204)
        print(f"{what}: {answers[-1]}")
raise SystemExit(answers != [422, 422, 204])
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_API_URL="http://127.0.0.1:$port/api"
export PREFECT_LOGGING_LEVEL=CRITICAL
venv/bin/prefect server start --host 127.0.0.1 --port "$port" >server.log 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
python3 - <<PY
import time, urllib.request
for _ in range(120):
    try:
        urllib.request.urlopen("$PREFECT_API_URL/health", timeout=2)
        break
    except OSError:
        time.sleep(1)
PY
venv/bin/python run.py
