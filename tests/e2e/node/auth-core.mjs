// @auth/core, what is inside next-auth 5, SvelteKitAuth and others.
import { Auth } from "@auth/core";
import Auth0 from "@auth/core/providers/auth0";
import { serve } from "./talk.mjs";

const { AUTH0_DOMAIN } = process.env;

// docs: auth-core
const config = {
  basePath: "/auth",
  trustHost: true,
  secret: "a-secret-for-the-cookies",
  providers: [
    Auth0({
      issuer: `https://${AUTH0_DOMAIN}/`,
      clientId: "web",
      clientSecret: "web-secret",
    }),
  ],
};
// end

serve((request) =>
  new URL(request.url).pathname === "/" ? Response.redirect(new URL("/auth/session", request.url)) : Auth(request, config),
);
