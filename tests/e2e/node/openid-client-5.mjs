// openid-client 5: the same as with 6.
import { Issuer, generators } from "openid-client-5";
import { refused, report, visit } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL, PRIVATE_JWK } = process.env;
const redirect_uri = `${BASE_URL}/callback`;

// docs: openid-client 5
const issuer = await Issuer.discover(`https://${AUTH0_DOMAIN}`);
const client = new issuer.Client({
  client_id: "web",
  client_secret: "web-secret",
  redirect_uris: [`${BASE_URL}/callback`],
  response_types: ["code"],
});
// end

const code_verifier = generators.codeVerifier();
const checks = { code_verifier, state: generators.state(), nonce: generators.nonce() };
const url = client.authorizationUrl({
  scope: "openid email offline_access",
  code_challenge: generators.codeChallenge(code_verifier),
  code_challenge_method: "S256",
  state: checks.state,
  nonce: checks.nonce,
});
const params = client.callbackParams((await visit(url, "alice@example.com")).href);
const tokens = await client.callback(redirect_uri, params, checks);
const refreshed = await client.refresh(tokens.refresh_token);
await client.revoke(tokens.refresh_token);
const gone = await refused(client.refresh(tokens.refresh_token));

// The hybrid flow: the token in front is checked by c_hash and s_hash.
const hybrid = { response_type: "code id_token", state: generators.state(), nonce: generators.nonce() };
const front = await visit(
  client.authorizationUrl({ ...hybrid, scope: "openid", response_mode: "fragment" }),
  "alice@example.com",
);
const both = await client.callback(
  redirect_uri,
  Object.fromEntries(new URLSearchParams(front.hash.slice(1))),
  hybrid,
);

const granted = async (metadata, keys) => {
  const machine = new issuer.Client(metadata, keys);
  return (await machine.grant({ grant_type: "client_credentials", audience: "https://api.example.com" })).scope;
};
const robot = { client_id: "robot", token_endpoint_auth_method: "private_key_jwt" };
report({
  issuer: issuer.metadata.issuer,
  sub: tokens.claims().sub,
  email: (await client.userinfo(tokens)).email,
  refreshed: refreshed.claims().sub,
  gone: [gone.response.statusCode, gone.error],
  hybrid: both.claims().sub,
  basic: await granted({ client_id: "m2m", client_secret: "m2m-secret" }),
  assertion: await granted(robot, { keys: [JSON.parse(PRIVATE_JWK)] }),
  logout: client.endSessionUrl({ id_token_hint: tokens, post_logout_redirect_uri: BASE_URL }),
});
