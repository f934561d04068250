// passport-auth0: the app of the legacy account linking documentation.
import express from "express";
import session from "express-session";
import passport from "passport";
import Auth0Strategy from "passport-auth0";
import { serve } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL } = process.env;
const app = express();
app.use(session({ secret: "shop", resave: false, saveUninitialized: false }));

// docs: passport-auth0
const strategy = new Auth0Strategy(
  {
    domain: AUTH0_DOMAIN,
    clientID: "web",
    clientSecret: "web-secret",
    callbackURL: `${BASE_URL}/callback`,
    passReqToCallback: true, // need this to save the accessToken to session
  },
  function (req, accessToken, refreshToken, extraParams, profile, done) {
    // save accessToken to session to be able to link accounts later
    req.session.accessToken = accessToken;
    // profile has all the information from the user
    return done(null, profile);
  },
);
passport.use(strategy);

const scope = "openid email profile";
app.get("/login", passport.authenticate("auth0", { scope }));
app.get("/link/:connection", (req, res, next) =>
  passport.authenticate("auth0", {
    scope,
    connection: req.params.connection,
    access_token: req.session.accessToken, // who adds the account
  })(req, res, next),
);
app.get(
  "/callback",
  passport.authenticate("auth0", { keepSessionInfo: true, failWithError: true }),
  (req, res) => res.redirect("/me"),
);
app.post("/unlink/:user_id", async (req, res) => {
  const answer = await fetch(`https://${AUTH0_DOMAIN}/unlink`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ access_token: req.session.accessToken, user_id: req.params.user_id }),
  });
  res.json({ status: answer.status, text: await answer.text() });
});
// end

passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));
app.use(passport.session());
app.get("/me", (req, res) => res.json(req.user));
app.get("/accounts", (req, res) =>
  res.send('<form method="post" action="/unlink/facebook|1022"><button>Remove</button></form>'),
);
serve(app);
