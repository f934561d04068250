"""A real tenant's export is a seed: the directory form, the single-file form, and what is inert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mockidp.errors import UsageError
from mockidp.seed.load import Inert, load_seed
from mockidp.seed.vocabulary import vocabulary

DIRECTORY: dict[str, Any] = {
    "tenant.json": {"friendly_name": "Exported", "default_directory": "users"},
    "clients/My SPA.json": {
        "name": "My SPA",
        "app_type": "spa",
        "callbacks": ["https://##ENV##.example.com"],
        "custom_login_page": "./My SPA_custom_login_page.html",
        "native_social_login": {"apple": {"enabled": False}, "facebook": {"enabled": False}},
        "mobile": {"android": {"app_package_name": "com.example"}},
    },
    "clients/My SPA_custom_login_page.html": "<html>@@config@@ ##ENV##</html>",
    "clients/M2M.json": {"name": "M2M", "app_type": "non_interactive"},
    "connections/google.json": {
        "name": "google-oauth2",
        "strategy": "google-oauth2",
        "enabled_clients": ["M2M"],
    },
    "connections/email.json": {
        "name": "email",
        "strategy": "email",
        "options": {"email": {"body": "./email.html"}},
    },
    "connections/email.html": "Your code is {{ code }}",
    "database-connections/users/database.json": {
        "name": "users",
        "enabled_clients": ["My SPA"],
        "options": {"customScripts": {"login": "./login.js", "create": "./missing.js"}},
    },
    "database-connections/users/login.js": "function login() {}\n",
    "resource-servers/My API.json": {
        "name": "My API",
        "identifier": "https://##ENV##.example.com/api",
        "scopes": [{"value": "read:x"}],
    },
    "grants/m2m.json": {
        "client_id": "M2M",
        "audience": "https://##ENV##.example.com/api",
        "scope": ["read:x"],
    },
    "roles/Admin.json": {"name": "Admin", "permissions": []},
    "organizations/acme.json": {"name": "acme", "connections": [{"name": "users"}]},
    "actions/hello.json": {"name": "hello", "code": "./actions/hello/code.js"},
    "actions/hello/code.js": "exports.onExecutePostLogin = async () => {}; // ##UNSET## ##ENV##\n",
    "triggers/triggers.json": {"post-login": [{"action_name": "hello"}]},
    "pages/login.json": {"name": "login", "enabled": True},
    "pages/login.html": "<html>login</html>",
    "emails/provider.json": {"name": "smtp"},
    "emails/verify_email.json": {"template": "verify_email", "body": "./verify_email.html"},
    "emails/verify_email.html": "<p>verify</p>",
    "guardian/factors/otp.json": {"name": "otp", "enabled": True},
    "guardian/policies.json": {"policies": ["all-applications"]},
    "attack-protection/brute-force-protection.json": {"enabled": True},
    "attack-protection/captcha.json": {"active_provider_id": "x"},
    "branding/branding.json": {"colors": {"primary": "#fff"}},
    "branding/templates/universal_login.json": {
        "template": "universal_login",
        "body": "./universal_login.html",
    },
    "branding/templates/universal_login.html": "<body/>",
    "prompts/prompts.json": {"universal_login_experience": "new"},
    "prompts/custom-text.json": {"en": {}},
    "prompts/screenRenderSettings/login_login.json": {"prompt": "login"},
    "custom-domains/custom-domains.json": [{"domain": "login.example.com"}],
    "rules-configs/KEY.json": {"key": "KEY", "value": "1"},
    "config.json": {"AUTH0_DOMAIN": "x"},
    "README.md": "Not a seed",
    ".git/clients.json": {"no": "seed"},
    "clients/.hidden.json": {"nmae": "x"},
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An export in the directory form."""
    root = tmp_path / "export"
    for name, content in DIRECTORY.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    return root


def test_an_export_directory_is_a_seed(export: Path) -> None:
    """Each folder becomes its section, files in the order of their names."""
    document = load_seed([export], {"ENV": "dev"}).document
    assert document["tenant"] == DIRECTORY["tenant.json"]
    assert [client["name"] for client in document["clients"]] == ["M2M", "My SPA"]
    assert document["clients"][1]["callbacks"] == ["https://dev.example.com"]
    assert [(c["name"], c["strategy"]) for c in document["connections"]] == [
        ("users", "auth0"),
        ("email", "email"),
        ("google-oauth2", "google-oauth2"),
    ]
    assert document["resourceServers"][0]["identifier"] == "https://dev.example.com/api"
    assert document["clientGrants"][0]["client_id"] == "M2M"
    assert document["organizations"] == [DIRECTORY["organizations/acme.json"]]
    assert document["triggers"] == DIRECTORY["triggers/triggers.json"]
    assert document["emailProvider"] == {"name": "smtp"}
    assert document["guardianPolicies"] == {"policies": ["all-applications"]}
    assert document["attackProtection"] == {
        "captcha": {"active_provider_id": "x"},
        "bruteForceProtection": {"enabled": True},
    }
    assert document["prompts"] == {
        "universal_login_experience": "new",
        "customText": {"en": {}},
        "screenRenderers": [{"prompt": "login"}],
    }
    assert document["customDomains"] == [{"domain": "login.example.com"}]
    assert document["rulesConfigs"] == [{"key": "KEY", "value": "1"}]


