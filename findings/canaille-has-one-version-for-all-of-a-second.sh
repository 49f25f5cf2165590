#!/bin/sh
# A client reads a person and her ETag; somebody changes her; the client writes with If-Match.
#
# Canaille 0.3.6 says that it has ETags and answers 412 where one does not fit, so one would guess that the write is refused.
# But the version is made of the id and of lastModified, and that is kept in whole seconds: made, changed and changed again
# within a second she has the same version throughout, and the write of the client who had not seen the change is taken, 200.
# A second later the same is refused with 412, as it should be.
#
# It matters to whoever overwrites in bulk, where many things happen within a second: If-Match is a second rope, no first one.
# What was looked at is compared by its values, and what was written is read back.
#
# Seen on 2026-11-30 with Python 3.11, Canaille 0.3.6 on its memory backend and scim2-models 0.6.12.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check canaille==0.3.6 scim2-models==0.6.12 scim2-client==0.7.5 \
    authlib==1.9.10 joserfc==1.8.0 tomlkit==0.15.2 httpx==0.28.1
cat >look.py <<'PY'
import logging
import time
from datetime import datetime, timezone

from canaille import create_app
from canaille.app import models
from canaille.backends import Backend

logging.disable(logging.CRITICAL)
app = create_app(config={"SECRET_KEY": "x", "CANAILLE": {"DATABASE": "memory"}, "CANAILLE_OIDC": {"ENABLE_OIDC": True},
                         "CANAILLE_SCIM": {"ENABLE_SERVER": True}})
with app.app_context():
    now = datetime.now(timezone.utc)
    owner = models.Client(client_id="c", client_name="c", client_secret="x", client_id_issued_at=now)
    Backend.instance.save(owner)
    Backend.instance.save(models.Token(token_id="1", access_token="t", client=owner, issue_date=now, lifetime=3600))
client, address = app.test_client(), "/scim/v2/Users"
sign = {"Authorization": "Bearer t"}
ada = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "active": True,
       "name": {"formatted": "Ada L", "familyName": "L"}, "title": "Clerk"}


def patch(where, title, **headers):
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "title", "value": title}]}
    return client.patch(where, json=body, headers=sign | headers)


def race(name, pause):
    time.sleep(1.05 - time.time() % 1)  # the beginning of a second
    made = client.post(address, json=ada | {"userName": name}, headers=sign).json
    where, read = f"{address}/{made['id']}", made["meta"]["version"]
    time.sleep(pause)
    after = patch(where, "Chief").json["meta"]["version"]
    return read == after, patch(where, "Clerk of somebody who saw no Chief", **{"If-Match": read}).status_code


client.get(address, headers=sign)
within, later = race("ada", 0), race("bo", 1.1)
print(f"changed within the second: the same version {within[0]}, the late write answered {within[1]}")
print(f"changed a second later: the same version {later[0]}, the late write answered {later[1]}")
raise SystemExit([within, later] != [(True, 200), (False, 412)])
PY
venv/bin/python look.py
