"""Scripted logins: a person's answers at the login pages, given before the pages are shown.

A layer around the application. When `/authorize` leads to one of our own login steps, the layer does what
that step's page would have done to the transaction, and goes on at `/authorize/resume` as the browser would:

    GET /authorize ─▶ 302 /u/login?state=X ─▶ (answered) ─▶ GET /authorize/resume?state=X ─▶ … ─▶ 302 callback
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import msgspec
from werkzeug.wrappers import Request, Response

from mockidp.errors import Refusal
from mockidp.harness.lookup import Who, account_at, find_person
from mockidp.harness.recorder import Handler
from mockidp.model.consent import scopes_to_consent
from mockidp.model.credentials import give_consent
from mockidp.model.session import LoginTransaction, authenticate, change_transaction, find_transaction
from mockidp.model.tenant import Tenant
from mockidp.model.user import Identity, User, find_by_identity, record_login
from mockidp.rules.rule import Tampered

ENTRANCES = frozenset({"/authorize", "/authorize/resume"})
RESUME = "/authorize/resume"
LOGIN_PAGES = frozenset(
    {"/u/login", "/u/signup", "/u/upstream", "/u/login/identifier"}
    | {"/u/login/passwordless-email-challenge", "/u/login/passwordless-sms-challenge"}
)
MFA_PAGE = "/u/mfa-email-challenge"
CONSENT_PAGE = "/u/consent"


MOST_REMEMBERED = 1000  # logins whose pages a rule answers while a browser walks them
# RFC 6749 §4.1.2.1, as an upstream says it; the others are unverified
DENIED = "The resource owner or authorization server denied the request"
NO_CONSENT = "User did not authorize the request"
NO_SECOND_FACTOR = "Multifactor authentication failed"


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says of one login; None: the page is shown, or answered as `login_as` says.

    `identity` is `provider|id`; `error` refuses to log in; `forced`: also a browser with a session; `tamper`
    is what is wrong in the tokens that the login ends with.
    """

    identity: str | None = None
    error: str | None = None
    description: str | None = None
    mfa: str | None = None
    consent: str | None = None
    forced: bool = False
    tamper: Tampered | None = None


class Logins:
    """Who the person at the login page is."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._identity: str | None = None
        self._remembered: dict[str, Answers] = {}  # by the transaction's id

    @property
    def identity(self) -> str | None:
        """The identity (`provider|id`) of the person who answers; None when pages are shown."""
        return self._identity

    def login_as(self, user: Who | None) -> None:
        """Let this user answer all interactive authorizations from now on; None shows the pages again.

        The user may be an object, a `user_id`, an e-mail, or the key of a linked identity; `UsageError` when
        there is none. Where a connection is asked for, he logs in by his identity there, or as the account
        with his e-mail there. A linking request is answered by the account to be linked. A browser that has
        a session already is not asked who it is.
        """
        self._identity = None if user is None else find_person(self._tenant, user)[1].key

    def forget(self) -> None:
        """Let everybody answer for himself again."""
        self._identity = None
        self._remembered.clear()

    def layer(self, handler: Handler) -> Handler:
        """Wrap a handler: its login pages are answered as `login_as` says."""
        return lambda request: self.handle(handler, request)

    def handle(self, handler: Handler, request: Request, given: Answers | None = None) -> Response:
        """Return the handler's response, its login pages answered by a rule, else as `login_as` says."""
        if given is None and self._identity is None and not self._remembered:
            return handler(request)
        if request.path not in ENTRANCES:
            return handler(request)
        if given is None:
            given = self._remembered.get(request.args.get("state", ""), Answers())
            with tampered(self._tenant, given.tamper):
                return self._walked(handler, request, given)
        return self._walked(handler, request, given)

    def _walked(self, handler: Handler, request: Request, given: Answers) -> Response:
        response = handler(_asking_anew(request) if given.forced else request)
        return self._answer(handler, request, response, self._completed(given))

    def _completed(self, given: Answers) -> Answers:
        """Return the answers with those of the person who is always there, who goes through with it."""
        if given.identity is None and self._identity is None:
            return given
        return msgspec.structs.replace(
            given,
            identity=given.identity or self._identity,
            mfa=given.mfa or "pass",
            consent=given.consent or "accept",
        )

    def _answer(self, handler: Handler, request: Request, response: Response, answers: Answers) -> Response:
        """Go on through the login steps until the redirect leaves them; a step is answered once."""
        cookies: list[str] = []
        seen: set[str] = set()
        while True:
            page, transaction = self._step(response)
            if transaction is None or page in seen:
                break
            answered = self._take(page, transaction, request, answers)
            if not answered:
                self._remember(transaction.id, answers)
                break
            seen.add(page)
            cookies += response.headers.getlist("Set-Cookie")
            response = handler(_resume(request, transaction.id, cookies))
        _add_cookies(response, cookies)
        return response

    def _remember(self, transaction_id: str, answers: Answers) -> None:
        """Keep what a rule says of later pages, for when the browser comes to them."""
        if answers.identity is None and (answers.mfa or answers.consent or answers.tamper):
            self._remembered[transaction_id] = answers
            while len(self._remembered) > MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]

    def _step(self, response: Response) -> tuple[str, LoginTransaction | None]:
        """Return the page that a redirect leads to, and its transaction when it is one of our steps.

        An application's own page may have such a path, but not the handle of a live transaction.
        """
        location = response.headers.get("Location") if response.status_code == 302 else None
        parts = urlsplit(location or "")
        if parts.path not in (*LOGIN_PAGES, MFA_PAGE, CONSENT_PAGE):
            return parts.path, None
        state = parse_qs(parts.query).get("state", [""])[0]
        return parts.path, find_transaction(self._tenant, state)

    def _take(self, page: str, transaction: LoginTransaction, request: Request, answers: Answers) -> bool:
        """Do to the transaction what the page would; False when nobody is there to do it."""
        try:
            if page in LOGIN_PAGES:
                return self._log_in(transaction, request, answers)
            if page == CONSENT_PAGE:
                return self._consent(transaction, answers.consent)
            return self._second_factor(transaction, answers.mfa)
        except Refusal:
            return False  # finished by another request, or the user was deleted, this very moment

    def _log_in(self, transaction: LoginTransaction, request: Request, answers: Answers) -> bool:
        if answers.error is not None:
            return self._refuse(transaction, answers.error, answers.description or DENIED)
        failed = _failure(answers)
        if answers.identity is None:
            return failed is not None and self._refuse(transaction, "access_denied", failed)
        wanted = transaction.request
        # A request to unlink names the connection to unlink, not the one to log in with.
        person = self._person(answers.identity, None if wanted.link == "unlink" else wanted.connection)
        if person is None:
            return False
        user, identity = person
        authenticate(self._tenant, transaction, user.user_id, identity.key, identity.connection)
        if not user.blocked:
            record_login(self._tenant, user.user_id, request.remote_addr or "")
            if failed is not None:
                self._refuse(transaction, "access_denied", failed)
        return True

    def _second_factor(self, transaction: LoginTransaction, answer: str | None) -> bool:
        if answer == "fail":
            return self._refuse(transaction, "access_denied", NO_SECOND_FACTOR)
        if answer == "pass":
            change_transaction(self._tenant, transaction, mfa_passed=True, mfa_code=None)
        return answer is not None

    def _refuse(self, transaction: LoginTransaction, error: str, description: str) -> bool:
        change_transaction(self._tenant, transaction, error=error, error_description=description)
        return True

    def _consent(self, transaction: LoginTransaction, answer: str | None) -> bool:
        if answer == "deny":
            return self._refuse(transaction, "access_denied", NO_CONSENT)
        tenant, wanted, user_id = self._tenant, transaction.request, transaction.user_id
        if user_id is None or answer is None:
            return False
        scope = scopes_to_consent(tenant, transaction, user_id)
        with tenant.store.transaction():
            change_transaction(tenant, transaction, consented=True)
            give_consent(tenant, user_id, wanted.client_id, wanted.audience or "", scope)
        return True

    def _person(self, key: str, connection: str | None) -> tuple[User, Identity] | None:
        """Return the account that answers, as it is now: it may have been linked, or deleted, meanwhile."""
        user = find_by_identity(self._tenant, key)
        if user is None:
            return None
        return account_at(self._tenant, user, connection, user.identity(key) or user.main)


