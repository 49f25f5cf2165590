#!/bin/sh
# Bo has a home address bo@home.example and a work address. emails.type eq "work" and emails.value eq "bo@home.example"?
#
# Each side of "and" is a condition of its own (RFC 7644 §3.4.2.2; for both in one element there are brackets: emails[type eq
# … and value eq …]), so one would guess that Bo is found: some address is of type work, some is bo@home.example. With
# scim2-parse-filter 0.2.10 he is. SCIMMY 1.3.5 wants both of one address, as if there were brackets, and finds nobody.
#
# It matters to whoever looks people up by address: the same filter finds people on one server whom it does not find on another, in
# either direction. Ask with brackets or for one attribute only, and check what comes back.
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

const emails = [{ type: "home", value: "bo@home.example" }, { type: "work", value: "bo@work.example" }];
const bo = { id: "1", userName: "bo", emails };
const seen = ["home", "work"].flatMap((type) => {
    const text = `emails.type eq "${type}" and emails.value eq "bo@home.example"`;
    const found = [filter(parse(text))(bo), new SCIMMY.Types.Filter(text).match([bo]).length === 1];
    console.log(`${text}: scim2-parse-filter ${found[0]}, SCIMMY ${found[1]}`);
    return found;
});
process.exit(seen.join() === "true,true,true,false" ? 0 : 1);
JS
node look.mjs
