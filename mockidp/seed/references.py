"""References in a seed to what no seed defines, judged after the merge: any source may define it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mockidp.seed.merge import LOGINS, Finding, Merged, is_system_api, label
from mockidp.seed.reader import Path, Spot
from mockidp.seed.vocabulary import DATABASE_STRATEGY, DEFAULT_DATABASE, PLACEHOLDER, hint, nearest


def check_references(merged: Merged) -> tuple[list[Finding], list[tuple[int, Path]]]:
    """Check what the merged document's entities say of one another.

    Returns the problems, and what is inert (source, path): ids of clients that an export left out.
    """
    references = _References(merged)
    document = merged.document
    references.tenant(document["tenant"])
    for kind, check in (
        ("connections", references.connection),
        ("clientGrants", references.client_grant),
        ("roles", references.role),
        ("organizations", references.organization),
        ("users", references.user),
        ("sessions", references.session),
    ):
        for position, entity in enumerate(document[kind]):
            check((kind, position), entity, label(kind, entity, position))
    return references.findings, references.inert


class _References:
    """The names that may be referred to, and the references to what is not among them."""

    def __init__(self, merged: Merged) -> None:
        document = merged.document
        self.findings: list[Finding] = []
        self.inert: list[tuple[int, Path]] = []
        self._merged = merged
        self._clients = _names(document["clients"], "name", "client_id")
        new = {"name": DEFAULT_DATABASE, "strategy": DATABASE_STRATEGY}  # as a new tenant has it
        connections = document["connections"] or [new]
        self._connections = _names(connections, "name", "id")
        self._strategies = _names(connections, "strategy")
        self._roles = _names(document["roles"], "name", "id")
        self._organizations = _names(document["organizations"], "name", "id")
        self._users = _names(document["users"], *LOGINS, "user_id")
        self._scopes = {
            server["identifier"]: _names([s for s in _list(server, "scopes") if isinstance(s, dict)], "value")
            for server in document["resourceServers"]
            if isinstance(server.get("identifier"), str)
        }

    def tenant(self, tenant: dict[str, Any]) -> None:
        directory, audience = tenant.get("default_directory"), tenant.get("default_audience")
        if directory:
            self._expect(
                ("tenant", "default_directory"), directory, "connection", self._connections, "the tenant"
            )
        if audience and isinstance(audience, str) and not is_system_api(audience):
            self._expect(
                ("tenant", "default_audience"), audience, "resource server", self._scopes, "the tenant"
            )

    def connection(self, path: Path, entity: dict[str, Any], name: str) -> None:
        if entity.get("strategy") is None:
            self._note(path, f"{name} needs 'strategy'")
        for index, client in enumerate(_list(entity, "enabled_clients")):
            place = (*path, "enabled_clients", index)
            if isinstance(client, str) and client not in self._clients and self._is_left_out(client):
                self.inert.append(self._merged.origin(place))
            else:
                self._expect(place, client, "client", self._clients, name)

    def _is_left_out(self, client: str) -> bool:
        """Whether a connection names a client that the seed leaves out, as excerpts and exports do.

        A name that resembles a known one is a slip instead.
        """
        return _is_opaque(client) or nearest(client, self._clients) is None

    def client_grant(self, path: Path, entity: dict[str, Any], name: str) -> None:
        client, audience = entity.get("client_id"), entity.get("audience")
        if client is not None:
            self._expect((*path, "client_id"), client, "client", self._clients, "a client grant")
        elif entity.get("default_for") is None:
            self._note(path, "a client grant needs 'client_id'")
        self._expect_api((*path, "audience"), audience, f"the grant of client '{client}'")
        for index, scope in enumerate(_list(entity, "scope")):
            self._expect_scope((*path, "scope", index), audience, scope, f"the grant of client '{client}'")

    def role(self, path: Path, entity: dict[str, Any], name: str) -> None:
        for index, permission in enumerate(_list(entity, "permissions")):
            if isinstance(permission, dict):
                place = (*path, "permissions", index)
                server, scope = (
                    permission.get("resource_server_identifier"),
                    permission.get("permission_name"),
                )
                for field in ("permission_name", "resource_server_identifier"):
                    if permission.get(field) is None:
                        self._note(place, f"'permissions[{index}]' of {name} needs '{field}'")
                self._expect_api((*place, "resource_server_identifier"), server, name)
                self._expect_scope((*place, "permission_name"), server, scope, name)

    def organization(self, path: Path, entity: dict[str, Any], name: str) -> None:
        for index, member in enumerate(_list(entity, "members")):
            place = (*path, "members", index)
            user = _member_user(member) if isinstance(member, dict) else member
            self._expect(place, user, "user", self._users, name)
            for at, role in enumerate(_list(member, "roles") if isinstance(member, dict) else []):
                self._expect((*place, "roles", at), role, "role", self._roles, f"a member of {name}")
        for index, enabled in enumerate(_list(entity, "connections")):
            if isinstance(enabled, dict):
                field = "name" if enabled.get("name") is not None else "connection_id"
                place = (*path, "connections", index)
                if enabled.get(field) is None:
                    self._note(place, f"'connections[{index}]' of {name} needs 'name'")
                self._expect((*place, field), enabled.get(field), "connection", self._connections, name)

    def user(self, path: Path, entity: dict[str, Any], name: str) -> None:
        self._expect((*path, "connection"), entity.get("connection"), "connection", self._connections, name)
        for field, noun, known in (
            ("roles", "role", self._roles),
            ("organizations", "organization", self._organizations),
        ):
            for index, value in enumerate(_list(entity, field)):
                self._expect((*path, field, index), value, noun, known, name)
        provider, bar, _ = str(entity.get("user_id")).partition("|")
        if bar and entity.get("connection") is None:
            self._expect((*path, "user_id"), provider, "provider", self._strategies, name)
        for index, identity in enumerate(_list(entity, "identities")):
            if isinstance(identity, dict):
                self._identity((*path, "identities", index), identity, name)

    def _identity(self, path: Path, identity: dict[str, Any], name: str) -> None:
        connection, provider = identity.get("connection"), identity.get("provider")
        self._expect((*path, "connection"), connection, "connection", self._connections, name)
        if connection is None:
            self._expect((*path, "provider"), provider, "provider", self._strategies, name)
            if provider is None:
                self._note(path, f"'identities[{path[-1]}]' of {name} needs 'provider' or 'connection'")

    def session(self, path: Path, entity: dict[str, Any], name: str) -> None:
        for field, noun, known in (
            ("user", "user", self._users),
            ("user_id", "user", self._users),
            ("connection", "connection", self._connections),
            ("client", "client", self._clients),
            ("organization", "organization", self._organizations),
        ):
            self._expect((*path, field), entity.get(field), noun, known, "a session")
        for index, client in enumerate(_list(entity, "clients")):
            client_id = client.get("client_id") if isinstance(client, dict) else client
            self._expect((*path, "clients", index), client_id, "client", self._clients, "a session")
            if client_id is None:
                self._note((*path, "clients", index), f"'clients[{index}]' of a session needs 'client_id'")

    def _expect(self, path: Path, name: Any, noun: str, known: Iterable[str], where: str) -> None:
        """Note an unknown name; what is no text, or was not filled in, is noted elsewhere."""
        if not isinstance(name, str) or name in known or PLACEHOLDER.search(name):
            return
        if noun != "user" or name.casefold() not in known:
            self._note(path, f"unknown {noun} '{name}' in {where}{hint(name, known)}")

    def _expect_api(self, path: Path, identifier: Any, where: str) -> None:
        if isinstance(identifier, str) and not is_system_api(identifier):
            self._expect(path, identifier, "resource server", self._scopes, where)

    def _expect_scope(self, path: Path, identifier: Any, scope: Any, where: str) -> None:
        declared = self._scopes.get(identifier) if isinstance(identifier, str) else None
        if declared is not None and isinstance(scope, str) and scope not in declared:
            message = f"undeclared scope '{scope}' of resource server '{identifier}' in {where}"
            self._note(path, message + hint(scope, declared))

    def _note(self, path: Path, message: str) -> None:
        source, place = self._merged.origin(path)
        self.findings.append(Finding(source, Spot(place), message))


def _names(entities: Iterable[Mapping[str, Any]], *fields: str) -> dict[str, None]:
    """Return the texts under these fields, in order, with an e-mail address's folded form."""
    found = [entity[field] for entity in entities for field in fields if isinstance(entity.get(field), str)]
    return dict.fromkeys(found) | dict.fromkeys(name.casefold() for name in found if "@" in name)


def _list(entity: Mapping[str, Any], field: str) -> list[Any]:
    value = entity.get(field)
    return value if isinstance(value, list) else []


def _member_user(member: Mapping[str, Any]) -> Any:
    return next((member[field] for field in ("user_id", "email") if member.get(field) is not None), None)


def _is_opaque(client: Any) -> bool:
    """Whether this looks like an id that Auth0 made: exports keep ids of clients that they leave out."""
    tests = (str.isdigit, str.isupper, str.islower)
    return isinstance(client, str) and len(client) == 32 and all(any(map(test, client)) for test in tests)
