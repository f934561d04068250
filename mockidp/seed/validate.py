"""What is wrong in a seed: unknown keys, wrong types, and references to what no seed defines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from mockidp.clock import parse_moment
from mockidp.errors import UsageError
from mockidp.model.brute_force import is_network
from mockidp.seed.merge import LOGINS, Finding, Merged, is_system_api, label
from mockidp.seed.reader import Path, Spot
from mockidp.seed.vocabulary import (
    DEFAULT_DATABASE,
    PLACEHOLDER,
    KindWords,
    classes_of,
    given,
    hint,
    nearest,
    vocabulary,
    wanted,
)

_NEEDS = {"resourceServers": "identifier", "clientGrants": "audience"}
_SLIP = 0.85  # how alike an unknown word must be to a usual one to be taken for a slip


class Checked:
    """What was found in one source's document; `inert` are paths of what is kept and changes nothing."""

    def __init__(self, source: int) -> None:
        self.findings: list[Finding] = []
        self.inert: list[Path] = []
        self._source = source

    def note(self, path: Path, message: str, *, on_key: bool = False) -> None:
        """Keep a problem."""
        self.findings.append(Finding(self._source, Spot(path, on_key), message))


def check_shape(source: int, document: Mapping[str, Any], other_keys: Iterable[str] = ()) -> Checked:
    """Check keys and types of one source's document; `other_keys` are allowed beside the sections."""
    checked = Checked(source)
    for section, content in document.items():
        if section in other_keys:
            continue
        form = vocabulary().form(section)
        if form is None:
            known = [*vocabulary().sections, *other_keys]
            checked.note((section,), f"unknown key '{section}'{_meant(section, known)}", on_key=True)
        elif content is not None:
            _check_section(checked, section, form, content)
    return checked


def _check_section(checked: Checked, section: str, form: str, content: Any) -> None:
    shape = "array" if form == "list" else "object"
    if type(content) not in classes_of(shape):
        checked.note((section,), f"'{section}' must be {wanted(shape)}, not {given(content)}")
        return
    kind = vocabulary().kinds.get(section)
    if kind is None and not _neutral(content):
        checked.inert.append((section,))
    if form == "list":
        for position, entity in _check_mappings(checked, section, content):
            if kind is not None:
                _check_identity(checked, section, position, entity)
                _check_fields(checked, (section, position), kind, entity, label(section, entity, position))
    elif kind is not None:
        _check_fields(checked, (section,), kind, content, kind.label)
        _check_clock(checked, section, content)
        _check_brute_force(checked, section, content)


def _check_mappings(checked: Checked, section: str, content: list[Any]) -> list[tuple[int, dict[str, Any]]]:
    for position, entity in enumerate(content):
        if not isinstance(entity, dict):
            message = f"'{section}[{position}]' must be {wanted('object')}, not {given(entity)}"
            checked.note((section, position), message)
    return [(position, entity) for position, entity in enumerate(content) if isinstance(entity, dict)]


def _check_identity(checked: Checked, section: str, position: int, entity: dict[str, Any]) -> None:
    if section == "clients":
        needs: tuple[str, ...] = ("name", "client_id")
    elif section == "users":
        needs = ("user_id", *LOGINS)
    elif section == "sessions":
        needs = ("user",)
    else:
        needs = (_NEEDS.get(section, "name"),)
    if all(entity.get(field) is None for field in needs):
        noun = vocabulary().kinds[section].label
        listed = " or ".join(f"'{field}'" for field in needs)
        checked.note((section, position), f"{noun} {position + 1} needs {listed}")


def _check_clock(checked: Checked, section: str, content: dict[str, Any]) -> None:
    clock = content.get("clock") if section == "mockidp" else None
    try:
        if isinstance(clock, str | int | float) and not isinstance(clock, bool):
            parse_moment(clock)
    except UsageError as error:
        checked.note(("mockidp", "clock"), f"'clock' of mockidp: {error}")


def _check_brute_force(checked: Checked, section: str, content: dict[str, Any]) -> None:
    settings = content.get("bruteForceProtection") if section == "attackProtection" else None
    if not isinstance(settings, dict):
        return
    path, attempts = (section, "bruteForceProtection"), settings.get("max_attempts")
    if type(attempts) is int and not 1 <= attempts <= 100:
        checked.note((*path, "max_attempts"), f"'max_attempts' must be from 1 to 100, not {attempts}")
    for index, entry in enumerate(_list(settings, "allowlist")):
        if isinstance(entry, str) and not PLACEHOLDER.search(entry) and not is_network(entry):
            checked.note((*path, "allowlist", index), f"'{entry}' in 'allowlist' is no IP address or network")


def _neutral(value: Any) -> bool:
    """Whether a value says nothing, as an export writes what is not in use: false, empty, or only such."""
    if isinstance(value, dict):
        return all(_neutral(item) for item in value.values())
    return all(_neutral(item) for item in value) if isinstance(value, list) else not value


