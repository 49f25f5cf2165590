#!/bin/sh
# userName eq "ren\u00e9" - the same filter as userName eq "rené"?
#
# RFC 7644 §3.4.2.2 says that the value of a comparison is JSON, so one would guess that both find René. In SCIMMY 1.3.5
# and scim2-parse-filter 0.2.10 (servers on node) the first looks for the nine signs r e n \ u 0 0 e 9 as they stand: no
# error, an empty list, 200. A backslash written as \\ finds nobody either.
#
# It matters to whoever makes filters with a JSON library: Python's json.dumps writes é as \u00e9 unless told
# otherwise, and "nobody has that userName" is the answer upon which a person is made a second time. Write what is not ASCII
# as it is (ensure_ascii=False), percent-encoded in the address, and do not trust an empty list where a name has a backslash.
#
# Seen on 2026-11-29 with node 20.20.2.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --no-package-lock scimmy@1.3.5 scim2-parse-filter@0.2.10
cat > look.mjs <<'JS'
import parser from "scim2-parse-filter";
import SCIMMY from "scimmy";

const people = [{ userName: "rené" }, { userName: "corp\\bo" }];
const libraries = {
    scimmy: (text) => new SCIMMY.Types.Filter(text).match(people),
    "scim2-parse-filter": (text) => people.filter(parser.filter(parser.parse(text))),
};
const filters = ['userName eq "rené"', 'userName eq "ren\\u00e9"', 'userName eq "corp\\\\bo"'];
const seen = [];
for (const [name, find] of Object.entries(libraries))
    for (const text of filters) {
        seen.push(find(text).length);
        console.log(`${name}: ${text} finds ${seen.at(-1)}`);
    }
process.exit(seen.join() === "1,0,0,1,0,0" ? 0 : 1);
JS
node look.mjs
