#!/bin/sh
# Authlib's OAuth 2.0 client: two things its documentation leads one to guess otherwise.
#
# Guess: `authlib.integrations.httpx_client` sends through httpx, and `client_secret_basic` form-encodes client id and
# secret before base64, as RFC 6749 §2.3.1 has it and as Authlib's own server side decodes them.
# Seen: where httpx2 is installed beside httpx, the client is a class of httpx2, so that httpx.TransportError catches
# nothing; and id and secret go out as they are: a secret with `%41` or `+` in it is read as another one by Authlib's
# own `extract_basic_authorization`.
#
# Authlib 1.9.10, httpx 0.28.1, httpx2 of the day; 2026-11-29; Python 3.11.
# Matters here: the sign-in to the target encodes both itself, and catches httpx2's errors.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "authlib==1.9.10" "httpx==0.28.1" httpx2
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import sys

import httpx
import httpx2
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc6749.util import extract_basic_authorization

client = OAuth2Client("client", "a%41+b", token_endpoint_auth_method="client_secret_basic")
auth = client.client_auth(client.token_endpoint_auth_method)
_, headers, _ = auth.prepare("POST", "https://x.example/token", {}, "")
sent = base64.b64decode(headers["Authorization"].split()[1]).decode()
read = extract_basic_authorization(headers)
print("a client of httpx:", isinstance(client, httpx.Client), "- of httpx2:", isinstance(client, httpx2.Client))
print("sent:", sent, "- read by Authlib's own server side:", read)
as_seen = isinstance(client, httpx2.Client) and sent == "client:a%41+b" and read[1] != "a%41+b"
sys.exit(0 if as_seen else 1)
PYTHON
