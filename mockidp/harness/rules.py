"""Rules at work: a layer around the application that answers as its rules say, and remembers what they did.

Rules that mean the same request are used in the order in which they were made: one with `times` that often;
one without, once, as long as another waits behind it, and the last of them for good.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec
from werkzeug.wrappers import Request, Response

from mockidp import json
from mockidp.errors import Refusal, UsageError
from mockidp.harness.conditions import is_meant
from mockidp.harness.effects import Dropped, scripted, shape, turn
from mockidp.harness.exchange import Exchange, MatchedRule
from mockidp.harness.limiter import Limiter
from mockidp.harness.lookup import find_person
from mockidp.harness.pause import Pause
from mockidp.harness.recorder import CONTROL, RULE, Handler, asked
from mockidp.harness.refusals import refusal_of, text_of
from mockidp.harness.script import Answers, Logins, tampered
from mockidp.http.routing import Router
from mockidp.model.tenant import Tenant
from mockidp.rules.operation import misspelt
from mockidp.rules.read import read_rule
from mockidp.rules.rule import Rule, Script, Then

JWKS = "/.well-known/jwks.json"
AUTHORIZE = "/authorize"


class Failure(Protocol):
    """What failed inside mockidp itself: at which request, and how."""

    @property
    def where(self) -> str: ...
    @property
    def traceback(self) -> str: ...


class Answering(Protocol):
    """The application, as far as rules speak in its place, and tests ask how it is."""

    @property
    def router(self) -> Router:
        """Which operations there are."""

    @property
    def problems(self) -> Iterable[Failure]:
        """What failed since the last reset."""

    def answer(self, request: Request, given: Response | Refusal) -> Response:
        """Return a response given instead of an endpoint's, rendered and finished as one of those."""

    def scopes_of(self, request: Request) -> tuple[str, ...]:
        """Return the scopes that the request's operation needs."""


class Use:
    """A rule, and what it did: `calls` counts the requests that it means, `times` those it answered.

    `number` is its place among the rules, from 1.
    """

    def __init__(self, rule: Rule, number: int) -> None:
        self.rule = rule
        self.number = number
        self.calls = 0
        self.times = 0
        self.limiter: Limiter | None = None

    def is_ready(self, now: float) -> bool:
        """Whether it answers the request that was just counted."""
        rule = self.rule
        if rule.where.calls and self.calls not in rule.where.calls:
            return False
        if rule.times is not None and self.times >= rule.times:
            return False
        return self.limiter is None or not self.limiter.is_over(now)


