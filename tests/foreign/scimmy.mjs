// SCIMMY with its routers for express over a map, as its documentation has it: egress reads, ingress writes, degress
// deletes. Prints the root once it listens.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const express = require("express");
const SCIMMY = require("scimmy");
const SCIMMYRouters = require("scimmy-routers");
const Routers = SCIMMYRouters.default ?? SCIMMYRouters;
const people = new Map();
const same = (one, other) => String(one).toLowerCase() === String(other).toLowerCase();

SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false), {
    egress: (resource) => {
        if (!resource.id) return [...people.values()];
        if (!people.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
        return people.get(resource.id);
    },
    ingress: (resource, given) => {
        const id = resource.id ?? randomUUID();
        if (resource.id && !people.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        if ([...people.values()].some((one) => one.id !== id && same(one.userName, given.userName)))
            throw new SCIMMY.Types.Error(409, "uniqueness", "userName is taken");
        const now = new Date().toISOString();
        const meta = { created: people.get(id)?.meta.created ?? now, lastModified: now };
        people.set(id, { ...JSON.parse(JSON.stringify(given)), id, meta });
        return people.get(id);
    },
    degress: (resource) => void people.delete(resource.id),
});

const app = express();
const handler = (request) => {
    if (!request.header("Authorization")?.startsWith("Bearer ")) throw new Error("no token");
    return "trueup";
};
app.use("/scim/v2", new Routers({ type: "bearer", handler }));
const server = app.listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/scim/v2`, token: "any" })),
);
