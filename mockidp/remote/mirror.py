"""The tenant of another process: its objects are read when somebody looks, its clock is set over there.

Whatever is written for a `Tenant` and only looks at it works with a `Mirror` unchanged: users, the outbox,
the browser. What changes the tenant is asked of the server (`idp.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import msgspec

from mockidp.clock import Clock, Course
from mockidp.errors import UsageError
from mockidp.harness.control_clock import ClockState
from mockidp.harness.control_handle import Password, SnapshotTaken
from mockidp.harness.control_world import SECTIONS
from mockidp.model.document import Document
from mockidp.model.outbox import MESSAGES, Message
from mockidp.model.tenant import Names, Tenant
from mockidp.model.user import PASSWORDS, PROFILE, User
from mockidp.remote.wire import Control
from mockidp.store import Kind, Snapshot

T = TypeVar("T")
_KEYS = {"user": "user_id", "client": "client_id", "connection": "name", "organization": "id"}


class Mirror(Tenant):
    """A tenant to look at; `UsageError` when there is none."""

    def __init__(self, control: Control) -> None:
        health = control.greet()
        names = Names(domain=health.domain, issuer=health.issuer, hosts=frozenset(health.hosts))
        super().__init__(names, RemoteStore(control))
        self.clock = RemoteClock(control)
        self._control = control

    def snapshot(self) -> Callable[[], None]:
        """Return a function that brings everything back to how it is now."""
        taken = self._control.post("snapshot", SnapshotTaken)

        def restore() -> None:
            self._control.tell("restore", msgspec.structs.asdict(taken))

        return restore


class RemoteClock(Clock):
    """The clock of another process on this machine: both have the same real time."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._lock = threading.Lock()

    @property
    def _course(self) -> Course:
        return self._control.get("clock", ClockState).course

    @_course.setter
    def _course(self, course: Course) -> None:
        self._control.tell("clock", {"course": msgspec.structs.asdict(course)})


class RemoteStore:
    """What of a store the control API shows; nothing can be written."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._sections = {kind.name: section for section, kind in SECTIONS.items()}

    def all(self, kind: Kind[T], where: Mapping[str, str] | None = None) -> list[T]:
        rows = self._rows(kind)
        for index, text in (where or {}).items():
            rows = [row for row in rows if text in kind.indexes[index](row)]
        return rows

    def find(self, kind: Kind[T], key: str) -> T | None:
        if kind.name == PASSWORDS.name:
            password: Any = self._control.post("password", Password, {"user": key}).password
            return password  # type: ignore[no-any-return]
        if kind.name not in _KEYS:
            _hidden(kind)
        return next((row for row in self._rows(kind) if getattr(row, _KEYS[kind.name]) == key), None)

    def get(self, kind: Kind[T], key: str) -> T:
        value = self.find(kind, key)
        if value is None:
            raise LookupError(f"no {kind.name} '{key}'")
        return value

    def _rows(self, kind: Kind[Any]) -> list[Any]:
        if kind.name == MESSAGES.name:
            return self._control.get("outbox", list[Message])
        if kind.name not in self._sections or not issubclass(kind.type, Document):
            _hidden(kind)
        section = self._sections[kind.name]
        state = self._control.get("state", dict[str, Any], only=section)
        rows = [kind.type.of(document) for document in state[section]]
        return [_with_profile(row) if isinstance(row, User) else row for row in rows]

    def put(self, kind: Kind[T], key: str, value: T) -> None:
        _refuse()

    def take(self, kind: Kind[T], key: str) -> T | None:
        _refuse()

    def update(self, kind: Kind[T], key: str, fn: Callable[[T | None], T]) -> T:
        _refuse()

    def transaction(self) -> Any:
        _refuse()

    def snapshot(self) -> Snapshot:
        _refuse()

    def restore(self, snapshot: Snapshot) -> None:
        _refuse()


def _with_profile(user: User) -> User:
    """Return the user with what his main identity is called by: the rest of its profile is not shown."""
    profile = {name: value for name, value in user.document.items() if name in PROFILE}
    return msgspec.structs.replace(user, profile=profile)


def _hidden(kind: Kind[Any]) -> NoReturn:
    raise UsageError(f"idp.state of an external server does not show the kind '{kind.name}'")


def _refuse() -> NoReturn:
    raise UsageError("idp.state of an external server is to be looked at only: change it by what idp can do")
