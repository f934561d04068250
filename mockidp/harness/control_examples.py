"""An example of every operation of the control API: what it takes, and what the demo tenant may answer."""

from __future__ import annotations

from typing import Any, NamedTuple


class Example(NamedTuple):
    """`given`: members of the body, or parameters; `answered`: None where it would be long."""

    given: dict[str, Any]
    answered: Any = None


_DONE = {"status": "ok"}
_SINCE = "2030-01-01T00:00:00.000Z"
_EMAIL, _FACEBOOK = "alice@example.com", "facebook|1022"
_MAIN = {
    "connection": "Username-Password-Authentication",
    "user_id": "a95bb71058361f68421b5135",
    "provider": "auth0",
    "isSocial": False,
}
_LINKED = {
    "connection": "facebook",
    "user_id": "1022",
    "provider": "facebook",
    "isSocial": True,
    "profileData": {"email": "alice@facebook.example", "email_verified": True, "name": "Alice F"},
}
_ALICE = {
    "user_id": "auth0|a95bb71058361f68421b5135",
    "email": _EMAIL,
    "email_verified": True,
    "name": "Alice Example",
    "identities": [_MAIN],
    "user_metadata": {"plan": "pro"},
    "created_at": _SINCE,
    "updated_at": _SINCE,
}
_DORA = {
    "user_id": "auth0|7fb1bd2f6a5e5e9fd43c0f7d",
    "email": "dora@example.com",
    "email_verified": True,
    "identities": [{**_MAIN, "user_id": "7fb1bd2f6a5e5e9fd43c0f7d"}],
    "created_at": _SINCE,
    "updated_at": _SINCE,
}
_TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjdXZXZLZXYifQ.eyJzdWIiOiJhdXRoMHxhOTViYjcxIn0.c2lnbmVk"
_CLOCK = {
    "now": "2030-01-01T01:30:00.000Z",
    "epoch": 1893461400.0,
    "frozen": True,
    "rate": 0.0,
    "course": {"base": 1893461400.0, "since": 1893456000.0, "rate": 0.0},
}
_RULE = {"number": 1, "rule": "GET /userinfo", "calls": 0, "used": 0, "times": 1, "required": True}
_STEP = {"on": "GET /userinfo", "then": {"status": 503}, "times": 1}
_MESSAGE = {
    "id": "m7Zk2x9QpLw4Rt1v",
    "kind": "reset_email",
    "to": "bob@example.com",
    "subject": "Reset your password",
    "body": "Click here to change your password: …",
    "sent_at": _SINCE,
    "code": None,
    "url": "http://127.0.0.1:4100/u/reset-password?ticket=…",
    "user_id": "auth0|6e20d98b2793b4e69f6bf3fc",
}
_REQUEST = {
    "number": 1,
    "method": "GET",
    "path": "/userinfo",
    "route": "/userinfo",
    "query": {},
    "form": {},
    "json": None,
    "headers": {"Host": "127.0.0.1:4100", "Authorization": f"Bearer {_TOKEN}"},
    "status": 200,
    "response_headers": {"Content-Type": "application/json"},
    "response_body": '{"sub":"auth0|a95bb71058361f68421b5135"}',
    "response_json": {"sub": "auth0|a95bb71058361f68421b5135"},
    "client_id": "web",
    "user_id": "auth0|a95bb71058361f68421b5135",
    "started_at": _SINCE,
    "duration": 0.002,
    "rule": None,
    "leftover_of": None,
    "tokens": {
        "request.authorization": {
            "header": {"alg": "RS256"},
            "claims": {"sub": "auth0|a95bb71058361f68421b5135"},
        }
    },
}
_AUTHORIZE = (
    "/authorize?response_type=code&client_id=web&scope=openid&redirect_uri=http://localhost:3000/callback"
)
_BEARER = {"access_token": _TOKEN, "token_type": "Bearer"}

EXAMPLES: dict[tuple[str, str], Example] = {
    ("GET", "health"): Example(
        {},
        {
            "status": "ok",
            "version": "0.1.0",
            "issuer": "http://127.0.0.1:4100/",
            "domain": None,
            "hosts": [],
        },
    ),
    ("GET", "state"): Example({"only": "users"}),
    ("POST", "reset"): Example({"label": "login.spec.ts: Alice logs in"}, _DONE),
    ("POST", "users"): Example({"email": "dora@example.com", "password": "dora-password"}, _DORA),
    ("GET", "users/{user}"): Example({"user": _EMAIL}, _ALICE),
    ("POST", "link"): Example(
        {"primary": _EMAIL, "secondary": _FACEBOOK}, {**_ALICE, "identities": [_MAIN, _LINKED]}
    ),
    ("POST", "unlink"): Example({"user": _EMAIL, "provider": "facebook", "user_id": "1022"}, _ALICE),
    ("POST", "login-as"): Example({"user": _EMAIL}, {"user_id": _ALICE["user_id"]}),
    ("POST", "logins"): Example(
        {"url": _AUTHORIZE, "user": _EMAIL},
        {"url": "http://localhost:3000/callback?code=znO9sBOU7G-MX7YPtISWeygsfm8QwdPm", "posted": {}},
    ),
    ("POST", "password"): Example({"user": _EMAIL}, {"password": "alice-password"}),
    ("POST", "tokens"): Example(
        {"user": _EMAIL, "client": "Web", "audience": "https://api.example.com", "scope": "openid read:x"},
        {**_BEARER, "id_token": _TOKEN},
    ),
    ("POST", "id-token"): Example({"user": _EMAIL, "client": "Web", "nonce": "n"}, {"id_token": _TOKEN}),
    ("POST", "management-token"): Example({"scope": "read:users"}, _BEARER),
    ("POST", "rotate-keys"): Example({}, {"kid": "z1LvPdAQ", "published": ["z1LvPdAQ", "7WevKev"]}),
    ("GET", "requests"): Example({"on": "GET /userinfo", "after": 0}, [_REQUEST]),
    ("GET", "exchanges"): Example({"after": 0}),
    ("GET", "requests.har"): Example({}),
    ("DELETE", "requests"): Example({}, _DONE),
    ("GET", "outbox"): Example({"to": "bob@example.com", "kind": "reset_email", "wait": "5s"}, [_MESSAGE]),
    ("DELETE", "outbox"): Example({}, _DONE),
    ("GET", "clock"): Example({}, _CLOCK),
    ("POST", "clock"): Example({"advance": "1h30m"}, _CLOCK),
    ("GET", "rules"): Example({}, [_RULE]),
    ("POST", "rules"): Example(_STEP, _RULE),
    ("DELETE", "rules"): Example({}, _DONE),
    ("POST", "scenario"): Example({"script": [_STEP]}, [_RULE]),
    ("POST", "snapshot"): Example({}, {"snapshot": 1}),
    ("POST", "restore"): Example({"snapshot": 1}, _DONE),
    ("GET", "problems"): Example({}, []),
    ("POST", "verify"): Example({}, {"met": True, "difference": ""}),
}
