#!/bin/sh
# Somebody pauses a deployment, and another of its schedules, in Prefect. Then the program that serves the flow is
# restarted, with nothing changed.
#
# One would guess that a pause lasts until somebody lifts it: serving again says nothing of pauses. In truth registering
# the deployment again lifts both: `to_deployment` fills in `paused=False` where nothing was given, and schedules without
# a slug are deleted and made anew, active. (And as it ends in order, a runner pauses what it serves, so that a pause of
# its own making cannot be told from a person's.)
#
# It matters where a pause means "write nothing tonight": read what is there before registering, and hand it on.
#
# Seen on 2026-11-29 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; wait; rm -rf "$work"' EXIT
server=
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 PREFECT_LOGGING_LEVEL=CRITICAL
venv/bin/prefect server start --host 127.0.0.1 --port "$port" >server.log 2>&1 &
server=$!
export PREFECT_API_URL="http://127.0.0.1:$port/api"
cat > nights.py <<'PY'
from prefect import flow


@flow
def night() -> None:
    """Nothing."""
PY
cat > look.py <<'PY'
import time
import httpx
from nights import night
from prefect.client.orchestration import get_client
from prefect.schedules import Cron

for _ in range(600):
    try:
        httpx.get(f"{__import__('os').environ['PREFECT_API_URL']}/health", trust_env=False).raise_for_status()
        break
    except httpx.HTTPError:
        time.sleep(0.1)


def register():
    night.to_deployment("here", schedule=Cron("0 1 * * *")).apply()


def seen(api):
    found = api.read_deployment_by_name("night/here")
    return found, found.paused, [schedule.active for schedule in found.schedules]


with get_client(sync_client=True) as api:
    register()
    found, *_ = seen(api)
    api.request("POST", f"/deployments/{found.id}/pause_deployment")
    api.request("PATCH", f"/deployments/{found.id}/schedules/{found.schedules[0].id}", json={"active": False})
    before = seen(api)[1:]
    register()
    after = seen(api)[1:]
print("paused by a person:  paused, schedules active =", *before)
print("registered again:    paused, schedules active =", *after)
raise SystemExit((before, after) != ((True, [False]), (False, [True])))
PY
venv/bin/python look.py