def test_texts_beside_take_the_place_of_their_names(export: Path) -> None:
    """Scripts and pages are read, with what is set filled in; a file that is not there stays a name."""
    document = load_seed([export], {"ENV": "dev"}).document
    assert document["clients"][1]["custom_login_page"] == "<html>@@config@@ dev</html>"
    scripts = document["connections"][0]["options"]["customScripts"]
    assert scripts == {"login": "function login() {}\n", "create": "./missing.js"}
    assert document["connections"][1]["options"]["email"]["body"] == "Your code is {{ code }}"
    assert document["actions"][0]["code"].endswith("// ##UNSET## dev\n")
    assert document["pages"] == [{"name": "login", "enabled": True, "html": "<html>login</html>"}]
    assert document["emailTemplates"] == [{"template": "verify_email", "body": "<p>verify</p>"}]
    assert document["branding"] == {
        "colors": {"primary": "#fff"},
        "templates": [{"template": "universal_login", "body": "<body/>"}],
    }


def test_nothing_outside_the_seeds_folder_is_read(tmp_path: Path) -> None:
    """A name that leads out of the export stays a name; so do a folder and a file that is no text."""
    (tmp_path / "secret.js").write_text("secret")
    root = tmp_path / "export"
    (root / "folder").mkdir(parents=True)
    (root / "binary.js").write_bytes(b"\xff\xfe\xff")
    names = [
        "../secret.js",
        str(tmp_path / "secret.js"),
        "folder",
        "binary.js",
        "",
        "x" * 300,
        "a\0b",
        "a\nb",
    ]
    actions = [{"name": str(at), "code": name} for at, name in enumerate(names)]
    (root / "tenant.json").write_text(json.dumps({}))
    (root / "actions").mkdir()
    for action in actions:
        (root / "actions" / f"{action['name']}.json").write_text(json.dumps(action))
    assert load_seed([root]).document["actions"] == actions


def test_a_problem_in_a_directory_names_the_file(export: Path) -> None:
    """Line and column are those of the one file."""
    (export / "clients/My SPA.json").write_text('{\n  "name": "My SPA",\n  "calbacks": []\n}\n')
    with pytest.raises(UsageError) as caught:
        load_seed([export], {"ENV": "dev"})
    message = "unknown key 'calbacks' in client 'My SPA'; did you mean 'callbacks'?"
    assert str(caught.value) == f"{export}/clients/My SPA.json:3:3: {message}"


MISTAKES = {
    ("grants/m2m.json", '{"client_id": "M3M", "audience": "https://x/api/v2/"}'): (
        "1:15: unknown client 'M3M' in a client grant; did you mean 'M2M'?"
    ),
    ("clients/List.json", "[]"): "1:1: 'clients[0]' must be a mapping, not a list",
    ("roles/Broken.json", '{"name": }'): "1:10: not valid JSON: Expecting value",
    ("roles/Empty.json", ""): (
        "1:1: the file is empty; a seed is a mapping of sections such as 'clients' and 'users'"
    ),
    ("users/a.yaml", "email: a@x.de\npasword: x\n"): (
        "2:1: unknown key 'pasword' in user 'a@x.de'; did you mean 'password'?"
    ),
    ("mockidp.yaml", "opt: 1\n"): "1:1: unknown key 'opt' in mockidp; did you mean 'otp'?",
    ("attack-protection/captcha.json", '{"a": "##GONE##"}'): (
        "1:7: the environment variable 'GONE' is not set"
    ),
    ("roles/Same.json", '{"name": "Admin"}'): (
        "1:1: duplicate role 'Admin'; the first is at {root}/roles/Admin.json:1:1"
    ),
}


@pytest.mark.parametrize(("given", "message"), MISTAKES.items())
def test_mistakes_in_a_directory(export: Path, given: tuple[str, str], message: str) -> None:
    """The same rules hold file by file."""
    file, text = given
    (export / file).parent.mkdir(exist_ok=True)
    (export / file).write_text(text)
    with pytest.raises(UsageError) as caught:
        load_seed([export], {"ENV": "dev"})
    assert str(caught.value) == f"{export / file}:{message.replace('{root}', str(export))}"


