// @auth0/nextjs-auth0 4: what proxy.ts and a page do, with Next's Request objects and without its server.
import { Auth0Client } from "@auth0/nextjs-auth0/server";
import { NextRequest } from "next/server.js";
import { serve } from "./talk.mjs";

const { AUTH0_DOMAIN, BASE_URL } = process.env;

// docs: nextjs-auth0
const auth0 = new Auth0Client({
  domain: `https://${AUTH0_DOMAIN}`, // a port only goes with the scheme,
  allowInsecureRequests: true, // and localhost only with this
  clientId: "web",
  clientSecret: "web-secret",
  secret: "a-32-byte-secret-for-the-cookies",
  appBaseUrl: BASE_URL,
});
// end

async function page(request) {
  const session = await auth0.getSession(request);
  return Response.json({ user: session?.user ?? null });
}

serve(async (request) => {
  const next = new NextRequest(request);
  const response = await auth0.middleware(next);
  return response.headers.has("x-middleware-next") ? page(next) : response;
});
