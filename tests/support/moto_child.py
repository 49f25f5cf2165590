"""moto's S3 in a process of its own, one request at a time; prints its port, and ends when its stdin does."""

from __future__ import annotations

import logging
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress.server import create_server

logging.getLogger("waitress").setLevel(logging.ERROR)
server = create_server(
    DomainDispatcherApplication(create_backend_app), host="127.0.0.1", port=0, threads=1, connection_limit=1000
)
sys.stdout.write(f"{server.effective_port}\n")
sys.stdout.flush()
threading.Thread(target=server.run, daemon=True).start()
sys.stdin.read()
