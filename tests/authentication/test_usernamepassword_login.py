"""`/usernamepassword/login`, and its form at `POST /login/callback` (reference §6.7, §6.8)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from classic_world import (
    ALICE,
    APP,
    BOB,
    CALLBACK,
    DATABASE,
    ISSUER,
    SEED,
    Browser,
    Form,
    answer,
    argument,
    claims,
)
from werkzeug.test import TestResponse

from mockidp import MockIdp

GOOD = {
    "client_id": "page",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "S",
    "tenant": "localhost",
    "connection": DATABASE,
    **ALICE,
}


@pytest.fixture(scope="session")
def idp_seed() -> Any:
    return SEED


@pytest.fixture
def browser(idp: MockIdp) -> Browser:
    return Browser(idp)


def login(browser: Browser, **changes: Any) -> Form:
    """Log in and return the form."""
    response = browser.post("/usernamepassword/login", json={**GOOD, **changes})
    assert response.status_code == 200, response.text
    return Form(response.text)


def submit(browser: Browser, form: Form, origin: str | None = APP, **context: Any) -> TestResponse:
    """Post a form to /login/callback, its `wctx` changed."""
    wctx = json.dumps({**json.loads(form.fields["wctx"]), **context})
    return browser.post("/login/callback", origin=origin, data={**form.fields, "wctx": wctx})


# -- the login -------------------------------------------------------------------------------------------


def test_the_answer_is_a_hidden_form(browser: Browser) -> None:
    """Its first and only element is the form that auth0.js submits."""
    response = browser.post("/usernamepassword/login", json=GOOD)
    assert response.content_type == "text/html; charset=utf-8"
    assert response.text.startswith(
        '<form method="post" name="hiddenform" action="https://localhost:4100/login/callback">'
    )
    form = Form(response.text)
    assert list(form.fields) == ["wa", "wresult", "wctx"]
    assert form.fields["wa"] == "wsignin1.0"
    context = json.loads(form.fields["wctx"])
    assert {name: context[name] for name in ("strategy", "tenant", "connection", "protocol", "state")} == {
        "strategy": "auth0",
        "tenant": "localhost",
        "connection": DATABASE,
        "protocol": "oauth2",
        "state": "S",
    }
    assert "password" not in response.text


def test_the_proof_is_signed_and_short_lived(browser: Browser, idp: MockIdp) -> None:
    """`wresult` has the claims of a real one, for 60 seconds, signed with a published key."""
    wresult = login(browser).fields["wresult"]
    key = jwt.PyJWKSet.from_dict(browser.get("/.well-known/jwks.json").json)[
        jwt.get_unverified_header(wresult)["kid"]
    ]
    audience = f"urn:auth0:localhost:{DATABASE}"
    proof = jwt.decode(
        wresult,
        key.key,
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False},
    )
    user = idp.users[ALICE["username"]]
    assert proof["exp"] - proof["iat"] == 60
    assert (proof["iss"], proof["email"], len(proof["sid"])) == ("urn:auth0", user.email, 32)
    assert f"auth0|{proof['user_id']}" == user.user_id


@pytest.mark.parametrize("send", ["json", "data"])
def test_json_and_forms_are_read_alike(browser: Browser, send: str) -> None:
    """auth0.js 8 and newer send JSON, older ones a form; what is no text is passed over."""
    body: dict[str, Any] = dict(GOOD)
    if send == "json":
        body |= {"popupOptions": {"width": 1}, "sso": True, "max_age": 60, "device": None, "list": [1]}
    response = browser.post("/usernamepassword/login", **{send: body})
    context = json.loads(Form(response.text).fields["wctx"])
    assert context["redirect_uri"] == CALLBACK
    if send == "json":
        assert (context["sso"], context["max_age"]) == ("true", "60")
    assert not {"popupOptions", "device", "list", "username", "password"} & set(context)


REFUSED: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "wrong password": ({"password": "x"}, 401, "invalid_user_password", "Wrong email or password."),
    "no password": ({"password": None}, 401, "invalid_user_password", "Wrong email or password."),
    "unknown user": ({"username": "x"}, 401, "invalid_user_password", "Wrong email or password."),
    "blocked": (
        {"username": "mallory@example.com", "password": "pw"},
        401,
        "unauthorized",
        "user is blocked",
    ),
    "unknown connection": ({"connection": "x"}, 400, "invalid_connection", "the connection was not found: x"),
    "social connection": (
        {"connection": "google-oauth2"},
        400,
        "invalid_connection",
        "the connection was not found: google-oauth2",
    ),
    "another client's": (
        {"connection": "staff"},
        400,
        "invalid_connection",
        "the connection was not found: staff",
    ),
    "unknown client": ({"client_id": "x"}, 400, "invalid_client", "Unknown client: x"),
    "no client": ({"client_id": None}, 400, "invalid_client", "Unknown client: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(browser: Browser, case: str) -> None:
    """The status is the error's; the body says 400 whatever it is (reported)."""
    changes, status, code, description = REFUSED[case]
    response = browser.post("/usernamepassword/login", json={**GOOD, **changes})
    assert (response.status_code, response.content_type) == (status, "application/json; charset=utf-8")
    name = "UnauthorizedError" if code == "unauthorized" else "ValidationError"
    assert response.json == {"name": name, "code": code, "description": description, "statusCode": 400}


