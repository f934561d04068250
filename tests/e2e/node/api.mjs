// express-oauth2-jwt-bearer and jwks-rsa: an API that takes tokens of the tenant.
import { createVerify } from "node:crypto";
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import jwksClient from "jwks-rsa";
import { serve } from "./talk.mjs";

const { ISSUER_BASE_URL } = process.env;
const app = express();

// docs: jwks-rsa
const client = jwksClient({ jwksUri: `${ISSUER_BASE_URL}/.well-known/jwks.json` });

async function publicKey(kid) {
  const key = await client.getSigningKey(kid);
  return key.getPublicKey();
}
// end

app.get("/verified", async (req, res) => {
  const [header, payload, signature] = req.headers.authorization.slice("Bearer ".length).split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url"));
  const verify = createVerify("RSA-SHA256").update(`${header}.${payload}`);
  res.json({ kid, verified: verify.verify(await publicKey(kid), signature, "base64url") });
});

// docs: express-oauth2-jwt-bearer
app.use(
  auth({
    issuerBaseURL: process.env.ISSUER_BASE_URL,
    audience: "https://api.example.com",
  }),
);
app.get("/x", requiredScopes("read:x"), (req, res) => res.json({ sub: req.auth.payload.sub }));
// end

serve(app);
