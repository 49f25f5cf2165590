#!/bin/sh
# A flow run is closed as Crashed from outside, because it gave no sign of life. Its process lives after all. How does the run end?
#
# Crashed is an end, and one would guess that the server takes no other state after it: the usual advice is an automation that
# closes runs without heartbeats as Crashed, and another that begins them again. In truth the process finishes as if
# nothing had been, and the server takes its Completed: the run's history reads Running, Crashed, Completed. Whatever
# was begun again for the Crash works beside it, and nobody who looks at the states afterwards sees that there ever was one.
#
# It matters to whoever lets a server begin lost work again: the first one may still be at work. Only a lock that
# the work itself holds keeps two from doing it, and a count of lost runs may become smaller again.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 2>pip.log
cat >run.py <<'PY'
from prefect import flow, get_client
from prefect.context import FlowRunContext
from prefect.states import Crashed


@flow
def night():
    own = FlowRunContext.get().flow_run.id
    with get_client(sync_client=True) as client:  # as an automation does it
        client.set_flow_run_state(own, Crashed(message="no sign of life"), force=True)
        print("Meanwhile:", client.read_flow_run(own).state_type.value)
    return own


own = night()
with get_client(sync_client=True) as client:
    history = [state.type.value for state in client.read_flow_run_states(own)]
    print("Its history:", history)
    now = client.read_flow_run(own).state_type.value
print("Afterwards:", now)
raise SystemExit(now != "COMPLETED" or "CRASHED" not in history)
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
