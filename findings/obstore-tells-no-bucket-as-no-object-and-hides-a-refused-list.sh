#!/bin/sh
# What does obstore raise where a bucket is missing, or the right to list it?
#
# One would guess: an error for the bucket, and PermissionDeniedError for a right that is missing, as its documentation has for
# reads and writes. In truth a read in a bucket that does not exist raises FileNotFoundError, exactly as for an object that is
# not there; so "absent" and "the wrong bucket" look the same to whoever reads first. A list of it raises GenericError, and so does a
# list that was refused with 403, where a read refused with 403 is a PermissionDeniedError. And what put returned cannot be
# given back as the mode of the next write where the store has no versions: {"e_tag": …, "version": None} raises TypeError.
#
# It matters here because an archive that looks empty would be taken for a first night: the archive is listed before anything is
# read, and a refused list is known by the status in the error's text.
#
# Seen on 2026-11-30 with Python 3.11, obstore 0.12.1, moto 5.2.5, waitress 3.0.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check obstore==0.12.1 "moto[s3]==5.2.5" flask==3.1.3 flask-cors==6.0.5 waitress==3.0.2
venv/bin/python - <<'PY'
import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import obstore
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from obstore.store import S3Store
from waitress.server import create_server

listener = socket.create_server(("127.0.0.1", 0))
server = create_server(DomainDispatcherApplication(create_backend_app), sockets=[listener], threads=1)
threading.Thread(target=server.run, daemon=True).start()
port = listener.getsockname()[1]


class Refusing(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


refusing = HTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=refusing.serve_forever, daemon=True).start()


def store(bucket, at):
    config = {"endpoint": f"http://127.0.0.1:{at}", "region": "us-east-1", "access_key_id": "k", "secret_access_key": "s"}
    return S3Store(bucket, config=config, client_options={"allow_http": True}, retry_config={"max_retries": 0})


def kind(do):
    try:
        do()
    except Exception as error:
        return type(error).__name__
    return "nothing"


connection = http.client.HTTPConnection("127.0.0.1", port)
connection.request("PUT", "/there")
connection.getresponse().read()
there, missing, closed = store("there", port), store("missing", port), store("there", refusing.server_port)
put = obstore.put(there, "one", b"1", mode="create")
seen = {
    "a read of a missing object": kind(lambda: obstore.get(there, "two")),
    "a read in a missing bucket": kind(lambda: obstore.get(missing, "two")),
    "a list of a missing bucket": kind(lambda: obstore.list(missing).collect()),
    "a read refused with 403": kind(lambda: obstore.get(closed, "one")),
    "a list refused with 403": kind(lambda: obstore.list(closed).collect()),
    f"an update as of {sorted(put)} with version {put['version']}": kind(lambda: obstore.put(there, "one", b"2", mode=put)),
}
for what, raised in seen.items():
    print(f"{what}: {raised}")
expected = ["FileNotFoundError"] * 2 + ["GenericError", "PermissionDeniedError", "GenericError", "TypeError"]
raise SystemExit(list(seen.values()) != expected)
PY
