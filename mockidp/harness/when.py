"""`idp.on("GET /userinfo").respond(…)`: rules in Python, in the words of scenario files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from mockidp.clock import Duration, Moment
from mockidp.harness.rules import Use
from mockidp.json import Json


class When:
    """A rule in the making: each method says what happens, and all of them together what the rule does.

    It holds as soon as it says something. `calls` counts the requests that it means, `times` those that it
    answered.
    """

    def __init__(self, given: Mapping[str, Any], put: Callable[[Mapping[str, Any], Use | None], Use]) -> None:
        self._given = dict(given)
        self._then: dict[str, Any] = {}
        self._put = put
        self._use = put(self._given, None)

    def __repr__(self) -> str:
        return f"<rule {self._use.rule.text}: used {self.times} times>"

    @property
    def times(self) -> int:
        """How often it answered."""
        return self._use.times

    @property
    def calls(self) -> int:
        """How many requests came that it means."""
        return self._use.calls

    def respond(
        self,
        status: int | None = None,
        body: Any = None,
        *,
        json: Any = None,
        headers: Mapping[str, str | None] | None = None,
        error: str | None = None,
        description: str | None = None,
    ) -> Self:
        """Answer with a status, a body (a text as it is, anything else as JSON), headers, or an error.

        What is left out is what the real endpoint answers with that status or error. `json` is the body, too.
        """
        said = json if body is None else body.decode() if isinstance(body, bytes) else body
        return self._say(status=status, body=said, headers=headers, error=error, description=description)

    def delay(self, duration: Duration) -> Self:
        """Wait before the answer: `"150ms"`, seconds, or a timedelta."""
        return self._say(delay=duration)

    def trickle(self, duration: Duration) -> Self:
        """Send the body in small pieces, for this long."""
        return self._say(trickle=duration)

    def drop(self, when: str = "before") -> Self:
        """Close the connection `before` the endpoint sees the request, or `midway` in the answer."""
        return self._say(drop=when)

    def malformed(self) -> Self:
        """Break the body off in the middle: JSON that is none."""
        return self._say(malformed=True)

    def rate_limit(self, limit: int | None = None, per: Duration = 1) -> Self:
        """Let `limit` requests through in each `per` of the tenant's clock; None: none, until it is over."""
        return self._say(rate_limit={"limit": limit, "per": per})

    def tamper(self, fault: str | None = None, **claims: Json) -> Self:
        """Sign something wrong: a fault's name, or claims with false values (None: left out)."""
        return self._say(tamper=claims if fault is None else fault)

    def rotate_keys(self, *, stale: Duration | None = None) -> Self:
        """Sign with the next key; with `stale` the JWKS does not show it for that long."""
        return self._say(rotate_keys=True if stale is None else {"stale": stale})

    def advance(self, duration: Duration) -> Self:
        """Move the tenant's clock forward."""
        return self._say(advance=duration)

    def travel(self, to: Moment) -> Self:
        """Set the tenant's clock to a moment, forward or back, from where it runs on."""
        return self._say(travel=to)

    def freeze(self, at: Moment = "now") -> Self:
        """Stop the tenant's clock at a moment, or where it is then."""
        return self._say(freeze=at)

    def rate(self, factor: float) -> Self:
        """Let the tenant's clock run so many seconds in each real one; 0: it stands still."""
        return self._say(rate=factor)

    def login(self, user: Any) -> Self:
        """Let this user answer the login page: an e-mail, a user_id, an identity, or a user object."""
        return self._say(login=user if isinstance(user, str) else user.user_id)

    def deny(self, error: str = "access_denied", description: str | None = None) -> Self:
        """Let the person at the login page refuse."""
        return self._say(deny=error, description=description)

    def mfa(self, answer: str) -> Self:
        """Let the second factor `pass` or `fail`."""
        return self._say(mfa=answer)

    def consent(self, answer: str) -> Self:
        """Let the person `accept` or `deny` the consent."""
        return self._say(consent=answer)

    def _say(self, **words: Any) -> Self:
        said = {**self._then, **{name: value for name, value in words.items() if value is not None}}
        self._use = self._put({**self._given, "then": said}, self._use)
        self._then = said
        return self
