#!/bin/sh
# Somebody who may not remove objects calls obstore.delete(store, "a") on an S3 store. Which error is raised?
#
# One would guess PermissionDeniedError, as for a write that is answered 403. obstore 0.12.1 sends no DELETE, even for one
# object, but POST /bucket?delete, and S3 answers that with 200 and says AccessDenied for each object in the body: what is
# raised is GenericError, the same class as for a connection that broke, and the code stands in its text alone.
#
# It matters to whoever repeats writes that were not answered and gives up at once where a right is missing: a missing
# right to remove looks like a store that is away. Look for "(code: AccessDenied)" in the text.
#
# Seen on 2026-11-30 with Python 3.11.7.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check obstore==0.12.1
cat > look.py <<'PY'
import http.server
import sys
import threading

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

seen = []
SAID = b"<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>"


class Store(http.server.BaseHTTPRequestHandler):
    def answer(self, status, said):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen.append(f"{self.command} {self.path}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass

    def do_PUT(self):
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    def do_POST(self):
        self.answer(200, SAID)

    do_DELETE = do_PUT


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
threading.Thread(target=server.serve_forever, daemon=True).start()
store = S3Store(
    "bucket",
    config={
        "endpoint": f"http://127.0.0.1:{server.server_address[1]}",
        "region": "us-east-1",
        "access_key_id": "x",
        "secret_access_key": "y",
    },
    client_options={"allow_http": True},
    retry_config={"max_retries": 0},
)


def kind(do):
    try:
        do()
    except BaseError as error:
        return type(error).__name__, "(code: AccessDenied)" in str(error)
    return "nothing", False


written = kind(lambda: obstore.put(store, "a", b"x", use_multipart=False))
removed = kind(lambda: obstore.delete(store, "a"))
print("requests:", seen)
print("a refused write raises", written[0], "- a refused removal raises", removed[0], "- with the code in its text:", removed[1])
expected = seen[-1] == "POST /bucket?delete" and written[0] == "PermissionDeniedError" and removed == ("GenericError", True)
sys.exit(0 if expected else 1)
PY
env/bin/python look.py
