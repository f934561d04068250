"""What watches the tenant of another process: its requests, rules and messages, as `harness` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from werkzeug.datastructures import Headers

from mockidp.harness.control_handle import WireExchange
from mockidp.harness.control_rules import RuleState
from mockidp.harness.exchange import Exchange
from mockidp.harness.outbox import Outbox
from mockidp.harness.recorder import Recorder
from mockidp.harness.rules import Rules, Use
from mockidp.harness.script import Logins
from mockidp.model.tenant import Tenant
from mockidp.remote.wire import Control
from mockidp.rules.read import read_rule
from mockidp.rules.rule import Rule

_FROM_THERE = ("route", "client_id", "user_id", "tokens")  # what takes the tenant's secrets, or its routes


class RemoteRecorder(Recorder):
    """The requests that came to the server."""

    def __init__(self, control: Control, tenant: Tenant) -> None:
        super().__init__(tenant)
        self._control = control

    def clear(self) -> None:
        """Forget everything."""
        self._control.delete("requests")

    def __len__(self) -> int:
        return len(self._kept())

    def _kept(self) -> list[Exchange]:
        return [_received(self._tenant, each) for each in self._control.get("exchanges", list[WireExchange])]


class RemoteOutbox(Outbox):
    """The messages in the server's outbox."""

    def __init__(self, control: Control, tenant: Tenant) -> None:
        super().__init__(tenant)
        self._control = control

    def clear(self) -> None:
        """Throw all messages away."""
        self._control.delete("outbox")


class RemoteUse(Use):
    """A rule of the server; what it did is asked for when somebody looks."""

    def __init__(self, control: Control, number: int, rule: Rule) -> None:
        self.rule = rule
        self.limiter = None
        self.number = number
        self._control = control
        self._last = RuleState(number, rule.text, 0, 0, rule.times, rule.required)

    @property
    def calls(self) -> int:  # type: ignore[override]
        """How many requests came that it means."""
        return self._state().calls

    @property
    def times(self) -> int:  # type: ignore[override]
        """How many requests it answered."""
        return self._state().used

    def _state(self) -> RuleState:
        """Return what the rule did; after a reset, when it is gone, what it had done when last looked at."""
        states = self._control.get("rules", list[RuleState])
        for state in states:
            if (state.number, state.rule) == (self.number, self.rule.text):
                self._last = state
        return self._last


class RemoteRules(Rules):
    """The rules of the server."""

    def __init__(self, control: Control, tenant: Tenant) -> None:
        super().__init__(tenant, Logins(tenant))
        self._control = control

    @property
    def uses(self) -> tuple[Use, ...]:
        """The rules with what they did, in order; of where and then only the text is known."""
        states = self._control.get("rules", list[RuleState])
        return tuple(
            RemoteUse(
                self._control,
                state.number,
                Rule(text=state.rule, times=state.times, required=state.required),
            )
            for state in states
        )

    def clear(self) -> None:
        """Forget all rules, what they did and what was expected; who logs in stays."""
        self._control.delete("rules")

    def put(self, document: Mapping[str, Any], use: Use | None = None) -> Use:
        """Add a rule, or change one that is there; `UsageError` for what is no rule."""
        rule = read_rule(document)
        given = dict(document)
        if isinstance(use, RemoteUse):
            given["number"] = use.number
        state = self._control.post("rules", RuleState, given)
        return RemoteUse(self._control, state.number, rule)


def _received(tenant: Tenant, sent: WireExchange) -> Exchange:
    members = msgspec.structs.asdict(sent)
    known = {name: members.pop(name) for name in _FROM_THERE}
    headers = Headers(members.pop("response_headers"))
    exchange = Exchange(tenant=tenant, response_headers=headers, **members)
    vars(exchange).update(known)  # where it caches what it works out
    return exchange
