"""Rules: scripted answers as data. A fault is an effect; an expectation is a rule whose `times` is checked.

YAML, Python and the control API all make these, by `read.py`; `harness/rules.py` carries them out.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mockidp.json import Json
from mockidp.model.tampering import Tamper
from mockidp.rules.operation import Operation


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """What a request must have beside its operation; an empty one: nothing.

    `parameters` are in the query or the body, wherever; `calls` are the numbers of the requests that are
    meant, among those for which all else holds, from 1.
    """

    parameters: Mapping[str, Json] = {}
    query: Mapping[str, Json] | None = None
    form: Mapping[str, Json] | None = None
    json: Json = None
    headers: Mapping[str, Json] | None = None
    client: str | None = None
    user: str | None = None
    calls: tuple[int, ...] = ()


class RateLimit(msgspec.Struct, frozen=True):
    """`limit` requests pass in each `per` seconds of the tenant's clock; None: none, until `per` is over."""

    limit: int | None = None
    per: float = 1


class Rotation(msgspec.Struct, frozen=True):
    """The next key signs; `stale`: for that many seconds the JWKS does not show it (None: it does)."""

    stale: float | None = None


class Tampered(msgspec.Struct, frozen=True):
    """What is wrong in the tokens that the request gets."""

    id_token: Tamper | None = None
    access_token: Tamper | None = None


class Then(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule does; durations are in seconds, moments epoch seconds. See docs/scenarios.md for each."""

    login: str | None = None
    deny: str | None = None
    mfa: str | None = None
    consent: str | None = None
    error: str | None = None
    description: str | None = None
    status: int | None = None
    body: Json | msgspec.UnsetType = msgspec.UNSET
    headers: Mapping[str, Json] | None = None
    delay: float | None = None
    trickle: float | None = None
    drop: str | None = None
    malformed: bool = False
    rate_limit: RateLimit | None = None
    rotate_keys: Rotation | None = None
    tamper: Tampered | None = None
    advance: float | None = None
    travel: float | None = None
    freeze: float | str | None = None
    rate: float | None = None

    @property
    def answers(self) -> bool:
        """Whether the rule answers instead of the endpoint."""
        if self.error is not None or self.body is not msgspec.UNSET:
            return True
        return self.status is not None and self.status >= 300

    @property
    def logs_in(self) -> bool:
        """Whether it answers pages of a login."""
        return any((self.login, self.deny, self.mfa, self.consent))


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When (`operation` and `where`, or `after` so many requests), then, and how often.

    `times` None: any number of times. `required`: that often (or at least once) is part of the
    expectation. `text` is how messages call it, `place` where it was written.
    """

    text: str
    operation: Operation | None = None
    after: int | None = None
    where: Where = Where()
    then: Then = Then()
    times: int | None = None
    required: bool = True
    ordered: bool = False
    place: str = ""


class ExpectedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests came (None: at least one), whose answers had this status."""

    text: str
    operation: Operation
    where: Where = Where()
    status: int | None = None
    times: int | None = None
    place: str = ""


class Expectations(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at the end: requests, users by name (None: no such user), messages (None: any)."""

    requests: tuple[ExpectedRequest, ...] = ()
    users: Mapping[str, Mapping[str, Json] | None] = {}
    outbox: tuple[Mapping[str, Json], ...] | None = None


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario's rules and expectations."""

    title: str = ""
    rules: tuple[Rule, ...] = ()
    expect: Expectations = Expectations()
