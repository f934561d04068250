// express-openid-connect: its default (an id_token posted to the callback), or the code flow.
import express from "express";
import openid from "express-openid-connect";
import { serve } from "./talk.mjs";

const { auth, requiresAuth } = openid;
const { AUTH0_DOMAIN, BASE_URL } = process.env;
const app = express();

function idToken() {
  // docs: express-openid-connect
  app.use(
    auth({
      issuerBaseURL: `https://${AUTH0_DOMAIN}`,
      baseURL: BASE_URL,
      clientID: "web",
      secret: "LONG_RANDOM_STRING",
      authRequired: false,
      idpLogout: true,
    }),
  );
  app.get("/profile", requiresAuth(), (req, res) => res.json(req.oidc.user));
  // end
}

function code() {
  // docs: express-openid-connect, code
  app.use(
    auth({
      issuerBaseURL: `https://${AUTH0_DOMAIN}`,
      baseURL: BASE_URL,
      clientID: "web",
      clientSecret: "web-secret", // sent as client_secret_basic
      secret: "LONG_RANDOM_STRING",
      authRequired: false,
      auth0Logout: true,
      authorizationParams: {
        response_type: "code",
        audience: "https://api.example.com",
        scope: "openid profile email offline_access read:x",
      },
    }),
  );
  // end
  app.get("/profile", requiresAuth(), async (req, res) => {
    const before = req.oidc.accessToken;
    const after = await before.refresh();
    res.json({
      ...req.oidc.user,
      info: await req.oidc.fetchUserInfo(),
      token_type: before.token_type,
      refreshed: after.access_token !== before.access_token,
    });
  });
}

({ id_token: idToken, code })[process.argv[2]]();
app.get("/", (req, res) => res.json({ authenticated: req.oidc.isAuthenticated() }));
serve(app);
