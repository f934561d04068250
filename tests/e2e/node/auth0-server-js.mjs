// @auth0/auth0-server-js in an Express app: log in, link, unlink, log out.
import {
  CookieTransactionStore,
  ServerClient,
  StatelessStateStore,
} from "@auth0/auth0-server-js";
import express from "express";
import { serve } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL } = process.env;
const app = express();

// Cookies as Express has them.
const all = ({ req }) =>
  Object.fromEntries(
    (req.headers.cookie ?? "").split("; ").map((pair) => [
      pair.slice(0, pair.indexOf("=")),
      decodeURIComponent(pair.slice(pair.indexOf("=") + 1)),
    ]),
  );
const cookies = {
  setCookie: (name, value, { maxAge, ...options } = {}, { res }) =>
    res.cookie(name, value, { ...options, ...(maxAge && { maxAge: maxAge * 1000 }) }),
  getCookie: (name, context) => all(context)[name],
  getCookies: all,
  deleteCookie: (name, { res }) => res.clearCookie(name),
};
const secret = "a-secret-of-at-least-thirty-two-characters";

// docs: auth0-server-js
const auth0 = new ServerClient({
  domain: AUTH0_DOMAIN,
  clientId: "web",
  clientSecret: "web-secret",
  authorizationParams: { redirect_uri: `${BASE_URL}/callback` },
  transactionStore: new CookieTransactionStore({ secret }, cookies),
  stateStore: new StatelessStateStore({ secret }, cookies),
});

app.get("/login", async (req, res) => {
  res.redirect((await auth0.startInteractiveLogin({}, { req, res })).href);
});
app.get("/link/:connection", async (req, res) => {
  const { connection } = req.params;
  res.redirect((await auth0.startLinkUser({ connection, connectionScope: "email" }, { req, res })).href);
});
app.get("/unlink/:connection", async (req, res) => {
  const { connection } = req.params;
  res.redirect((await auth0.startUnlinkUser({ connection }, { req, res })).href);
});
app.get("/callback", async (req, res) => {
  await auth0.completeInteractiveLogin(new URL(req.url, BASE_URL), { req, res });
  res.redirect("/me");
});
app.get("/logout", async (req, res) => {
  res.redirect((await auth0.logout({ returnTo: BASE_URL }, { req, res })).href);
});
// end

app.get("/me", async (req, res) => {
  const user = await auth0.getUser({ req, res });
  const { accessToken } = user ? await auth0.getAccessToken({ req, res }) : {};
  res.json({ user: user ?? null, accessToken });
});
app.get("/", (req, res) => res.redirect("/me"));
serve(app);