def _failure(answers: Answers) -> str | None:
    """Return why the login fails after the password, asked for a second factor and consent or not."""
    if answers.mfa == "fail":
        return NO_SECOND_FACTOR
    return NO_CONSENT if answers.consent == "deny" else None


@contextmanager
def tampered(tenant: Tenant, how: Tampered | None) -> Iterator[None]:
    """Let the issuer sign something wrong, in this thread and inside the block."""
    tampering = tenant.tampering
    if how is not None:
        tampering.id_token, tampering.access_token = how.id_token, how.access_token
    try:
        yield
    finally:
        tampering.id_token = tampering.access_token = None


def _asking_anew(request: Request) -> Request:
    """Return the authorization request as one that leads to the login page in any case."""
    known = ("prompt", "login_ticket")  # what would do without the page
    query = [pair for pair in parse_qsl(request.environ["QUERY_STRING"], True) if pair[0] not in known]
    form = [pair for pair in request.form.items(multi=True) if pair[0] not in known]
    body = urlencode([*form, ("prompt", "login")]).encode() if request.method == "POST" else b""
    if request.method != "POST":
        query.append(("prompt", "login"))
    target = f"{request.path}?{urlencode(query)}"
    environ = {key: value for key, value in request.environ.items() if key != "werkzeug.request"}
    environ |= {
        "QUERY_STRING": urlencode(query),
        "RAW_URI": target,
        "REQUEST_URI": target,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    return Request(environ)


def _resume(request: Request, state: str, cookies: list[str]) -> Request:
    """Return the browser's next request, with its cookies and those just set."""
    query = urlencode({"state": state})
    dropped = {"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_ORIGIN", "werkzeug.request"}
    environ = {key: value for key, value in request.environ.items() if key not in dropped}
    target = f"{RESUME}?{query}"
    environ |= {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": RESUME,
        "QUERY_STRING": query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "HTTP_COOKIE": _cookie_header(request.environ.get("HTTP_COOKIE", ""), cookies),
        "wsgi.input": BytesIO(),
    }
    return Request(environ)


def _cookie_header(sent: str, set_cookies: list[str]) -> str:
    """Return the Cookie header that a browser would send after these Set-Cookie headers (RFC 6265 §5.4)."""
    jar = dict(_pair(text) for text in sent.split(";") if text.strip())
    for header in set_cookies:
        text, _, attributes = header.partition(";")
        name, value = _pair(text)
        jar.pop(name, None)
        if "max-age=0" not in attributes.lower():
            jar[name] = value
    return "; ".join(f"{name}={value}" for name, value in jar.items())


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.strip().partition("=")
    return name, value


def _add_cookies(response: Response, earlier: list[str]) -> None:
    """Give the browser what the steps in between set, unless the last answer sets it anew."""
    own = {_pair(header)[0] for header in response.headers.getlist("Set-Cookie")}
    latest = {_pair(header)[0]: header for header in earlier}
    for name, header in latest.items():
        if name not in own:
            response.headers.add("Set-Cookie", header)
