// A code by mail, a code by SMS, a link: auth0 4 (and its copy in 7), auth0-auth-js. The argument is the package.
const sdk = await import(process.argv[2]);
const { AUTH0_DOMAIN, CALLBACK, MOCKIDP_URL } = process.env;
const email = "dora@example.com";
const phone = "+15550100";

/** Return the newest message that the tenant "sent". */
async function last() {
  const outbox = await fetch(`${MOCKIDP_URL}/_mockidp/outbox`).then((answer) => answer.json());
  return outbox.at(-1);
}

/** Open a link as a browser does, and return where it leads. */
async function follow(url) {
  const { headers } = await fetch(url, { redirect: "manual" });
  return new URL(headers.get("location"));
}

const subject = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).sub.split("|")[0];
const refused = (promise) => promise.then(() => "not refused", (error) => error);
const client = { domain: AUTH0_DOMAIN, clientId: "web", clientSecret: "web-secret" };
const authParams = { redirect_uri: CALLBACK, response_type: "code", scope: "openid", state: "s-1" };

async function node4() {
  const { oauth, passwordless } = new sdk.AuthenticationClient(client);
  await passwordless.sendEmail({ email, send: "code" });
  const byMail = await passwordless.loginWithEmail({ email, code: (await last()).code, scope: "openid" });
  await passwordless.sendSMS({ phone_number: phone });
  const wrong = await refused(passwordless.loginWithSMS({ phone_number: phone, code: "wrong" }));
  const bySms = await passwordless.loginWithSMS({
    phone_number: phone,
    code: (await last()).code,
    scope: "openid",
  });
  await passwordless.sendEmail({ email, send: "link", authParams });
  const callback = await follow((await last()).url);
  const code = callback.searchParams.get("code");
  const byLink = await oauth.authorizationCodeGrant({ code, redirect_uri: CALLBACK });
  const bad = await refused(passwordless.sendEmail({ email: "nobody", send: "code" }));
  return {
    subjects: [byMail, bySms, byLink].map(({ data }) => subject(data.id_token)),
    state: callback.searchParams.get("state"),
    wrong: [wrong.statusCode, wrong.error, wrong.error_description],
    bad: [bad.statusCode, bad.error],
  };
}

async function authJs() {
  const auth = new sdk.AuthClient(client);
  await auth.passwordless.sendEmail({ email });
  const byMail = await auth.getTokenByPasswordlessEmail({ email, code: (await last()).code, scope: "openid" });
  await auth.passwordless.sendSms({ phoneNumber: phone });
  const sms = { phoneNumber: phone, scope: "openid" };
  const wrong = await refused(auth.getTokenByPasswordlessSms({ ...sms, code: "wrong" }));
  const bySms = await auth.getTokenByPasswordlessSms({ ...sms, code: (await last()).code });
  await auth.passwordless.sendEmail({ email, send: "link", authParams });
  const callback = await follow((await last()).url);
  const byLink = await auth.getTokenByMagicLinkCode(callback, { expectedState: "s-1" });
  const bad = await refused(auth.passwordless.sendEmail({ email: "nobody" }));
  return {
    subjects: [byMail, bySms, byLink].map(({ idToken }) => subject(idToken)),
    state: callback.searchParams.get("state"),
    wrong: [wrong.statusCode, wrong.cause.error, wrong.cause.error_description],
    bad: [bad.statusCode, bad.cause.error],
  };
}

console.log(JSON.stringify(await (sdk.AuthClient ? authJs() : node4())));
