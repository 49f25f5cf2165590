#!/bin/sh
# userName eq "bo", and urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bo" - the same filter?
#
# RFC 7644 §3.10 says that an attribute may be written with its schema's URN in front, so one would guess that both find
# Bo. scim2-parse-filter 0.2.10 and SCIMMY 1.3.5 read the second without complaint and find nobody. scim-patch 0.8.3,
# used beside the first on many servers, understands the very same notation in a path.
#
# It matters to whoever takes attribute names from a schema and puts them into a filter whole: "nobody has that userName" is
# then the answer for everybody, and upon it people are made a second time. Leave the core schema's URN out of filters.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-package-lock scim2-parse-filter@0.2.10 scimmy@1.3.5 scim-patch@0.8.3
cat > look.mjs <<'JS'
import { filter, parse } from "scim2-parse-filter";
import { scimPatch } from "scim-patch";
import SCIMMY from "scimmy";

const urn = "urn:ietf:params:scim:schemas:core:2.0:User";
const bo = { schemas: [urn], id: "1", userName: "bo", meta: {} };
const seen = ["userName", `${urn}:userName`].flatMap((name) => {
    const text = `${name} eq "bo"`;
    return [filter(parse(text))(bo), new SCIMMY.Types.Filter(text).match([bo]).length === 1];
});
console.log("userName: scim2-parse-filter, SCIMMY:", seen[0], seen[1]);
console.log("with the URN: scim2-parse-filter, SCIMMY:", seen[2], seen[3]);
const title = scimPatch(bo, [{ op: "add", path: `${urn}:title`, value: "Chief" }]).title;
console.log("in a path, scim-patch:", title);
process.exit(seen.join() === "true,true,false,false" && title === "Chief" ? 0 : 1);
JS
node look.mjs
