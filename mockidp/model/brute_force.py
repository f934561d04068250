"""Brute-force protection: who fails to log in too often from one IP address is blocked there.

Documentation, "Brute-force protection" and "User/Password authentication rate limits": on by default, after
ten failures in a row, for 30 days from the last one. Whoever checks a password calls `check_credentials`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated

import msgspec

from mockidp.errors import TooManyAttempts
from mockidp.model.connection import CONNECTIONS, Connection
from mockidp.model.failed_logins import FAILED_LOGINS, FailedLogins
from mockidp.model.messages import BLOCK_LIFETIME, send_blocked_account
from mockidp.model.tenant import ONLY, Tenant
from mockidp.model.user import Identity, User, check_password, find_by_login
from mockidp.store import Kind

BLOCK, NOTIFY = "block", "user_notification"  # what `shields` may have
PER_IP, LOCKOUT = "count_per_identifier_and_ip", "count_per_identifier"  # what `mode` may be


class Protection(msgspec.Struct, frozen=True):
    """The tenant's settings, as `GET /api/v2/attack-protection/brute-force-protection` has them."""

    enabled: bool = True
    shields: tuple[str, ...] = (BLOCK, NOTIFY)
    mode: str = PER_IP
    allowlist: tuple[str, ...] = ()
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10

    def trusts(self, ip: str) -> bool:
        """Whether the address is in a network of the allowlist."""
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        return any(address in ipaddress.ip_network(entry, strict=False) for entry in self.allowlist)


PROTECTION: Kind[Protection] = Kind("brute_force_protection", Protection)


def check_credentials(
    tenant: Tenant, issuer: str, connection: Connection, name: str, password: str, ip: str
) -> tuple[User, Identity] | None:
    """Return who logs in to a database by this name and password; None when either is wrong.

    The failure that makes the limit blocks the name for this IP address and mails the account a link that
    unblocks it; from then on raise `TooManyAttempts`, whatever the password. A success begins a new count.
    """
    with tenant.store.transaction():
        failed = _failed_logins(tenant, connection, name, ip)
        if failed is None:  # unverified: that nobody's name is never blocked
            return None
        if _is_blocked(tenant, failed) and _is_enforced(tenant, failed, ip):
            raise TooManyAttempts
        checked = check_password(tenant, connection.name, name, password)
        if checked:
            tenant.store.take(FAILED_LOGINS, failed.key)
        elif _is_protected(tenant, connection):
            _count(tenant, issuer, failed, ip)
        return checked


def blocks(
    tenant: Tenant, *, identities: Sequence[str] = (), name: str | None = None, enforced_only: bool = False
) -> list[FailedLogins]:
    """Return what is blocked: login names of some identities, or one name (e-mail, username, phone).

    With `enforced_only`, without those that the settings let in nevertheless.
    """
    wheres = [{"identity": key} for key in identities] + ([{"name": _folded(name)}] if name else [])
    found = [failed for where in wheres for failed in tenant.store.all(FAILED_LOGINS, where)]
    return [
        failed
        for failed in found
        if _is_blocked(tenant, failed) and not (enforced_only and not _is_enforced(tenant, failed, failed.ip))
    ]


def is_network(text: str) -> bool:
    """Whether the text is an IP address, or a network in CIDR notation."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def protection_of(tenant: Tenant) -> Protection:
    """Return the tenant's settings."""
    return tenant.store.find(PROTECTION, ONLY) or Protection()


def _failed_logins(tenant: Tenant, connection: Connection, name: str, ip: str) -> FailedLogins | None:
    """Return the count as it is now, which may be none; None when nobody has the name."""
    holder = find_by_login(tenant, connection.name, name)
    if holder is None:
        return None
    counted_ip = "" if protection_of(tenant).mode == LOCKOUT else ip
    none = FailedLogins(connection=connection.name, name=_folded(name), identity=holder[1].key, ip=counted_ip)
    found = tenant.store.find(FAILED_LOGINS, none.key)
    return found if found and not _is_over(tenant, found) else none


def _count(tenant: Tenant, issuer: str, failed: FailedLogins, ip: str) -> None:
    """Count a failure; the one that makes the limit is told to the user."""
    counted = msgspec.structs.replace(failed, attempts=failed.attempts + 1, last_at=tenant.now())
    tenant.store.put(FAILED_LOGINS, counted.key, counted)
    protection = protection_of(tenant)
    violated = counted.attempts == protection.max_attempts and not protection.trusts(ip)
    if violated and NOTIFY in protection.shields:
        # A real tenant mails an address at most once an hour; here every block has its mail.
        send_blocked_account(tenant, issuer, counted, ip)


def _is_blocked(tenant: Tenant, failed: FailedLogins) -> bool:
    return failed.attempts >= protection_of(tenant).max_attempts and not _is_over(tenant, failed)


def _is_over(tenant: Tenant, failed: FailedLogins) -> bool:
    # unverified: that logins which were refused while blocked do not begin the time again
    return tenant.now() - failed.last_at >= BLOCK_LIFETIME


def _is_enforced(tenant: Tenant, failed: FailedLogins, ip: str) -> bool:
    """Whether a block keeps this address out; one of the allowlist is counted only (community article)."""
    protection = protection_of(tenant)
    connection = tenant.store.find(CONNECTIONS, failed.connection)
    protected = connection is not None and _is_protected(tenant, connection)
    return protected and BLOCK in protection.shields and not protection.trusts(ip)


def _is_protected(tenant: Tenant, connection: Connection) -> bool:
    return protection_of(tenant).enabled and connection.options.get("brute_force_protection") is not False


def _folded(name: str) -> str:
    return name.strip().lower()
