"""What a person does at each login page, and how the browser knows that it has arrived at the client."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import msgspec

from mockidp.errors import UsageError
from mockidp.harness.lookup import Who, account_at, find_person
from mockidp.harness.page import Button, Form, Page
from mockidp.model.client import Client, find_client, url_matches
from mockidp.model.connection import PASSWORDLESS
from mockidp.model.outbox import MESSAGES
from mockidp.model.tenant import Tenant
from mockidp.model.user import PASSWORDS, Identity


class Move(msgspec.Struct, frozen=True):
    """A form to submit: with these values, by this button."""

    form: Form
    values: dict[str, str]
    button: Button | None


class Arrival:
    """Learns from the URLs on the way which client asks, and so where the login ends."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._client: Client | None = None
        self._redirect_uri: str | None = None
        self.connection: str | None = None  # by which the client wants him to log in

    def pass_by(self, url: str) -> None:
        """Note an authorization request on the way."""
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.endswith("/authorize") and "client_id" in query:
            self._client = find_client(self._tenant, query["client_id"])
            self._redirect_uri = query.get("redirect_uri")
            unlinks = "unlink_account" in query.get("scope", "").split()
            asked = query.get("requested_connection") or query.get("connection")
            self.connection = None if unlinks else asked

    def reached(self, url: str) -> bool:
        """Note a URL on the way; whether the login ends there."""
        self.pass_by(url)
        return self.is_callback(url)

    def is_callback(self, url: str) -> bool:
        """Whether a URL is one of the client's callbacks, with whatever query and fragment."""
        if self._client is None:
            return False
        registered = [_bare(callback) for callback in self._client.callbacks]
        asked = [_bare(self._redirect_uri)] if self._redirect_uri else []
        return any(url_matches(callback, _bare(url)) for callback in (*registered, *asked))

    def checked(self, location: str, page_url: str) -> str:
        """Return the URL where the browser stopped when it is a callback; raise `UsageError` otherwise."""
        if self.is_callback(location):
            return location
        name = self._client.name if self._client else "(unknown)"
        known = ", ".join(self._client.callbacks) if self._client else ""
        raise UsageError(
            f"{page_url} redirects to {location}, where the browser can't go and which is no callback of "
            f"client '{name}' (registered: {known or 'none'})"
        )


class Person:
    """The user who logs in, with what he knows: his password, and the codes that he was sent."""

    def __init__(self, tenant: Tenant, who: Who) -> None:
        self._tenant = tenant
        self._named, self._identity = find_person(tenant, who)
        self.user = self._named

    def identity(self, connection: str | None) -> Identity:
        """Return the identity that he uses at a connection; `user` is the account that has it."""
        self.user, identity = account_at(self._tenant, self._named, connection, self._identity)
        return identity

    def password(self, identity: Identity) -> str | None:
        """Return the password of a database identity, as the tenant has it now."""
        return self._tenant.store.find(PASSWORDS, identity.key)

    def login_name(self, identity: Identity) -> str:
        """Return what he types as his name: e-mail, username or phone number."""
        profile = self.user.profile_of(identity)
        names = (profile.get(member) for member in ("email", "username", "phone_number"))
        return str(next((name for name in names if name), identity.user_id))

    def code(self) -> str | None:
        """Return the newest one-time code that he was sent."""
        own = {self.user.user_id, self.user.email, self.user.phone_number} - {None}
        messages = self._tenant.store.all(MESSAGES)
        codes = [message.code for message in messages if message.code and own & {message.user_id, message.to}]
        return codes[-1] if codes else None


def answer_page(page: Page, person: Person, arrival: Arrival, seen: set[str]) -> Move | str:
    """Return what the person does at a page: submit a form, or follow a link (its URL).

    `seen` collects what was answered: the same page again means that the answer was not accepted. Raises
    `UsageError` with the page's words when there is nothing to do.
    """
    identity = person.identity(arrival.connection)
    for kind, answer in _ANSWERS:
        move = answer(page, person, identity)
        if move is None:
            continue
        if kind in seen:
            break
        if isinstance(move, Move):
            seen.add(kind)
        return move
    raise UsageError(
        f"{person.user.user_id} can't log in: stuck at {page.url} ({page.status}): {page.says()}"
    )


def _address(page: Page, person: Person, identity: Identity) -> Move | None:
    """Give the address to which a code is sent, who logs in by one."""
    form = _form_with_field(page, "username")
    if form is None or "password" in form.fields or identity.provider not in PASSWORDLESS:
        return None
    return Move(form, {"username": person.login_name(identity)}, next(iter(form.buttons), None))


def _sent_code(page: Page, person: Person, identity: Identity) -> Move | None:
    return _code(page, person, identity) if "/u/login/passwordless-" in page.url else None


def _code(page: Page, person: Person, identity: Identity) -> Move | None:
    form = _form_with_field(page, "code")
    if form is None:
        return None
    code = person.code()
    if code is None:
        why = ", who is blocked" if person.user.blocked else ""
        raise UsageError(
            f"{page.url} asks for a code, but the outbox has none for {person.user.user_id}{why}"
        )
    return Move(form, {"code": code}, next(iter(form.buttons), None))


def _consent(page: Page, person: Person, identity: Identity) -> Move | None:
    return _press(page, "action", ("accept",))


def _upstream(page: Page, person: Person, identity: Identity) -> Move | None:
    form = _form_with_field(page, "email_verified")
    if form is None:
        return None
    if parse_qs(urlsplit(page.url).query).get("connection") != [identity.connection]:
        own = ", ".join(f"'{identity.key}'" for identity in person.user.identities)
        raise UsageError(f"{person.user.user_id} has no identity for {page.url}, only {own}")
    move = _press(page, "user", _ids(person, identity))
    # The page lists some identities only; of another it would have been given the id.
    return move or Move(form, {"id": str(identity.user_id)}, next(iter(form.buttons), None))


def _login(page: Page, person: Person, identity: Identity) -> Move | str | None:
    """Log in by password, by the connection's button, or as one of the seeded users who have neither."""
    if "/u/signup" in page.url:
        return next((link for link in page.links if "/u/login" in link), None)
    form, password = _form_with_field(page, "password"), person.password(identity)
    if form and password is not None and identity.provider == "auth0":
        values = {"username": person.login_name(identity), "password": password}
        return Move(form, values, next(iter(form.buttons), None))
    seeded = ("seeded_user", _ids(person, identity))
    return _press(page, "connection", (identity.connection,)) or _press(page, *seeded)


# What a person can do, by the kind of page; a page is of the first kind for which there is something.
_ANSWERS = (
    ("code", _sent_code),
    ("mfa", _code),
    ("consent", _consent),
    ("upstream", _upstream),
    ("address", _address),
    ("login", _login),
)


def _ids(person: Person, identity: Identity) -> tuple[str, ...]:
    return identity.key, str(identity.user_id), person.user.user_id


def _press(page: Page, name: str, values: tuple[str, ...]) -> Move | None:
    """Return the move that presses the button with this name and the first of these values."""
    pressed = (
        Move(form, {}, button)
        for value in values
        for form in page.forms
        for button in form.buttons
        if button.name == name and button.value == value
    )
    return next(pressed, None)


def _form_with_field(page: Page, name: str) -> Form | None:
    return next((form for form in page.forms if name in form.fields), None)


def _bare(url: str) -> str:
    return url.partition("#")[0].partition("?")[0]
