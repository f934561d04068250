// auth0.js 9 with the application's own form: whoever opens the page is Alice.
const show = (user) => (document.getElementById("root").textContent = user.email || user.description);
const email = "alice@example.com";
const password = "alice-password";

const webAuth = new auth0.WebAuth({
  domain: AUTH0_DOMAIN,
  clientID: "spa",
  redirectUri: CALLBACK,
  responseType: "token id_token",
  scope: "openid profile email",
  overrides: { __token_issuer: ISSUER },
});

if (location.hash) {
  webAuth.parseHash((error, result) => show(error || result.idTokenPayload));
} else {
  // docs: auth0-js cross-origin
  const realm = "Username-Password-Authentication";
  webAuth.login({ realm, username: email, password }, (error) => show(error));
  // end
}
