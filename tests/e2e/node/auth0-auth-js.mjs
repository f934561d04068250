// @auth0/auth0-auth-js: every grant, the profile, and linking by hand-made URLs.
import { AuthClient } from "@auth0/auth0-auth-js";
import { refused, report, visit } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL } = process.env;

// docs: auth0-auth-js
const auth = new AuthClient({
  domain: AUTH0_DOMAIN,
  clientId: "web",
  clientSecret: "web-secret",
  authorizationParams: { redirect_uri: `${BASE_URL}/callback` },
});

const { authorizationUrl, codeVerifier } = await auth.buildAuthorizationUrl({
  authorizationParams: { scope: "openid profile email offline_access" },
});
const callback = await visit(authorizationUrl, "alice@example.com");
const tokens = await auth.getTokenByCode(callback, { codeVerifier });
const profile = await auth.getUserInfo({ accessToken: tokens.accessToken });

// Add the Facebook account, whoever is logged in.
const link = await auth.buildLinkUserUrl({
  connection: "facebook",
  connectionScope: "email",
  idToken: tokens.idToken,
});
const linked = await auth.getTokenByCode(await visit(link.linkUserUrl, "facebook|1022"), link);
const unlink = await auth.buildUnlinkUserUrl({ connection: "facebook", idToken: tokens.idToken });
// end

const { identities } = await fetch(`https://${AUTH0_DOMAIN}/_mockidp/state`)
  .then((answer) => answer.json())
  .then(({ users }) => users.find((user) => user.user_id === profile.sub));
const unlinked = await auth.getTokenByCode(await visit(unlink.unlinkUserUrl, "alice@example.com"), unlink);

const refreshed = await auth.getTokenByRefreshToken({ refreshToken: tokens.refreshToken });
await auth.revokeToken({ token: tokens.refreshToken });
const gone = await refused(auth.getTokenByRefreshToken({ refreshToken: tokens.refreshToken }));

const machine = new AuthClient({ domain: AUTH0_DOMAIN, clientId: "m2m", clientSecret: "m2m-secret" });
const own = await machine.getTokenByClientCredentials({ audience: "https://api.example.com" });
const password = await auth.getTokenByPassword({
  username: "bob@example.com",
  password: "bob-password",
  realm: "Username-Password-Authentication",
  scope: "openid",
});

const database = { email: "dora@example.com", connection: "Username-Password-Authentication" };
const signedUp = await auth.database.signUp({ ...database, password: "Correct-Horse-1" });
const again = await refused(auth.database.signUp({ ...database, password: "Correct-Horse-1" }));
const mailed = await auth.database.changePassword(database);

report({
  sub: tokens.claims.sub,
  profile: [profile.sub, profile.email],
  linked: [linked.claims.sub, identities.map(({ provider }) => provider)],
  unlinked: unlinked.claims.sub,
  refreshed: refreshed.accessToken !== tokens.accessToken,
  gone: [gone.code, gone.cause?.error],
  machine: own.scope,
  password: password.claims.sub,
  signedUp: Boolean(signedUp.id),
  again: [again.code, again.cause?.error],
  mailed,
  logout: (await auth.buildLogoutUrl({ returnTo: BASE_URL })).pathname,
});
