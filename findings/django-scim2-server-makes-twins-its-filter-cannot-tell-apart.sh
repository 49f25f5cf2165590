#!/bin/sh
# Ada has a profile, userName "Ada@example.com", and a second is to be made for "ada@example.com".
#
# RFC 7643 says of userName that case does not count and that the server lets nobody have it twice. One would guess 409, the
# more as this server's filter does find Ada by either spelling. But django-scim2-server 1.1.0 compares exactly when it
# creates: 201, two profiles, and from then on the filter by either name gives both.
#
# It matters because "ask by filter before creating, and rely on 409 for the rest" is how profiles are kept from being doubled.
# Here 409 is not there for another spelling: ask first, send no two creations for one name at once whatever its case, and
# take two rows for one userName for a doubtful answer, not for the first of them.
#
# Seen on 2026-11-30 with Python 3.11, django-scim2-server 1.1.0 and Django 5.2.19 on SQLite.
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
client, schemas = Client(), ["urn:ietf:params:scim:schemas:core:2.0:User"]


def make(name):
    return client.post("/scim/v2/Users", {"schemas": schemas, "userName": name}, "application/scim+json").status_code


def found(name):
    return client.get("/scim/v2/Users", {"filter": f'userName eq "{name}"'}).json()["totalResults"]


first, before = make("Ada@example.com"), found("ada@example.com")
second, same = make("ada@example.com"), make("Ada@example.com")
print(f"Ada: {first}; found by the other spelling: {before}; made by it: {second}; made again as she is: {same}")
print(f"then found by one spelling: {found('ada@example.com')}, by the other: {found('Ada@example.com')}")
raise SystemExit([first, before, second, same, found("ada@example.com"), found("Ada@example.com")] != [201, 1, 201, 409, 2, 2])
PY
venv/bin/python look.py
