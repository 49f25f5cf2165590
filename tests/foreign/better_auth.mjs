// Better Auth with its SCIM plugin over its adapter for memory, as its documentation has it. Prints the root once it listens.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { betterAuth } = await load("better-auth");
const { memoryAdapter } = await load("better-auth/adapters/memory");
const { toNodeHandler } = await load("better-auth/node");
const { scim } = await load("@better-auth/scim");
const token = "not-secret-and-longer-than-thirty-two-signs";
const tables = {};

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const root = `http://127.0.0.1:${server.address().port}`;
const auth = betterAuth({
    baseURL: root,
    secret: token,
    telemetry: { enabled: false },
    database: memoryAdapter(tables),
    plugins: [scim({ connections: [{ id: "trueup", credentials: [{ type: "bearer", id: "one", token }] }] })],
});
for (const table of Object.values((await auth.$context).tables)) tables[table.modelName] ??= [];
server.on("request", toNodeHandler(auth));
console.log(JSON.stringify({ url: `${root}/api/auth/scim/v2`, token }));
