// auth0.js 10: whoever opens the page logs in, with #password by the page's own form.
const show = (user) => (document.getElementById("root").textContent = user.email);

// docs: auth0-js
const webAuth = new auth0.WebAuth({
  domain: AUTH0_DOMAIN,
  clientID: "spa",
  redirectUri: CALLBACK,
  responseType: "token id_token",
  scope: "openid profile email",
  overrides: { __token_issuer: ISSUER }, // for http only: it expects https://
});

if (location.hash) {
  webAuth.parseHash((error, result) => show(error || result.idTokenPayload));
} else {
  webAuth.authorize();
}
// end
