// A small SCIM server as node applications have it: scim-patch changes, scim2-parse-filter finds. Prints the root once it
// listens. Nothing is done beside what the libraries do, but ids, uniqueness of the user name and pages.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { scimPatch } = require("scim-patch");
const { filter, parse } = require("scim2-parse-filter");
const people = new Map();
const PAGE = 20;
const no = (status, detail, scimType) => ({
    status,
    body: { schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: String(status), detail, scimType },
});
const same = (one, other) => String(one ?? "").toLowerCase() === String(other ?? "").toLowerCase();

function list(query) {
    const wanted = query.get("filter");
    const rows = [...people.values()].filter(wanted ? filter(parse(wanted)) : () => true);
    const start = Math.max(1, Number(query.get("startIndex") ?? 1));
    const page = rows.slice(start - 1, start - 1 + Math.min(PAGE, Number(query.get("count") ?? PAGE)));
    const schemas = ["urn:ietf:params:scim:api:messages:2.0:ListResponse"];
    return { schemas, totalResults: rows.length, startIndex: start, itemsPerPage: page.length, Resources: page };
}

function keep(id, given) {
    if (!given.userName) return no(400, "userName is required", "invalidValue");
    if ([...people.values()].some((one) => one.id !== id && same(one.userName, given.userName)))
        return no(409, "userName is taken", "uniqueness");
    const version = Number(people.get(id)?.meta.version ?? 0) + 1;
    const body = { ...given, id, meta: { resourceType: "User", version: String(version) } };
    people.set(id, body);
    return { status: 200, body };
}

function answer(method, id, query, said) {
    if (method === "POST") {
        const made = keep(randomUUID(), said);
        return made.status === 200 ? { ...made, status: 201 } : made;
    }
    if (!id) return { status: 200, body: list(query) };
    const held = people.get(id);
    if (!held) return no(404, "not found");
    if (method === "GET") return { status: 200, body: held };
    if (method === "PUT") return keep(id, said);
    if (method === "DELETE") return people.delete(id), { status: 204 };
    if (method !== "PATCH") return no(405, "not here");
    return keep(id, scimPatch(structuredClone(held), said.Operations));
}

const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const url = new URL(request.url, "http://localhost");
    const [, , , kind, id] = url.pathname.split("/").map(decodeURIComponent); // /scim/v2/Users/ID
    let made = no(404, "not found");
    if (kind === "Users") {
        try {
            made = answer(request.method, id, url.searchParams, text ? JSON.parse(text) : {});
        } catch (error) {
            made = no(400, error.message, error.scimCode);
        }
    }
    response.writeHead(made.status, { "Content-Type": "application/scim+json" });
    response.end(made.body ? JSON.stringify(made.body) : "");
});
server.listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/scim/v2`, token: "any" })),
);
