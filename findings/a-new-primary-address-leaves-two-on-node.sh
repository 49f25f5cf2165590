#!/bin/sh
# Somebody has a primary work address, and a PATCH adds a home address that is primary.
#
# RFC 7644 §3.5.2 says that the server then takes "primary" off the other one. scim2-models 0.12.3 does. One would guess
# that libraries written for servers all do. SCIMMY 1.3.5 and scim-patch 0.8.3
# answer as if all were well and keep both: two primary addresses, and which one sign-on or mail takes is anybody's guess.
#
# It matters to whoever writes addresses: read back what came of it, the other addresses included, instead of trusting a
# 200, and take "primary" off the old one in an operation of its own.
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
 "Operations": [{"op": "add", "path": "emails",
                 "value": [{"value": "bo@home.example.com", "type": "home", "primary": true}]}]}
JSON
cat > person.json <<'JSON'
{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "bo",
 "emails": [{"value": "bo@example.com", "type": "work", "primary": true}]}
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
await new SCIMMY.Resources.User("1").patch(read("patch.json"));
const primary = (person) => person.emails.filter((one) => one.primary).length;
const seen = [primary(stored), primary(scimPatch({ meta: {}, ...read("person.json") }, read("patch.json").Operations))];
console.log("primary addresses with scimmy:", seen[0]);
console.log("primary addresses with scim-patch:", seen[1]);
process.exit(seen.join() === "2,2" ? 0 : 1);
JS
node look.mjs
venv/bin/python - <<'PY'
import json
from pathlib import Path

from scim2_models import PatchOp, User

person = User.model_validate(json.loads(Path("person.json").read_text()))
PatchOp[User].model_validate(json.loads(Path("patch.json").read_text())).patch(person)
seen = sum(one.primary or False for one in person.emails)
print("primary addresses with scim2-models:", seen)
raise SystemExit(seen != 1 or len(person.emails) != 2)
PY
