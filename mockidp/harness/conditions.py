"""Whether a request is one that a rule means."""

from __future__ import annotations

from mockidp.errors import UsageError
from mockidp.harness.exchange import Exchange
from mockidp.harness.lookup import find_person
from mockidp.harness.matching import Criteria, parameter_differences
from mockidp.model.client import CLIENTS
from mockidp.model.credentials import CODES, REFRESH_TOKENS
from mockidp.model.tenant import Tenant
from mockidp.rules.operation import Operation
from mockidp.rules.rule import Where


def is_meant(tenant: Tenant, operation: Operation, where: Where, asked: Exchange) -> bool:
    """Whether operation and `where` hold, but for the number of the call."""
    return operation.fits(asked) and not misses(tenant, where, asked)


def misses(tenant: Tenant, where: Where, asked: Exchange, status: int | None = None) -> list[str]:
    """Return what is otherwise than `where` says, as texts."""
    found: list[str] = []
    if where.parameters:
        found += parameter_differences(where.parameters, asked)
    criteria = Criteria(
        query=where.query, form=where.form, json=where.json, headers=where.headers, status=status
    )
    found += criteria.misses(asked)
    if where.client is not None and not _is_client(tenant, where.client, asked.client_id):
        found.append(f"the client is {asked.client_id or 'not named'}, not {where.client}")
    if where.user is not None:
        user_id = user_of(asked)
        if user_id is None or user_id not in _ids_of(tenant, where.user):
            found.append(f"the user is {user_id or 'not known'}, not {where.user}")
    return found


def user_of(asked: Exchange) -> str | None:
    """Return whom a request is about: by its token, transaction, code, refresh token or credentials."""
    if asked.user_id is not None:
        return asked.user_id
    store, form = asked.tenant.store, asked.form
    for kept in (
        store.find(CODES, form.get("code", "")),
        store.find(REFRESH_TOKENS, form.get("refresh_token", "")),
    ):
        if kept is not None:
            return kept.authorization.user_id
    given = (form.get(name) for name in ("username", "email", "phone_number"))
    name = next(filter(None, given), None) or asked.query.get("login_hint")
    known = _ids_of(asked.tenant, name) if name else ()
    return known[0] if known else None


def _is_client(tenant: Tenant, which: str, client_id: str | None) -> bool:
    if which == client_id:
        return True
    client = tenant.store.find(CLIENTS, client_id) if client_id else None
    return client is not None and client.name == which


def _ids_of(tenant: Tenant, who: str) -> tuple[str, ...]:
    """Return the ids that a user is known by; as given when there is none yet, or no more."""
    try:
        user, _ = find_person(tenant, who)
    except UsageError:
        return (who,)
    return (user.user_id, *(identity.key for identity in user.identities))
