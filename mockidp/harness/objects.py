"""The objects of the Python interface: users, clients and organizations as the Management API has them.

Each is a live view of one document: its members are items and attributes alike, and what a test did since is
seen in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, overload

from mockidp.errors import UsageError
from mockidp.harness.lookup import UnknownName, find_person, nearest
from mockidp.model import client, connection, organization
from mockidp.model.document import Document
from mockidp.model.tenant import Tenant
from mockidp.model.user import USERS, User, find_by_identity, find_user

D = TypeVar("D", bound=Document)
T = TypeVar("T")


class Record(dict[str, Any]):
    """A JSON object whose members are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no member '{name}'; there are: {', '.join(self)}") from None


class Entity(Mapping[str, Any]):
    """A live view of a document.

    Args:
        read: returns the document as it is now, or None when it is gone: then the last one stays visible.
        last: the document as it was found.
    """

    noun: ClassVar[str]
    id_member: ClassVar[str]
    absent: ClassVar[Mapping[str, Any]] = {}  # what members that a document leaves out read as

    def __init__(self, read: Callable[[], Document | None], last: Document) -> None:
        self._read = read
        self._last = last

    def __getitem__(self, key: str) -> Any:
        return _viewed(self._now().document[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._now().document)

    def __len__(self) -> int:
        return len(self._now().document)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        now = self._now()
        if name in now.document:
            return _viewed(now.document[name])
        if name in self.absent:
            return _viewed(self.absent[name])
        if name in type(now).__struct_fields__ and name not in ("document", *type(now).beside):
            return _viewed(getattr(now, name))
        members = ", ".join(now.document)
        raise AttributeError(f"{self.noun} '{self._id}' has no member '{name}'; there are: {members}")

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise AttributeError(f"{self.noun} '{self._id}' shows the tenant; the Management API changes it")
        super().__setattr__(name, value)

    def __hash__(self) -> int:
        return hash((self.noun, self._id))

    def __repr__(self) -> str:
        name = self.get("name")
        return f"<{self.noun} {self._id}{'' if name is None else f' {name!r}'}>"

    @property
    def _id(self) -> str:
        return str(self._last.document[self.id_member])

    def _now(self) -> Document:
        found = self._read()
        if found is not None:
            self._last = found
        return self._last


class UserView(Entity):
    """A user: `user_id`, `email`, `identities`, `user_metadata` and so on."""

    noun = "user"
    id_member = "user_id"
    absent: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(("given_name", "family_name", "last_login", "last_ip", "phone_verified")),
        "user_metadata": {},
        "app_metadata": {},
        "logins_count": 0,
    }

    if TYPE_CHECKING:  # for those who write tests; the rest is `Any`
        email: str
        name: str
        identities: list[Record]
        user_metadata: Record
        app_metadata: Record

    @property
    def user_id(self) -> str:
        """`provider|id`."""
        return self._id


class ClientView(Entity):
    """A client: `client_id`, `client_secret`, `name`, `callbacks` and so on."""

    noun = "client"
    id_member = "client_id"


class OrganizationView(Entity):
    """An organization: `id`, `name`, `display_name` and so on."""

    noun = "organization"
    id_member = "id"


Ref = str | Entity | Document  # an object, its id, or its natural key


class Users:
    """The tenant's users: iterate over them, or look one up by `user_id`, e-mail or name."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def __iter__(self) -> Iterator[UserView]:
        return iter([view_user(self._tenant, user) for user in self._tenant.store.all(USERS)])

    def __len__(self) -> int:
        return len(self._tenant.store.all(USERS))

    def __getitem__(self, who: Ref) -> UserView:
        return view_user(self._tenant, resolve_user(self._tenant, who))

    def __contains__(self, who: Ref) -> bool:
        return self.get(who) is not None

    @overload
    def get(self, who: Ref) -> UserView | None: ...
    @overload
    def get(self, who: Ref, default: T) -> UserView | T: ...
    def get(self, who: Ref, default: T | None = None) -> UserView | T | None:
        """Return the user, or the default when there is none."""
        try:
            return self[who]
        except UnknownName:
            return default

    def __repr__(self) -> str:
        return f"<{len(self)} users>"


def view_user(tenant: Tenant, user: User) -> UserView:
    """Return the user object of an account."""
    return UserView(lambda: find_user(tenant, user.user_id), user)


def view_client(tenant: Tenant, found: client.Client) -> ClientView:
    """Return the object of a client."""
    return ClientView(lambda: client.find_client(tenant, found.client_id), found)


def view_organization(tenant: Tenant, found: organization.Organization) -> OrganizationView:
    """Return the object of an organization."""
    return OrganizationView(lambda: organization.find_organization(tenant, found.id), found)


def resolve_user(tenant: Tenant, who: Ref) -> User:
    """Return the account that is meant: an object, `user_id`, linked identity, e-mail, or else a name.

    Raise `UnknownName`, or `UsageError` when several are meant.
    """
    return find_person(tenant, _text(who, "user_id"))[0]


def identity_key(tenant: Tenant, who: Ref) -> str:
    """Return `provider|id` of who is meant: of the linked identity itself when that was named."""
    text = _text(who, "user_id")
    return text if find_by_identity(tenant, text) else resolve_user(tenant, who).user_id


def resolve_client(tenant: Tenant, which: Ref) -> client.Client:
    """Return a client given as an object, by id or by name; raise `UnknownName`."""
    text = _text(which, "client_id")
    clients = tenant.store.all(client.CLIENTS)
    known = [*(each.name for each in clients), *(each.client_id for each in clients)]
    return _found("client", text, client.find_client(tenant, text), known)


def resolve_organization(tenant: Tenant, which: Ref) -> organization.Organization:
    """Return an organization given as an object, by id or by name; raise `UnknownName`."""
    text = _text(which, "id")
    known = [each.name for each in tenant.store.all(organization.ORGANIZATIONS)]
    return _found("organization", text, organization.find_organization(tenant, text), known)


def resolve_connection(tenant: Tenant, which: Ref) -> connection.Connection:
    """Return a connection given as an object, by name or by id; raise `UnknownName`."""
    text = _text(which, "name")
    known = [each.name for each in tenant.store.all(connection.CONNECTIONS)]
    return _found("connection", text, connection.find_connection(tenant, text), known)


def _text(which: object, id_member: str) -> str:
    """Return the id of an object, or the text itself."""
    if isinstance(which, str):
        return which
    value = which.get(id_member) if isinstance(which, Mapping) else getattr(which, id_member, None)
    if not isinstance(value, str):
        raise UsageError(f"{which!r} is neither a text nor an object with '{id_member}'")
    return value


def _found(noun: str, text: str, found: D | None, known: list[str]) -> D:
    if found is None:
        raise UnknownName(f"no {noun} '{text}'{nearest(text, known)}")
    return found


def _viewed(value: Any) -> Any:
    """Return a copy that a test may keep or change, objects as `Record`."""
    if isinstance(value, Mapping):
        return Record({key: _viewed(member) for key, member in value.items()})
    if isinstance(value, list | tuple):
        return [_viewed(item) for item in value]
    return value