class Rules:
    """The rules of one tenant, in order."""

    def __init__(self, tenant: Tenant, logins: Logins) -> None:
        self.application: Answering | None = None  # once it is there
        self.script = Script()
        self.used: list[tuple[Use, Exchange | None]] = []  # in order
        self.mistakes: list[str] = []  # what a rule says that turned out to be wrong
        self._tenant = tenant
        self.logins = logins
        self._pause = Pause()
        self._lock = threading.RLock()
        self._uses: list[Use] = []
        self._count = 0  # requests
        self._stale: tuple[str, float] | None = None  # a kid that the JWKS does not show, until when

    @property
    def uses(self) -> tuple[Use, ...]:
        """The rules with what they did, in order."""
        return tuple(self._uses)

    def add(self, rule: Rule) -> Use:
        """Add a rule behind the others."""
        with self._lock:
            use = Use(rule, len(self._uses) + 1)
            self._uses.append(use)
        return use

    def put(self, document: Mapping[str, Any], use: Use | None = None) -> Use:
        """Read a rule and add it, or change one that is there; `UsageError` for what is no rule."""
        rule = read_rule(document)
        self._check(Script(rules=(rule,)))
        if use is None:
            return self.add(rule)
        use.rule = rule
        return use

    def restart(self, script: Script = Script()) -> None:  # noqa: B008 - immutable
        """Forget all rules, what they did and who logs in, and begin this script.

        Raises `UsageError` for a path that is misspelt.
        """
        self._check(script)
        with self._lock:
            self.clear()
            self.script = script
            self._uses = [Use(rule, number) for number, rule in enumerate(script.rules, 1)]
            self.logins.forget()

    def _check(self, script: Script) -> None:
        if self.application is not None:
            for slip in misspelt_steps(script, self.application.router):
                raise slip

    def clear(self) -> None:
        """Forget all rules, what they did and what was expected; who logs in stays."""
        with self._lock:
            self.script, self._uses = Script(), []
            self.used, self.mistakes, self._count, self._stale = [], [], 0, None
        self._pause.let_go()

    def layer(self, handler: Handler) -> Handler:
        """Wrap a handler: requests that a rule means are answered as it says."""

        def ruled(request: Request) -> Response:
            if not self._uses or request.path.startswith(CONTROL):
                return self.logins.handle(handler, request)
            response = self._answered(handler, request)
            if self._stale is not None and request.path == JWKS:
                response = self._without_new_key(response)
            self._after()
            return response

        return ruled

    def _answered(self, handler: Handler, request: Request) -> Response:
        it = asked(self._tenant, request)
        use = self._choose(it)
        if use is None:
            return self.logins.handle(handler, request)
        then = use.rule.then
        if then.rate_limit is None:
            _mark(request, use)
        self._turn(then)
        if then.delay:
            self._pause.wait(then.delay)
        if then.drop == "before":
            return Dropped()
        response = self._limited(handler, request, it, use)
        return shape(then, request, response, self._pause)

    def _choose(self, it: Exchange) -> Use | None:
        """Return the rule that answers, and count."""
        with self._lock:
            meant = [use for use in self._uses if self._means(use.rule, it)]
            for use in meant:
                use.calls += 1
            now = self._tenant.clock.now()
            ready = [use for use in meant if use.is_ready(now)]
            fresh = (use for use in ready if use.rule.times is not None or not use.times)
            chosen = next(fresh, ready[-1] if ready else None)
            if chosen is not None and chosen.rule.then.rate_limit is None:
                self._note(chosen, it)
            return chosen

    def _means(self, rule: Rule, it: Exchange) -> bool:
        return rule.operation is not None and is_meant(self._tenant, rule.operation, rule.where, it)

    def _note(self, use: Use, it: Exchange | None) -> None:
        use.times += 1
        self.used.append((use, it))

    def _limited(self, handler: Handler, request: Request, it: Exchange, use: Use) -> Response:
        """Return the answer, or 429 where the rule limits the rate."""
        limit = use.rule.then.rate_limit
        if limit is None:
            return self._perform(handler, request, it, use.rule.then)
        with self._lock:
            use.limiter = use.limiter or Limiter(limit)
            passes, headers = use.limiter.count(self._tenant.clock.now())
            if not passes:
                self._note(use, it)
        if passes:
            response = self._perform(handler, request, it, use.rule.then)
        else:
            _mark(request, use)
            response = self._speak(request, refusal_of(it, Then(status=429)))
        response.headers.update(headers)
        return response

    def _perform(self, handler: Handler, request: Request, it: Exchange, then: Then) -> Response:
        """Let the rule or the endpoint answer."""
        answers = self._answers(then, forced=then.error is not None)
        if then.answers and not (then.error is not None and it.path == AUTHORIZE):
            return self._speak(request, self._own(request, it, then))
        with tampered(self._tenant, then.tamper):
            response = self.logins.handle(handler, request, answers)
        if then.status is not None and not then.answers:
            response.status_code = then.status
            if then.status == 204:
                response.set_data(b"")
        return response

    def _answers(self, then: Then, *, forced: bool) -> Answers | None:
        """Return what the rule says of a login."""
        if not (then.logs_in or forced or then.tamper):
            return None
        identity = None
        if then.login is not None:
            try:
                identity = find_person(self._tenant, then.login)[1].key
            except UsageError as error:
                self._mistaken(f"'login': {error}")
        return Answers(
            identity=identity,
            error=then.error or then.deny,
            description=then.description or (text_of(then.error) if then.error else None),
            mfa=then.mfa,
            consent=then.consent,
            forced=forced,
            tamper=then.tamper,
        )

    def _mistaken(self, text: str) -> None:
        with self._lock:
            if text not in self.mistakes:
                self.mistakes.append(text)

    def _own(self, request: Request, it: Exchange, then: Then) -> Response | Refusal:
        """Return what the rule says itself, or else what the endpoint says with that error or status."""
        if then.body is not msgspec.UNSET or (then.error is None and (then.status or 0) < 400):
            return scripted(then)
        return refusal_of(it, then, self.application.scopes_of(request) if self.application else ())

    def _speak(self, request: Request, given: Response | Refusal) -> Response:
        assert self.application is not None, "the rules of a tenant without an application"
        response = self.application.answer(request, given)
        if response.status_code == 429:
            limited = {"X-RateLimit-Remaining": "0", "Retry-After": "1"}
            response.headers.update(limited)
        return response

    def _turn(self, then: Then) -> None:
        """Do to the tenant what the rule says: its clock, its keys."""
        try:
            turn(self._tenant.clock, then)
        except UsageError as error:
            self._mistaken(str(error))
        if then.rotate_keys is not None:
            key = self._tenant.keys.rotate()
            stale = then.rotate_keys.stale
            self._stale = None if stale is None else (key.kid, self._tenant.clock.now() + stale)

    def _without_new_key(self, response: Response) -> Response:
        """Return the JWKS as a cache in front of it still has it."""
        if self._stale is None or self._tenant.clock.now() >= self._stale[1] or not response.is_json:
            return response
        shown = [key for key in response.get_json()["keys"] if key["kid"] != self._stale[0]]
        response.set_data(json.encode({"keys": shown}))
        return response

    def _after(self) -> None:
        """Count a request, and do what comes after so many."""
        with self._lock:
            self._count += 1
            due = [use for use in self._uses if use.rule.after == self._count]
            for use in due:
                self._note(use, None)
        for use in due:
            self._turn(use.rule.then)


def misspelt_steps(script: Script, router: Router) -> Iterator[UsageError]:
    """Yield what is misspelt in a script's operations: its steps would wait for ever."""
    named = [(rule.operation, rule.place) for rule in script.rules]
    named += [(wanted.operation, wanted.place) for wanted in script.expect.requests]
    for operation, place in named:
        meant = router.meant(operation.path) if operation else None
        if operation and meant:
            yield misspelt(operation, meant, place)


def _mark(request: Request, use: Use) -> None:
    """Tell the recorder, which is outside, which rule answers."""
    request.environ[RULE] = MatchedRule(use.number, use.rule.text)
