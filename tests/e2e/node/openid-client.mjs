// openid-client 6: code with PKCE, refresh, userinfo, revocation, logout, machines by secret and by key.
import * as client from "openid-client";
import { refused, report, visit } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL, PRIVATE_JWK } = process.env;

// docs: openid-client
const config = await client.discovery(new URL(`https://${AUTH0_DOMAIN}`), "web", "web-secret");

const code_verifier = client.randomPKCECodeVerifier();
const state = client.randomState();
const nonce = client.randomNonce();
const redirectTo = client.buildAuthorizationUrl(config, {
  redirect_uri: `${BASE_URL}/callback`,
  scope: "openid email offline_access",
  code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});
const currentUrl = await visit(redirectTo, "alice@example.com");
const tokens = await client.authorizationCodeGrant(config, currentUrl, {
  pkceCodeVerifier: code_verifier,
  expectedState: state,
  expectedNonce: nonce,
});
const { sub } = tokens.claims();
const profile = await client.fetchUserInfo(config, tokens.access_token, sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
// end

await client.tokenRevocation(config, tokens.refresh_token);
const gone = await refused(client.refreshTokenGrant(config, tokens.refresh_token));

const issuer = new URL(`https://${AUTH0_DOMAIN}`);
const audience = "https://api.example.com";
const granted = async (id, authentication) => {
  const machine = await client.discovery(issuer, id, undefined, authentication);
  return (await client.clientCredentialsGrant(machine, { audience })).scope;
};
const key = await crypto.subtle.importKey(
  "jwk",
  JSON.parse(PRIVATE_JWK),
  { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  false,
  ["sign"],
);
const logout = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: BASE_URL,
});
report({
  issuer: config.serverMetadata().issuer,
  sub,
  email: profile.email,
  refreshed: refreshed.claims().sub,
  gone: [gone.status, gone.error],
  post: await granted("m2m", client.ClientSecretPost("m2m-secret")),
  basic: await granted("m2m", client.ClientSecretBasic("m2m-secret")),
  assertion: await granted("robot", client.PrivateKeyJwt({ key, kid: "robot-key" })),
  logout: logout.href,
});