def test_users_sessions_and_mockidp_may_lie_beside(export: Path) -> None:
    """What a test double adds goes into files of its own, in YAML or JSON."""
    (export / "users.yaml").write_text("- {email: a@x.de, connection: users}\n")
    (export / "sessions.json").write_text('[{"user": "a@x.de"}]')
    (export / "mockidp.yml").write_text("otp: 123456\n")
    document = load_seed([export], {"ENV": "dev"}).document
    assert document["users"] == [{"email": "a@x.de", "connection": "users"}]
    assert document["sessions"] == [{"user": "a@x.de"}]
    assert document["mockidp"] == {"otp": "123456"}


def test_a_directory_with_a_single_file_export(tmp_path: Path) -> None:
    """`tenant.yaml` is the seed; the folders beside it hold its texts, and only sections that it lacks."""
    (tmp_path / "tenant.yaml").write_text(
        "clients: [{name: Web}]\nforms: [{name: F, body: ./forms/F.json}]\n"
        "databases: [{name: DB, options: {customScripts: {login: ./databases/DB/login.js}}}]\n"
    )
    for name, text in (
        ("forms/F.json", '{"x": 1}'),
        ("databases/DB/login.js", "js"),
        ("users.json", '[{"email": "a@x.de", "connection": "DB"}]'),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    document = load_seed([tmp_path]).document
    assert document["forms"] == [{"name": "F", "body": "./forms/F.json"}]
    assert document["connections"][0]["options"]["customScripts"] == {"login": "js"}
    assert document["users"] == [{"email": "a@x.de", "connection": "DB"}]
    assert document == load_seed([tmp_path / "tenant.yaml", {"users": document["users"]}]).document


def test_a_directory_with_nothing_is_an_error(tmp_path: Path) -> None:
    """A wrong folder is noticed."""
    (tmp_path / "package.json").write_text("{}")
    with pytest.raises(UsageError) as caught:
        load_seed([tmp_path])
    message = "no seed in this directory; a seed is tenant.yaml, or tenant.json, clients/*.json and so on"
    assert str(caught.value) == f"{tmp_path}: {message}"


def test_what_is_not_emulated_is_kept_and_listed(tmp_path: Path) -> None:
    """Inert keys and sections are named with their place; what says nothing is not."""
    file = tmp_path / "t.yaml"
    file.write_text("""\
clients:
  - name: Web
    sso_disabled: false
    native_social_login: {apple: {enabled: false}}
    mobile: {ios: {team_id: x}}
databases:
  - name: DB
    options: {import_mode: false, customScripts: {login: js}, made_up: 1}
rules: []
actions:
  - name: A
prompts: {}
tenant: {sandbox_version: "22", session_lifetime: 3.5, flags: {anything: true}}
branding: {logo_url: x}
customDomains: [{domain: login.example.com, type: auth0_managed_certs, tls_policy: recommended}]
""")
    seed = load_seed([file])
    assert {(entry.where, entry.key) for entry in seed.inert} == {
        (f"{file}:5:5", "clients[0].mobile"),
        (f"{file}:8:35", "databases[0].options.customScripts"),
        (f"{file}:10:1", "actions"),
        (f"{file}:13:10", "tenant.sandbox_version"),
        (f"{file}:14:1", "branding"),
        (f"{file}:15:72", "customDomains[0].tls_policy"),
    }
    assert seed.document["clients"][0]["mobile"] == {"ios": {"team_id": "x"}}
    assert seed.document["actions"] == [{"name": "A"}]
    assert seed.document["rules"] == []


@pytest.mark.parametrize("left_out", ["aB3dEfGhIjKlMnOpQrStUvWxYz012345", "SPA"])
def test_clients_that_a_seed_leaves_out_are_inert(tmp_path: Path, left_out: str) -> None:
    """deploy-cli writes the id where it does not export the client, an excerpt has a name: no slip."""
    file = tmp_path / "t.yaml"
    file.write_text(
        f"clients: [{{name: Web}}]\ndatabases: [{{name: DB, enabled_clients: [Web, {left_out}]}}]\n"
    )
    seed = load_seed([file])
    assert seed.inert == (Inert(f"{file}:2:47", "databases[0].enabled_clients[1]"),)
    assert seed.document["connections"][0]["enabled_clients"] == ["Web", left_out]


def test_an_inline_seeds_inert_keys_have_a_path() -> None:
    """Without a file, the path is the place."""
    seed = load_seed([{"clients": [{"name": "Web", "mobile": {"x": 1}}]}])
    assert seed.inert == (Inert("inline seed, clients[0].mobile", "clients[0].mobile"),)


def test_every_place_of_the_layout_is_a_known_section() -> None:
    """The directory layout and the sections cannot drift apart."""
    words = vocabulary()
    for _, place in words.layout:
        section = place.split(".")[0]
        wanted = "list" if section.endswith("[]") else None
        form = words.form(section.removesuffix("[]"))
        assert form is not None
        assert wanted in (None, form)
    assert set(words.files) <= set(words.sections)


def test_every_inert_key_is_a_known_key() -> None:
    """What is called inert exists."""
    for kind in vocabulary().kinds.values():
        assert kind.inert <= set(kind.fields)
