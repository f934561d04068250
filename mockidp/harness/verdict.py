"""What was expected and what came: the difference in words, for whoever reads the failed test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mockidp.errors import UsageError
from mockidp.harness.conditions import misses
from mockidp.harness.exchange import Exchange
from mockidp.harness.lookup import find_person
from mockidp.harness.matching import often, shortened, shown, summary
from mockidp.harness.redaction import redact_text
from mockidp.harness.rules import Rules, Use
from mockidp.json import Json
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.tenant import Tenant
from mockidp.rules.rule import ExpectedRequest, Rule

SHOWN = 30  # requests that are listed


def differences(tenant: Tenant, rules: Rules, requests: Sequence[Exchange]) -> str:
    """Return what was not met, then what came in order; an empty text when all was met."""
    expect = rules.script.expect
    found = [
        *rules.mistakes,
        *_unmet(rules.uses),
        *_disorder(rules),
        *(text for wanted in expect.requests if (text := _request_missing(tenant, wanted, requests))),
        *(text for who, members in expect.users.items() for text in _user_differences(tenant, who, members)),
        *_message_differences(tenant, expect.outbox),
    ]
    if not found:
        return ""
    title = f"the scenario '{rules.script.title}' was" if rules.script.title else "the expectations were"
    lines = [f"{title} not met:", *(f"  - {text}" for text in found), ""]
    return "\n".join(lines + _listing(tenant, rules, requests))


def _is_met(use: Use) -> bool:
    return use.times >= (use.rule.times or 1)


def _unmet(uses: Iterable[Use]) -> list[str]:
    return [
        f"{_named(use.rule)}: expected {_often(use.rule.times)}, came {often(use.times)}"
        for use in uses
        if use.rule.required and not _is_met(use)
    ]


def _named(rule: Rule) -> str:
    text = redact_text(rule.text)
    return f"{rule.place}: {text}" if rule.place else text


def _often(times: int | None) -> str:
    return "at least once" if times is None else often(times)


def _disorder(rules: Rules) -> list[str]:
    """Return the first step that came before its turn."""
    order = {id(use): at for at, use in enumerate(rules.uses)}
    latest: Use | None = None
    for use, _ in rules.used:
        if not use.rule.ordered:
            continue
        if latest is not None and order[id(use)] < order[id(latest)]:
            return [f"out of order: {_named(use.rule)} came after {_named(latest.rule)}"]
        before = rules.uses[: order[id(use)]]
        early = [each for each in before if each.rule.ordered and _waits(each, use, rules)]
        if early:
            return [f"out of order: {_named(use.rule)} came before {_named(early[0].rule)}"]
        latest = use
    return []


def _waits(before: Use, use: Use, rules: Rules) -> bool:
    """Whether a step that belongs before another one was first needed after it."""
    firsts = [id(each) for each, _ in rules.used]
    return before.rule.required and id(before) in firsts and firsts.index(id(before)) > firsts.index(id(use))


def _request_missing(tenant: Tenant, wanted: ExpectedRequest, requests: Sequence[Exchange]) -> str | None:
    came = sum(
        1
        for each in requests
        if each.counts
        and wanted.operation.fits(each)
        and not misses(tenant, wanted.where, each, wanted.status)
    )
    if came == wanted.times or (wanted.times is None and came):
        return None
    place = f"{wanted.place}: " if wanted.place else ""
    status = "" if wanted.status is None else f" answered {wanted.status}"
    text = f"{place}request {redact_text(wanted.text)}{status}"
    return f"{text}: expected {_often(wanted.times)}, came {often(came)}"


def _listing(tenant: Tenant, rules: Rules, requests: Sequence[Exchange]) -> list[str]:
    """Return what came, in order; at requests of a step that was not met, what was different."""
    if not requests:
        return ["No request came at all."]
    lines = ["What came, in order:"]
    if len(requests) > SHOWN:
        lines.append(f"  … {len(requests) - SHOWN} before these")
    unmet = [use.rule for use in rules.uses if use.rule.required and not _is_met(use)]
    expected = [(rule.operation, rule.where) for rule in unmet]
    expected += [(wanted.operation, wanted.where) for wanted in rules.script.expect.requests]
    for each in requests[-SHOWN:]:
        lines.append(f"  {each.number}. {summary(each)}")
        near = (
            misses(tenant, where, each)
            for operation, where in expected
            if operation and each.counts and operation.fits(each)
        )
        if found := next(filter(None, near), None):
            lines.append(f"       but {'; '.join(found)}")
    return lines


def _user_differences(tenant: Tenant, who: str, members: Mapping[str, Json] | None) -> list[str]:
    try:
        user, _ = find_person(tenant, who)
    except UsageError as error:
        return [] if members is None else [f"user {who}: {error}"]
    if members is None:
        return [f"user {who}: expected none, but there is {user.user_id}"]
    found: list[str] = []
    for name, wanted in members.items():
        given = user.document.get(name)
        if name == "identities":
            given = _identities(given, wanted)
        found += _unlike(f"user {who}: {name}", wanted, given)
    return found


def _identities(given: Json, wanted: Json) -> Json:
    """Return identities as the expectation names them: by provider, by connection, or by `provider|id`."""
    if not isinstance(given, list) or not isinstance(wanted, list):
        return given
    named = [name for name in wanted if isinstance(name, str)]
    if len(named) != len(wanted):
        return given
    shown: list[Json] = []
    for identity in given:
        assert isinstance(identity, dict)
        provider = identity["provider"]
        names = (f"{provider}|{identity['user_id']}", identity["connection"], provider)
        shown.append(next((name for name in names if name in named), provider))
    return shown


def _unlike(where: str, wanted: Json, given: Json) -> list[str]:
    """Return where a value is not as it should be; of an object only the named members are compared."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        members = [(f"{where}.{name}", value, given.get(name)) for name, value in wanted.items()]
        return [text for member in members for text in _unlike(*member)]
    if isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = zip(wanted, given, strict=True)
        return [text for at, pair in enumerate(pairs) for text in _unlike(f"{where}[{at}]", *pair)]
    return [] if wanted == given else [f"{where} is {shortened(given)}, not {shortened(wanted)}"]


def _message_differences(tenant: Tenant, wanted: Sequence[Mapping[str, Json]] | None) -> list[str]:
    """Return which messages were not sent: each expectation needs one of its own."""
    if wanted is None:
        return []
    left: list[Message] = tenant.store.all(MESSAGES)
    sent = ", ".join(f"{message.kind} to {message.to}" for message in left) or "empty"
    if not wanted:
        return [f"outbox: expected no message, but there is {sent}"] if left else []
    found = []
    for each in wanted:
        match = next((message for message in left if _is_like(message, each)), None)
        if match is None:
            found.append(f"outbox: no message with {shown('', each)}; in the outbox: {sent}")
        else:
            left.remove(match)
    return found


def _is_like(message: Message, wanted: Mapping[str, Json]) -> bool:
    members = {"to": message.to, "kind": message.kind, "subject": message.subject, "code": message.code}
    return all(str(members[name]).lower() == str(value).lower() for name, value in wanted.items())