@pytest.mark.parametrize("body", [b"[]", b"{", b'"x"'])
def test_a_body_of_another_form_is_bad(browser: Browser, body: bytes) -> None:
    """400, and never a fault of ours."""
    response = browser.post("/usernamepassword/login", data=body, content_type="application/json")
    assert (response.status_code, response.json["error"]) == (400, "invalid_body")


def test_only_a_clients_page_can_read_the_form(browser: Browser) -> None:
    """CORS names the origin or nobody."""
    own = browser.post("/usernamepassword/login", json=GOOD)
    assert own.headers["Access-Control-Allow-Origin"] == APP
    foreign = browser.post("/usernamepassword/login", origin="https://evil.example", json=GOOD)
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Access-Control-Allow-Origin" not in browser.preflight("/usernamepassword/login", "null").headers


def test_what_is_reflected_is_escaped(browser: Browser) -> None:
    """No value can leave its attribute."""
    evil = "\"><script>alert(1)</script>'&"
    response = browser.post("/usernamepassword/login", json={**GOOD, "state": evil, "nonce": evil})
    assert "<script" not in response.text
    assert json.loads(Form(response.text).fields["wctx"])["state"] == evil


def test_old_browsers_log_in_by_script(browser: Browser) -> None:
    """JSONP: `{status, form}` or `{status, error}`."""
    good = browser.get("/usernamepassword/login", **GOOD, cbx="__auth0jp0")
    given = argument(good, "__auth0jp0")
    assert given["status"] == 200
    assert "<" not in good.text
    assert "code" in answer(submit(browser, Form(given["form"])))
    bad = argument(
        browser.get("/usernamepassword/login", **{**GOOD, "password": "x"}, cbx="__auth0jp1"), "__auth0jp1"
    )
    assert (bad["status"], bad["error"]["code"]) == (401, "invalid_user_password")
    assert browser.get("/usernamepassword/login", **GOOD).status_code == 400


# -- the way back ----------------------------------------------------------------------------------------


def test_the_form_leads_to_the_client(browser: Browser, idp: MockIdp) -> None:
    """A code with the client's state, good for tokens; a session; one login counted."""
    given = answer(submit(browser, login(browser)))
    assert given["state"] == "S"
    body = {
        "grant_type": "authorization_code",
        "client_id": "page",
        "code": given["code"],
        "redirect_uri": CALLBACK,
    }
    tokens = browser.post("/oauth/token", data=body).json
    assert claims(tokens["id_token"])["email"] == ALICE["username"]
    assert "code" in answer(browser.authorize(prompt="none"))
    assert idp.users[ALICE["username"]]["logins_count"] == 1


def test_an_old_client_gets_its_id_token(browser: Browser) -> None:
    """`response_type=token` with the scope `openid`: both tokens in the fragment, no nonce asked for."""
    response = submit(browser, login(browser, response_type="token"))
    assert "#" in response.location
    given = answer(response)
    assert {"access_token", "id_token", "token_type", "expires_in", "state"} <= set(given)
    assert "nonce" not in claims(given["id_token"])


def test_without_openid_there_is_no_id_token(browser: Browser) -> None:
    """Only what was asked for."""
    given = answer(submit(browser, login(browser, response_type="token", scope="profile")))
    assert "id_token" not in given


def test_the_legacy_door_links(browser: Browser, idp: MockIdp) -> None:
    """`access_token` in the body, as Lock copies it from `authParams`: the logged-in user is linked to it."""
    token = idp.token(ALICE["username"], client="page")
    form = login(browser, **BOB, access_token=token, response_type="token")
    given = answer(submit(browser, form))
    alice = idp.users[ALICE["username"]]
    assert claims(given["id_token"])["sub"] == alice.user_id
    assert [identity["provider"] for identity in alice.identities] == ["auth0", "auth0"]


def test_linking_with_a_bad_token_is_refused(browser: Browser, idp: MockIdp) -> None:
    """And nothing is linked."""
    given = answer(submit(browser, login(browser, **BOB, access_token="x")))
    assert given["error_description"] == "invalid main user access_token/refresh_token"
    assert len(idp.users[ALICE["username"]].identities) == 1


def test_a_proof_is_good_once(browser: Browser) -> None:
    """The second submit gets an error at the client."""
    form = login(browser)
    answer(submit(browser, form))
    assert answer(submit(browser, form))["error"] == "access_denied"


def test_of_many_at_once_one_gets_in(idp: MockIdp) -> None:
    """One ticket, one login."""
    form = login(Browser(idp))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: answer(submit(Browser(idp), form)), range(16)))
    assert sum("code" in given for given in answers) == 1


