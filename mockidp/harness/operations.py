"""What the control API can do: a row for each operation; what they take, answer and run is in `control_*`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from mockidp.harness import control_accounts as accounts
from mockidp.harness import control_clock as clock
from mockidp.harness import control_handle as handle
from mockidp.harness import control_rules as rules
from mockidp.harness import control_tokens as tokens
from mockidp.harness import control_world as world
from mockidp.harness import har
from mockidp.harness.exchange import RecordedExchange
from mockidp.json import Json
from mockidp.model.outbox import Message

PREFIX = "/_mockidp"


class Idp(accounts.Accounts, handle.Held, rules.Scripted, tokens.Issuing, Protocol):
    """What the control API steers: `MockIdp`."""

    def reset(self, label: str | None = None) -> None: ...


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters."""


class Beginning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`label`: names what begins, a test: what it leaves over is told by it."""

    label: str | None = None


class ControlError(msgspec.Struct, frozen=True):
    """What was wrong with the request, in words."""

    error: str
    message: str


class Operation(msgspec.Struct, frozen=True):
    """One row.

    `takes` is the type of a POST's JSON body, or else of the path's parameters and the query; `errors` are
    the statuses beside 400 and 403 with which it refuses.
    """

    method: str
    name: str
    summary: str
    run: Callable[[Any, Any], object]
    takes: Any = Nothing
    answers: Any = handle.Done
    status: int = 200
    errors: tuple[int, ...] = ()

    @property
    def path(self) -> str:
        """The URL's path."""
        return f"{PREFIX}/{self.name}"

    def usage(self) -> str:
        """Return in words what it takes."""
        names = getattr(self.takes, "__struct_fields__", ("an object",))
        return f"{self.method} {self.path} takes {', '.join(names) or 'nothing'}"


def _reset(idp: Idp, given: Beginning) -> handle.Done:
    idp.reset(given.label)
    return handle.Done()


_OBJECT = dict[str, Json]
_RULES = list[rules.RuleState]
_REQUESTS, _WIRE = list[RecordedExchange], list[handle.WireExchange]
_USER = accounts.UserDocument
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "health", "Whether the server is up", world.show_health, answers=world.Health),
    Operation(
        "GET",
        "state",
        "Users, clients and the rest of the world as it is",
        world.show_state,
        world.WhichState,
        world.State,
    ),
    Operation("POST", "reset", "Bring the seed back: every test its own world", _reset, Beginning),
    Operation(
        "POST", "users", "Add a user, given as in a seed", accounts.add_user, _OBJECT, _USER, 201, (409,)
    ),
    Operation(
        "GET", "users/{user}", "A user as it is", accounts.show_user, accounts.WhichUser, _USER, errors=(404,)
    ),
    Operation("POST", "link", "Link two accounts", accounts.link, accounts.Link, _USER, errors=(409,)),
    Operation(
        "POST",
        "unlink",
        "Make an identity an account of its own again",
        accounts.unlink,
        accounts.Unlink,
        _USER,
    ),
    Operation(
        "POST",
        "login-as",
        "Answer the login pages as a user",
        accounts.login_as,
        accounts.LoginAs,
        accounts.WhoLogsIn,
    ),
    Operation(
        "POST",
        "logins",
        "Log a user in through the pages",
        accounts.log_in,
        accounts.LoginRequest,
        accounts.LoggedIn,
    ),
    Operation(
        "POST",
        "password",
        "What a user types at the login page",
        handle.tell_password,
        handle.Whose,
        handle.Password,
    ),
    Operation(
        "POST",
        "tokens",
        "Issue tokens without a login",
        tokens.issue_tokens,
        tokens.TokenRequest,
        tokens.Tokens,
    ),
    Operation(
        "POST", "id-token", "Issue an ID token", handle.issue_id_token, handle.IdTokenRequest, handle.IdToken
    ),
    Operation(
        "POST",
        "management-token",
        "Issue a token for the Management API",
        tokens.issue_management_token,
        tokens.ManagementTokenRequest,
        tokens.ManagementToken,
    ),
    Operation("POST", "rotate-keys", "Sign with the next key", tokens.rotate_keys, answers=tokens.Keys),
    Operation(
        "GET",
        "requests",
        "The recorded requests, oldest first",
        world.list_requests,
        world.WhichRequests,
        _REQUESTS,
    ),
    Operation(
        "GET",
        "exchanges",
        "The recorded requests as they were on the wire",
        handle.list_exchanges,
        handle.WhichExchanges,
        _WIRE,
    ),
    Operation(
        "GET", "requests.har", "The recorded requests as an HTTP Archive", har.export, har.WhichHar, har.Har
    ),
    Operation("DELETE", "requests", "Forget the recorded requests", handle.forget_requests),
    Operation(
        "GET",
        "outbox",
        "The messages sent, oldest first",
        world.list_messages,
        world.WhichMessages,
        list[Message],
        errors=(404,),
    ),
    Operation("DELETE", "outbox", "Throw all messages away", handle.forget_messages),
    Operation("GET", "clock", "The tenant's time", clock.show_clock, answers=clock.ClockState),
    Operation(
        "POST",
        "clock",
        "Stop, move or hasten the tenant's time",
        clock.set_clock,
        clock.ClockChange,
        clock.ClockState,
    ),
    Operation("GET", "rules", "The rules, and what each did", rules.list_rules, answers=_RULES),
    Operation("POST", "rules", "Script an answer", rules.add_rule, rules.RuleGiven, rules.RuleState, 201),
    Operation("DELETE", "rules", "Forget the rules and what was expected", rules.forget_rules),
    Operation("POST", "scenario", "Begin a scenario", rules.begin_scenario, _OBJECT, _RULES),
    Operation(
        "POST", "snapshot", "Remember how everything is", handle.take_snapshot, answers=handle.SnapshotTaken
    ),
    Operation("POST", "restore", "Go back to a snapshot", handle.restore_snapshot, handle.WhichSnapshot),
    Operation(
        "GET", "problems", "What went wrong inside mockidp", rules.list_problems, answers=list[rules.Problem]
    ),
    Operation(
        "POST", "verify", "Whether all came about that was expected", rules.verify, answers=rules.Verdict
    ),
)
