#!/bin/sh
# One would guess: a server that is given a listening TCP socket sends each answer at once, as the same server does when
# it opens the socket itself.
#
# What happens: asyncio switches Nagle's algorithm off (TCP_NODELAY) only where the socket says that its protocol number
# is that of TCP. socket.socket(AF_INET, SOCK_STREAM) says 0, which the kernel takes for TCP and asyncio does not. What
# is accepted inherits the 0. So uvicorn.Server.run(sockets=[…]) leaves the algorithm on; an answer goes out in two
# writes, head and body, and the second waits for the client to acknowledge the first, up to 40 ms on Linux.
#
# Why it matters here: the reviews bind their socket before they start, so as to say at once that a port is taken. Their
# bound is 300 ms for a whole page. They name IPPROTO_TCP.
#
# uvicorn 0.54.0, h11 0.16.0, CPython 3.11; 2026-11-30
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 h11==0.16.0
"$place/venv/bin/python" - <<'PYTHON'
import http.client
import socket
import sys
import threading
import time

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def no_delay(protocol: int) -> bool:
    """Whether uvicorn's connections send at once, where its listening socket was made with this protocol number."""
    found = []

    class Watched(H11Protocol):
        def connection_made(self, transport):
            own = transport.get_extra_info("socket")
            found.append(bool(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
            super().connection_made(transport)

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, http=Watched, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    client = http.client.HTTPConnection(*listener.getsockname(), timeout=20)
    client.request("GET", "/")
    client.getresponse().read()
    client.close()
    server.should_exit = True
    thread.join(20)
    return found[0]


seen = {"0": no_delay(0), "IPPROTO_TCP": no_delay(socket.IPPROTO_TCP)}
for protocol, at_once in seen.items():
    print(f"listening socket of protocol {protocol}: answers are sent at once: {at_once}")
sys.exit(seen != {"0": False, "IPPROTO_TCP": True})
PYTHON
