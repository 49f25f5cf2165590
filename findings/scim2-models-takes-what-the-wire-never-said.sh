#!/bin/sh
# Resources as servers send them, validated by scim2-models: "active": "no", a key in snake case, one key in two cases.
#
# One would guess that a model of RFC 7643 refuses what is no SCIM. It refuses a number for a text and a key it does not
# know; but "no", "off" and "0" are taken for false, `user_name` for userName, and of `userName` and `username` in one
# resource the later one wins without a word. What is written out again is tidy, so that nobody sees what came.
#
# It matters where a model decides whether a server keeps the types it was given: a check of "active" must look at the
# JSON itself, and an answer with one attribute twice is a doubtful one, not the later value.
#
# Seen on 2026-11-29 with Python 3.11, scim2-models 0.12.3 and pydantic 2.14.3.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "scim2-models==0.12.3" "pydantic==2.14.3"
venv/bin/python - <<'PY'
from pydantic import ValidationError
from scim2_models import User

SCHEMA = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}


def read(**resource):
    try:
        told = User.model_validate({**SCHEMA, **resource}).model_dump()
    except ValidationError:
        return "refused"
    return {name: value for name, value in told.items() if name != "schemas"}


seen = [
    read(userName="x", active="no"),
    read(user_name="x"),
    read(userName="x", username="y"),
    read(username="y", userName="x"),
    read(userName="x", displayName=5),
    read(userName="x", unknown="1"),
]
print(*seen, sep="\n")
wanted = [{"userName": "x", "active": False}, {"userName": "x"}, {"userName": "y"}, {"userName": "x"}, "refused", "refused"]
raise SystemExit(seen != wanted)
PY
