#!/bin/sh
# A department, which the server does not know: sent with a new person, and sent in a PATCH.
#
# One would guess that it is refused both times, or left out both times. django-scim2-server 1.1.0 validates a new person, and a
# PUT, with scim2-models: 400, nobody is made. A PATCH goes another way, attribute by attribute, and what no line of it is for
# is passed over: 200, with a new lastModified, though nothing was changed. That is so for an extension's attribute, for a
# name with a slip in it ("titel"), and for a remove of a work e-mail, where there is one.
#
# It matters to whoever finds out what a server can do by trying: what one request teaches of an attribute is not true of the
# other, and a 200 with a fresh lastModified is no sign that anything was kept. Read back and compare.
#
# Seen on 2026-11-30 with Python 3.11, django-scim2-server 1.1.0, Django 5.2.19 and scim2-models 0.12.3.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check django-scim2-server==1.1.0 django==5.2.19 scim2-models==0.12.3
cat >look.py <<'PY'
import sys
from types import ModuleType

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF="urls",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_scim2_server"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "people.sqlite"}},
    SCIM2_SERVER_AUTH_CHECK="__main__.anybody",
)
anybody = lambda request: True
django.setup()
from django.core.management import call_command
from django.test import Client
from django.urls import include, path

sys.modules["urls"] = ModuleType("urls")
sys.modules["urls"].urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]
call_command("migrate", verbosity=0)
client, kind = Client(), "application/scim+json"
core, extension = "urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
mails = [{"value": "ada@example.com", "type": "work"}]
bare = {"schemas": [core], "userName": "ada", "emails": mails}
created = client.post("/scim/v2/Users", bare | {extension: {"department": "Sales"}}, kind).status_code
ada = client.post("/scim/v2/Users", bare, kind).json()
where = f"/scim/v2/Users/{ada['id']}"
put = client.put(where, bare | {extension: {"department": "Sales"}}, kind).status_code
print(f"with a department: created {created}, put {put}")
seen = []
for operation in (
    {"op": "replace", "path": f"{extension}:department", "value": "Sales"},
    {"op": "replace", "path": "titel", "value": "Clerk"},
    {"op": "remove", "path": 'emails[type eq "work"].value'},
):
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    answer = client.patch(where, body, kind)
    now = answer.json()
    same = {k: v for k, v in now.items() if k != "meta"} == {k: v for k, v in ada.items() if k != "meta"}
    newer = now["meta"]["lastModified"] > ada["meta"]["lastModified"]
    print(f"{operation['op']} {operation['path']}: {answer.status_code}, nothing changed: {same}, a new lastModified: {newer}")
    seen.append((answer.status_code, same, newer))
raise SystemExit([created, put, *seen] != [400, 400, *[(200, True, True)] * 3])
PY
venv/bin/python look.py
