#!/bin/sh
# Who was changed after ten o'clock in Berlin? meta.lastModified gt "2026-11-29T10:00:00+01:00"
#
# RFC 7644 §3.4.2.2 compares dateTimes in their order in time, so one would guess that somebody changed at 09:30Z, which is
# half past ten in Berlin, is found. scim2-parse-filter 0.2.10 compares letters: "09" comes before "10", nobody is found.
# The same moment with and without milliseconds is not equal, either. SCIMMY 1.3.5 finds him with gt, and with eq and
# milliseconds does not.
#
# It matters to whoever reads only what changed since the last time: with another offset or more digits than the
# server's own, people are left out without a word. Ask in the server's own spelling, or read everything.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-package-lock scim2-parse-filter@0.2.10 scimmy@1.3.5
cat > look.mjs <<'JS'
import { filter, parse } from "scim2-parse-filter";
import SCIMMY from "scimmy";

const bo = { id: "bo", meta: { lastModified: "2026-11-29T09:30:00Z" } };
const found = [];
for (const wanted of ['gt "2026-11-29T10:00:00+01:00"', 'gt "2026-11-29T09:00:00Z"', 'eq "2026-11-29T09:30:00.000Z"']) {
    const text = `meta.lastModified ${wanted}`;
    const one = filter(parse(text))(bo);
    const other = new SCIMMY.Types.Filter(text).match([bo]).length === 1;
    console.log(`${text}: scim2-parse-filter ${one}, SCIMMY ${other}`);
    found.push(one, other);
}
process.exit(found.join() === "false,true,true,true,false,false" ? 0 : 1);
JS
node look.mjs
