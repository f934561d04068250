"""The outbox as a test reads it: the messages that a real tenant would have sent, oldest first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from math import ceil
from typing import overload

from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.tenant import Tenant

POLL = 0.01  # seconds between two looks


class Outbox(Sequence[Message]):
    """A live view of the tenant's messages: `kind`, `to`, `code`, `url`, `subject`, `body`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    @property
    def last(self) -> Message:
        """The newest message; an `AssertionError` when there is none."""
        __tracebackhide__ = True
        messages = self._messages()
        if not messages:
            raise AssertionError("the outbox is empty")
        return messages[-1]

    def matching(self, *, to: str | None = None, kind: str | None = None) -> list[Message]:
        """Return the messages to somebody (whatever the case), of a kind, or both."""
        return [
            message
            for message in self._messages()
            if (to is None or message.to.lower() == to.lower()) and kind in (None, message.kind)
        ]

    def find(self, *, to: str | None = None, kind: str | None = None) -> Message | None:
        """Return the newest such message, or None."""
        found = self.matching(to=to, kind=kind)
        return found[-1] if found else None

    def wait_for(self, *, to: str | None = None, kind: str | None = None, timeout: float = 5) -> Message:
        """Return the newest such message, at once or as soon as it is there.

        Raise an `AssertionError` that lists what is there after `timeout` seconds (of real time).
        """
        __tracebackhide__ = True
        looks = ceil(timeout / POLL)  # counted: a test may have frozen Python's own clocks
        pause = threading.Event()
        while (found := self.find(to=to, kind=kind)) is None:
            if looks <= 0:
                raise AssertionError(self._failure(to, kind, timeout))
            pause.wait(POLL)
            looks -= 1
        return found

    def clear(self) -> None:
        """Throw all messages away."""
        for message in self._messages():
            self._tenant.store.take(MESSAGES, message.id)

    def __len__(self) -> int:
        return len(self._messages())

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._messages()[index]

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    def __repr__(self) -> str:
        return f"<Outbox: {self._listed()}>"

    def _messages(self) -> list[Message]:
        return self._tenant.store.all(MESSAGES)

    def _listed(self) -> str:
        return ", ".join(f"{message.kind} to {message.to}" for message in self._messages()) or "empty"

    def _failure(self, to: str | None, kind: str | None, timeout: float) -> str:
        wanted = f"{kind or 'message'}{f' to {to}' if to else ''}"
        return f"no {wanted} within {timeout:g} s; in the outbox: {self._listed()}"
