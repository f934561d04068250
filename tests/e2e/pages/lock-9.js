// Lock 9: it shows itself; `addAccount()` begins the linking.
const show = (user) => (document.getElementById("root").textContent = user.sub);

// docs: lock-9
const lock = new Auth0Lock("spa", AUTH0_DOMAIN);
const options = { callbackURL: CALLBACK, responseType: "token", rememberLastLogin: false };
const result = lock.parseHash(location.hash);
if (result) {
  localStorage.setItem("accessToken", result.access_token);
  show(result.profile);
} else {
  lock.show(options);
}

function addAccount() {
  lock.show({ ...options, authParams: { access_token: localStorage.getItem("accessToken") } });
}
// end

window.addAccount = addAccount;
