// oidc-provider is a library: this is the server that its README shows, with its development pages, client
// credentials switched on, and RS256 JWT access tokens for one API (else they are opaque).
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const resource = "https://api.example.com";

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "web",
      client_secret: "web-secret",
      grant_types: ["authorization_code", "client_credentials"],
      redirect_uris: ["http://localhost:3000/callback"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  pkce: { required: () => false },
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: () => ({
        scope: "read:x",
        audience: resource,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
provider.listen(port, "127.0.0.1");
