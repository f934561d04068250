// auth0-spa-js: whoever opens the page logs in, and a token comes silently.
const show = (user, token) => (document.getElementById("root").textContent = token && user.email);

// docs: spa-js
const client = await auth0.createAuth0Client({
  domain: AUTH0_DOMAIN,
  clientId: "spa",
  authorizationParams: { redirect_uri: CALLBACK },
});

if (location.search.includes("code=")) {
  await client.handleRedirectCallback();
  const user = await client.getUser();
  const token = await client.getTokenSilently({ cacheMode: "off" }); // asks in a hidden frame
  show(user, token);
} else {
  await client.loginWithRedirect();
}
// end
