// auth0 5, 6 and 7: the Management API. The package's name in node_modules is the argument.
import { report } from "./talk.mjs";

const { ManagementClient, ManagementError } = await import(process.argv[2]);
const { AUTH0_DOMAIN } = process.env;

// docs: auth0
const management = new ManagementClient({
  domain: AUTH0_DOMAIN,
  clientId: "m2m",
  clientSecret: "m2m-secret",
});

const [alice] = await management.users.listUsersByEmail({ email: "alice@example.com" });
const linked = await management.users.identities.link(alice.user_id, {
  provider: "facebook",
  user_id: "1022",
});
const left = await management.users.identities.delete(alice.user_id, "facebook", "1022");
// end

const providers = (identities) => identities.map((identity) => identity.provider);
const created = await management.users.create({
  connection: "Username-Password-Authentication",
  email: "dora@example.com",
  password: "Correct-Horse-1",
});
await management.users.update(created.user_id, { user_metadata: { plan: "pro" } });
const { user_metadata } = await management.users.get(created.user_id);

const paged = [];
let page = await management.users.list({ per_page: 2, include_totals: true });
for (;;) {
  paged.push(page.data.length);
  if (!page.hasNextPage()) break;
  page = await page.getNextPage();
}
const emails = [];
for await (const user of await management.users.list({ q: "email:*@example.com", sort: "email:1" })) {
  emails.push(user.email);
}

await management.users.delete(created.user_id);
const error = await management.users.get(created.user_id).catch((error) => error);
report({
  linked: providers(linked),
  left: providers(left),
  user_metadata,
  paged,
  emails,
  refused: [error instanceof ManagementError, error.statusCode, error.body.errorCode],
});
