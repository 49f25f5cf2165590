#!/bin/sh
# An obstore GCSStore is made with skip_signature=True, for an emulator or a public bucket. Do reads and writes go unsigned?
#
# One would guess so: the option says that no credentials are fetched and no request is signed. obstore 0.12.1 lists and reads
# without; a write asks the metadata server for a token all the same, and fails where there is none. Here that server is
# a loopback one, which the environment names, so that what is asked of it can be seen.
#
# It matters to whoever tries an archive over a stand-in: reading works, and the first write leaves for an address nobody named,
# and waits there. Give such a store a service account's key instead, which is signed with on the spot.
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
import os
import sys
import threading


def served(seen):
    class Server(http.server.BaseHTTPRequestHandler):
        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path.partition("?")[0], self.headers.get("Authorization")))
            said = b"<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
            self.send_response(404 if "computeMetadata" in self.path else 200)
            self.send_header("ETag", '"1"')
            self.send_header("x-goog-generation", "1")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

        do_GET = do_PUT = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"127.0.0.1:{server.server_address[1]}"


bucket, metadata = [], []
for name in ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "METADATA_HOST"):
    os.environ[name] = metadata_host = served(metadata)
os.environ["HOME"] = os.getcwd()
for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"):
    os.environ.pop(name, None)

import obstore
from obstore.exceptions import BaseError
from obstore.store import GCSStore

store = GCSStore(
    "b",
    config={"base_url": f"http://{served(bucket)}", "skip_signature": True},
    client_options={"allow_http": True},
    retry_config={"max_retries": 0},
)
listed = obstore.list(store).collect()
reads = [one for one in bucket if one[2] is None]
asked_by_reads = len(metadata)
try:
    obstore.put(store, "a", b"x", use_multipart=False)
    written = "written"
except BaseError as error:
    written = f"{type(error).__name__} ({'token request' if 'token request' in str(error) else 'another reason'})"
print("reads unsigned:", len(reads), "- asked of the metadata server by them:", asked_by_reads)
print("the write:", written, "- asked of the metadata server by it:", len(metadata))
print("writes the bucket saw:", [one for one in bucket if one[0] == "PUT"])
expected = len(reads) == 1 and not asked_by_reads and metadata and "token request" in written
sys.exit(0 if expected else 1)
PY
env/bin/python look.py
