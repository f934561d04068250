"""A browser without a screen: keeps cookies, follows redirects, fills in forms, walks the real login pages.

Standard library only. It never leaves this machine: where a redirect leads elsewhere, or nothing listens, it
stops and shows the redirect.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from functools import cached_property
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urldefrag, urlencode, urljoin, urlsplit
from urllib.request import AbstractHTTPHandler, HTTPCookieProcessor, HTTPHandler, OpenerDirector, Request

import msgspec

from mockidp.errors import UsageError
from mockidp.harness.cookies import Cookies
from mockidp.harness.lookup import Who
from mockidp.harness.page import Button, Form, Page, read_page
from mockidp.harness.walk import Arrival, Person, answer_page
from mockidp.model.client import origin_of
from mockidp.model.tenant import Tenant, is_loopback

MAX_REDIRECTS = 20
MAX_PAGES = 12  # that one login shows
HEADERS = {
    "User-Agent": "Mozilla/5.0 (mockidp)",
    "Accept": "text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
Authority = str | Path | Callable[[], str | Path]


class Browser:
    """A cookie-keeping user agent.

    Args:
        tenant: whose users log in; it knows passwords, callbacks and codes that were mailed.
        base_url: what relative URLs are relative to: the server's own.
        ca: the PEM file of the authority for https, or a function that returns it, called at the first use.
        timeout: seconds to wait for an answer.
    """

    def __init__(
        self, tenant: Tenant, base_url: str, *, ca: Authority | None = None, timeout: float = 10
    ) -> None:
        self.cookies = Cookies()
        self.posted: dict[str, str] = {}
        self._tenant = tenant
        self._base_url = base_url
        self._ca = ca
        self._timeout = timeout
        self._page: Page | None = None

    def __repr__(self) -> str:
        return f"<Browser {'without a page' if self._page is None else 'at ' + self._page.url}>"

    @property
    def page(self) -> Page:
        """The page that it shows; `UsageError` before the first one."""
        if self._page is None:
            raise UsageError("the browser shows no page yet: begin with browser.get(url)")
        return self._page

    def get(self, url: str) -> Page:
        """Open a URL (relative ones are the server's own), follow redirects, and return the page.

        Where a redirect leads off this machine or nothing listens, the page is the redirect itself: its
        `location` says where it leads.
        """
        return self._navigate(_Navigation("GET", urljoin(self._base_url, url)))

    def fill(
        self,
        values: Mapping[str, str | None] | None = None,
        *,
        press: str | None = None,
        **fields: str | None,
    ) -> Page:
        """Fill in the current page's form and submit it; return the page that follows.

        The form is the first that has these fields (and the button). Fields that are not named keep their
        values, None takes one out. `press` is a button's value or text; left out, the form's first button.
        """
        given = {**(values or {}), **fields}
        form, button = self.page.form_with(given, press)
        return self._submit(form, given, button, None)

    def submit(self) -> Page:
        """Submit the current page's first form as it stands: a form_post answer, say, to the application."""
        form, button = self.page.form_with((), None)
        return self._submit(form, {}, button, None)

    def login(self, authorize_url: str, user: Who) -> str:
        """Log a user in as a person would, and return the URL of the client's callback that this leads to.

        The URL, fragment included, is not opened: give it to the application, or to `get`. With
        `response_mode=form_post` it is the form's target, the fields are in `posted`, and `submit()` sends
        them. The password is the seed's, mailed codes come from the outbox, consent is given. Of linked
        identities, and of accounts with his e-mail, the one of the requested connection is used. A session
        that the browser has is used, as in any browser: whoever it belongs to.

        Raises `UsageError` with the page's own words when there is no way on.
        """
        person = Person(self._tenant, user)
        arrival = Arrival(self._tenant)
        self.posted = {}
        url = urljoin(self._base_url, authorize_url)
        arrival.pass_by(url)
        page = self._navigate(_Navigation("GET", url), arrival)
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            if page.location is not None:
                return arrival.checked(page.location, page.url)
            if (callback := self._form_post(page, arrival)) is not None:
                return callback
            move = answer_page(page, person, arrival, seen)
            if isinstance(move, str):
                page = self._navigate(_Navigation("GET", move, initiator=page.url), arrival)
            else:
                page = self._submit(move.form, move.values, move.button, arrival)
        raise UsageError(f"{self.page.url}: {MAX_PAGES} pages and no callback yet")

    def _form_post(self, page: Page, arrival: Arrival) -> str | None:
        form = next((form for form in page.forms if arrival.is_callback(form.action)), None)
        if form is None:
            return None
        self.posted = dict(form.fields)
        return form.action

    def _submit(
        self, form: Form, values: Mapping[str, str | None], button: Button | None, arrival: Arrival | None
    ) -> Page:
        merged: dict[str, str | None] = {**form.fields, **values}
        if button is not None and button.name:
            merged[button.name] = button.value
        data = urlencode({name: value for name, value in merged.items() if value is not None})
        here = self.page.url
        if form.method == "POST":
            return self._navigate(_Navigation("POST", form.action, data.encode(), here), arrival)
        url = f"{form.action.partition('?')[0]}?{data}"
        return self._navigate(_Navigation("GET", url, initiator=here), arrival)

    def _navigate(self, request: _Navigation, arrival: Arrival | None = None) -> Page:
        """Open a URL and follow its redirects, in a login until it arrives; keep and return the page."""
        if not self._is_near(request.url):
            raise UsageError(f"the browser stays on this machine: it does not go to {request.url}")
        page = self._open(request)
        if page is None:
            raise UsageError(f"nothing answers at {request.url}")
        while (target := page.location) is not None:
            if (arrival and arrival.reached(target)) or not self._is_near(target):
                break
            request = request.redirected(page.status, target)
            following = self._open(request)
            if following is None:
                break
            page = following
        self._page = page
        return page

    def _open(self, request: _Navigation) -> Page | None:
        """Return the answer of one request, None when nothing listens there."""
        headers = {**HEADERS, "Sec-Fetch-Site": request.site}
        if request.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self._form_origin()
        url = urldefrag(request.url)[0]
        try:
            with self._opener.open(
                Request(url, request.body, headers, method=request.method), timeout=self._timeout
            ) as answer:
                return read_page(answer.status, request.url, answer.headers, answer.read())
        except OSError as error:  # URLError is one
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, ConnectionRefusedError):
                return None
            raise UsageError(f"{request.method} {url}: {reason}") from error

    def _form_origin(self) -> str:
        """Return the Origin of the current page's forms (Fetch, "append a request Origin header")."""
        hidden = self.page.headers.get("Referrer-Policy") == "no-referrer"
        return "null" if hidden else origin_of(self.page.url)

    @cached_property
    def _opener(self) -> OpenerDirector:
        # Neither proxies nor urllib's own redirects and errors.
        opener = OpenerDirector()
        for handler in (HTTPHandler(), _Https(self._ca), HTTPCookieProcessor(self.cookies.jar)):
            opener.add_handler(handler)
        return opener

    def _is_near(self, url: str) -> bool:
        """Whether a URL is one of this machine, or the tenant under any of its names."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return False
        return is_loopback(parts.hostname or "") or self._tenant.names.accepts_host(parts.netloc)


class _Https(AbstractHTTPHandler):
    """Opens https with the tenant's authority, which is asked for only then."""

    https_request = AbstractHTTPHandler.do_request_

    def __init__(self, ca: Authority | None) -> None:
        super().__init__()
        self._ca = ca

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(HTTPSConnection, request, context=self._context)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        path = self._ca() if callable(self._ca) else self._ca
        return ssl.create_default_context(cafile=path)


class _Navigation(msgspec.Struct, frozen=True):
    """A request, and how the browser came to it: the URLs before, and the page that began it (or None)."""

    method: str
    url: str
    body: bytes | None = None
    initiator: str | None = None
    before: tuple[str, ...] = ()

    def redirected(self, status: int, target: str) -> _Navigation:
        """Return the request that follows a redirect; all but 307 and 308 make it a GET (RFC 9110 §15.4)."""
        before = (*self.before, self.url)
        if len(before) > MAX_REDIRECTS:
            raise UsageError(f"{before[0]} redirects in circles: {' → '.join(before[-3:])}")
        method, body = (self.method, self.body) if status in (307, 308) else ("GET", None)
        return _Navigation(method, target, body, self.initiator, before)

    @property
    def site(self) -> str:
        """`Sec-Fetch-Site`: how all of its URLs are related to the page that began it."""
        if self.initiator is None:
            return "none"
        chain = [*self.before, self.url]
        if all(origin_of(url) == origin_of(self.initiator) for url in chain):
            return "same-origin"
        own = urlsplit(self.initiator)
        near = all(
            (urlsplit(url).scheme, urlsplit(url).hostname) == (own.scheme, own.hostname) for url in chain
        )
        return "same-site" if near else "cross-site"
