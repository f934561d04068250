"""`/_mockidp/`: the dashboard, a mock's world in a browser. Not part of what is emulated.

Any page may link to it. Every action is a form's POST that answers with a redirect to where it was sent from,
and is heard from pages of its own origin only, like the control API beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from mockidp.clock import parse_rate
from mockidp.errors import ApiError, UsageError
from mockidp.harness.callers import check_visitor, guarded
from mockidp.harness.dashboard_pages import STATIC, dashboard_page, frame, static_file
from mockidp.harness.dashboard_settings import domain_of, settings_for
from mockidp.harness.dashboard_stream import stream
from mockidp.harness.dashboard_views import (
    Listing,
    paged,
    request_detail,
    request_row,
    search_requests,
    search_users,
    user_detail,
    user_row,
    user_url,
)
from mockidp.harness.mail import mail_of
from mockidp.harness.operations import OPERATIONS, PREFIX, Idp
from mockidp.http import pages
from mockidp.http.routing import Answer, Call, Endpoint, Route
from mockidp.model.client import CLIENTS, Client
from mockidp.model.outbox import MESSAGES
from mockidp.model.user import USERS, find_by_identity, find_user, get_user

HOME = f"{PREFIX}/dashboard"
USERS_SHOWN, REQUESTS_SHOWN, MESSAGES_SHOWN, CLIENTS_SHOWN = 25, 25, 25, 25
AT_A_GLANCE = 8  # rows of each list on the overview


class Mock(Idp, Protocol):
    """What the dashboard steers: `MockIdp`."""

    @property
    def ca_path(self) -> str: ...


class Dashboard:
    """The pages and actions over one mock."""

    def __init__(self, idp: Mock) -> None:
        self._idp = idp

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        shown: dict[str, Endpoint] = {
            PREFIX: self.overview,
            f"{HOME}/users": self.users,
            f"{HOME}/users/{{id}}": self.user,
            f"{HOME}/clients": self.clients,
            f"{HOME}/requests": self.requests,
            f"{HOME}/outbox": self.outbox,
            f"{PREFIX}/outbox/{{id}}": self.mail,
            f"{HOME}/rules": self.rules,
        }
        loaded: dict[str, Endpoint] = {
            f"{PREFIX}/requests/stream": lambda call: stream(call.request, lambda: self._idp.requests),
            f"{STATIC}/{{name}}": static_file,
        }
        done: dict[str, Callable[[dict[str, str]], str]] = {
            "login-as": self.login_as,
            "link": self.link,
            "unlink": self.unlink,
            "clock": self.set_clock,
            "reset": self.reset,
        }
        return (
            *(
                Route("GET", path, guarded(self._shown(endpoint), check_visitor))
                for path, endpoint in shown.items()
            ),
            *(Route("GET", path, guarded(endpoint)) for path, endpoint in loaded.items()),
            *(
                Route("POST", f"{HOME}/{name}", guarded(self._shown(self._acting(act))))
                for name, act in done.items()
            ),
        )

    # -- pages -------------------------------------------------------------------------------------------

    def overview(self, call: Call) -> Response:
        """Answer with the first of everything."""
        tenant = self._idp.state
        users, requests = tenant.store.all(USERS), self._idp.requests
        messages = list(self._idp.outbox)
        return self._page(
            call,
            "overview.html",
            users=[user_row(user, self._login_identity) for user in users[:AT_A_GLANCE]],
            user_count=len(users),
            requests=[request_row(tenant, each) for each in requests[-AT_A_GLANCE:][::-1]],
            request_count=len(requests),
            messages=[mail_of(message) for message in messages[: -AT_A_GLANCE // 2 - 1 : -1]],
            message_count=len(messages),
            client_count=len(tenant.store.all(CLIENTS)),
            domain=domain_of(call),
            ca=self._ca(),
            operations=OPERATIONS,
        )

    def users(self, call: Call) -> Response:
        """Answer with the users that a search finds."""
        text = call.request.args.get("q", "")
        found = self._listed(call, search_users(self._idp.state, text), USERS_SHOWN, q=text)
        rows = [user_row(user, self._login_identity) for user in found.rows]
        return self._page(call, "users.html", listing=found, users=rows, q=text)

    def user(self, call: Call) -> Response:
        """Answer with one user: identities, whom to link, the whole object."""
        tenant, key = self._idp.state, call.path["id"]
        user = find_user(tenant, key) or find_by_identity(tenant, key) or get_user(tenant, key)
        return self._page(call, "user.html", user=user_detail(tenant, user, self._login_identity))

    def clients(self, call: Call) -> Response:
        """Answer with the clients and the settings to copy."""
        found = self._listed(call, self._idp.state.store.all(CLIENTS), CLIENTS_SHOWN)
        rows = [self._client(call, client) for client in found.rows]
        return self._page(
            call, "clients.html", listing=found, clients=rows, domain=domain_of(call), ca=self._ca()
        )

    def requests(self, call: Call) -> Response:
        """Answer with the recorded requests, newest first."""
        text, tenant = call.request.args.get("q", ""), self._idp.state
        found = self._listed(call, search_requests(self._idp.requests, text), REQUESTS_SHOWN, q=text)
        rows = [request_detail(tenant, each) for each in found.rows]
        return self._page(call, "requests.html", listing=found, requests=rows, q=text)

    def outbox(self, call: Call) -> Response:
        """Answer with the messages, newest first."""
        found = self._listed(call, list(self._idp.outbox)[::-1], MESSAGES_SHOWN)
        messages = [mail_of(message) for message in found.rows]
        return self._page(call, "outbox.html", listing=found, messages=messages)

    def mail(self, call: Call) -> Response:
        """Answer with one message as a mail client shows it: its link is the only one on the page."""
        message = self._idp.state.store.find(MESSAGES, call.path["id"])
        if message is None:
            raise ApiError(404, "There is no such message; a reset forgets them.")
        return pages.page("mail.html", lang="en", message=mail_of(message))

    def rules(self, call: Call) -> Response:
        """Answer with the rules and what each did."""
        return self._page(
            call,
            "rules.html",
            title=self._idp.rules.script.title,
            uses=self._idp.rules.uses,
            mistakes=self._idp.rules.mistakes,
        )

    # -- actions: each returns the name of what was done ---------------------------------------------------

    def login_as(self, form: dict[str, str]) -> str:
        """Let a user answer the login pages; without one they are shown again."""
        self._idp.login_as(form.get("user") or None)
        return "login-as" if form.get("user") else "login-pages"

    def link(self, form: dict[str, str]) -> str:
        """Link the account `secondary` to the account `user`."""
        self._idp.link(_given(form, "user"), _given(form, "secondary").strip())
        return "link"

    def unlink(self, form: dict[str, str]) -> str:
        """Make an identity of the account `user` one of its own."""
        self._idp.unlink(_given(form, "user"), _given(form, "provider"), _given(form, "user_id"))
        return "unlink"

    def set_clock(self, form: dict[str, str]) -> str:
        """Do one thing to the clock: `unfreeze`, `advance`, `travel`, `rate`, or `freeze`."""
        clock = self._idp.state.clock
        if "unfreeze" in form:
            clock.unfreeze()
        elif by := form.get("advance", "").strip():
            clock.advance(by)
        elif to := form.get("travel", "").strip():
            clock.travel(to)
        elif factor := form.get("rate", "").strip():
            clock.rate(parse_rate(factor))
        else:
            clock.freeze(_given(form, "freeze").strip())
        return "clock"

    def reset(self, form: dict[str, str]) -> str:
        """Bring the seed back."""
        self._idp.reset()
        return "reset"

    # -- how -----------------------------------------------------------------------------------------------

    def _page(self, call: Call, template: str, status: int = 200, **context: object) -> Response:
        framed = frame(call, self._idp.state) | {
            "answering": self._answering(),
            "rule_count": len(self._idp.rules.uses),
        }
        return dashboard_page(template, status, **framed, **context)

    def _shown(self, endpoint: Endpoint) -> Endpoint:
        """Wrap an endpoint: what is wrong is said on a page."""

        def shown(call: Call) -> Answer:
            try:
                return endpoint(call)
            except UsageError as error:
                return self._page(call, "problem.html", 400, message=str(error), back=_back(call))
            except ApiError as error:
                return self._page(call, "problem.html", error.status, message=error.message, back=_back(call))

        return shown

    def _acting(self, act: Callable[[dict[str, str]], str]) -> Endpoint:
        """Return an action's endpoint, which leads back to where the form was."""

        def acting(call: Call) -> Response:
            done = act(call.request.form.to_dict())
            return redirect(_with_done(_back(call), done), 303)

        return acting

    @property
    def _login_identity(self) -> str | None:
        return self._idp.rules.logins.identity

    def _answering(self) -> dict[str, Any] | None:
        """Return who answers the login pages."""
        key = self._login_identity
        user = find_by_identity(self._idp.state, key) if key else None
        if key is None or user is None:
            return None
        return {"title": user.email or user.name or user.user_id, "key": key, "url": user_url(user.user_id)}

    def _listed(self, call: Call, rows: list[Any], size: int, **query: str) -> Listing:
        number = call.request.args.get("page", 1, type=int)
        return paged(rows, number, size, call.request.path, **query)

    def _client(self, call: Call, client: Client) -> dict[str, Any]:
        return {
            "name": client.name,
            "client_id": client.client_id,
            "client_secret": "" if client.is_public else client.client_secret or "",
            "type": client.app_type or "",
            "callbacks": client.callbacks,
            "logout_urls": client.allowed_logout_urls,
            "grant_types": client.grant_types,
            "settings": settings_for(call, client, self._ca()),
        }

    def _ca(self) -> str:
        try:
            return self._idp.ca_path
        except UsageError:
            return ""  # it can't be kept: there is no https then


def _given(form: dict[str, str], name: str) -> str:
    if not form.get(name, "").strip():
        raise UsageError(f"the form has no '{name}'")
    return form[name]


def _back(call: Call) -> str:
    """Return the dashboard's page that a form was on; the overview in place of anything else."""
    try:
        parts = urlsplit(call.request.form.get("back", ""))
    except ValueError:
        return f"{PREFIX}/"
    own = parts.path.rstrip("/") == PREFIX or parts.path.startswith(f"{HOME}/")
    return parts.geturl() if own and not parts.scheme and not parts.netloc else f"{PREFIX}/"


def _with_done(url: str, done: str) -> str:
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != "done"]
    return parts._replace(query=urlencode([*query, ("done", done)])).geturl()
