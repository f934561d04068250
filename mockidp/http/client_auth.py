"""Client authentication (RFC 6749 §2.3): post, basic, private_key_jwt, none."""

from __future__ import annotations

import base64
import binascii
import hmac
from urllib.parse import unquote_plus

from mockidp.errors import OAuthError, client_unauthorized
from mockidp.http.params import Params
from mockidp.http.routing import Call
from mockidp.model.client import CLIENTS, Client
from mockidp.tokens.verifier import unverified_client, verify_assertion

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate_client(call: Call, params: Params) -> Client:
    """Return the client that the request comes from; raise 401 when it does not prove that.

    A public client only names itself. An `Authorization` header that is not Basic is ignored, as ruby-auth0
    sends an unrelated bearer token beside credentials in the body (recorded).
    """
    if "client_assertion" in params:
        return _by_assertion(call, params)
    client_id, secret = _credentials(call, params)
    if not client_id:
        # unverified: the text
        raise OAuthError("invalid_client", "Missing client_id", 401)
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None or not _secret_is_right(client, secret):
        raise client_unauthorized()
    return client


def _credentials(call: Call, params: Params) -> tuple[str | None, str | None]:
    basic = _basic(call.request.headers.get("Authorization", ""))
    if basic is None:
        return params.get("client_id"), params.get("client_secret")
    if params.get("client_id", basic[0]) != basic[0]:
        raise client_unauthorized()
    return basic


def _basic(header: str) -> tuple[str, str] | None:
    """Return id and secret of a Basic header; both are form-encoded inside (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise client_unauthorized() from None
    return unquote_plus(client_id), unquote_plus(secret)


def _secret_is_right(client: Client, secret: str | None) -> bool:
    if client.auth_method == "private_key_jwt":
        return False
    if secret is None or secret == "":
        return client.is_public
    if client.client_secret is None:
        return False
    return hmac.compare_digest(client.client_secret.encode(), secret.encode())


def _by_assertion(call: Call, params: Params) -> Client:
    assertion = params["client_assertion"]
    # unverified: the texts of this function
    if params.get("client_assertion_type") != JWT_BEARER:
        raise OAuthError("invalid_request", "Invalid client_assertion_type")
    client_id = unverified_client(assertion)
    if client_id is None or params.get("client_id", client_id) != client_id:
        raise OAuthError("invalid_client", "Invalid client assertion", 401)
    client = call.tenant.store.find(CLIENTS, client_id)
    if client is None or not verify_assertion(call.tenant, client, assertion):
        raise OAuthError("invalid_client", "Invalid client assertion", 401)
    return client
