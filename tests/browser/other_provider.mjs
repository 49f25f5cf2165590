// An identity provider of other people (npm oidc-provider) on loopback: whoever types a name is that person.
// Arguments: the folder of the installed package, the port, the review's address. The client secret is in the environment.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, port, review] = process.argv.slice(2);
const place = createRequire(`${folder}/`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(place).href);
const groups = { ann: ["reviewers"], ben: ["reviewers"], cy: ["readers"] };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "trueup",
      client_secret: process.env.TRUEUP_REVIEW_SECRET,
      redirect_uris: [`${review}/signed-in`],
      post_logout_redirect_uris: [`${review}/signed-out`],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"], email: ["email"] },
  cookies: { keys: ["only for a test"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} of elsewhere`,
      preferred_username: `${id}@x.example`,
      email: `${id}@x.example`,
      groups: groups[id] ?? [],
    }),
  }),
  pkce: { required: () => true },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
