#!/bin/sh
# Does a Prefect runner that is just starting outlive a connection to its server that breaks?
#
# One would guess so: the stream for its own events is retried ten times and then done without ("the flow run will
# continue"), and once it runs, the runner lives through absences of its server. In truth one moment is different: when
# the stream is open and answers a ping, but breaks before the server has said that it knows the client. Prefect takes
# that for a refused password, an error of no kind that it retries or forgives, and the runner ends before it has begun.
# A server that is restarted in the very seconds in which the nightly service starts (both after a reboot, say) leaves
# no service behind; one restarted a moment before or after does.
#
# Seen on 2026-11-30 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
server=""
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58
export PREFECT_HOME="$work/prefect" PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
port=$(venv/bin/python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/python -m prefect server start --host 127.0.0.1 --port "$port" >server.log 2>&1 &
server=$!
venv/bin/python - "$port" >said 2>&1 <<'PY'
import asyncio
import os
import sys
import time
import urllib.request

PORT = int(sys.argv[1])
for _ in range(240):
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/health", timeout=2)
        break
    except OSError:
        time.sleep(0.5)


async def passing(reader, writer, seen=None):
    count, is_stream = 0, False
    while data := await reader.read(65536):
        if seen is not None:
            count += 1
            is_stream = is_stream or b"/events/in " in data.split(b"\r\n", 1)[0]
            if is_stream and count >= seen:
                break
        writer.write(data)
        await writer.drain()
    writer.close()


async def try_it(words):
    async def door(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", PORT)
        ends = [asyncio.create_task(passing(reader, back, words)), asyncio.create_task(passing(there, writer))]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        back.close()
        writer.close()

    before = await asyncio.start_server(door, "127.0.0.1", 0)
    api = f"http://127.0.0.1:{before.sockets[0].getsockname()[1]}/api"
    from prefect.runner import Runner
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api}):
        try:
            async with Runner(pause_on_shutdown=False):
                return "it runs"
        except Exception as error:
            return f"it ended: {type(error).__name__}: {error}"


for words, when in ((2, "at every ping"), (3, "when it says who it is")):
    print(f"cut {when}: {asyncio.run(asyncio.wait_for(try_it(words), 120))}", flush=True)
os._exit(0)
PY
cat said
grep -q "cut at every ping: it runs" said
grep -q "cut when it says who it is: it ended: RuntimeError: Runner failed to start: event_emitter" said
