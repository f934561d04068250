"""Several seeds as one document: later wins, entity by entity, field by field; and what came from where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mockidp.seed.reader import Path, Spot
from mockidp.seed.vocabulary import DATABASE_STRATEGY, DEFAULT_DATABASE, vocabulary

CANONICAL_OBJECTS = ("tenant", "mockidp")
CANONICAL_LISTS = (
    "clients",
    "connections",
    "resourceServers",
    "clientGrants",
    "roles",
    "organizations",
    "users",
    "sessions",
)
LOGINS = ("email", "username", "phone_number")
# APIs that every tenant has. A seed names them under any host, as a real tenant's export does.
_SYSTEM_API = re.compile(r"https?://[^/]+/(api/v2|me|my-org)/")
_SUBJECTS = {"clients": ("name", "client_id"), "users": ("email", "user_id", "username", "phone_number")}

Key = tuple[object, ...]


class Finding(NamedTuple):
    """A problem at a spot of one source; `{first}` in the message stands for the place `first`."""

    source: int
    spot: Spot
    message: str
    first: Spot | None = None


class _Origin(NamedTuple):
    source: int
    path: Path


class Merged:
    """The merged document, and from which source each first-level field of each entity came."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {name: {} for name in CANONICAL_OBJECTS}
        self.document |= {name: [] for name in CANONICAL_LISTS}
        self.findings: list[Finding] = []
        self.origins: dict[Path, _Origin] = {}

    def origin(self, path: Path) -> tuple[int, Path]:
        """Return the source (its number) and the path there of a path in the merged document."""
        for length in (3, 2, 1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                return origin.source, origin.path + path[length:]
        return 0, path


def merge(documents: Sequence[Mapping[str, Any]]) -> Merged:
    """Merge documents in order; what has the wrong type is left out (`validate` reports it)."""
    merged = Merged()
    indexes = {name: _Index(merged.document[name]) for name in CANONICAL_LISTS}
    for number, document in enumerate(documents):
        touched = []
        for section in _ordered(document):
            content = document[section]
            if isinstance(content, dict) and vocabulary().form(section) == "object":
                _merge_object(merged, number, section, content)
            elif isinstance(content, list) and vocabulary().form(section) == "list":
                target = target_section(section)
                index = indexes.setdefault(target, _Index(merged.document.setdefault(target, [])))
                _merge_list(merged, number, section, content, index)
                touched.append(index)
        for index in touched:
            index.settle()
    return merged


def target_section(section: str) -> str:
    """Return where a section's entities go: databases are connections."""
    return "connections" if section == "databases" else section


def label(section: str, entity: Mapping[str, Any], position: int) -> str:
    """Return what a message calls an entity: `client 'Web'`."""
    kind = vocabulary().kinds.get(section)
    noun = kind.label if kind else section
    fields = _SUBJECTS.get(section) or (vocabulary().identity.get(section, "name"),)
    if section == "clientGrants":
        return f"{noun} of '{entity.get('client_id')}' for '{entity.get('audience')}'"
    name = next((entity[field] for field in fields if isinstance(entity.get(field), str)), None)
    return f"{noun} {position + 1}" if name is None else f"{noun} '{name}'"


def is_system_api(audience: str) -> bool:
    """Whether an audience has the form of an API that is part of every tenant."""
    return _SYSTEM_API.fullmatch(audience) is not None


def login_of(user: Mapping[str, Any]) -> str | None:
    """Return what a user without a user_id is known by within a connection."""
    given = (user.get(field) for field in LOGINS)
    return next((login.casefold() for login in given if login and isinstance(login, str)), None)


def connection_of(user: Mapping[str, Any]) -> str | None:
    """Return the connection of a user's main identity, where the seed says it."""
    connection = user.get("connection")
    identities = user.get("identities")
    if connection is None and isinstance(identities, list) and identities and isinstance(identities[0], dict):
        connection = identities[0].get("connection")
    return connection if isinstance(connection, str) else None


def _default_connection(document: Mapping[str, Any]) -> str:
    """Return the connection of users who name none: the default directory, or else the first database."""
    databases = (c.get("name") for c in document["connections"] if c.get("strategy") == DATABASE_STRATEGY)
    return document["tenant"].get("default_directory") or next(databases, None) or DEFAULT_DATABASE


def _ordered(document: Mapping[str, Any]) -> Iterable[str]:
    known = {name: rank for rank, name in enumerate(vocabulary().sections)}
    return sorted((name for name in document if name in known), key=known.__getitem__)


def _merge_object(merged: Merged, number: int, section: str, content: dict[str, Any]) -> None:
    target = merged.document.setdefault(section, {})
    merged.origins.setdefault((section,), _Origin(number, (section,)))
    for key, value in content.items():
        target[key] = _deep(target.get(key), value)
        merged.origins[section, key] = _Origin(number, (section, key))


def _deep(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {key: _deep(old.get(key), value) for key, value in new.items()}


def _merge_list(merged: Merged, number: int, section: str, content: list[Any], index: _Index) -> None:
    target = target_section(section)
    clients = {name: at for at, client in enumerate(merged.document["clients"]) for name in _names(client)}
    default = _default_connection(merged.document)
    for position, entity in enumerate(content):
        if not isinstance(entity, dict):
            continue
        path: Path = (section, position)
        fields = {"strategy": DATABASE_STRATEGY} | entity if section == "databases" else dict(entity)
        keys = _keys(section, entity, clients)
        _check_new(merged, number, index, keys, section, path, entity)
        place = index.find(entity, keys, default)
        if isinstance(place, str):
            merged.findings.append(Finding(number, Spot(path), f"{label(section, entity, position)} {place}"))
        elif place is None:
            index.add(fields, keys)
            merged.origins[target, len(index.entities) - 1] = _Origin(number, path)
        else:
            index.change(place, fields, keys)
            for field in entity:
                merged.origins[target, place, field] = _Origin(number, (*path, field))


def _check_new(
    merged: Merged,
    number: int,
    index: _Index,
    keys: list[Key],
    section: str,
    path: Path,
    entity: dict[str, Any],
) -> None:
    """Note an entity that the same source already has."""
    if section not in vocabulary().kinds:
        return
    first = next((index.fresh[key] for key in keys if key in index.fresh), None)
    if first is not None:
        message = f"duplicate {label(section, entity, int(path[1]))}; the first is at {{first}}"
        merged.findings.append(Finding(number, Spot(path), message, Spot(first)))
    for key in keys:
        index.fresh.setdefault(key, path)


def _names(client: Any) -> list[str]:
    return [client[field] for field in ("client_id", "name") if isinstance(client.get(field), str)]


def _keys(section: str, entity: dict[str, Any], clients: Mapping[str, int]) -> list[Key]:
    """Return what an entity is known by, the best first."""
    if section == "clients":
        return [
            (field, entity[field]) for field in ("client_id", "name") if isinstance(entity.get(field), str)
        ]
    if section == "clientGrants":
        client, audience = str(entity.get("client_id")), str(entity.get("audience"))
        audience = _SYSTEM_API.sub(r"\1", audience)
        return [(clients.get(client, client), audience, entity.get("subject_type") == "user")]
    if section == "users":
        return _user_keys(entity)
    field = vocabulary().identity.get(section) or vocabulary().other_lists.get(section, "name")
    return [(field, entity[field])] if isinstance(entity.get(field), str) else []


def _user_keys(user: dict[str, Any]) -> list[Key]:
    if isinstance(user.get("user_id"), str):
        return [("user_id", user["user_id"])]
    login = login_of(user)
    return [] if login is None else [("login", connection_of(user), login)]


class _Index:
    """The entities of one merged list, found by what they are known by; those of the current source apart."""

    def __init__(self, entities: list[Any]) -> None:
        self.entities = entities
        self.fresh: dict[Key, Path] = {}  # of the current source: where it is
        self._places: dict[Key, int] = {}
        self._logins: dict[str, list[int]] = {}
        self._unsettled: list[tuple[list[Key], int]] = []

    def add(self, entity: dict[str, Any], keys: list[Key]) -> None:
        self.entities.append(entity)
        self._unsettled.append((keys, len(self.entities) - 1))

    def change(self, place: int, fields: dict[str, Any], keys: list[Key]) -> None:
        self.entities[place].update(fields)
        self._unsettled.append((keys, place))

    def settle(self) -> None:
        """Let the next source find what this one brought."""
        for keys, place in self._unsettled:
            for key in keys:
                self._places[key] = place
            login = login_of(self.entities[place])
            if login is not None and place not in (places := self._logins.setdefault(login, [])):
                places.append(place)
        self._unsettled.clear()
        self.fresh.clear()

    def find(self, entity: dict[str, Any], keys: list[Key], default: str) -> int | str | None:
        """Return the place of the entity that earlier sources have, None, or what makes it unclear.

        `default` is the connection of users who name none.
        """
        place = next((self._places[key] for key in keys if key in self._places), None)
        if place is not None or not keys or keys[0][0] not in ("user_id", "login"):
            return place
        return self._find_user(entity, default)

    def _find_user(self, user: dict[str, Any], default: str) -> int | str | None:
        connection, login = connection_of(user), login_of(user)
        same = []
        for place in self._logins.get(login or "", ()):
            known = self.entities[place]
            user_id = known.get("user_id")
            if user_id and user.get("user_id"):
                continue
            implied = default if not user_id or user_id.startswith(f"{DATABASE_STRATEGY}|") else None
            if connection in (None, connection_of(known) or implied):
                same.append(place)
        if len(same) > 1:
            return (
                f"could be any of {len(same)} users of the seeds before; say which by user_id or connection"
            )
        return same[0] if same else None
