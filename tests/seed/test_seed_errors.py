"""Every mistake in a seed is one line: file, line, column, what is wrong, what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockidp.errors import UsageError
from mockidp.seed.load import load_seed

WORLD = """\
databases:
  - name: Users
connections:
  - {name: google-oauth2, strategy: google-oauth2}
clients:
  - name: Web
    client_id: web
resourceServers:
  - {identifier: "https://api.example.com", name: API, scopes: [{value: "read:x"}, {value: "write:x"}]}
roles:
  - name: admin
organizations:
  - name: acme
users:
  - {email: alice@example.com, connection: Users}
"""


def error_of(tmp_path: Path, text: str | bytes, name: str = "tenant.yaml") -> str:
    """Return the message for a seed file, its directory left out."""
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load_seed([file], {"HOME": "/root", "API_URL": "https://api.example.com"})
    return str(caught.value).replace(f"{tmp_path}/", "")


UNKNOWN = {
    "clients:\n  - name: Web\n    callbakcs: []\n": (
        "3:5: unknown key 'callbakcs' in client 'Web'; did you mean 'callbacks'?"
    ),
    "cleints: []\n": "1:1: unknown key 'cleints'; did you mean 'clients'?",
    "x-mine: 1\n": "1:1: unknown key 'x-mine'",
    "tenant:\n  friendlyname: Demo\n": (
        "2:3: unknown key 'friendlyname' in tenant; did you mean 'friendly_name'?"
    ),
    "mockidp: {clok: 1}\n": "1:11: unknown key 'clok' in mockidp; did you mean 'clock'?",
    "mockidp: {signing: {alg: RS256, key: 2}}\n": (
        "1:33: unknown key 'key' in 'signing' of mockidp; did you mean 'keys'?"
    ),
    "clients:\n  - client_id: web\n    refresh_token: {leway: 1}\n": (
        "3:21: unknown key 'leway' in 'refresh_token' of client 'web'; did you mean 'leeway'?"
    ),
    "users:\n  - {email: a@example.com, pasword: x}\n": (
        "2:28: unknown key 'pasword' in user 'a@example.com'; did you mean 'password'?"
    ),
    "users:\n  - email: a@example.com\n    identities: [{provider: x, userid: '1'}]\n": (
        "3:32: unknown key 'userid' in 'identities[0]' of user 'a@example.com'; did you mean 'user_id'?"
    ),
    "roles: [{name: r, permissions: [{permision_name: x}]}]\n": (
        "1:34: unknown key 'permision_name' in 'permissions[0]' of role 'r'; did you mean 'permission_name'?"
    ),
    "organizations: [{name: o, members: [{emial: x}]}]\n": (
        "1:38: unknown key 'emial' in 'members[0]' of organization 'o'; did you mean 'email'?"
    ),
    "databases: [{name: d, options: {requires_usernam: true}}]\n": (
        "1:33: unknown key 'requires_usernam' in 'options' of database 'd'; did you mean 'requires_username'?"
    ),
    "clients: [{name: A, app_type: regular-web}]\n": (
        "1:31: unknown app_type 'regular-web' of client 'A'; did you mean 'regular_web'?"
    ),
    "clients: [{name: A, token_endpoint_auth_method: jwt}]\n": (
        "1:49: unknown token_endpoint_auth_method 'jwt' of client 'A'; "
        "known: 'none', 'client_secret_post', 'client_secret_basic'"
    ),
    "clients: [{name: A, grant_types: [authorisation_code, 'urn:mine']}]\n": (
        "1:34: unknown grant_types 'authorisation_code' of client 'A'; did you mean 'authorization_code'?"
    ),
    "connections: [{name: g, strategy: google-oauth}]\n": (
        "1:35: unknown strategy 'google-oauth' of connection 'g'; did you mean 'google-oauth2'?"
    ),
    "databases: [{name: d, strategy: facebook}]\n": (
        "1:33: unknown strategy 'facebook' of database 'd'; known: 'auth0'"
    ),
    "sessions: [{user: a, brower: x}]\n": "1:22: unknown key 'brower' in session 1",
}

TYPES = {
    "clients: {name: Web}\n": "1:10: 'clients' must be a list, not a mapping",
    "actions: 5\n": "1:10: 'actions' must be a list, not a number",
    "tenant: []\n": "1:9: 'tenant' must be a mapping, not a list",
    "clients:\n  - Web\n": "2:5: 'clients[0]' must be a mapping, not a string",
    "rules: [1.5]\n": "1:9: 'rules[0]' must be a mapping, not a number",
    "clients: [{name: A}, ]\nusers: [null]\n": "2:9: 'users[0]' must be a mapping, not nothing",
    "clients: [{name: A, callbacks: http://localhost/}]\n": (
        "1:32: 'callbacks' of client 'A' must be a list of strings, not a string"
    ),
    "clients: [{name: A, callbacks: [http://localhost/, 3000]}]\n": (
        "1:52: 'callbacks[1]' of client 'A' must be a string, not a number; put it in quotes"
    ),
    "clients: [{name: A, client_secret: 123456}]\n": (
        "1:36: 'client_secret' of client 'A' must be a string, not a number; put it in quotes"
    ),
    "clients: [{name: true}]\n": "1:18: 'name' of client 1 must be a string, not a boolean; put it in quotes",
    "clients: [{name: A, is_first_party: yes}]\n": (
        "1:37: 'is_first_party' of client 'A' must be true or false, not a string"
    ),
    "clients: [{name: A, refresh_token: {leeway: 1.5}}]\n": (
        "1:45: 'leeway' of 'refresh_token' of client 'A' must be a whole number, not a number"
    ),
    "clients: [{name: A, jwt_configuration: RS256}]\n": (
        "1:40: 'jwt_configuration' of client 'A' must be a mapping, not a string"
    ),
    "users: [{email: a@example.com, identities: {}}]\n": (
        "1:44: 'identities' of user 'a@example.com' must be a list, not a mapping"
    ),
    "users: [{email: a@example.com, identities: [x]}]\n": (
        "1:45: 'identities[0]' of user 'a@example.com' must be a mapping, not a string"
    ),
    "resourceServers: [{identifier: a, scopes: ['read:x']}]\n": (
        "1:44: 'scopes[0]' of resource server 'a' must be a mapping, not a string"
    ),
    "users: [{email: a@example.com, roles: admin}]\n": (
        "1:39: 'roles' of user 'a@example.com' must be a list of strings, not a string"
    ),
    "organizations: [{name: o, members: alice}]\n": (
        "1:36: 'members' of organization 'o' must be a list, not a string"
    ),
    "tenant: {session_lifetime: long}\n": "1:28: 'session_lifetime' of tenant must be a number, not a string",
    "mockidp: {otp: [1]}\n": "1:16: 'otp' of mockidp must be a string or a whole number, not a list",
    "mockidp: {otp: 1.5}\n": (
        "1:16: 'otp' of mockidp must be a string or a whole number, not a number; put it in quotes"
    ),
    "mockidp: {clock: noon}\n": (
        "1:18: 'clock' of mockidp: 'noon' is no time; write it as 2030-01-01T00:00:00Z"
    ),
}

MISSING = {
    "clients: [{app_type: spa}]\n": "1:11: client 1 needs 'name' or 'client_id'",
    "databases:\n  - strategy: auth0\n": "2:5: database 1 needs 'name'",
    "resourceServers: [{name: API}]\n": "1:19: resource server 1 needs 'identifier'",
    "users: [{connection: DB}]\n": "1:9: user 1 needs 'user_id' or 'email' or 'username' or 'phone_number'",
    "sessions: [{connection: DB}]\n": "1:12: session 1 needs 'user' or 'user_id'",
    "clientGrants: [{client_id: web}]\n": "1:16: client grant 1 needs 'audience'",
    "connections: [{name: facebook}]\n": "1:15: connection 'facebook' needs 'strategy'",
    "clientGrants: [{audience: 'https://t/api/v2/'}]\n": "1:16: a client grant needs 'client_id'",
    "organizations: [{name: o, connections: [{show_as_button: true}]}]\n": (
        "1:41: 'connections[0]' of organization 'o' needs 'name'"
    ),
    "roles: [{name: r, permissions: [{permission_name: x}]}]\n": (
        "1:33: 'permissions[0]' of role 'r' needs 'resource_server_identifier'"
    ),
}

DUPLICATES = {
    "clients:\n  - name: Web\n    name: SPA\n": "3:5: duplicate key 'name'",
    "clients:\n  - name: Web\n  - name: SPA\n  - name: Web\n": (
        "4:5: duplicate client 'Web'; the first is at tenant.yaml:2:5"
    ),
    "clients: [{name: A, client_id: x}, {name: B, client_id: x}]\n": (
        "1:36: duplicate client 'B'; the first is at tenant.yaml:1:11"
    ),
    "databases: [{name: x}]\nconnections: [{name: x, strategy: sms}]\n": (
        "2:15: duplicate connection 'x'; the first is at tenant.yaml:1:13"
    ),
    "databases: [{name: DB}]\nusers: [{email: A@x.de, connection: DB}, {email: a@x.de, connection: DB}]\n": (
        "2:42: duplicate user 'a@x.de'; the first is at tenant.yaml:2:9"
    ),
    "users: [{user_id: auth0|1, email: a@x.de}, {user_id: auth0|1, email: b@x.de}]\n": (
        "1:44: duplicate user 'b@x.de'; the first is at tenant.yaml:1:9"
    ),
    "roles: [{name: r}, {name: r}]\n": "1:20: duplicate role 'r'; the first is at tenant.yaml:1:9",
    "clients: [{name: A, client_id: a}]\nresourceServers: [{identifier: i}]\nclientGrants:\n"
    "  - {client_id: A, audience: i}\n  - {client_id: a, audience: i}\n": (
        "5:5: duplicate client grant of 'a' for 'i'; the first is at tenant.yaml:4:5"
    ),
    "clients: [{name: A}]\nclientGrants:\n  - {client_id: A, audience: 'https://x/api/v2/'}\n"
    "  - {client_id: A, audience: 'https://y/api/v2/'}\n": (
        "4:5: duplicate client grant of 'A' for 'https://y/api/v2/'; the first is at tenant.yaml:3:5"
    ),
}

# What follows WORLD, which has 15 lines.
REFERENCES = {
    "tenant: {default_directory: Usres}": (
        "16:29: unknown connection 'Usres' in the tenant; did you mean 'Users'?"
    ),
    "tenant: {default_audience: 'https://api.exmaple.com'}": (
        "16:28: unknown resource server 'https://api.exmaple.com' in the tenant; "
        "did you mean 'https://api.example.com'?"
    ),
    "clientGrants: [{client_id: Wbe, audience: 'https://api.example.com'}]": (
        "16:28: unknown client 'Wbe' in a client grant; did you mean 'Web'?"
    ),
    "clientGrants: [{client_id: web, audience: 'https://api.example.org'}]": (
        "16:43: unknown resource server 'https://api.example.org' in the grant of client 'web'; "
        "did you mean 'https://api.example.com'?"
    ),
    "clientGrants: [{client_id: web, audience: 'https://api.example.com', scope: ['read:x', 'raed:x']}]": (
        "16:88: undeclared scope 'raed:x' of resource server 'https://api.example.com' in the grant of "
        "client 'web'; did you mean 'read:x'?"
    ),
    "sessions: [{user: alcie@example.com}]": (
        "16:19: unknown user 'alcie@example.com' in a session; did you mean 'alice@example.com'?"
    ),
    "sessions: [{user: alice@example.com, client: SPA}]": (
        "16:46: unknown client 'SPA' in a session; known: 'Web', 'web'"
    ),
    "sessions: [{user_id: alcie@example.com}]": (
        "16:22: unknown user 'alcie@example.com' in a session; did you mean 'alice@example.com'?"
    ),
    "sessions: [{user: alice@example.com, clients: [{client_id: SPA}]}]": (
        "16:48: unknown client 'SPA' in a session; known: 'Web', 'web'"
    ),
    "sessions: [{user: alice@example.com, connection: Usres}]": (
        "16:50: unknown connection 'Usres' in a session; did you mean 'Users'?"
    ),
    "sessions: [{user: alice@example.com, organization: Acme Inc}]": (
        "16:52: unknown organization 'Acme Inc' in a session; did you mean 'acme'?"
    ),
}

# What replaces a line of WORLD: (old, new).
REPLACED = {
    ("  - name: Users\n", "  - {name: Users, enabled_clients: [Web, Wbe]}\n"): (
        "2:42: unknown client 'Wbe' in connection 'Users'; did you mean 'Web'?"
    ),
    (
        "  - name: admin\n",
        "  - {name: admin, permissions: [{permission_name: 'read:y', resource_server_identifier: 'https://api.example.com'}]}\n",
    ): (
        "11:51: undeclared scope 'read:y' of resource server 'https://api.example.com' in role 'admin'; "
        "did you mean 'read:x'?"
    ),
    (
        "  - name: admin\n",
        "  - {name: admin, permissions: [{permission_name: 'read:x', resource_server_identifier: 'https://api'}]}\n",
    ): (
        "11:89: unknown resource server 'https://api' in role 'admin'; did you mean 'https://api.example.com'?"
    ),
    ("connection: Users}", "connection: google-oauth}"): (
        "15:44: unknown connection 'google-oauth' in user 'alice@example.com'; did you mean 'google-oauth2'?"
    ),
    ("connection: Users}", "connection: Users, roles: [Admin]}"): (
        "15:59: unknown role 'Admin' in user 'alice@example.com'; did you mean 'admin'?"
    ),
    ("connection: Users}", "connection: Users, organizations: [acmee]}"): (
        "15:67: unknown organization 'acmee' in user 'alice@example.com'; did you mean 'acme'?"
    ),
    ("connection: Users}", "identities: [{provider: auth0, user_id: 1, connection: users}]}"): (
        "15:87: unknown connection 'users' in user 'alice@example.com'; did you mean 'Users'?"
    ),
    ("email: alice@example.com, connection: Users}", "user_id: 'goggle-oauth2|1'}"): (
        "15:15: unknown provider 'goggle-oauth2' in user 'goggle-oauth2|1'; did you mean 'google-oauth2'?"
    ),
    ("connection: Users}", "identities: [{provider: facebook, user_id: 1}]}"): (
        "15:56: unknown provider 'facebook' in user 'alice@example.com'; known: 'auth0', 'google-oauth2'"
    ),
    ("connection: Users}", "identities: [{user_id: 1}]}"): (
        "15:45: 'identities[0]' of user 'alice@example.com' needs 'provider' or 'connection'"
    ),
    ("  - name: acme\n", "  - {name: acme, members: [bob@example.com]}\n"): (
        "13:28: unknown user 'bob@example.com' in organization 'acme'; did you mean 'alice@example.com'?"
    ),
    ("  - name: acme\n", "  - {name: acme, members: [{email: alice@example.com, roles: [owner]}]}\n"): (
        "13:63: unknown role 'owner' in a member of organization 'acme'; known: 'admin'"
    ),
    ("  - name: acme\n", "  - {name: acme, connections: [{name: Usres}]}\n"): (
        "13:39: unknown connection 'Usres' in organization 'acme'; did you mean 'Users'?"
    ),
}

FILES = {
    "": "1:1: the file is empty; a seed is a mapping of sections such as 'clients' and 'users'",
    "# nothing\n": "1:1: the file is empty; a seed is a mapping of sections such as 'clients' and 'users'",
    "- a\n": "1:1: this is a list; a seed is a mapping of sections such as 'clients' and 'users'",
    "just text\n": "1:1: this is a string; a seed is a mapping of sections such as 'clients' and 'users'",
    "clients:\n\t- name: Web\n": "2:1: not valid YAML: a tab cannot indent; use spaces",
    "script: []\nseed: x.yaml\n": "1:1: this is a scenario, not a seed: it has 'script'",
    "clients: []\nexpect: {}\n": "2:1: this is a scenario, not a seed: it has 'expect'",
    "clients:\r\n  - name: Web\r\n    callbakcs: []\r\n": (
        "3:5: unknown key 'callbakcs' in client 'Web'; did you mean 'callbacks'?"
    ),
    "\ufeffclients:\n  - name: Ä\n    callbakcs: []\n": (
        "3:5: unknown key 'callbakcs' in client 'Ä'; did you mean 'callbacks'?"
    ),
    "clients: [{name: '##WEB_NAME##'}]\n": "1:18: the environment variable 'WEB_NAME' is not set",
    "clients: [{name: ##API_ULR##}]\n": (
        "1:18: the environment variable 'API_ULR' is not set; did you mean 'API_URL'?"
    ),
}


@pytest.mark.parametrize(
    ("text", "message"),
    [*UNKNOWN.items(), *TYPES.items(), *MISSING.items(), *DUPLICATES.items(), *FILES.items()],
)
def test_a_mistake_in_one_file(tmp_path: Path, text: str, message: str) -> None:
    """The first mistake is named exactly."""
    assert f"tenant.yaml:{message}" == error_of(tmp_path, text)


@pytest.mark.parametrize(("text", "message"), REFERENCES.items())
def test_a_dangling_reference_in_a_section(tmp_path: Path, text: str, message: str) -> None:
    """What refers to nothing names the place of the reference."""
    assert f"tenant.yaml:{message}" == error_of(tmp_path, f"{WORLD}{text}\n")


@pytest.mark.parametrize(("change", "message"), REPLACED.items())
def test_a_dangling_reference_of_an_entity(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    """What an entity refers to must be there."""
    assert change[0] in WORLD
    assert f"tenant.yaml:{message}" == error_of(tmp_path, WORLD.replace(*change))


def test_the_world_of_these_tests_is_right(tmp_path: Path) -> None:
    """The base of the tables above has no mistake of its own."""
    (tmp_path / "tenant.yaml").write_text(WORLD)
    assert load_seed([tmp_path / "tenant.yaml"]).document["users"][0]["email"] == "alice@example.com"


def test_a_shape_is_judged_before_references(tmp_path: Path) -> None:
    """A mistyped key that makes references dangle is reported itself, wherever it stands."""
    text = "databases: [{name: DB, enabled_clients: [Web]}]\ncleints: [{name: Web}]\n"
    assert error_of(tmp_path, text) == "tenant.yaml:2:1: unknown key 'cleints'; did you mean 'clients'?"


def test_a_json_seed_has_places_too(tmp_path: Path) -> None:
    """JSON files are judged by the same rules, with line and column."""
    text = '{\n\t"clients": [\n\t\t{"name": "Web", "callbakcs": []}\n\t]\n}\n'
    message = "tenant.json:3:19: unknown key 'callbakcs' in client 'Web'; did you mean 'callbacks'?"
    assert message == error_of(tmp_path, text, "tenant.json")


def test_an_inline_seed_names_the_path() -> None:
    """Data have no lines: the path says where."""
    with pytest.raises(UsageError) as caught:
        load_seed([{"clients": [{"name": "Web", "callbakcs": []}]}])
    expected = "unknown key 'callbakcs' in client 'Web'; did you mean 'callbacks'?"
    assert str(caught.value) == f"inline seed, clients[0].callbakcs: {expected}"


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    """A mistyped path is one line, with the nearest file beside it."""
    (tmp_path / "tenant.yaml").write_text("clients: []\n")
    for name, message in (
        ("tennant.yaml", "no such file; did you mean 'tenant.yaml'?"),
        ("x", "no such file"),
    ):
        with pytest.raises(UsageError) as caught:
            load_seed([tmp_path / name])
        assert str(caught.value) == f"{tmp_path / name}: {message}"
    with pytest.raises(UsageError) as caught:
        load_seed([tmp_path / "nowhere" / "tenant.yaml"])
    assert str(caught.value) == f"{tmp_path / 'nowhere' / 'tenant.yaml'}: no such file"


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says about a file is passed on."""

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UsageError) as caught:
        load_seed([str(tmp_path / "tenant.yaml")])
    assert str(caught.value) == f"{tmp_path / 'tenant.yaml'}: cannot be read: Permission denied"


def test_an_ambiguous_user_of_a_later_seed_is_an_error() -> None:
    """A user who is known by e-mail alone must be one of the earlier seeds' users."""
    users = [{"email": "a@x.de", "connection": "DB"}, {"email": "a@x.de", "connection": "google"}]
    base = {
        "databases": [{"name": "DB"}],
        "connections": [{"name": "google", "strategy": "oauth2"}],
        "users": users,
    }
    with pytest.raises(UsageError) as caught:
        load_seed([base, {"users": [{"email": "a@x.de", "blocked": True}]}])
    message = "user 'a@x.de' could be any of 2 users of the seeds before; say which by user_id or connection"
    assert str(caught.value) == f"inline seed, users[0]: {message}"
