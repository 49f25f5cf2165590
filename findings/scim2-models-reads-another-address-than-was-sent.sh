#!/bin/sh
# A list of people from a SCIM server, read into scim2-models.
#
# The model of RFC 7643 says that e-mail addresses are text which "SHOULD" be valid. One would guess that reading keeps what
# was sent. scim2-models 0.12.3 hands addresses to email-validator, which writes the domain in small letters, opens up
# Punycode and drops a display name: what is read is not what the server holds, and whoever compares it with what is wanted,
# or writes the whole person back, sees or makes a change nobody asked for. And an address below .local, as many a company
# inside its walls has, is refused, and with it *the whole list*: of two people none is read.
#
# It matters because a read must keep every row and every letter: what comes from the target is read as it stands, and
# models are for what we write ourselves.
#
# Seen on 2026-11-29 with Python 3.11, pydantic 2.14.3 and email-validator 2.4.0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scim2-models==0.12.3 pydantic==2.14.3 email-validator==2.4.0
venv/bin/python - <<'PY'
from pydantic import ValidationError
from scim2_models import ListResponse, User


def read(*addresses: str) -> list[str]:
    """The addresses as they come out of a list with one person each."""
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    people = [{"schemas": schemas, "userName": one, "emails": [{"value": one}]} for one in addresses]
    answer = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": len(people),
              "Resources": people}
    try:
        return [str(one.emails[0].value) for one in ListResponse[User].model_validate(answer).resources]
    except ValidationError as error:
        return [f"{error.error_count()} error: nothing is read"]


seen = [
    *(read(one)[0] for one in ("Bo@Example.COM", "bo@xn--mnchen-3ya.example.com", "Bo Berg <bo@example.com>")),
    read("ann@example.com", "bo@corp.local")[0],
]
for line in seen:
    print(line)
expected = ["Bo@example.com", "bo@münchen.example.com", "bo@example.com", "1 error: nothing is read"]
raise SystemExit(seen != expected)
PY
