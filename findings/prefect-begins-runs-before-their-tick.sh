#!/bin/sh
# A flow run that Prefect scheduled for 10:00:00 begins: what does the clock say inside the flow?
#
# One would guess 10:00:00 or a little later. In truth a runner fetches runs ten seconds ahead and starts their process;
# the engine then waits for the tick, but not to its end: the state Running carries, and the flow reads, a time that lies
# some tenths of a second *before* the tick (here 0.1 to 0.5 s). Whoever works out from the clock which night it is takes
# it for the night before, and finds that done. `flow_run.expected_start_time` is the tick, exactly.
#
# Seen on 2026-11-29 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58). Takes some three minutes.
set -eu
work=$(mktemp -d)
trap 'kill $runner $server 2>/dev/null; wait; rm -rf "$work"' EXIT
server= runner=
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58
port=$(venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 PREFECT_LOGGING_LEVEL=CRITICAL
venv/bin/prefect server start --host 127.0.0.1 --port "$port" >server.log 2>&1 &
server=$!
export PREFECT_API_URL="http://127.0.0.1:$port/api" PREFECT_RUNNER_POLL_FREQUENCY=2
cat > nights.py <<'PY'
import time
from datetime import UTC, datetime

from prefect import flow, runtime
from prefect.schedules import Cron


@flow
def night() -> None:
    began, tick = datetime.now(UTC).timestamp(), runtime.flow_run.scheduled_start_time.timestamp()
    with open("seen", "a") as seen:
        seen.write(f"{began - tick:+.3f}\n")


if __name__ == "__main__":
    import os
    import httpx

    for _ in range(600):
        try:
            httpx.get(f"{os.environ['PREFECT_API_URL']}/health", trust_env=False).raise_for_status()
            break
        except httpx.HTTPError:
            time.sleep(0.1)
    night.serve("here", schedule=Cron("* * * * *"), print_starting_message=False)
PY
venv/bin/python nights.py >runner.log 2>&1 &
runner=$!
waited=0
while [ "$(cat seen 2>/dev/null | wc -l)" -lt 2 ] && [ "$waited" -lt 600 ]; do sleep 2; waited=$((waited + 2)); done
echo "seconds from the tick to the flow's first line:"
cat seen
grep -q '^-' seen
