// oidc-client-ts: whoever opens the page logs in.
const show = (user) => (document.getElementById("root").textContent = user.profile.email);

// docs: oidc-client
const manager = new oidc.UserManager({
  authority: ISSUER,
  client_id: "spa",
  redirect_uri: CALLBACK,
  post_logout_redirect_uri: CALLBACK,
  scope: "openid profile email offline_access",
});

if (location.search.includes("code=")) {
  await manager.signinRedirectCallback();
  show(await manager.signinSilent()); // by the refresh token; without offline_access in a hidden frame
} else {
  await manager.signinRedirect();
}
// end
