// A shop: its customers log in with Auth0, add their Google account, and pay with a second factor; it has an API.
// It reads BASE_URL, ISSUER_BASE_URL, CLIENT_ID, CLIENT_SECRET, SESSION_SECRET and AUDIENCE, and knows no mockidp.
import express from "express";
import { auth as bearer, requiredScopes } from "express-oauth2-jwt-bearer";
import openid from "express-openid-connect";

const { auth, requiresAuth } = openid;
const { AUDIENCE, BASE_URL, CLIENT_ID, CLIENT_SECRET } = process.env;
const ISSUER = process.env.ISSUER_BASE_URL.replace(/\/$/, "");
const MULTI_FACTOR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";
const app = express();

app.get("/api/orders", bearer(), requiredScopes("read:orders"), (req, res) => {
  res.json({ customer: req.auth.payload.sub, orders: [] });
});

app.use(
  auth({
    secret: process.env.SESSION_SECRET,
    authRequired: false,
    idpLogout: true,
    authorizationParams: { response_type: "code", scope: "openid profile email" },
  }),
);

app.get("/", (req, res) => {
  const links = req.oidc.isAuthenticated()
    ? '<a href="/account">Account</a> <a href="/pay">Pay</a> <a href="/logout">Log out</a>'
    : '<a href="/login">Log in</a>';
  res.send(page(`Hello, ${req.oidc.user?.name ?? "stranger"}`, links));
});

app.get("/account", requiresAuth(), async (req, res) => {
  const profile = await req.oidc.fetchUserInfo();
  const { identities } = await managed(`users/${encodeURIComponent(profile.sub)}`);
  const rows = identities.map(({ provider, user_id }, index) => {
    const key = escaped(`${provider}|${user_id}`);
    const button = index ? `<form method="post" action="/unlink/${encodeURI(key)}"><button>Remove</button></form>` : "";
    return `<li>${key} ${button}</li>`;
  });
  const add = '<form method="post" action="/link/google-oauth2"><button>Add Google</button></form>';
  res.send(page(profile.email, `<ul>${rows.join("")}</ul>${add}`));
});

app.post("/link/:connection", requiresAuth(), (req, res) => {
  const { access_token } = req.oidc.accessToken;
  res.oidc.login({ returnTo: "/account", authorizationParams: { connection: req.params.connection, access_token } });
});

app.post("/unlink/:key", requiresAuth(), async (req, res) => {
  const { access_token } = req.oidc.accessToken;
  await asked(`${ISSUER}/unlink`, {}, { access_token, user_id: req.params.key });
  res.redirect("/account");
});

app.get("/pay", requiresAuth(), (req, res) => {
  if (req.oidc.idTokenClaims.amr?.includes("mfa")) return res.send(page("Thank you", "Your order is paid."));
  return res.oidc.login({ returnTo: "/pay", authorizationParams: { acr_values: MULTI_FACTOR } });
});

app.use((error, req, res, next) => {
  const status = error.status ?? 500;
  const title = status === 401 ? "Your session has expired" : "Sorry, that did not work";
  const reason = escaped(error.error_description ?? error.message);
  res.status(status).send(page(title, `<p>${reason}</p><a href="/login">Log in again</a>`));
});

/** Ask the Management API, as the shop itself. */
async function managed(path) {
  const audience = `${ISSUER}/api/v2/`;
  const client = { grant_type: "client_credentials", client_id: CLIENT_ID, client_secret: CLIENT_SECRET, audience };
  const { access_token } = await (await asked(`${ISSUER}/oauth/token`, {}, client)).json();
  return (await asked(audience + path, { authorization: `Bearer ${access_token}` })).json();
}

async function asked(url, headers, body) {
  const post = body && { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(url, { headers: { "content-type": "application/json", ...headers }, ...post });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer;
}

function page(title, body) {
  return `<!doctype html><html lang="en"><title>Shop</title><h1>${escaped(title)}</h1>${body}</html>`;
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

app.listen(Number(new URL(BASE_URL).port), () => console.log(`The shop is open at ${BASE_URL}, its API for ${AUDIENCE}`));
