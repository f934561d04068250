"""Failed password logins: how many in a row, for which login name, from which IP address."""

from __future__ import annotations

from typing import Literal

import msgspec

from mockidp.model.tenant import Tenant
from mockidp.store import Kind


class FailedLogins(msgspec.Struct, frozen=True, kw_only=True):
    """What a login name of a connection failed since it last succeeded; `last_at` is epoch seconds.

    `identity` is the `provider|id` that the name belongs to; `ip` is empty where all addresses count as one.
    """

    connection: str
    name: str
    identity: str
    ip: str
    attempts: int = 0
    last_at: int = 0

    @property
    def key(self) -> str:
        """What it is kept under."""
        return f"{self.connection}\n{self.name}\n{self.ip}"


FAILED_LOGINS: Kind[FailedLogins] = Kind(
    "failed_logins",
    FailedLogins,
    {"identity": lambda failed: (failed.identity,), "name": lambda failed: (failed.name,)},
)


def forget_failed_logins(tenant: Tenant, what: Literal["identity", "name"], text: str) -> None:
    """Begin to count anew for an identity (`provider|id`) or a login name; it is blocked nowhere any more."""
    for failed in tenant.store.all(FAILED_LOGINS, {what: text}):
        tenant.store.take(FAILED_LOGINS, failed.key)
