"""Settings to copy: the environment variables by which the common SDKs find the tenant, for one client."""

from __future__ import annotations

import shlex
from urllib.parse import urlsplit

import msgspec

from mockidp.http.routing import Call
from mockidp.model.client import Client, origin_of
from mockidp.model.resource_server import CLIENT_GRANTS, RESOURCE_SERVERS
from mockidp.model.tenant import is_loopback, split_host

_SESSION = "5e55105e55105e55105e55105e55105e55105e55105e55105e55105e55105e55"  # any 32 bytes
WEB, SPA, NATIVE, MACHINE = "regular_web", "spa", "native", "non_interactive"


class Sdk(msgspec.Struct, frozen=True):
    """An SDK, for clients of which types it is, and its variables; `{names}` are filled in."""

    name: str
    types: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]


class Settings(msgspec.Struct, frozen=True):
    """An SDK's settings as lines of an `.env` file, or of a shell."""

    name: str
    text: str


_AUTH0 = (("AUTH0_DOMAIN", "{domain}"), ("AUTH0_CLIENT_ID", "{client_id}"))
_SECRET = ("AUTH0_CLIENT_SECRET", "{client_secret}")
_NODE_CA = ("NODE_EXTRA_CA_CERTS", "{ca}")
_PYTHON_CA = (("SSL_CERT_FILE", "{ca}"), ("REQUESTS_CA_BUNDLE", "{ca}"))
SDKS = (
    Sdk(
        "Next.js: @auth0/nextjs-auth0",
        (WEB,),
        (*_AUTH0, _SECRET, ("AUTH0_SECRET", _SESSION), ("APP_BASE_URL", "{base_url}"), _NODE_CA),
    ),
    Sdk(
        "Express: express-openid-connect",
        (WEB,),
        (
            ("ISSUER_BASE_URL", "{issuer}"),
            ("CLIENT_ID", "{client_id}"),
            ("CLIENT_SECRET", "{client_secret}"),
            ("SECRET", _SESSION),
            ("BASE_URL", "{base_url}"),
        ),
    ),
    Sdk(
        "Flask, Django, FastAPI: Authlib",
        (WEB,),
        (*_AUTH0, _SECRET, ("APP_SECRET_KEY", _SESSION), *_PYTHON_CA),
    ),
    Sdk(
        "Spring Boot: okta-spring-boot-starter",
        (WEB,),
        (
            ("OKTA_OAUTH2_ISSUER", "{issuer}/"),
            ("OKTA_OAUTH2_CLIENT_ID", "{client_id}"),
            ("OKTA_OAUTH2_CLIENT_SECRET", "{client_secret}"),
        ),
    ),
    Sdk(
        "ASP.NET Core: Auth0.AspNetCore.Authentication",
        (WEB,),
        (
            ("Auth0__Domain", "{domain}"),
            ("Auth0__ClientId", "{client_id}"),
            ("Auth0__ClientSecret", "{client_secret}"),
            ("SSL_CERT_FILE", "{ca}"),
        ),
    ),
    Sdk(
        "React, Vue, Angular with Vite",
        (SPA,),
        (
            ("VITE_AUTH0_DOMAIN", "{domain}"),
            ("VITE_AUTH0_CLIENT_ID", "{client_id}"),
            ("VITE_AUTH0_CALLBACK_URL", "{callback}"),
        ),
    ),
    Sdk("auth0-python, node-auth0 and others", (MACHINE,), (*_AUTH0, _SECRET, _NODE_CA, *_PYTHON_CA)),
    Sdk(
        "Any OpenID Connect library",
        (WEB, SPA, NATIVE),
        (
            ("OIDC_ISSUER", "{issuer}/"),
            ("OIDC_CLIENT_ID", "{client_id}"),
            ("OIDC_CLIENT_SECRET", "{client_secret}"),
            ("OIDC_REDIRECT_URI", "{callback}"),
        ),
    ),
)


def settings_for(call: Call, client: Client, ca: str) -> list[Settings]:
    """Return the settings of the SDKs for this type of client; `ca` is the certificate authority's file."""
    values = {
        "domain": domain_of(call),
        "issuer": call.issuer.rstrip("/"),
        "client_id": client.client_id,
        "client_secret": "" if client.is_public else client.client_secret or "",
        "callback": next(iter(client.callbacks), ""),
        "base_url": _base_url(client),
        "ca": ca,
    }
    found = [Settings(sdk.name, _lines(sdk, values)) for sdk in SDKS if _fits(sdk, client)]
    if client.allows_grant("client_credentials") and values["client_secret"]:
        found.append(Settings("A token of its own, with curl", _curl(call, client)))
    return found


def domain_of(call: Call) -> str:
    """Return what an SDK takes as the tenant's domain: it makes `https://DOMAIN/` of it."""
    if pinned := call.tenant.names.pinned_issuer:
        return urlsplit(pinned).netloc
    name, port = split_host(call.request.host)
    if is_loopback(name):  # the certificate is for a name, which an address is not
        name = "localhost"
    return name if port is None else f"{name}:{port}"


def _fits(sdk: Sdk, client: Client) -> bool:
    return client.app_type in sdk.types or (client.app_type is None and WEB in sdk.types)


def _lines(sdk: Sdk, values: dict[str, str]) -> str:
    filled = [(name, template.format_map(values)) for name, template in sdk.variables]
    return "\n".join(f"{name}={_quoted(value)}" for name, value in filled if value)


def _quoted(value: str) -> str:
    return shlex.quote(value)


def _base_url(client: Client) -> str:
    web = next((url for url in client.callbacks if url.startswith(("http://", "https://"))), "")
    return origin_of(web) if web else ""


def _curl(call: Call, client: Client) -> str:
    store = call.tenant.store
    grants = store.all(CLIENT_GRANTS, {"client": client.client_id})
    known = [grant.audience for grant in grants] or [api.identifier for api in store.all(RESOURCE_SERVERS)]
    form = {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": client.client_secret or "",
        "audience": next(iter(known), f"{call.issuer}api/v2/"),
    }
    pairs = [f"  --data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in form.items()]
    return " \\\n".join([f"curl {shlex.quote(f'{call.issuer}oauth/token')}", *pairs])
