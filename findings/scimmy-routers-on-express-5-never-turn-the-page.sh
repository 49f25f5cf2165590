#!/bin/sh
# scimmy-routers ask for express ">=4.18". Are pages read the same on express 4 and on express 5?
#
# One would guess so: npm installs the newest, and everything answers. But the routers turn startIndex and count into
# numbers by writing them back into request.query, and express 5 works that out anew at each access. The numbers are
# lost, SCIMMY 1.3.5 passes over what is text, and every request gets the first twenty: any startIndex, any count, 200,
# with the true totalResults. On express 4 the same server pages as it should.
#
# It matters to whoever reads a directory page by page until nothing new comes: sixty people look like twenty. Only the
# total, and knowing who was there yesterday, tell that forty are missing; taken at its word, the list is a mass leave.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.mjs <<'JS'
import express from "express";
import SCIMMY from "scimmy";
import Routers from "scimmy-routers";

const people = Array.from({ length: 60 }, (_, n) => ({ id: `${n}`, userName: `u${n}@example.com` }));
SCIMMY.Resources.declare(SCIMMY.Resources.User).egress((one) => (one.id ? people[one.id] : people));
const app = express();
app.use("/scim/v2", new Routers({ type: "bearer", handler: () => "somebody" }));
const server = app.listen(0, "127.0.0.1", async () => {
    const page = await fetch(`http://127.0.0.1:${server.address().port}/scim/v2/Users?startIndex=41&count=5`);
    const { totalResults, Resources } = await page.json();
    console.log(`${Resources.length} of ${totalResults}, from ${Resources[0].userName}`);
    process.exit(0);
});
JS
for express in 4.22.3 5.3.0; do
    mkdir "$work/$express"
    cp look.mjs "$work/$express/"
    (cd "$work/$express" && npm install --silent --no-audit --no-fund --no-package-lock \
        scimmy@1.3.5 scimmy-routers@1.3.2 "express@$express" >/dev/null && node look.mjs >said)
    echo "express $express, startIndex=41, count=5: $(cat "$work/$express/said")"
done
grep -qx "5 of 60, from u40@example.com" "$work/4.22.3/said"
grep -qx "20 of 60, from u0@example.com" "$work/5.3.0/said"
