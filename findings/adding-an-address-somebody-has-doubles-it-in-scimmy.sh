#!/bin/sh
# A PATCH adds an address to somebody who has that very address.
#
# RFC 7644 §3.5.2.1: where the value is there already, nothing should be changed; one would guess that an add can be sent
# twice. scim-patch 0.8.3 and scim2-models 0.12.3 leave one address. SCIMMY 1.3.5 stores it a second time, each time it is sent.
#
# It matters to whoever repeats a request whose answer was lost: an add is not safe to repeat. Look first, or replace.
#
# Seen on 2026-11-29 with Python 3.11 and node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check scim2-models==0.12.3
npm install --silent --no-audit --no-fund --no-package-lock scimmy@1.3.5 scim-patch@0.8.3
cat > patch.json <<'JSON'
{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
 "Operations": [{"op": "add", "path": "emails", "value": [{"value": "bo@example.com", "type": "work"}]}]}
JSON
cat > person.json <<'JSON'
{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "bo",
 "emails": [{"value": "bo@example.com", "type": "work"}]}
JSON
cat > look.mjs <<'JS'
import { readFileSync } from "node:fs";
import { scimPatch } from "scim-patch";
import SCIMMY from "scimmy";

const read = (name) => JSON.parse(readFileSync(name, "utf8"));
let stored = read("person.json");
SCIMMY.Resources.declare(SCIMMY.Resources.User)
    .egress(() => stored)
    .ingress((resource, given) => (stored = JSON.parse(JSON.stringify({ ...given, id: resource.id }))));
for (let times = 0; times < 2; times++) await new SCIMMY.Resources.User("1").patch(read("patch.json"));
const other = scimPatch({ meta: {}, ...read("person.json") }, read("patch.json").Operations);
console.log("addresses with scimmy, sent twice:", stored.emails.length);
console.log("addresses with scim-patch:", other.emails.length);
process.exit(stored.emails.length === 3 && other.emails.length === 1 ? 0 : 1);
JS
node look.mjs
venv/bin/python - <<'PY'
import json
from pathlib import Path

from scim2_models import PatchOp, User

person = User.model_validate(json.loads(Path("person.json").read_text()))
PatchOp[User].model_validate(json.loads(Path("patch.json").read_text())).patch(person)
print("addresses with scim2-models:", len(person.emails))
raise SystemExit(len(person.emails) != 1)
PY
