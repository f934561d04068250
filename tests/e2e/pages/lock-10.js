// Lock 10: it shows itself; `addAccount()` begins the linking.
const show = (user) => (document.getElementById("root").textContent = user.sub);

// docs: lock-10
const lock = new Auth0Lock("spa", AUTH0_DOMAIN, { auth: { redirectUrl: CALLBACK, responseType: "token" } });
lock.on("authenticated", (result) => {
  localStorage.setItem("accessToken", result.accessToken);
  show(result.idTokenPayload);
});
if (!location.hash) lock.show();

function addAccount() {
  const params = { access_token: localStorage.getItem("accessToken") };
  const auth = { redirectUrl: CALLBACK, responseType: "token", params };
  new Auth0Lock("spa", AUTH0_DOMAIN, { auth, rememberLastLogin: false }).show();
}
// end

window.addAccount = addAccount;
