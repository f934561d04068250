"""The outbox: messages that a real tenant would send by mail or SMS."""

from __future__ import annotations

import msgspec

from mockidp.clock import iso
from mockidp.model.tenant import Tenant
from mockidp.store import Kind


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
    """Put a message in the outbox. `kind` is the name of the tenant's e-mail template where there is one."""
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
    return message
