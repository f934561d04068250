"""`GET /client/{client_id}.js`, `/info-v1.js` and `/tenants/v1/{tenant}.js`: what Lock can log in with.

Scripts that call a function of Lock's (reference §6.10). A real tenant has them on a CDN; of a domain that is
not Auth0's, Lock asks the domain itself. `signup_url` and `forgot_url`, legacy pages, are left out.
"""

from __future__ import annotations

from werkzeug.wrappers import Response

from mockidp.errors import not_found
from mockidp.http.routing import Call, Route
from mockidp.http.scripts import script
from mockidp.json import Json
from mockidp.model.client import CLIENTS
from mockidp.model.connection import CONNECTIONS, Connection, connections_of
from mockidp.model.tenant import split_host


def client_settings(call: Call) -> Response:
    """Return a client's connections by strategy, as Lock wants them."""
    client = call.tenant.store.find(CLIENTS, _name_of(call))
    if client is None:
        raise not_found()  # unverified: the body; the CDN's is XML
    strategies: dict[str, list[Json]] = {}
    for connection in connections_of(call.tenant, client):
        strategies.setdefault(connection.strategy, []).append(_connection(connection))
    settings: dict[str, Json] = {
        "id": client.client_id,
        "tenant": _tenant_name(call),
        "subscription": "free",
        "authorize": f"{call.origin}authorize",
        "callback": client.callbacks[0] if client.callbacks else "",
        "hasAllowedOrigins": bool(client.allowed_origins),
        "strategies": [{"name": name, "connections": given} for name, given in strategies.items()],
    }
    return script("Auth0.setClient", settings)


def tenant_settings(call: Call) -> Response:
    """Return all connections of the tenant, and which of them each client has."""
    if "script" in call.path and _name_of(call) != _tenant_name(call):
        raise not_found()
    tenant = call.tenant
    kinds: dict[str, list[Json]] = {"database": [], "social": [], "enterprise": [], "passwordless": []}
    for connection in tenant.store.all(CONNECTIONS):
        kinds[_kind(connection)].append(_tenant_connection(connection))
    enabled: dict[str, Json] = {
        client.client_id: [connection.name for connection in connections_of(tenant, client)]
        for client in tenant.store.all(CLIENTS)
    }
    settings: dict[str, Json] = {"connections": {**kinds}, "clientsConnections": enabled}
    if tenant.settings.default_directory:
        settings["defaultDirectory"] = tenant.settings.default_directory
    return script("Auth0.setTenant", settings)


def _name_of(call: Call) -> str:
    """Return what stands before `.js` in the URL."""
    name, dot, suffix = call.path["script"].rpartition(".")
    if not dot or suffix != "js":
        raise not_found()
    return name


def _tenant_name(call: Call) -> str:
    return split_host(call.request.host)[0].partition(".")[0]


def _connection(connection: Connection) -> dict[str, Json]:
    shown: dict[str, Json] = {"name": connection.name}
    options = connection.options
    if connection.is_database:
        shown |= {
            "showSignup": not connection.flag("disable_signup"),
            "showForgot": not connection.flag("disable_self_service_change_password"),
        }
        kept = ("passwordPolicy", "requires_username", "validation", "password_complexity_options")
        return shown | {name: options[name] for name in kept if options.get(name)}
    if connection.is_social:
        return shown | ({"scope": options["scope"]} if options.get("scope") else {})
    domains = _domains(connection)
    return shown | ({"domain": domains[0], "domain_aliases": [*domains]} if domains else {})


def _tenant_connection(connection: Connection) -> dict[str, Json]:
    shown: dict[str, Json] = {"name": connection.name, "strategy": connection.strategy}
    if connection.is_database:
        given = connection.options.get("validation")
        validation: dict[str, Json] = dict(given) if isinstance(given, dict) else {}
        if connection.options.get("passwordPolicy"):
            validation["passwordPolicy"] = connection.options["passwordPolicy"]
        return {
            **shown,
            "validation": validation,
            "allowSignup": not connection.flag("disable_signup"),
            "allowForgot": not connection.flag("disable_self_service_change_password"),
            "requiresUsername": connection.flag("requires_username"),
        }
    return {**shown, "domains": [*_domains(connection)]} if _kind(connection) == "enterprise" else shown


def _kind(connection: Connection) -> str:
    if connection.is_database:
        return "database"
    if connection.is_passwordless:
        return "passwordless"
    return "social" if connection.is_social else "enterprise"


def _domains(connection: Connection) -> list[str]:
    """Return the e-mail domains that lead to an enterprise connection (home realm discovery)."""
    options = connection.options
    aliases = options.get("domain_aliases")
    given = [options.get("tenant_domain"), options.get("domain")]
    given += aliases if isinstance(aliases, list) else []
    return list(dict.fromkeys(domain for domain in given if isinstance(domain, str) and domain))


ROUTES = (
    Route("GET", "/client/{script}", client_settings),
    Route("GET", "/tenants/v1/{script}", tenant_settings),
    Route("GET", "/info-v1.js", tenant_settings),
)
