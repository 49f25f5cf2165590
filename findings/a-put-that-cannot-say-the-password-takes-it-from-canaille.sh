#!/bin/sh
# A person is read from Canaille, her title changed, and the whole of her put back.
#
# Her password is writeOnly in the schema: no reading shows it, so a PUT made of a reading cannot say it. One would guess that
# it stays. Canaille 0.3.6 takes its absence for a wish: 200, the answer looks as it should, and she can no longer sign in with it. A PATCH of the title leaves it alone.
#
# It matters to whoever changes people by reading, merging and putting: what was taken shows in no answer and no reading.
# Look into /Schemas for writeOnly, and for "returned" never or on request, before a PUT is sent unasked.
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
client, address, sign = app.test_client(), "/scim/v2/Users", {"Authorization": "Bearer t"}
word = "correct horse battery staple"


def signs_in(name):
    with app.app_context():
        return Backend.instance.check_user_password(Backend.instance.get(models.User, user_name=name), word)[0]


def made(name):
    ada = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": True,
           "name": {"formatted": "Ada L", "familyName": "L"}, "title": "Clerk", "password": word}
    return f"{address}/{client.post(address, json=ada, headers=sign).json['id']}"


ada, bo = made("ada"), made("bo")
before = signs_in("ada"), signs_in("bo")
whole = client.get(ada, headers=sign).json
put = client.put(ada, json={k: v for k, v in whole.items() if k != "meta"} | {"title": "Chief"}, headers=sign)
body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Chief"}]}
patched = client.patch(bo, json=body, headers=sign)
same = {k: v for k, v in put.json.items() if k not in ("meta", "title")} == {
    k: v for k, v in whole.items() if k not in ("meta", "title")}
print(f"both sign in before: {before}; a reading shows the password: {'password' in whole}")
print(f"PUT {put.status_code}, all else in the answer as before: {same}; signs in: {signs_in('ada')}")
print(f"PATCH {patched.status_code}; signs in: {signs_in('bo')}")
raise SystemExit([before, "password" in whole, put.status_code, same, signs_in("ada"), patched.status_code, signs_in("bo")]
                 != [(True, True), False, 200, True, False, 200, True])
PY
venv/bin/python look.py
