#!/bin/sh
# A Starlette application has a handler for Exception, and uvicorn is told log_config=None and access_log=False. What is
# printed when a request raises?
#
# One would guess nothing: the exception was handled, and logging was never set up. Starlette 1.10.0 sends the handler's
# answer and then raises the exception on; uvicorn 0.54.0 logs it as an error, and Python's logging, having no handler,
# prints what is an error to standard error by its last resort: the whole traceback, with the exception's own words.
#
# It matters to whoever promises that no personal data reaches a log: a library's message may quote what somebody typed. Catch it
# in an outermost layer of one's own, after the answer was sent, and give uvicorn's logger a handler that drops it.
#
# Seen on 2026-11-30 with Python 3.11.7.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check starlette==1.10.0 uvicorn==0.54.0
cat > look.py <<'PY'
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def broken(request):
    raise RuntimeError("ann@x.example is not a number")


async def handled(request, error):
    return PlainTextResponse("Something broke.", 500)


app = Starlette(routes=[Route("/", broken)], exception_handlers={Exception: handled})
listener = socket.create_server(("127.0.0.1", 0))
server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
thread.start()
while not server.started:
    time.sleep(0.05)
try:
    urllib.request.urlopen(f"http://127.0.0.1:{listener.getsockname()[1]}/")
except urllib.error.HTTPError as answer:
    print("answered:", answer.code, answer.read().decode())
server.should_exit = True
thread.join()
PY
env/bin/python look.py 2>printed
printed=$(grep -c "ann@x.example" printed || true)
echo "printed to standard error, lines with the exception's words: $printed"
test "$printed" -gt 0
