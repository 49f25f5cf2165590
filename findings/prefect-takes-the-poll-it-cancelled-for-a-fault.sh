#!/bin/sh
# What does Prefect's watcher for cancelled runs say when it is closed in good order while it polls?
#
# One would guess nothing: polling is what it falls back to when the stream of events is lost, and closing it cancels the
# poll. In truth the callback that hears of the poll's end asks the cancelled task for its exception, which raises
# CancelledError within the callback; asyncio writes "Exception in callback" with a whole traceback to stderr. Besides,
# the client is closed before the poll is ended, so that a poll in between fails and counts as a lost watcher.
# Whoever ends a service while its Prefect server is away (or was away once) gets a traceback for an orderly end.
#
# Seen on 2026-11-29 with Python 3.11 and prefect 3.8.8 (SQLAlchemy 2.0.58).
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check prefect==3.8.8 'fastapi==0.150.*' sqlalchemy==2.0.58
PREFECT_HOME="$work/prefect" PREFECT_API_URL=http://127.0.0.1:9/api venv/bin/python - 2>said <<'PY'
import asyncio

from prefect._internal.observers import FlowRunCancellingObserver


async def main() -> None:
    async with FlowRunCancellingObserver(lambda _: None, polling_interval=60):
        await asyncio.sleep(0.5)
    await asyncio.sleep(0.1)


asyncio.run(main())
PY
echo "Closed in good order; on stderr:"
grep -n "Falling back to polling" said
grep -n "Exception in callback" said
grep -c "CancelledError" said
