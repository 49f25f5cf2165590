"""Canaille's identity server with its SCIM endpoints, on its memory backend. Prints the root once it listens.

Run by the interpreter of the environment Canaille is installed in. One request at a time: the backend has no locks.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

TOKEN = "not-secret"


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Patient(WSGIServer):
    request_queue_size = 64


def main() -> None:
    """Serve until killed."""
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend

    logging.disable(logging.CRITICAL)
    app = create_app(
        config={
            "SECRET_KEY": TOKEN,
            "CANAILLE": {"DATABASE": "memory"},
            "CANAILLE_OIDC": {"ENABLE_OIDC": True},
            "CANAILLE_SCIM": {"ENABLE_SERVER": True},
        }
    )
    with app.app_context():
        now = datetime.now(UTC)
        client = models.Client(client_id="trueup", client_name="Trueup", client_secret=TOKEN, client_id_issued_at=now)
        Backend.instance.save(client)
        token = models.Token(token_id="1", access_token=TOKEN, client=client, issue_date=now, lifetime=86_400)
        Backend.instance.save(token)
    server = make_server("127.0.0.1", 0, app, _Patient, _Silent)
    place = f"http://127.0.0.1:{server.server_port}/scim/v2"
    print(json.dumps({"url": place, "token": TOKEN}), flush=True)  # noqa: T201 - how the caller hears of it
    server.serve_forever()


if __name__ == "__main__":
    main()
