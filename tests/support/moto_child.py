"""moto's S3 in a process of its own, one request at a time; prints its port, and ends when its stdin does."""

from __future__ import annotations

import logging
import socket
import sys
import threading

from moto.moto_server.werkzeug_app import create_backend_app
from waitress.server import create_server

logging.getLogger("waitress").setLevel(logging.ERROR)
listener = socket.create_server(("127.0.0.1", 0))
app = create_backend_app("s3")  # without looking at each request for the service it means
# Clients keep their connections; past waitress' usual hundred nobody else would be let in.
server = create_server(app, sockets=[listener], threads=1, connection_limit=1000)
sys.stdout.write(f"{listener.getsockname()[1]}\n")
sys.stdout.flush()
threading.Thread(target=server.run, daemon=True).start()
sys.stdin.read()