@cache
def _simple_classes(section: str) -> dict[str, frozenset[type]]:
    """Return the accepted classes of the keys whose shape is one type's name: the fast path."""
    kind = vocabulary().kinds[section]
    return {
        key: classes_of(shape) | {type(None)}
        for key, shape in kind.fields.items()
        if isinstance(shape, str) and classes_of(shape) and key not in kind.inert
    }


def _check_fields(checked: Checked, path: Path, kind: KindWords, entity: dict[str, Any], name: str) -> None:
    simple = _simple_classes(str(path[0]))
    for key, value in entity.items():
        classes = simple.get(key)
        if classes is not None and value.__class__ in classes:
            continue
        if key not in kind.fields:
            checked.note(
                (*path, key), f"unknown key '{key}' in {name}{_meant(key, kind.fields)}", on_key=True
            )
            continue
        if key in kind.inert and not _neutral(value):
            checked.inert.append((*path, key))
        if key == "options" and isinstance(value, dict):
            inert = [option for option in value if option in kind.inert_options]
            checked.inert += [(*path, key, option) for option in inert if not _neutral(value[option])]
        _check_value(checked, (*path, key), kind.fields[key], value, (key, name))


def _meant(word: str, known: Iterable[str]) -> str:
    meant = nearest(word, known)
    return f"; did you mean '{meant}'?" if meant else ""


Named = tuple[str, str]  # what a message calls a value: `callbacks` of `client 'Web'`


def _check_value(checked: Checked, path: Path, shape: Any, value: Any, named: Named) -> None:
    if value is None or shape == "any":
        return
    if isinstance(shape, str):
        _check_type(checked, path, shape, value, named)
    elif "one_of" in shape or "usual" in shape:
        _check_word(checked, path, shape, value, named)
    elif "object" in shape or "open" in shape:
        if _check_type(checked, path, "object", value, named):
            _check_members(checked, path, shape, value, f"'{named[0]}' of {named[1]}")
    elif _check_type(checked, path, "array", value, named):
        _check_items(checked, path, shape, value, named)


def _check_items(checked: Checked, path: Path, shape: dict[str, Any], value: list[Any], named: Named) -> None:
    (form, fields), *_ = shape.items()
    for index, item in enumerate(value):
        inner = (f"{named[0]}[{index}]", named[1])
        if form == "strings_or_list" and isinstance(item, str):
            continue
        if _check_type(checked, (*path, index), "object", item, inner):
            _check_members(checked, (*path, index), {"object": fields}, item, f"'{inner[0]}' of {inner[1]}")


def _check_type(checked: Checked, path: Path, shape: str, value: Any, named: Named) -> bool:
    if shape == "strings" and isinstance(value, list):
        items = [
            _check_type(checked, (*path, index), "string", item, (f"{named[0]}[{index}]", named[1]))
            for index, item in enumerate(value)
        ]
        return all(items)
    if type(value) in classes_of(shape):
        return True
    quoted = shape.startswith("string") and isinstance(value, bool | int | float)
    advice = "; put it in quotes" if quoted and shape != "strings" else ""
    checked.note(path, f"'{named[0]}' of {named[1]} must be {wanted(shape)}, not {given(value)}{advice}")
    return False


def _check_word(checked: Checked, path: Path, shape: dict[str, Any], value: Any, named: Named) -> None:
    if not _check_type(checked, path, "strings" if shape.get("list") else "string", value, named):
        return
    known = shape.get("one_of") or shape["usual"]
    for word in value if isinstance(value, list) else [value]:
        is_slip = "one_of" in shape or nearest(word, known, _SLIP)
        if word not in known and is_slip:
            checked.note(path, f"unknown {named[0]} '{word}' of {named[1]}{hint(word, known)}")


def _check_members(
    checked: Checked, path: Path, shape: dict[str, Any], value: dict[str, Any], name: str
) -> None:
    """Check the members of an object; in an `open` one only a slip is wrong."""
    (form, fields), *_ = shape.items()
    for key, item in value.items():
        if key in fields:
            _check_value(checked, (*path, key), fields[key], item, (key, name))
        elif form == "object" or nearest(key, fields, _SLIP):
            checked.note((*path, key), f"unknown key '{key}' in {name}{_meant(key, fields)}", on_key=True)


# ── references, after the merge ───────────────────────────────────────────────────────────────────────


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
        connections = document["connections"] or [{"name": DEFAULT_DATABASE}]  # as a new tenant has it
        self._connections = _names(connections, "name", "id")
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
        for index, identity in enumerate(_list(entity, "identities")):
            if isinstance(identity, dict):
                place = (*path, "identities", index, "connection")
                self._expect(place, identity.get("connection"), "connection", self._connections, name)

    def session(self, path: Path, entity: dict[str, Any], name: str) -> None:
        for field, known in (
            ("user", self._users),
            ("connection", self._connections),
            ("client", self._clients),
            ("organization", self._organizations),
        ):
            self._expect((*path, field), entity.get(field), field, known, "a session")

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
