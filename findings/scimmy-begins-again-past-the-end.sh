#!/bin/sh
# Three people, and a client asks for those from the fourth on (startIndex=4).
#
# RFC 7644 §3.4.2.4 makes startIndex the first of the wanted results, so one would guess an empty page. SCIMMY 1.3.5 says
# "startIndex": 4 and gives the first page again.
#
# It matters to whoever reads pages until one is empty: the reading never ends, or everybody is there twice. End when a
# page brings no id that was not seen before.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-package-lock scimmy@1.3.5
cat > look.mjs <<'JS'
import SCIMMY from "scimmy";

const people = [0, 1, 2].map((n) => ({ id: `${n}`, userName: `u${n}@example.com` }));
SCIMMY.Resources.declare(SCIMMY.Resources.User).egress(() => people);
const ask = async (startIndex) => JSON.parse(JSON.stringify(await new SCIMMY.Resources.User({ startIndex, count: 2 }).read()));
for (const start of [1, 3, 4]) {
    const page = await ask(start);
    console.log(`startIndex=${start}: says ${page.startIndex}, gives ${page.Resources.map((one) => one.id).join(" ") || "nobody"}`);
}
process.exit((await ask(4)).Resources[0]?.id === "0" && (await ask(3)).Resources.length === 1 ? 0 : 1);
JS
node look.mjs
