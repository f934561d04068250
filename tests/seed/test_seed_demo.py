"""The demo tenant, and how long seeds take."""

from __future__ import annotations

from pathlib import Path

from counting import lines

from mockidp.seed.load import SeedDocument, check_files, load_seed

DEMO = Path(__file__).parents[2] / "fixtures" / "demo.yaml"


def demo() -> SeedDocument:
    return load_seed([DEMO], {})


def test_the_demo_tenant_has_no_problems_and_nothing_inert() -> None:
    """The example that users copy from is right."""
    assert (check_files([DEMO]), demo().inert) == ([], ())


def test_the_demo_tenants_clients() -> None:
    """One of each kind, with the secrets that the command line prints."""
    clients = {client["client_id"]: client for client in demo().document["clients"]}
    assert [(c, clients[c]["app_type"], clients[c].get("client_secret")) for c in clients] == [
        ("web", "regular_web", "web-secret"),
        ("spa", "spa", None),
        ("native", "native", None),
        ("m2m", "non_interactive", "m2m-secret"),
    ]
    for name in ("web", "spa", "native"):
        assert {"http://localhost:3000/callback", "http://localhost:3000"} <= set(clients[name]["callbacks"])


def test_the_demo_tenants_people() -> None:
    """Three with passwords, two by other connections; every reference of contract §2 is shown."""
    document = demo().document
    assert {user["email"]: user["password"] for user in document["users"] if "password" in user} == {
        "alice@example.com": "alice-password",
        "bob@example.com": "bob-password",
        "carol@example.com": "carol-password",
    }
    assert [user["user_id"] for user in document["users"] if "user_id" in user] == [
        "google-oauth2|103547991597142817347",
        "facebook|1022",
    ]
    assert [user["email_verified"] for user in document["users"]] == [True, True, False, True, True]
    assert document["users"][0]["roles"] == ["admin"]
    assert document["organizations"][0]["name"] == "acme"
    assert document["mockidp"] == {"legacy_account_linking": True}


def test_the_demo_tenants_machine_may_manage_users() -> None:
    """The M2M client has a grant for the API and one for the Management API."""
    grants = {g["audience"]: g["scope"] for g in demo().document["clientGrants"] if g["client_id"] == "M2M"}
    assert grants["https://api.example.com"] == ["read:x", "write:x"]
    wanted = {f"{verb}:users" for verb in ("read", "create", "update", "delete")}
    assert wanted <= set(grants["https://demo.local/api/v2/"])


def test_a_user_costs_the_same_in_a_large_file(tmp_path: Path) -> None:
    """Nothing is looked for in all of it for each user."""
    assert cost(tmp_path, 1) > 0  # opens what is imported later
    base = cost(tmp_path, 0)
    assert cost(tmp_path, 400) - base < 2.1 * (cost(tmp_path, 200) - base)


def cost(folder: Path, users: int) -> int:
    """The lines that it takes to load a seed of so many users."""
    rows = "\n".join(
        f"  - {{email: u{at}@example.com, password: p{at}, connection: DB, email_verified: true,"
        f" name: U {at}, roles: [admin], user_metadata: {{plan: pro, n: {at}}}}}"
        for at in range(users)
    )
    file = folder / f"{users}.yaml"
    file.write_text(
        "databases: [{name: DB}]\nroles: [{name: admin}]\nactions: [{name: a}]\nusers:\n" + (rows or "  []")
    )
    return lines(lambda: load_seed([file], {}))
