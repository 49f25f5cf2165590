#!/bin/sh
# A PATCH of two operations; the second is refused. What of the first?
#
# RFC 7644 §3.5.2: a request with several operations is carried out whole or not at all, so one would guess that the
# profile is as before. scim-patch 0.8.3 throws, and the object it was given has the first operation in it: unless told
# "mutateDocument: false", it changes what it is given as it goes. A server that hands over what it holds in memory answers 400
# and has changed the profile.
#
# It matters to whoever takes a refusal for "nothing happened": after a 400 the profile must be looked at again before
# anything is concluded, or sent in another way.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-package-lock scim-patch@0.8.3
cat > look.mjs <<'JS'
import { scimPatch } from "scim-patch";

const seen = [undefined, { mutateDocument: false }].map((options) => {
    const held = { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "bo", title: "Clerk", emails: [], meta: {} };
    const operations = [
        { op: "replace", path: "title", value: "Chief" },
        { op: "remove", path: 'emails[type eq "home"].value' },
    ];
    try {
        scimPatch(held, operations, options);
        return "taken";
    } catch (error) {
        return `refused, title is ${held.title}`;
    }
});
console.log("as it comes:", seen[0]);
console.log("mutateDocument: false:", seen[1]);
process.exit(seen.join() === "refused, title is Chief,refused, title is Clerk" ? 0 : 1);
JS
node look.mjs
