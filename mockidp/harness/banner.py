"""What the command line prints when the server is up: under one screen."""

from __future__ import annotations

import shlex

from mockidp import __version__
from mockidp.model.client import CLIENTS, Client
from mockidp.model.tenant import Tenant
from mockidp.model.user import PASSWORDS, USERS, User

SHOWN = 5  # users and clients; the rest is counted


def banner(tenant: Tenant, url: str, https_url: str | None, domain: str, state_dir: str | None = None) -> str:
    """Return where the tenant is, who may log in, and how to point an SDK at it; https where it has a URL."""
    name = tenant.settings.friendly_name
    lines = [
        f"mockidp {__version__}{f': {name}' if name else ''}",
        f"  {url}   {https_url or 'plain HTTP only'}",
        *_block("Users", [_user(tenant, user) for user in tenant.store.all(USERS)]),
        *_block("Clients", [_client(client) for client in tenant.store.all(CLIENTS)]),
        "Point an SDK here",
        f"  AUTH0_DOMAIN={domain}   ISSUER_BASE_URL={tenant.issuer.rstrip('/')}",
        *(_trust(state_dir) if https_url else ()),
        f"Control and dashboard: {url}/_mockidp/   Stop: Ctrl-C",
    ]
    return "\n".join(lines)


def _trust(state_dir: str | None) -> tuple[str, ...]:
    authority = "python -m mockidp ca" + (f" --state-dir {shlex.quote(state_dir)}" if state_dir else "")
    return (
        "  For https, trust the certificate authority: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE or",
        f"  REQUESTS_CA_BUNDLE=$({authority})",
        "  Or run your tests with all of it set: python -m mockidp exec -- COMMAND",
    )


def _block(title: str, entries: list[str]) -> list[str]:
    more = [f"  … and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []
    return [title, *(f"  {entry}" for entry in entries[:SHOWN]), *more] if entries else []


def _user(tenant: Tenant, user: User) -> str:
    password = tenant.store.find(PASSWORDS, user.main.key)
    name = user.email or user.username or user.phone_number or user.name or ""
    return f"{name}  password: {password}" if password else f"{name}  {user.user_id}"


def _client(client: Client) -> str:
    secret = "" if client.is_public else f"  client_secret: {client.client_secret}"
    return f"{client.name}  client_id: {client.client_id}{secret}"
