// Lock 14: it shows itself; `addAccount()` begins the linking.
const show = (user) => (document.getElementById("root").textContent = user.sub);

// docs: lock-14
const auth = { redirectUrl: CALLBACK, responseType: "token id_token", params: { scope: "openid email" } };
const lock = new Auth0Lock("spa", AUTH0_DOMAIN, { auth });
lock.on("authenticated", (result) => {
  localStorage.setItem("accessToken", result.accessToken);
  show(result.idTokenPayload);
});
if (!location.hash) lock.show();

function addAccount() {
  const params = { scope: "openid email", access_token: localStorage.getItem("accessToken") };
  new Auth0Lock("spa", AUTH0_DOMAIN, { auth: { ...auth, params }, rememberLastLogin: false }).show();
}
// end

window.addAccount = addAccount;
