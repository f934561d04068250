"""A mock as tests script it: rules made in Python, and whether all came about that was expected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from mockidp.errors import InternalError
from mockidp.harness.objects import Ref, identity_key
from mockidp.harness.recorder import Recorder
from mockidp.harness.redaction import redact_text
from mockidp.harness.rules import Failure, Rules
from mockidp.harness.verdict import differences
from mockidp.harness.when import When
from mockidp.model.tenant import Tenant


class Steering(ABC):
    """What needs a tenant, its rules and its requests; `MockIdp` is one, with a server."""

    @property
    @abstractmethod
    def state(self) -> Tenant:
        """The emulated tenant itself."""

    @property
    @abstractmethod
    def requests(self) -> Recorder:
        """The requests that came."""

    @property
    @abstractmethod
    def rules(self) -> Rules:
        """The rules that answer requests, with what they did."""

    @property
    def problems(self) -> tuple[Failure, ...]:
        """What failed inside mockidp itself since the last `reset()`: `where` (the request), `traceback`."""
        application = self.rules.application
        return () if application is None else tuple(application.problems)

    def raise_problems(self) -> None:
        """Raise `InternalError` when mockidp itself failed since the last `reset()`."""
        texts = [redact_text(f"{problem.where}\n{problem.traceback}") for problem in self.problems]
        if texts:
            raise InternalError("mockidp failed while it answered\n\n" + "\n".join(texts))

    def login_as(self, user: Ref | None) -> None:
        """Let the user answer the interactive authorizations from now on, no page; None shows pages again."""
        self.rules.logins.login_as(None if user is None else identity_key(self.state, user))

    def on(
        self,
        operation: str,
        where: Mapping[str, Any] | None = None,
        *,
        times: int | None = None,
        ordered: bool = False,
    ) -> When:
        """Begin a rule for `"METHOD /path"` (or `"after 3 requests"`); its methods say what happens.

        `where` has parameters of the query or the body, or `query`, `form`, `json`, `headers`, `client`,
        `user`, `call`. With `times` it holds that often, and `verify()` checks that it was used that often.
        """
        named = {name: _named(value) for name, value in (where or {}).items()}
        given = {"on": operation, "where": named or None, "times": times, "ordered": ordered or None}
        return When({name: value for name, value in given.items() if value is not None}, self.rules.put)

    def fail(
        self,
        operation: str,
        status: int | None = None,
        *,
        error: str | None = None,
        description: str | None = None,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
        times: int | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> When:
        """Let requests fail: by default with 500, and with what the real endpoint says then."""
        if status is None and error is None:
            status = 500
        failing = self.on(operation, where, times=times)
        return failing.respond(status, body, headers=headers, error=error, description=description)

    def verify(self) -> None:
        """Fail unless the script's steps came about, rules with `times` that often, and expectations hold.

        The failure says what was expected, and what came instead, in order.
        """
        __tracebackhide__ = True
        text = differences(self.state, self.rules, self.requests)
        if text:
            raise AssertionError(text)


def _named(value: Any) -> Any:
    """Return a user or client object as its id."""
    for member in ("user_id", "client_id"):
        if not isinstance(value, Mapping | str) or type(value) not in (dict, str):
            found = getattr(value, member, None)
            if isinstance(found, str):
                return found
    return value
