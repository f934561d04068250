"""What people and applications do in the shipped scenarios of accounts: made, verified, invited, linked."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from rules_world import ALICE, BOB, FACEBOOK, App, answer_at

DATABASE = "Username-Password-Authentication"
CAROL, DORA = "carol@example.com", "dora@example.com"
GOOGLE = "google-oauth2|103547991597142817347"
NEW = "A-new-passw0rd"


def sign_up(app: App) -> None:
    """At the page, then from the mail."""
    browser = app.idp.browser()
    browser.get(app.authorize_url(screen_hint="signup"))
    assert "code" in answer_at(browser.fill(email=DORA, password=NEW).location)
    assert not app.idp.users[DORA].email_verified
    assert browser.get(str(app.idp.outbox.last.url)).heading == "Email Verified"


def sign_up_form(app: App) -> None:
    """The application shows what is wrong, and she tries again."""
    for email, password, code in (
        (DORA, "dora", "invalid_password"),
        (DORA, NEW, None),
        (ALICE, NEW, "invalid_signup"),
    ):
        body = {"client_id": "web", "connection": DATABASE, "email": email, "password": password}
        assert app.post("/dbconnections/signup", body).json().get("code") == code


def verification_again(app: App) -> None:
    """The mail is sent again, and its link good."""
    body = {"user_id": app.idp.users[CAROL].user_id}
    assert app.manage("POST", "jobs/verification-email", body).ok
    assert app.idp.browser().get(str(app.idp.outbox.last.url)).heading == "Email Verified"


def invitation(app: App) -> None:
    """The application passes on what the link has; the person signs up."""
    acme = app.idp.organization("acme")
    body = {"client_id": "web", "inviter": {"name": "Alice"}, "invitee": {"email": DORA}}
    assert app.manage("POST", f"organizations/{acme.id}/invitations", body).ok
    link = urlsplit(str(app.idp.outbox.last.url))
    assert f"{link.netloc}{link.path}" == "localhost:3000/login"
    given = dict(parse_qsl(link.query))
    passed_on = {name: given[name] for name in ("invitation", "organization")}
    browser = app.idp.browser()
    browser.get(app.authorize_url(**passed_on, screen_hint="signup"))
    assert browser.page.heading == "You've Been Invited!"
    assert "code" in answer_at(browser.fill(email=DORA, password=NEW).location)
    assert [message.to for message in app.idp.outbox] == [DORA]


def password_reset(app: App) -> None:
    """Both get the same answer, one of them a link."""
    for who in (BOB, "nobody@example.com"):
        body = {"client_id": "web", "email": who, "connection": DATABASE}
        assert app.post("/dbconnections/change_password", body).ok
    assert [message.to for message in app.idp.outbox] == [BOB]
    set_password(app, str(app.idp.outbox.last.url))


def password_ticket(app: App) -> None:
    """The link is in the answer."""
    body = {"user_id": app.idp.users[BOB].user_id, "client_id": "web"}
    set_password(app, app.manage("POST", "tickets/password-change", body).json()["ticket"])


def set_password(app: App, link: str) -> None:
    """Follow Bob's link, and log in with the new password, not with the old one."""
    browser = app.idp.browser()
    browser.get(link)
    page = browser.fill({"password-reset": NEW, "re-enter-password": NEW})
    assert page.heading == "Password Changed!"
    answers = [
        app.token(grant_type="password", username=BOB, password=password).status_code
        for password in ("bob-password", NEW)
    ]
    assert answers == [403, 200]


def user_management(app: App) -> None:
    """Made, changed, deleted."""
    body = {"email": DORA, "connection": DATABASE, "password": NEW}
    dora = app.manage("POST", "users", body).json()["user_id"]
    assert app.manage("PATCH", f"users/{dora}", {"app_metadata": {"plan": "pro"}}).ok
    assert app.manage("DELETE", f"users/{app.idp.users[CAROL].user_id}").status_code == 204


def linking(app: App) -> None:
    """The application asks with Alice's token for her Facebook account."""
    token = app.idp.token(ALICE, client="Web")
    assert "code" in app.answer(connection="facebook", access_token=token)


def linking_by_scope(app: App) -> None:
    """The SDK sends the ID token of who is logged in, here in browsers without a session."""
    hint = app.idp.id_token(ALICE, client="Web")
    for verb in ("link", "unlink"):
        asked = {"scope": f"openid {verb}_account", "requested_connection": "facebook"}
        assert "code" in App(app.idp).answer(**asked, id_token_hint=hint)
        assert len(app.idp.users[ALICE].identities) == (2 if verb == "link" else 1)


def linking_by_management(app: App) -> None:
    """Two are linked, one of them unlinked."""
    path = f"users/{app.idp.users[ALICE].user_id}/identities"
    for key in (GOOGLE, FACEBOOK):
        provider, _, user_id = key.partition("|")
        assert app.manage("POST", path, {"provider": provider, "user_id": user_id}).status_code == 201
    assert len(app.manage("DELETE", f"{path}/{GOOGLE.replace('|', '/')}").json()) == 2


def unlinking(app: App) -> None:
    """By both paths."""
    token = app.idp.token("zoe@example.com", client="Web")
    for path, key in (("/unlink", "facebook|2044"), ("/login/unlink", "google-oauth2|3066")):
        assert app.post(path, {"access_token": token, "user_id": key}).text == "OK"


PLAYS = (
    sign_up,
    sign_up_form,
    verification_again,
    invitation,
    password_reset,
    password_ticket,
    user_management,
    linking,
    linking_by_scope,
    linking_by_management,
    unlinking,
)