def test_a_proof_expires(browser: Browser, idp: MockIdp) -> None:
    """After a minute it is no good."""
    form = login(browser)
    idp.clock.advance(seconds=60)
    assert submit(browser, form).status_code == 400


# wctx is the browser's: what it says is checked as at /authorize, and the login is for one client only.
FORGED: dict[str, tuple[dict[str, Any], int, str]] = {
    "foreign redirect URI": ({"redirect_uri": "https://evil.example/"}, 403, "Callback URL mismatch"),
    "another client's redirect URI": (
        {"redirect_uri": "https://other.example.com/callback"},
        403,
        "mismatch",
    ),
    "script": ({"redirect_uri": "javascript:alert(1)"}, 403, "mismatch"),
    "unknown client": ({"client_id": "nobody"}, 403, "is not allowed"),
    "no client": ({"client_id": None}, 403, "is not allowed"),
    "types": ({"client_id": ["page"]}, 403, "is not allowed"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_context_gets_an_error_page(browser: Browser, case: str) -> None:
    """No redirect to where the client is not."""
    changes, status, text = FORGED[case]
    response = submit(browser, login(browser), **changes)
    assert response.status_code == status
    assert text in response.text
    assert "Location" not in response.headers


def test_a_proof_for_one_client_is_none_for_another(browser: Browser) -> None:
    """The ticket behind it is bound."""
    form = login(browser)
    swapped = {"client_id": "other", "redirect_uri": "https://other.example.com/callback"}
    response = submit(browser, form, origin="https://other.example.com", **swapped)
    assert "error=access_denied" in response.location
    assert "code=" not in response.location


def test_a_context_brings_no_ticket_of_its_own(browser: Browser) -> None:
    """`login_ticket` is what the proof says, whatever `wctx` says."""
    given = answer(
        submit(browser, login(browser, response_type="token"), login_ticket=browser.ticket(user=BOB))
    )
    assert claims(given["id_token"])["email"] == ALICE["username"]


def test_errors_of_the_request_go_to_the_client(browser: Browser) -> None:
    """Once the redirect URI is known to be the client's."""
    given = answer(submit(browser, login(browser), response_type="nonsense"))
    assert given == {
        "error": "unsupported_response_type",
        "error_description": given["error_description"],
        "state": "S",
    }


def tampered(wresult: str) -> dict[str, str]:
    """Return proofs that are not ours."""
    header, payload, signature = wresult.split(".")
    other = jwt.encode(claims(wresult), "x" * 32, algorithm="HS256")
    return {
        "nothing": "",
        "nonsense": "x",
        "no signature": f"{header}.{payload}.",
        "another payload": f"{header}.{payload[:-4]}AAAA.{signature}",
        "another key": other,
        "alg none": jwt.encode(claims(wresult), None, algorithm="none"),
    }


@pytest.mark.parametrize("case", tampered(jwt.encode({"a": 1}, "x" * 32)))
def test_a_proof_must_be_ours(browser: Browser, case: str) -> None:
    """Signed by the tenant, or a page."""
    form = login(browser)
    form.fields["wresult"] = tampered(form.fields["wresult"])[case]
    response = submit(browser, form)
    assert (response.status_code, "invalid wresult" in response.text) == (400, True)


@pytest.mark.parametrize("kind", ["id_token", "token"])
def test_a_token_is_no_proof(browser: Browser, idp: MockIdp, kind: str) -> None:
    """Nor is a proof a token."""
    form = login(browser)
    proof = form.fields["wresult"]
    form.fields["wresult"] = getattr(idp, kind)(ALICE["username"], client="page")
    assert submit(browser, form).status_code == 400
    hint = browser.get("/oidc/logout", id_token_hint=proof)
    assert hint.status_code == 400
    linked = answer(browser.authorize(access_token=proof))
    assert linked["error"] == "access_denied"


@pytest.mark.parametrize(
    "fields",
    [{"wa": "wsignout1.0"}, {"wa": None}, {"wctx": "["}, {"wctx": "[]"}, {"wctx": None}, {"wresult": None}],
)
def test_a_broken_form_gets_a_page(browser: Browser, fields: dict[str, Any]) -> None:
    """400, and never a fault of ours."""
    form = {**login(browser).fields, **fields}
    sent = {name: value for name, value in form.items() if value is not None}
    assert browser.post("/login/callback", data=sent).status_code == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_foreign_page_cannot_log_its_visitor_in(browser: Browser, origin: str) -> None:
    """Login CSRF: with the attacker's proof, from the attacker's page."""
    response = submit(browser, login(browser), origin=origin)
    assert response.status_code == 403
    assert "is not allowed" in response.text
    assert browser.get("/user/ssodata").json == {"sso": False}


@pytest.mark.parametrize("origin", [APP, None, ISSUER.rstrip("/"), "https://x.preview.example.com"])
def test_the_clients_pages_submit_it(browser: Browser, origin: str | None) -> None:
    """As do the tenant's own, and clients that are no browsers."""
    assert "code" in answer(submit(browser, login(browser), origin=origin))
