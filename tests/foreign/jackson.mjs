// saml-jackson's directory sync behind a plain HTTP route, as its own documentation has it. Prints the root once it listens.
import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const jackson = require("@boxyhq/saml-jackson").default;
const { directorySyncController: sync } = await jackson({
    externalUrl: "http://localhost",
    samlAudience: "http://localhost",
    samlPath: "/sso",
    scimPath: "/scim",
    db: { engine: "mem" },
});
const made = await sync.directories.create({ tenant: "x", product: "p", type: "azure-scim-v2" });
if (made.error) throw new Error(made.error.message);

const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const url = new URL(request.url, "http://localhost");
    const [, , , kind, id] = url.pathname.split("/").map(decodeURIComponent); // /scim/v2/Users/ID
    const { status, data } = await sync.requests.handle({
        method: request.method,
        body: text ? JSON.parse(text) : undefined,
        directoryId: made.data.id,
        resourceType: kind ?? "",
        resourceId: id,
        apiSecret: (request.headers.authorization ?? "").replace(/^Bearer /, ""),
        query: {
            count: url.searchParams.has("count") ? Number(url.searchParams.get("count")) : undefined,
            startIndex: url.searchParams.has("startIndex") ? Number(url.searchParams.get("startIndex")) : undefined,
            filter: url.searchParams.get("filter") ?? undefined,
        },
    });
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(data === undefined || data === null ? "" : JSON.stringify(data));
});
server.listen(0, "127.0.0.1", () =>
    console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/scim/v2`, token: made.data.scim.secret })),
);
