"""The words of rules: every key with the shape of its value and what it means.

The reader (`values.py` has a function for each shape), the JSON Schema and the test of the docs go by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from mockidp.model.outbox import KINDS
from mockidp.model.tampering import FAULTS, WRONG


class Word(NamedTuple):
    """A key: the name of its shape, and a sentence."""

    shape: str
    meaning: str


RULE = {
    "on": Word("on", "the request that is meant: METHOD /path, with {name} or a last * as wildcards"),
    "where": Word("where", "what else the request must have"),
    "then": Word("then", "what happens; left out, the step is an expectation alone"),
    "times": Word("times", "how often; left out, at least once and any number of times; any: or never"),
}
WHERE = {
    "query": Word("mapping", "parameters of the URL; null: absent"),
    "form": Word("mapping", "parameters of the body, form or JSON; null: absent"),
    "json": Word("any", "members of the JSON body, compared as JSON"),
    "headers": Word("mapping", "headers of the request; null: absent"),
    "client": Word("text", "the client that asks, by id or name"),
    "user": Word("text", "whom it is about, by e-mail, user_id or name"),
    "call": Word("calls", "the how manieth such request: a number or a list, from 1"),
}
THEN = {
    "login": Word("text", "who answers the login page: an e-mail, user_id, identity (facebook|1022) or name"),
    "deny": Word("deny", "the person refuses to log in: an error code, or true for access_denied"),
    "mfa": Word("mfa", "how the second factor goes: pass or fail"),
    "consent": Word("consent", "what is answered to the consent page: accept or deny"),
    "error": Word("text", "an error code, answered as the endpoint answers errors"),
    "description": Word("text", "the error's text; left out, the real one's"),
    "status": Word("status", "the HTTP status"),
    "body": Word("body", "the body: a text as it is, anything else as JSON"),
    "headers": Word("headers", "headers of the answer; null removes one"),
    "delay": Word("duration", "wait before the request is answered"),
    "trickle": Word("duration", "send the body in small pieces, for this long"),
    "drop": Word("drop", "close the connection: true before the endpoint sees it, midway in the answer"),
    "malformed": Word("flag", "break the body off in the middle: JSON that is none"),
    "rate_limit": Word("rate_limit", "429 with the real headers until the tenant's clock says otherwise"),
    "rotate_keys": Word("rotate_keys", "sign with the next key; stale: the JWKS does not show it"),
    "tamper": Word("tamper", "sign something wrong: a fault's name, or claims with false values"),
    "advance": Word("duration", "move the tenant's clock forward"),
    "travel": Word("moment", "set the tenant's clock to a moment, forward or back, from where it runs on"),
    "freeze": Word("freeze", "stop the tenant's clock at a moment, or now"),
    "rate": Word("rate", "let the tenant's clock run so many seconds in each real one; 0: it stands still"),
}
EXPECT = {
    "requests": Word("requests", "requests that came: on, where, status, times (left out: at least once)"),
    "users": Word("users", "users by e-mail or id, with members they must have; null: no such user"),
    "outbox": Word("messages", "messages that were sent: to, kind and so on; an empty list: none"),
}
REQUEST = {name: RULE[name] for name in ("on", "where", "times")} | {
    "status": Word("status", "the status of the answer")
}
MESSAGE = {
    "to": Word("text", "the recipient"),
    "kind": Word("kind", "the e-mail template's name, such as verify_email"),
    "subject": Word("text", "the subject"),
    "code": Word("text", "the one-time code in it"),
}
SCENARIO = {
    "scenario": Word("text", "what the scenario is about: its title"),
    "seed": Word("seed", "the world: a path relative to this file, a list, or the sections themselves"),
    "script": Word("script", "the steps"),
    "expect": Word("expect", "what holds at the end"),
    "ordered": Word("flag", "whether the order of the steps is part of the expectation"),
    "include": Word("include", "scenarios that come first, with their seeds: paths, or {file, parameters}"),
    "parameters": Word("mapping", "values of ##NAME## and @@NAME@@ in this file, unless given from outside"),
}
TRIGGERED = ("advance", "travel", "freeze", "rate", "rotate_keys")  # what `after N requests` can do
LOGIN_WORDS = ("login", "deny", "mfa", "consent")
CHOICES: dict[str, tuple[str, ...]] = {
    "mfa": ("pass", "fail"),
    "consent": ("accept", "deny"),
    "drop": ("before", "midway"),
    "rotate_keys": ("stale",),
    "freeze": ("now",),
    "tamper": (*FAULTS, *WRONG),
    "times": ("any",),
    "kind": KINDS,
}


def meant(word: str, known: Iterable[str]) -> str:
    """Return the end of a message: what was probably meant."""
    found = get_close_matches(word.casefold(), list(known), 1, 0.6)
    return f"; did you mean '{found[0]}'?" if found else ""
