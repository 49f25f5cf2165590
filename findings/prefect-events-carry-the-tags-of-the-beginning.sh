#!/bin/sh
# Which tags does the event of a flow run's end carry, when the run got one more tag before it ended?
#
# One would guess those the run has by then: the API shows them at once. In truth the server remembers what belongs to
# a flow run for its events (for five minutes by default), so that "prefect.flow-run.Failed" carries the tags that the
# run had as it began. An automation that asks for a tag set on the way never fires for a run shorter than that; one that
# looks at the state's message does. A nightly run that tells by a tag how it ended must say it in the message too.
#
# Seen on 2026-11-29 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58 2>pip.log
cat >run.py <<'PY'
import time

from prefect import flow, get_client, tags
from prefect.context import FlowRunContext
from prefect.states import Failed


@flow
def night():
    run = FlowRunContext.get().flow_run
    with get_client(sync_client=True) as client:
        client.update_flow_run(run.id, tags=[*run.tags, "refused"])
    return Failed(message="Refused: too many")


with tags("first"):
    state = night(return_state=True)
time.sleep(8)
with get_client(sync_client=True) as client:
    shown = client.read_flow_run(state.state_details.flow_run_id).tags
    wanted = {"filter": {"event": {"name": ["prefect.flow-run.Failed"]}}}
    [event] = client.request("POST", "/events/filter", json=wanted).json()["events"]
carried = [one["prefect.resource.id"] for one in event["related"] if one["prefect.resource.role"] == "tag"]
print("The run has:", sorted(shown))
print("Its event has:", carried)
raise SystemExit(sorted(shown) != ["first", "refused"] or carried != ["prefect.tag.first"])
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_API_URL="http://127.0.0.1:$port/api"
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
