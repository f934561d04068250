"""The outbox: messages that a real tenant would send by mail or SMS."""

from __future__ import annotations

import msgspec

from mockidp.clock import iso
from mockidp.model.pruning import prune
from mockidp.model.tenant import Tenant
from mockidp.store import Kind

# What is sent, by the names of the tenant's e-mail templates where there is one; docs/pytest.md says when.
KINDS = (
    *("verify_email", "welcome_email", "reset_email", "blocked_account", "user_invitation", "mfa_oob_code"),
    *("passwordless_email", "passwordless_sms"),
)


class Message(msgspec.Struct, frozen=True):
    """A message "sent": what it is (`kind`), to whom, and the code or link that it carries."""

    id: str
    kind: str
    to: str
    subject: str
    body: str
    sent_at: str
    code: str | None = None
    url: str | None = None
    user_id: str | None = None


MESSAGES: Kind[Message] = Kind("message", Message)


def send(
    tenant: Tenant,
    kind: str,
    to: str,
    subject: str,
    body: str,
    *,
    code: str | None = None,
    url: str | None = None,
    user_id: str | None = None,
) -> Message:
    """Put a message in the outbox; `kind` is one of `KINDS`."""
    message = Message(
        id=tenant.ids.draw("message", 16),
        kind=kind,
        to=to,
        subject=subject,
        body=body,
        sent_at=iso(tenant.clock.now()),
        code=code,
        url=url,
        user_id=user_id,
    )
    tenant.store.put(MESSAGES, message.id, message)
    prune(tenant, "message", MESSAGES, lambda kept: kept.id, lambda kept: False)
    return message
