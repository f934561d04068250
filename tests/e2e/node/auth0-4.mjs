// auth0 4, and its copy in 7: AuthenticationClient, UserInfoClient and ManagementClient. The argument is the package.
import { refused, report, visit } from "./talk.mjs";

const { AuthApiError, AuthenticationClient, ManagementClient, UserInfoClient } = await import(process.argv[2]);
const { AUTH0_DOMAIN, BASE_URL } = process.env;
const connection = "Username-Password-Authentication";

// docs: auth0 4
const auth0 = new AuthenticationClient({
  domain: AUTH0_DOMAIN,
  clientId: "web",
  clientSecret: "web-secret",
});
const { data: bob } = await auth0.oauth.passwordGrant({
  username: "bob@example.com",
  password: "bob-password",
  realm: "Username-Password-Authentication",
  scope: "openid profile email offline_access",
});
const { data: profile } = await new UserInfoClient({ domain: AUTH0_DOMAIN }).getUserInfo(bob.access_token);

const management = new ManagementClient({
  domain: AUTH0_DOMAIN,
  clientId: "m2m",
  clientSecret: "m2m-secret",
});
const { data: linked } = await management.users.link(
  { id: profile.sub },
  { provider: "facebook", user_id: "1022" },
);
const { data: left } = await management.users.unlink({
  id: profile.sub,
  provider: "facebook",
  user_id: "1022",
});
// end

const query = new URLSearchParams({
  client_id: "web",
  response_type: "code",
  redirect_uri: `${BASE_URL}/callback`,
  scope: "openid",
  nonce: "n-1",
});
const callback = await visit(`https://${AUTH0_DOMAIN}/authorize?${query}`, "alice@example.com");
const { data: alice } = await auth0.oauth.authorizationCodeGrant(
  { code: callback.searchParams.get("code"), redirect_uri: `${BASE_URL}/callback` },
  { idTokenValidateOptions: { nonce: "n-1" } }, // verified with the published keys
);

const { data: refreshed } = await auth0.oauth.refreshTokenGrant({ refresh_token: bob.refresh_token });
await auth0.oauth.revokeRefreshToken({ token: bob.refresh_token });
const gone = await refused(auth0.oauth.refreshTokenGrant({ refresh_token: bob.refresh_token }));
const { data: own } = await auth0.oauth.clientCredentialsGrant({ audience: "https://api.example.com" });

const dora = { email: "dora@example.com", connection };
const { data: signedUp } = await auth0.database.signUp({ ...dora, password: "Correct-Horse-1" });
const { data: mailed } = await auth0.database.changePassword(dora);

const { data: page } = await management.users.getAll({ per_page: 2, include_totals: true });
const { data: found } = await management.usersByEmail.getByEmail({ email: "alice@example.com" });
const missing = await refused(management.users.get({ id: "auth0|nobody" }));

const providers = (identities) => identities.map((identity) => identity.provider);
report({
  bob: profile.email,
  linked: providers(linked),
  left: providers(left),
  alice: Boolean(alice.id_token),
  refreshed: Boolean(refreshed.access_token),
  gone: [gone instanceof AuthApiError, gone.statusCode, gone.error],
  scope: own.scope,
  signedUp: signedUp.email,
  mailed,
  page: [page.start, page.limit, page.users.length, page.total],
  found: found.map((user) => user.email),
  missing: [missing.statusCode, missing.errorCode],
});
